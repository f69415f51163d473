"""The C limit of a whole engine's client side: books, orders, replies and the private stream in C.

Driven by a market that moves, as the engine is; the connections are opened and logged in here.
``extra``: the public stream's address.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import socket
import sys
import time

import c_limits
from client import WARM_UP, Measured, Task, task, tell
from limit import Slot, logged_in, masked, opened, slot_of
from orders import COMMANDS, Orders
from scenario import still_mids
from venue_load import SYMBOLS

from mmfast.sim.instruments.catalogue import listings


class _Instrument(ctypes.Structure):
    _fields_ = (
        ("symbol", ctypes.c_char_p),
        *((name, ctypes.c_int64) for name in ("size", "tick_decimals", "step_decimals", "low")),
    )


def _instruments(mids: dict[str, int]) -> ctypes.Array[_Instrument]:
    """A ring of the limit spans so many ticks round the first mid as it holds."""
    rows = []
    for one in listings(SYMBOLS):
        known = one.instrument
        units = mids[known.symbol] * known.tick_units
        low = units - c_limits.WINDOW // 2
        name = known.symbol.encode()
        rows.append((name, len(name), known.tick_decimals, known.step_decimals, low))
    return (_Instrument * len(rows))(*rows)


def _subscribe(raw: socket.socket, *topics: str) -> None:
    raw.sendall(masked(json.dumps({"op": "subscribe", "args": topics}).encode()))


def _run(given: Task) -> Measured:
    mids = {name: ticks for name, (ticks, _) in asyncio.run(still_mids(given.rest_url)).items()}
    slots = (Slot * (COMMANDS // 2))(*map(slot_of, Orders(mids).make(COMMANDS // 2)))
    library = c_limits.library()
    with contextlib.ExitStack() as stack:
        public = stack.enter_context(opened(given.extra["public_url"]))
        private = stack.enter_context(logged_in(f"{given.ws_url}/v5/private"))
        trade = stack.enter_context(logged_in(f"{given.ws_url}/v5/trade"))
        _subscribe(private, "order.linear", "position.linear")
        _subscribe(public, *(f"orderbook.50.{symbol}" for symbol in SYMBOLS))
        ends = [raw.fileno() for raw in (public, private, trade)]
        sockets = (ctypes.c_int32 * 3)(*ends)
        number, first_id = len(SYMBOLS), ctypes.c_uint64(time.time_ns())
        instruments = _instruments(mids)
        fine = library.limit_engine_open(sockets, instruments, number, slots, first_id)
        assert fine, "expected all books and the first orders, found less"
        print("settled", flush=True)
        _ticks(library, WARM_UP)
        sys.stdin.readline()
        print("counting", flush=True)
        wall, took = _ticks(library, given.ticks)
        sys.stdin.readline()
        summed = ctypes.c_int64()
        resting = library.limit_engine_resting(ctypes.byref(summed))
        wanted = sum(_units(slot, instruments[slot.instrument]) for slot in slots)
        assert summed.value == wanted, f"rest at {summed.value} in all, expected {wanted}"
    refused = COMMANDS // 2 - resting
    return Measured(wall, took * given.ticks / 1e9, 4 * given.ticks, refused)


def _units(slot: Slot, instrument: _Instrument) -> int:
    """The newest price of a slot, as the private stream's reader counts it."""
    printed = slot.price_units + slot.moved * slot.price_step
    return printed * 10**instrument.tick_decimals // 10**slot.price_decimals


def _ticks(library: ctypes.CDLL, number: int) -> tuple[list[float], float]:
    """Wall seconds of each, and the processor time of one in nanoseconds."""
    wall, taken = (ctypes.c_double * number)(), ctypes.c_int64()
    took = library.limit_engine_run(number, wall, ctypes.byref(taken))
    assert took > 0, f"the venue took {taken.value} orders of a tick, expected {COMMANDS}"
    return [one / 1e9 for one in wall], took


if __name__ == "__main__":
    tell(_run(task()))
