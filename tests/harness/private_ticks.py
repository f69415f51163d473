"""What the private stream says of a tick, from the venue's bytes to the engine's state.

Ten instruments, 80 commands a tick, on the embedded venue without a socket: 40 orders cancelled,
40 placed, in the frames that the venue makes of them. For measuring what reading them costs.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import weakref
from collections.abc import Sequence
from typing import Final

from in_process import unexpected
from signed import signed_headers
from venue_stage import PERIOD_NS, VenueStage

from mmfast.bybit.auth import Window
from mmfast.bybit.limits import rate_info
from mmfast.bybit.private import PrivateDecoder
from mmfast.clock import VenueClock
from mmfast.messages import Batch, BookFrame, Event, Op, Outcome
from mmfast.net.backoff import ConnectBudget
from mmfast.net.ws import PrivateStream
from mmfast.runtime.pump import Pump
from mmfast.sim.wire import HttpReply, HttpRequest, WsSend
from mmfast.units import InstrumentIndex, Ns

COMMANDS: Final = 80


class PrivateTicks(VenueStage):
    """:meth:`prepare` moves the books and has everything sent and answered; :meth:`hear` then
    reads what the private stream said of it, as a session does."""

    def __init__(self) -> None:
        self._requests = itertools.count(1)
        self._turn = itertools.count()
        self._heard: list[bytes] = []
        self._running = False
        super().__init__()

    # -- the engine's side ----------------------------------------------------------------

    async def connect(self) -> None:
        """Wire the stream to the kernel; needs a running loop, whose turns never come."""
        clock = self.clock
        venue_clock = VenueClock(clock)
        self.witness = self.witnessed(venue_clock)
        self.pump = Pump(
            kernel=self.kernel, clock=clock, orchestrator=self.witness, on_request=unexpected,
            on_mode=unexpected, on_fault=unexpected,
        )  # fmt: skip
        decoder = PrivateDecoder(self.instruments, self.codec.ids)
        self.stream = PrivateStream(
            "", self.credentials, venue_clock, decoder, self._news, unexpected,
            rng=random.Random(1), budget=ConnectBudget(clock), on_fault=unexpected,
        )  # fmt: skip
        self._running = True

    def _news(self, events: Sequence[Event]) -> None:
        self.pump.events(events)
        self.witness.news(events)

    def hear(self) -> None:
        """The frames of one tick, as one read of the socket brings them."""
        receive = self.stream.receive
        for frame in self._heard[:-1]:
            receive(frame, False)
        receive(self._heard[-1], True)

    # -- the venue's side -----------------------------------------------------------------

    def prepare(self) -> None:
        """Everything of a tick up to the frames of the private stream. Down and up, so that two
        ticks in a row end where they began."""
        self._heard = []
        for frame in self.frames(5 if next(self._turn) % 2 else -5):
            instrument = InstrumentIndex(self.router.route(frame).instrument)
            self.kernel.on_event(BookFrame(instrument, frame), self.now_ns)
        batches = self.witness.flush(self.now_ns)
        assert sum(len(batch.commands) for batch in batches) == COMMANDS
        self.answer(batches)

    def answer(self, batches: list[Batch]) -> None:
        """Send, and take what the venue answers; what it streams is kept for :meth:`hear`."""
        in_air = {self._send(batch): batch for batch in batches}
        end_ns = self.now_ns + PERIOD_NS
        for due in self.venue.advance(end_ns):
            self.now_ns = due.at_ns
            if isinstance(due.output, HttpReply):
                self._replied(in_air.pop(due.output.request_id), due.output)
            elif isinstance(due.output, WsSend):
                self._heard.append(due.output.data)
        assert not in_air
        self.now_ns = end_ns
        if not self._running:
            self._show()

    def _send(self, batch: Batch) -> int:
        path, body = self.codec.encode(batch)
        stamp = self.venue.venue_ms(self.now_ns)
        window = Window.LONG if batch.op == Op.CANCEL else Window.SHORT
        headers = signed_headers(self.credentials, stamp, body, window)
        request_id = next(self._requests)
        lowered = {name.lower(): value for name, value in headers.items()}
        lowered["content-type"] = "application/json"
        request = HttpRequest(
            request_id=request_id, method="POST", path=path, query="", headers=lowered, body=body
        )
        self.venue.http(request, self.now_ns)
        return request_id

    def _replied(self, batch: Batch, reply: HttpReply) -> None:
        at = Ns(self.now_ns)
        rate = rate_info(dict(reply.headers))
        decoded = self.codec.decode(batch, reply.status, reply.body, rate, at, at)
        assert all(item.outcome is Outcome.ACK for item in decoded.items)
        if self._running:
            self.witness.on_event(decoded, self.now_ns)
        else:
            self.kernel.on_event(decoded, self.now_ns)

    def _show(self) -> None:
        """While the engine starts: what was streamed goes straight to the kernel."""
        decoder = PrivateDecoder(self.instruments, self.codec.ids)
        for frame in self._heard:
            for event in decoder.decode(frame).events:
                self.kernel.on_event(event, self.now_ns)
        self._heard = []


def ready() -> PrivateTicks:
    """One that is connected and quotes."""
    made = PrivateTicks()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(made.connect())
    weakref.finalize(made, loop.close)  # its timers stay, and never fire
    return made
