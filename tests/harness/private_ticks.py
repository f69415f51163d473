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
from pathlib import Path
from typing import Final

from in_process import SECRET, SYMBOLS, InProcess

from mmfast.bybit import topics
from mmfast.bybit.auth import Credentials, Window
from mmfast.bybit.limits import rate_info
from mmfast.bybit.private import PrivateDecoder
from mmfast.clock import VenueClock
from mmfast.engine.other_hand import OtherHand
from mmfast.messages import Batch, BookFrame, Category, Event, Op, Outcome
from mmfast.net.backoff import ConnectBudget
from mmfast.net.ws import PrivateStream
from mmfast.runtime.journal import Journal
from mmfast.runtime.pump import Pump
from mmfast.runtime.witness import Witness
from mmfast.sim.params import FlowParams, VenueParams
from mmfast.sim.venue import Venue
from mmfast.sim.wire import HttpReply, HttpRequest, WsSend
from mmfast.units import NS_PER_MS, InstrumentIndex, Ns

CONNECTION: Final = 1
COMMANDS: Final = 80
WINDOW_MS: Final = 5_000
LATENCY_MS: Final = 1.0
PERIOD_NS: Final = 200 * NS_PER_MS


class _Clock:
    """Stands where the engine's own time stands."""

    def __init__(self, owner: PrivateTicks) -> None:
        self._owner = owner

    def now_ns(self) -> int:
        return self._owner.now_ns

    def wall_ms(self) -> int:
        return self._owner.now_ns // NS_PER_MS


class PrivateTicks(InProcess):
    """:meth:`prepare` moves the books and has everything sent and answered; :meth:`hear` then
    reads what the private stream said of it, as a session does."""

    INITIAL_LIMIT = 1_200
    """What the venue's tier allows."""

    def __init__(self) -> None:
        self._requests = itertools.count(1)
        self._turn = itertools.count()
        self._heard: list[bytes] = []
        self._running = False
        self.venue = Venue(
            VenueParams(
                symbols=SYMBOLS,
                api_key="benchkey",
                api_secret=SECRET,
                latency_ms=LATENCY_MS,
                stream_lag_ms=LATENCY_MS,
                tier="pro6",
                flow=FlowParams(activity=0.0),
            )
        )
        self._log_in()
        super().__init__()

    # -- the engine's side ----------------------------------------------------------------

    async def connect(self) -> None:
        """Wire the stream to the kernel; needs a running loop, whose turns never come."""
        clock = _Clock(self)
        venue_clock = VenueClock(clock)
        journal = Journal(
            Path("journal"), clock=clock, file_bytes=1 << 20, files=2,
            on_trouble=_unexpected, on_well=_unexpected,
        )  # fmt: skip
        ids = self.codec.ids
        hand = OtherHand(ids, WINDOW_MS, clock.wall_ms)
        self.witness = Witness(self.kernel, hand, journal, _unexpected, venue_clock)
        self.pump = Pump(
            kernel=self.kernel, clock=clock, orchestrator=self.witness, on_request=_unexpected,
            on_mode=_unexpected, on_fault=_unexpected,
        )  # fmt: skip
        self.stream = PrivateStream(
            "", self.credentials, venue_clock, PrivateDecoder(self.instruments, ids), self._news,
            _unexpected, rng=random.Random(1), budget=ConnectBudget(clock), on_fault=_unexpected,
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

    def _log_in(self) -> None:
        venue = self.venue
        signer = Credentials.hmac("benchkey", SECRET, short_window_ms=2_000, long_window_ms=10_000)
        assert venue.ws_open(CONNECTION, "/v5/private", 0)
        venue.ws_message(CONNECTION, signer.ws_auth_frame(venue.venue_ms(0) + 10_000), 0)
        venue.advance(PERIOD_NS)
        wanted = topics.private_topics(Category.LINEAR)
        venue.ws_message(CONNECTION, topics.subscribe_frame(wanted, "all"), PERIOD_NS)
        venue.advance(2 * PERIOD_NS)

    def _send(self, batch: Batch) -> int:
        path, body = self.codec.encode(batch)
        stamp = self.venue.venue_ms(self.now_ns)
        window = Window.LONG if batch.op == Op.CANCEL else Window.SHORT
        headers = self.credentials.headers(stamp, body, window)
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


def _unexpected(*args: object) -> None:
    raise AssertionError(f"nothing of this can happen here: {args}")
