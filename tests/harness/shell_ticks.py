"""What the shell does in a tick beside orders: book frames from the socket, records, durations.

Ten instruments and 80 commands a tick, as in :mod:`in_process`. For measuring.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import Final

from in_process import DEPTH, InProcess, unexpected

from mmfast.bybit.public import PublicRouter
from mmfast.clock import SystemClock
from mmfast.engine.orders.endings import Ending, Evidence
from mmfast.engine.orders.order_states import State
from mmfast.messages import Op, OrderStatus, OrderUpdate, Side
from mmfast.net.backoff import ConnectBudget
from mmfast.net.ws import PublicStream
from mmfast.runtime.durations import Durations
from mmfast.runtime.journal import chained
from mmfast.runtime.pump import Pump
from mmfast.runtime.records import Entry, line_of

DURATIONS: Final = 7
"""Counted in a tick: four calls, the tick in two histograms, and the loop's lag."""


class ShellTicks(InProcess):
    """Each method is one tick's share of a part of the shell."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = itertools.count()
        self._durations = Durations()
        self._entries: list[Entry] = []
        batches, _ = self.tick(self.frames(5))
        self._entries += batches
        for batch in batches:
            for command in batch.commands if batch.op is Op.CANCEL else ():
                self._entries.append(_ended(command.client_id))
                self._entries.append(Ending(command.client_id, State.CANCELLED, Evidence.REPORT, 0))
        self.answer(batches)
        asyncio.run(self._connect())

    async def _connect(self) -> None:
        clock = SystemClock()
        self._pump = Pump(
            kernel=self.kernel, clock=clock, orchestrator=None, on_request=unexpected,
            on_mode=unexpected, on_fault=unexpected,
        )  # fmt: skip
        symbols = tuple(instrument.symbol for instrument in self.instruments)
        self._stream = PublicStream(
            "", PublicRouter(symbols, DEPTH), self._pump.frame, unexpected,
            rng=random.Random(1), budget=ConnectBudget(clock),
        )  # fmt: skip

    def prepare(self) -> None:
        """The frames of the next tick. Down and up, so that two ticks end where they began."""
        self._heard = self.frames(5 if next(self._turn) % 2 else -5)

    def hear(self) -> None:
        """Ten frames of the public stream, from the socket to the books."""
        receive = self._stream.receive
        for frame in self._heard:
            receive(frame, False)

    def record(self) -> int:
        """The records of a tick: what was sent, what the venue said of it, how it ended."""
        crc = 0
        for entry in self._entries:
            _, crc = chained(line_of(1_790_000_000_123, entry), crc)
        return crc

    def count(self) -> None:
        """The durations of a tick."""
        for number in range(DURATIONS):
            self._durations.record(51_000_000 + number)


def _ended(client_id: int) -> OrderUpdate:
    return OrderUpdate(
        client_id=client_id, link_id=f"bench1-{client_id:016x}", instrument=3, side=Side.BUY,
        venue_id="5df496f1-38f4-1801-3211-cc62a25020a6", status=OrderStatus.CANCELLED,
        price_ticks=123_456, lots=12, cum_lots=0, leaves_lots=0, cancel_type="CancelByUser",
        reject_reason="EC_PerCancelRequest", updated_ms=1_790_000_000_123,
    )  # fmt: skip
