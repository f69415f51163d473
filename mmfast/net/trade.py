"""The trade socket: order requests as messages on one connection that stays logged in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Unpack

from mmfast.bybit.auth import Credentials, Window
from mmfast.bybit.control import Kind, control_of
from mmfast.bybit.replies import PlainReply
from mmfast.bybit.ret_codes import RetClass, class_of
from mmfast.bybit.trade import SocketReply, TradeCodec, uniform_reply
from mmfast.clock import Clock, VenueClock
from mmfast.errors import LocalProtocolError
from mmfast.messages import Batch, BatchReply, Op, Outcome
from mmfast.net.address import TRADE, AddressPace
from mmfast.net.http import OnRequest, ignore_request
from mmfast.net.login import LoginConnection
from mmfast.net.ws_connection import OnState, Options
from mmfast.units import NS_PER_S, Ns

VERB: Final = "WS"
"""What stands in the metrics where a REST call has its method."""
ANSWERED: Final = "200"
"""Status of an answered request, whatever it was answered: the answer's code is another matter,
as it is with HTTP."""
_RESTARTING: Final = 10019

OnReply = Callable[[BatchReply], None]


class _Flight:
    """One request on its way."""

    __slots__ = ("batch", "due_at", "frames_before", "on_reply", "sent_ns")

    def __init__(
        self, batch: Batch, on_reply: OnReply, sent_ns: int, due_at: float, frames_before: int
    ) -> None:
        self.batch = batch
        self.on_reply = on_reply
        self.sent_ns = Ns(sent_ns)
        self.due_at = due_at
        self.frames_before = frames_before
        """How many messages the connection had brought when this one left."""


class TradeSocket(LoginConnection):
    """Sends batches and tells what came of each, exactly once.

    Every batch is one message and one entry in a table by request id: no task, no future and no
    timer of its own. One timer looks after the oldest of all. What left and got no reply within
    ``reply_within_s``, or before the connection was lost, is UNKNOWN; what was never handed to a
    connected socket is NOT_SENT. Replies that come later, twice, or to nothing of ours change
    nothing and are counted in ``strays``.

    ``last_look`` sees each batch when its bytes are the only thing missing; a text other than ""
    keeps it from leaving (NOT_SENT, with that text). Request ids begin with ``stem`` and are
    never used twice. ``pace`` bounds the messages of all sockets of an address: what it holds
    back is NOT_SENT. ``on_restart`` is called once a connection when the venue says that its trade
    service restarts, ``on_pong`` with the round trip of each heartbeat in ns.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        clock: Clock,
        venue_clock: VenueClock,
        codec: TradeCodec,
        last_look: Callable[[Batch], str],
        on_state: OnState,
        *,
        stem: str,
        name: str = "trade",
        reply_within_s: float = 2.0,
        on_request: OnRequest = ignore_request,
        pace: AddressPace | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(name, url, credentials, venue_clock, on_state, **options)
        self.strays = 0
        self.on_restart: Callable[[], None] = _nobody
        self.on_pong: Callable[[int], None] = _unmeasured
        self._clock = clock
        self._codec = codec
        self._last_look = last_look
        self._stem = stem
        self._sent = 0
        self._reply_within_s = reply_within_s
        self._on_request = on_request
        self._pace = pace or AddressPace(0, TRADE)
        # In the order of sending, which is also the order of their deadlines.
        self._flights: dict[str, _Flight] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._leaving = ""
        # A create or amend that is late is better void; a cancel is welcome even late.
        self._windows_ms = {
            op: credentials.window_ms(Window.LONG if op == Op.CANCEL else Window.SHORT) for op in Op
        }

    @property
    def takes(self) -> bool:
        """A batch given now would leave now."""
        return self.up and not self.clogged

    @property
    def in_flight(self) -> int:
        """Requests without a reply."""
        return len(self._flights)

    def send(self, batches: Sequence[Batch], on_reply: OnReply) -> None:
        """Send batches, in this order, in as few segments as they fit.

        ``on_reply`` is called once for each, from the loop, never before this returns.
        """
        frames: list[bytes] = []
        timestamp_ms = self._venue_clock.stamp_ms()
        sent_ns = self._clock.now_ns()
        due_at = self._now() + self._reply_within_s
        for batch in batches:
            refusal = self._last_look(batch)
            if refusal or not self.takes:
                refusal = refusal or self._why_not()
                self._unsent(batch, Outcome.NOT_SENT, refusal, on_reply)
                continue
            if hurry := self._pace.refusal(sent_ns, cancels=batch.op == Op.CANCEL):
                self._unsent(batch, Outcome.NOT_SENT, hurry, on_reply)
                continue
            self._sent += 1
            req_id = f"{self._stem}{self._sent}"
            try:
                window_ms = self._windows_ms[batch.op]
                frames.append(self._codec.frame(batch, req_id, timestamp_ms, window_ms))
            except LocalProtocolError as error:
                self._unsent(batch, Outcome.LOCAL_REJECT, str(error), on_reply)
                continue
            self._flights[req_id] = _Flight(batch, on_reply, sent_ns, due_at, self.frames)
        if frames:
            self._send_group(frames)
            if self._sweep is None:
                self._arm(due_at)

    def retire(self, reason: str) -> None:
        """Send nothing more on this connection, hear out what is in flight, then come back."""
        self._retire(reason)
        self._drop_if_retired()

    # What comes in.

    def _entered(self) -> None:
        self._set_up()

    def _received(self, data: bytes, last_in_buffer: bool) -> None:
        del last_in_buffer  # the kernel decides once per burst anyway
        reply = self._codec.socket_reply(data)
        if reply is None:
            self.drop("a message that is none of the trade socket's")
            return
        flight = self._flights.pop(reply.req_id or "", None)
        if flight is not None:
            self._answered(flight, reply)
        else:
            self._unasked(reply)

    def _answered(self, flight: _Flight, reply: PlainReply | SocketReply) -> None:
        received_ns = Ns(self._clock.now_ns())
        elapsed_ns = received_ns - flight.sent_ns
        self._on_request(VERB, self._codec.api(flight.batch), elapsed_ns, ANSWERED)
        if reply.ret_code:
            self._heed(reply.ret_code)
        flight.on_reply(self._codec.decode_socket(flight.batch, reply, flight.sent_ns, received_ns))
        self._drop_if_retired()

    def _heed(self, ret_code: int) -> None:
        """A refusal that is about the connection."""
        if ret_code == _RESTARTING:
            if self._retire("the venue restarts its trade service"):
                self.on_restart()
        elif class_of(ret_code, trade_socket=True) is RetClass.AUTH:
            self._retire(f"the venue no longer accepts the login ({ret_code})")

    def _unasked(self, reply: PlainReply | SocketReply) -> None:
        """Heartbeat and login; or a reply to nothing that still waits for one."""
        said = control_of(
            {"op": reply.op, "retCode": reply.ret_code, "retMsg": reply.ret_msg or ""}
        )
        if said.kind is Kind.PONG:
            if self._pulse.awaits_pong:
                self.on_pong(int((self._now() - self._pulse.pinged_at) * NS_PER_S))
            self._pong()
        elif said.kind is Kind.AUTH:
            self._authenticated(said.success, said.text)
        else:
            self.strays += 1
            text = f"op {reply.op!r:.40}, retCode {reply.ret_code}: no request waits for it"
            self._log("warning", "trade_stray", text)

    # What does not come.

    def _over(self) -> None:
        """The connection is lost: whatever waited for a reply may or may not have been done."""
        self._leaving = ""
        flights, self._flights = self._flights, {}
        for flight in flights.values():
            self._unanswered(flight, "lost", "the trade socket was lost before the reply")

    def _sweep_due(self) -> None:
        self._sweep = None
        now = self._now()
        flights = self._flights
        while flights:
            req_id, flight = next(iter(flights.items()))
            if flight.due_at > now:
                self._arm(flight.due_at)
                return
            del flights[req_id]
            text = f"no reply within {self._reply_within_s:g} s"
            self._unanswered(flight, "timeout", text)
            if self.frames == flight.frames_before:
                self.drop("no reply, and no other sign of life")
        self._drop_if_retired()

    def _arm(self, at: float) -> None:
        self._sweep = asyncio.get_running_loop().call_at(at, self._sweep_due)

    def _unanswered(self, flight: _Flight, status: str, text: str) -> None:
        now_ns = Ns(self._clock.now_ns())
        api = self._codec.api(flight.batch)
        self._on_request(VERB, api, now_ns - flight.sent_ns, status)
        text = f"{api}: {text}"
        flight.on_reply(
            uniform_reply(flight.batch, Outcome.UNKNOWN, 0, text, flight.sent_ns, now_ns)
        )

    def _unsent(self, batch: Batch, outcome: Outcome, text: str, on_reply: OnReply) -> None:
        at = Ns(self._clock.now_ns())
        reply = uniform_reply(batch, outcome, 0, text, at, at)
        asyncio.get_running_loop().call_soon(on_reply, reply)

    def _why_not(self) -> str:
        if self.clogged:
            return "trade socket: the venue takes no more bytes"
        return "trade socket is down"

    def _retire(self, reason: str) -> bool:
        """No more orders on this connection; False if it is retired or down already."""
        if self._leaving or not self.up:
            return False
        self._leaving = reason
        self._log("warning", "trade_retired", f"{self.name} stream: {reason}")
        self._set_down()
        return True

    def _drop_if_retired(self) -> None:
        if self._leaving and not self._flights:
            self.drop(self._leaving)


def _nobody() -> None:
    """Nobody else minds a restart."""


def _unmeasured(_elapsed_ns: int) -> None:
    """Nobody measures heartbeats."""
