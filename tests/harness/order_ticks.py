"""The way of a tick's orders: from the engine's decision to the bytes of the trade socket, and from
the bytes of the venue's replies to the state of the orders.

Everything between is what a session has, wired as it wires it; the embedded venue answers without
a socket, and the loop is one whose turns are taken by hand. For measuring what the way costs.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from typing import Any, Final, Self

from in_process import unexpected
from venue_stage import PERIOD_NS, PRIVATE, StageClock, VenueStage

from mmfast.bybit.private import PrivateDecoder
from mmfast.clock import VenueClock
from mmfast.messages import Batch, BatchReply, Outcome
from mmfast.net.backoff import ConnectBudget
from mmfast.net.gateway import RestGateway, SocketGateway
from mmfast.net.trade import TradeSocket
from mmfast.net.trade_sockets import TradeSockets
from mmfast.net.ws_connection import OnState
from mmfast.runtime.orchestrator import AsyncTickOrchestrator
from mmfast.runtime.pump import Pump
from mmfast.runtime.stats import RunStats
from mmfast.sim.wire import WsSend
from mmfast.units import NS_PER_S

TRADE: Final = PRIVATE + 1
BATCHES: Final = 4


class HandLoop:
    """A loop that turns when told to, and whose timers never fire."""

    def __init__(self, clock: StageClock) -> None:
        self._clock = clock
        self._soon: list[tuple[Callable[..., object], tuple[Any, ...]]] = []

    def time(self) -> float:
        return self._clock.now_ns() / NS_PER_S

    def call_soon(self, call: Callable[..., object], *given: object) -> None:
        self._soon.append((call, given))

    def call_at(self, _when: float, _call: Callable[..., object]) -> HandLoop:
        return self

    call_later = call_at

    def cancel(self) -> None:
        """As a timer of this loop."""

    def turn(self) -> None:
        while self._soon:
            soon, self._soon = self._soon, []
            for call, given in soon:
                call(*given)

    def __enter__(self) -> Self:
        asyncio._set_running_loop(self)
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio._set_running_loop(None)


class _Wire:
    """The transport of one connection: keeps what is sent until the venue is to hear it."""

    is_disconnected = False

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.written: list[bytes] = []
        self.underlying_transport = self

    def get_extra_info(self, _name: str) -> None:
        """There is no socket under it."""

    def send(self, _kind: object, message: bytes) -> None:
        self.sent.append(message)

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def heard(self) -> list[bytes]:
        """What was sent since the last time, as messages."""
        sent, self.sent = self.sent, []
        written, self.written = b"".join(self.written), []
        while written:
            assert written[:2] == b"\x81\xfe", (
                "a batch is a whole masked text of 126 to 65535 bytes"
            )
            end = 8 + int.from_bytes(written[2:4], "big")
            key = int.from_bytes(written[4:8] * ((end - 5) // 4), "big")
            size = end - 8
            text = int.from_bytes(written[8:end], "big") ^ key >> (-size % 4) * 8
            sent.append(text.to_bytes(size, "big"))
            written = written[end:]
        return sent


class OrderTicks(VenueStage):
    """Ten instruments, 80 commands a tick. :meth:`decide` moves the books, :meth:`send` is the
    turn of the loop that decides and sends, and :meth:`hear` is the one that reads the replies."""

    def __init__(self) -> None:
        self._turn = itertools.count()
        self._replies: list[bytes] = []
        self._shown: list[bytes] = []
        self._wired = False
        self.loop = HandLoop(StageClock(self))
        self.wire = _Wire()
        super().__init__()
        self.kernel.take_requests()  # those of the start have nobody who serves them

    # -- the turns ------------------------------------------------------------------------

    def decide(self) -> None:
        """The books move, and the tick before is finished. Down and up, so that two ticks in a
        row end where they began."""
        self.finish()
        for frame in self.frames(5 if next(self._turn) % 2 else -5):
            self.pump.frame(self.router.route(frame).instrument, frame, True)

    def send(self) -> None:
        """Decide, look once more, encode, send; and what is noted after that."""
        with self.loop as loop:
            loop.turn()
        assert self.orchestrator.in_flight == BATCHES

    def decide_and_send(self) -> None:
        """All that stands before :meth:`hear`."""
        self.decide()
        self.send()
        self._listen()

    def hear(self) -> None:
        """The replies of one tick, as one read of the socket brings them; what follows of them."""
        replies, self._replies = self._replies, []
        receive = self.socket.receive
        with self.loop as loop:
            for frame in replies[:-1]:
                receive(frame, False)
            receive(replies[-1], True)
            loop.turn()

    def finish(self) -> None:
        """What is left of a tick: its replies, then what the private stream shows."""
        self._listen()
        if self._replies:
            self.hear()
        self._show()

    # -- starting -------------------------------------------------------------------------

    def answer(self, batches: list[Batch]) -> None:
        """The first orders, before there is a pump: they take the same socket."""
        with self.loop:
            if not self._wired:
                self._wired = True
                self._connect()
            self.socket.send(batches, self._replied)
            self._listen()
            for frame in self._replies:
                self.socket.receive(frame, True)
        self._replies = []
        self._show()

    def _replied(self, reply: BatchReply) -> None:
        assert all(item.outcome is Outcome.ACK for item in reply.items)
        self.kernel.on_event(reply, self.now_ns)

    def _connect(self) -> None:
        """What a session has between its kernel and its trade socket."""
        clock = self.clock
        self.stats = RunStats(self.now_ns)
        self.witness = witness = self.witnessed(VenueClock(clock))
        self.orchestrator = AsyncTickOrchestrator(
            kernel=witness, clock=clock, stats=self.stats, params=self.params,
            on_progress=self._progress, on_fault=unexpected,
        )  # fmt: skip
        self.pump = Pump(
            kernel=self.kernel, clock=clock, orchestrator=self.orchestrator,
            on_request=unexpected, on_mode=unexpected, on_fault=unexpected,
        )  # fmt: skip
        self._budget = ConnectBudget(clock)
        sockets = TradeSockets(self._make, 2, lambda _up: None)
        self.socket = sockets.sockets[0]
        self.orchestrator.use(SocketGateway(sockets, RestGateway(None, unexpected, unexpected)))
        self.venue.ws_open(TRADE, "/v5/trade", self.now_ns)
        self.socket.attach(self.wire)
        self._listen()
        self.socket.receive(self._replies.pop(), True)
        assert self.socket.takes

    def _make(self, number: int, on_state: OnState) -> TradeSocket:
        clock = self.clock
        return TradeSocket(
            "", self.credentials, clock, VenueClock(clock), self.codec,
            self.orchestrator.last_look, on_state, stem=f"1-{number}-", rng=random.Random(number),
            budget=self._budget, on_request=self._observed,
        )  # fmt: skip

    def _progress(self) -> None:
        self.pump.wake()

    def _observed(self, verb: str, api: str, elapsed_ns: int, status: str) -> None:
        self.stats.request(verb, api, elapsed_ns, status)

    # -- the venue's side -----------------------------------------------------------------

    def _listen(self) -> None:
        """The venue hears what was sent, and says what it says to it."""
        for message in self.wire.heard():
            self.venue.ws_message(TRADE, message, self.now_ns)
        for due in self.venue.advance(self.now_ns + PERIOD_NS):
            if isinstance(due.output, WsSend):
                said = self._replies if due.output.conn_id == TRADE else self._shown
                said.append(due.output.data)
        self.now_ns += PERIOD_NS

    def _show(self) -> None:
        shown, self._shown = self._shown, []
        decoder = PrivateDecoder(self.instruments, self.codec.ids)
        for frame in shown:
            events = decoder.decode(frame).events
            for event in events:
                self.kernel.on_event(event, self.now_ns)
            self.witness.news(events)
