"""The C limit as a client: the connection is opened and logged in here, the ticks run in C."""

from __future__ import annotations

import asyncio
import base64
import ctypes
import json
import os
import socket
import time
import urllib.parse

import c_limits
from client import WARM_UP, Measured, Task, task, tell
from orders import COMMANDS, Orders
from venue_load import SYMBOLS, stream_auth

IDS = "lim-"
_MASK = b"\x5a\x3c\x96\xe1"


class Slot(ctypes.Structure):
    """``slot_t`` of the C side."""

    _fields_ = (
        ("create", ctypes.c_char_p),
        ("cancel", ctypes.c_char_p),
        *(
            (name, ctypes.c_int64)
            for name in (
                "create_size", "cancel_size", "price_units", "price_step", "qty_units",
                "price_decimals", "qty_decimals", "instrument", "moved",
            )
        ),
    )  # fmt: skip


def _units(text: str) -> tuple[int, int]:
    whole, _, part = text.partition(".")
    return int(whole + part), len(part)


def slot_of(item: dict[str, str]) -> Slot:
    """What the C side makes this order's creates and cancels of."""
    create = (
        f'{{"symbol":"{item["symbol"]}","side":"{item["side"]}","orderType":"Limit",'
        f'"timeInForce":"PostOnly","positionIdx":0,"orderLinkId":"{IDS}'
    ).encode()
    cancel = f'{{"symbol":"{item["symbol"]}","orderLinkId":"{IDS}'.encode()
    price, price_decimals = _units(item["price"])
    qty, qty_decimals = _units(item["qty"])
    # A last digit of five is a tick of five: the price moves by a whole tick either way.
    step = 10 if item["price"].endswith(("0", "5")) else 1
    return Slot(
        create, cancel, len(create), len(cancel), price, step, qty, price_decimals, qty_decimals,
        SYMBOLS.index(item["symbol"]), 0,
    )  # fmt: skip


def masked(text: bytes) -> bytes:
    """One text frame of a client."""
    size = len(text)
    head = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    body = bytes(byte ^ _MASK[i % 4] for i, byte in enumerate(text))
    return b"\x81" + head + _MASK + body


def opened(url: str) -> socket.socket:
    """A websocket, shaken hands."""
    where = urllib.parse.urlsplit(url)
    raw = socket.create_connection((where.hostname, where.port))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    raw.sendall(
        f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        "\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += raw.recv(1)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return raw


def logged_in(url: str) -> socket.socket:
    """The same, of a key: the private or the trade stream."""
    raw = opened(url)
    raw.sendall(masked(json.dumps(stream_auth(time.time_ns() // 1_000_000)).encode()))
    answer = raw.recv(4096)
    assert b'"retCode":0' in answer or b'"success":true' in answer, answer
    return raw


def _run(given: Task) -> Measured:
    orders = asyncio.run(Orders.at(given.rest_url))
    slots = (Slot * (COMMANDS // 2))(*map(slot_of, orders.make(COMMANDS // 2)))
    library = c_limits.library()
    wall, taken = (ctypes.c_double * given.ticks)(), ctypes.c_int64()
    with logged_in(f"{given.ws_url}/v5/trade") as raw:
        took = library.limit_tick(
            raw.fileno(),
            slots,
            ctypes.c_uint64(time.time_ns()),
            WARM_UP,
            given.ticks,
            ctypes.c_double(given.period_s * 1e9),
            wall,
            ctypes.byref(taken),
        )
    assert took > 0, f"the venue took {taken.value} orders of a tick, expected {COMMANDS}"
    return Measured([one / 1e9 for one in wall], took * given.ticks / 1e9, 4 * given.ticks, 0)


if __name__ == "__main__":
    tell(_run(task()))
