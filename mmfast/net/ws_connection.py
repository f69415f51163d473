"""One websocket that is kept up: connect, become ready, watch, lose, come back, for ever.

What is said on it is the business of the subclasses in :mod:`mmfast.net.ws`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final, Required, TypedDict

import picows

from mmfast._core.segment import segment
from mmfast.bybit import topics
from mmfast.errors import InvariantError
from mmfast.net.backoff import Backoff, ConnectBudget
from mmfast.net.http import Log, ignore_log
from mmfast.net.pulse import Pulse, StreamTiming

OnState = Callable[[bool], None]

_TEXT: Final = picows.WSMsgType.TEXT
_BINARY: Final = picows.WSMsgType.BINARY
_CONTINUATION: Final = picows.WSMsgType.CONTINUATION
_CLOSE: Final = picows.WSMsgType.CLOSE

MASK_SIZE: Final = 4
"""Bytes of the key that a client hides a message under."""

#: The library would log handshakes and errors on its own; ours go through the log hook.
_SILENT: Final = logging.getLogger("mmfast.net.ws_connection")
_SILENT.setLevel(logging.CRITICAL + 1)


class _Listener(picows.WSListener):
    """Hands the library's callbacks to the connection; makes whole messages of fragments."""

    def __init__(self, owner: WsConnection) -> None:
        self._owner = owner
        self._parts = b""

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._owner.attach(transport)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type
        if kind in (_TEXT, _BINARY) and frame.fin and not self._parts:
            self._owner.receive(frame.get_payload_as_bytes(), frame.last_in_buffer)
        elif kind in (_TEXT, _BINARY, _CONTINUATION):
            self._collect(frame)
        elif kind == _CLOSE:
            self._owner.drop("closed by the venue")
            transport.disconnect()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self._owner.lost(transport)

    def pause_writing(self) -> None:
        self._owner.clogged = True

    def resume_writing(self) -> None:
        self._owner.clogged = False

    def _collect(self, frame: picows.WSFrame) -> None:
        self._parts += frame.get_payload_as_bytes()
        if len(self._parts) > self._owner.timing.max_frame_bytes:
            self._parts = b""
            self._owner.drop("message over the size limit")
        elif frame.fin:
            data, self._parts = self._parts, b""
            self._owner.receive(data, frame.last_in_buffer)


class Options(TypedDict, total=False):
    """What every connection may be given; ``rng`` is for the jitter of its pauses."""

    rng: Required[random.Random]
    budget: Required[ConnectBudget]
    tls: ssl.SSLContext | None
    timing: StreamTiming | None
    backoff: Backoff | None
    log: Log


class WsConnection:
    """Base of the streams. ``on_state(True)`` is called when every topic is acknowledged,
    ``on_state(False)`` once when such a connection is lost.

    Plain counters for the metrics: ``connects``, ``connect_failures``, ``reconnects``,
    ``frames``, ``bytes_in``, ``errors``.
    """

    def __init__(
        self,
        name: str,
        url: str,
        on_state: OnState,
        *,
        rng: random.Random,
        budget: ConnectBudget,
        tls: ssl.SSLContext | None = None,
        timing: StreamTiming | None = None,
        backoff: Backoff | None = None,
        log: Log = ignore_log,
    ) -> None:
        self.name = name
        self.timing = timing or StreamTiming()
        self.connects = self.connect_failures = self.reconnects = 0
        self.frames = 0
        self.bytes_in = 0
        self.errors = 0
        self.up = False
        self.clogged = False
        """The peer takes our bytes more slowly than we write them."""
        self._url = url
        self._on_state = on_state
        self._budget = budget
        self._tls = tls
        self._backoff = backoff or Backoff(rng)
        self._log = log
        self._transport: picows.WSTransport | None = None
        self._reason = ""
        self._pulse = Pulse(self.timing)
        self._watching: asyncio.TimerHandle | None = None
        self._failure: Exception | None = None
        # By the loop's clock; 0.0 means "not yet".
        self._ready_at = 0.0
        self._requests = 0
        self._running = False

    # What the owner calls.

    async def run(self) -> None:
        """Keep the stream up until cancelled.

        Network and venue faults never end it. An exception out of one of the callbacks is a bug
        of the caller: it ends the stream and comes out of here.
        """
        if self._running:
            raise InvariantError(f"stream {self.name} is running already")
        self._running = True
        try:
            while True:
                await self._wait_for_budget()
                await self._one_connection()
                await asyncio.sleep(self._backoff.next_s())
        finally:
            self._running = False
            self._detach()

    def drop(self, reason: str) -> None:
        """Give the connection up; the stream comes back by itself. For the log, once."""
        if self._transport is None or self._reason:
            return
        self._reason = reason
        self.errors += 1
        self._set_down()
        self._over()
        self._transport.disconnect(graceful=False)

    # What the subclasses say and hear.

    def _opened(self) -> None:
        """The socket is open: log in or subscribe."""
        raise NotImplementedError

    def _received(self, data: bytes, last_in_buffer: bool) -> None:
        """One whole message."""
        raise NotImplementedError

    def _over(self) -> None:
        """Nothing more will be heard on this connection; may be said more than once."""

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.send(_TEXT, data)

    def _send_group(self, messages: list[bytes]) -> None:
        """Messages that belong together: they leave in one write, so that the other side reads
        them at once."""
        if len(messages) == 1:
            self._send(messages[0])
            return
        transport = self._transport
        if transport is not None and not transport.is_disconnected:
            keys = os.urandom(MASK_SIZE * len(messages))
            transport.underlying_transport.write(segment(messages, keys))

    def _next_req_id(self) -> str:
        """A request id never used before on this stream."""
        self._requests += 1
        return f"{self.name}-{self._requests}"

    def _set_up(self) -> None:
        """Every topic is acknowledged."""
        self._pulse.acked()
        if not self.up:
            self.up = True
            self._ready_at = self._now()
            self._log("info", "stream_up", f"{self.name} stream is up")
            self._on_state(True)

    def _expect_ack(self) -> None:
        """Something was sent that must be acknowledged; :meth:`_set_up` ends the wait."""
        self._pulse.expect_ack(self._now())

    def _pong(self) -> None:
        """The answer to our ping."""
        self._pulse.ponged()

    # What the listener calls.

    def attach(self, transport: picows.WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        self._socket: Any = transport.underlying_transport.get_extra_info("socket")
        self._reason = ""
        self.clogged = False
        self.connects += 1
        self._pulse.begin(self.frames, self._now())
        self._ready_at = 0.0
        self._expect_ack()
        self._opened()

    def receive(self, data: bytes, last_in_buffer: bool) -> None:
        """One whole message of the current connection."""
        if self._reason:
            return
        self.frames += 1
        self.bytes_in += len(data)
        self._received(data, last_in_buffer)

    def lost(self, transport: picows.WSTransport) -> None:
        """The socket is gone. Said at once, in the turn of the loop that found it out."""
        if transport is self._transport:
            self._stop_looking()
            self._set_down()
            self._over()

    # The life of one connection.

    async def _wait_for_budget(self) -> None:
        while (wait_s := self._budget.wait_s()) > 0:
            self._log("warning", "connect_budget", f"{self.name} waits {wait_s:.0f} s to connect")
            await asyncio.sleep(wait_s)
        self._budget.take()

    async def _one_connection(self) -> None:
        """Connect and stay until the connection is lost."""
        self._reason = ""
        try:
            async with asyncio.timeout(self.timing.connect_s):
                transport, _ = await picows.ws_connect(
                    lambda: _Listener(self),
                    self._url,
                    ssl_context=self._tls,
                    websocket_handshake_timeout=self.timing.connect_s,
                    max_frame_size=self.timing.max_frame_bytes,
                    max_redirects=0,
                    logger_name=_SILENT,
                )
        except (OSError, picows.WSError) as error:
            self.connect_failures += 1
            cause = getattr(error, "strerror", None) or type(error).__name__
            self._log("warning", "stream_connect", f"{self.name} stream cannot connect: {cause}")
            return
        await self._until_lost(transport)
        self.reconnects += 1
        if self._ready_at and self._now() - self._ready_at >= self.timing.settled_after_s:
            self._backoff.reset()
        self._log("warning", "stream_lost", f"{self.name} stream lost: {self._reason or 'closed'}")

    async def _until_lost(self, transport: picows.WSTransport) -> None:
        """Watch the deadlines until the socket is gone."""
        self._failure = None
        self._look_later()
        try:
            # An exception out of a callback ended the connection: it comes out here.
            with contextlib.suppress(picows.WSError, OSError):
                await transport.wait_disconnected()
            if self._failure is not None:
                raise self._failure
        finally:
            self._detach()

    def _look_later(self) -> None:
        """The deadlines are looked at now and then: a timer that every frame pushes back would
        cost more than the frame. It is a timer and no task, so that after a stall the look comes
        in the first turn of the loop, before the orders that this turn may lead to."""
        loop = asyncio.get_running_loop()
        self._watching = loop.call_at(self._pulse.next_look(loop.time()), self._look)

    def _look(self) -> None:
        try:
            self._watch()
        except Exception as error:  # noqa: BLE001 - a bug of the owner: it comes out of run()
            self._failure = error
            if self._transport is not None:
                self._transport.disconnect(graceful=False)
        else:
            if not self._reason:
                self._look_later()

    def _stop_looking(self) -> None:
        if self._watching is not None:
            self._watching.cancel()

    def _watch(self) -> None:
        now = self._now()
        fault = "reset by the venue" if self._is_reset() else self._pulse.fault(self.frames, now)
        if fault:
            self.drop(fault)
        elif self._pulse.wants_ping(now):
            self._send(topics.ping_frame(self._next_req_id()))

    def _is_reset(self) -> bool:
        """A reset that comes right behind data is not told by the compiled loop: it hands over
        the data and forgets the rest. The socket itself still knows."""
        try:
            return bool(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        except OSError:
            return True

    def _detach(self) -> None:
        """The connection is over, whoever ended it."""
        self._stop_looking()
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.disconnect(graceful=False)
        self._set_down()
        self._over()

    def _set_down(self) -> None:
        if self.up:
            self.up = False
            self._on_state(False)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
