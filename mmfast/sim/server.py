"""The venue on real sockets: a thin shell that turns bytes into requests and back.

Everything the venue knows is in :class:`mmfast.sim.venue.Venue`; this file owns the clock that
drives it, one timer, and the connections. REST and websockets share one port.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import orjson
from aiohttp import WSMsgType, web

from mmfast.clock import Clock, SystemClock
from mmfast.sim.access.sockets import kind_of
from mmfast.sim.audit.requests import Audit
from mmfast.sim.fault_terms.schedule import Schedule
from mmfast.sim.params import VenueParams
from mmfast.sim.replay.recording import RecordingError
from mmfast.sim.shell import control
from mmfast.sim.shell.alarm import Alarm, alarm
from mmfast.sim.shell.control import Control
from mmfast.sim.shell.raw_sockets import (
    Refuser,
    address_of,
    body_of,
    frame_head,
    misbehave,
    until_gone,
    write_and_reset,
)
from mmfast.sim.shell.recorder import Recorder
from mmfast.sim.venue import Venue
from mmfast.sim.wire import (
    Due,
    HttpReply,
    HttpRequest,
    HttpReset,
    HttpSilence,
    HttpTruncated,
    WsClose,
    WsReset,
    WsSend,
)
from mmfast.units import NS_PER_S

MAX_BACKLOG_BYTES: Final = 4 << 20
"""Unsent bytes of one websocket; a client that reads more slowly is cut off."""
MAX_MESSAGE_BYTES: Final = 256 << 10
"""Largest websocket message a client may send."""
MAX_WEBSOCKETS: Final = 8000
"""Open at one time; the venue's own limits, per address, are tighter."""
MAX_WAITING: Final = 4096
"""REST requests inside the venue at one time; one more is answered with HTTP 503."""
KEEPALIVE_S: Final = 300.0

_MAX_SLEEP_NS: Final = 3600 * NS_PER_S
_NOT_SET: Final = -1
_HANG_UP_S: Final = 0.02
"""Time the answer to ``/control/outage`` gets to leave before its own socket goes too."""


_Outcome = HttpReply | HttpReset | HttpTruncated | HttpSilence


class _Socket:
    """One websocket. Frames of one burst leave in one write, never waiting for the reader."""

    __slots__ = ("_burst", "_transport", "response")

    def __init__(self, response: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self.response = response
        self._transport = transport
        self._burst: list[bytes] = []

    def push(self, data: bytes) -> None:
        """Add one text frame to the burst."""
        self._burst += (frame_head(len(data)), data)

    def flush(self) -> None:
        """Write the burst. Memory stays bounded: too large a backlog ends the connection."""
        burst, self._burst = self._burst, []
        if self._transport.is_closing() or self.response.closed:
            return
        self._transport.write(b"".join(burst))
        if self._transport.get_write_buffer_size() > MAX_BACKLOG_BYTES:
            self._transport.abort()

    def reset(self, order: WsReset) -> None:
        """End the connection without a goodbye, perhaps in the middle of a frame."""
        if order.data:
            self._burst += (frame_head(len(order.data)), order.data[: order.keep_bytes])
        burst, self._burst = self._burst, []
        write_and_reset(self._transport, b"".join(burst))


class VenueServer:
    """One embedded venue on ``host:port`` (port 0: any free one).

    Venue clock 0 is the moment of :meth:`start`, and venue time is the wall clock of that
    moment: ``params.start_wall_ms`` is for virtual time and not used here.
    """

    def __init__(
        self,
        params: VenueParams,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        faults: Schedule | None = None,
        recording: Iterable[bytes] | None = None,
        record: Callable[[bytes], object] | None = None,
    ) -> None:
        """``faults`` are armed at the start; times in them count from then.

        The market follows ``recording`` where there is one; ``record`` takes the lines of a
        recording of this venue's streams.
        """
        self._params = params
        self._recording = recording
        self._record = record
        self._recorder: Recorder | None = None
        self._faults = faults
        self._host = host
        self._port = port
        self._clock = clock or SystemClock()
        self._start_ns = 0
        self.broken: asyncio.Future[None]
        """Made by :meth:`start`; fails when the recording cannot be followed any further."""
        self._venue: Venue | None = None
        self._http: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._alarm: Alarm | None = None
        self._alarm_due_ns = _NOT_SET
        self._outage_until_ns = 0
        self._next_id = 0
        self._waiting: dict[int, asyncio.Future[_Outcome]] = {}
        self._sockets: dict[int, _Socket] = {}
        self._closing: set[asyncio.Task[bool]] = set()

    @property
    def audit(self) -> Audit:
        """What the venue was asked; only after :meth:`start`."""
        return self.venue.audit

    @property
    def venue(self) -> Venue:
        """The exchange inside; only after :meth:`start`."""
        if self._venue is None:
            raise RuntimeError("expected a started venue server: call start() first")
        return self._venue

    async def start(self) -> int:
        """Open the port; returns its number.

        Raises ``OSError`` when it cannot be had, and :class:`~mmfast.errors.ConfigError` when
        the venue cannot have one of the faults.
        """
        loop = asyncio.get_running_loop()
        self._start_ns = self._clock.now_ns()
        self._venue = Venue(
            msgspec.structs.replace(self._params, start_wall_ms=self._clock.wall_ms()),
            self._recording,
        )
        self.broken = loop.create_future()
        if self._faults is not None:
            self._venue.arm(self._faults, 0)
        if self._record is not None:
            self._recorder = Recorder(self._venue, self._record, 0)
        http = web.Server(self._handle, access_log=None, keepalive_timeout=KEEPALIVE_S)
        self._http = http

        def door() -> asyncio.Protocol:
            return Refuser() if self._now_ns() < self._outage_until_ns else http()

        self._listener = await loop.create_server(door, self._host, self._port, backlog=1024)
        self._alarm = alarm(loop, self._on_alarm)
        self._arm()
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the port and every connection; what was under way gets no answer."""
        if self._listener is not None:
            self._listener.close()
        if self._alarm is not None:
            self._alarm.close()
            self._alarm = None
        for future in self._waiting.values():
            future.cancel()
        self._hang_up()
        if self._http is not None:
            await self._http.shutdown(timeout=1.0)
        for task in list(self._closing):
            task.cancel()
        if self._listener is not None:
            await self._listener.wait_closed()

    # Time.

    def _now_ns(self) -> int:
        return self._clock.now_ns() - self._start_ns

    def _catch_up(self) -> int:
        """Let the venue do all that is due, deliver it, and return its time.

        Input is handed over only after this: the venue's timeline has no late entries then.
        """
        now_ns = self._now_ns()
        self._deliver(now_ns)
        return now_ns

    def _after_input(self, now_ns: int) -> None:
        self._deliver(now_ns)
        self._arm()

    def _on_alarm(self) -> None:
        self._alarm_due_ns = _NOT_SET
        self._catch_up()
        self._arm()

    def _arm(self) -> None:
        """Be woken at the next thing due, whatever the alarm was set to; not once stopped."""
        due_ns = self.venue.next_wake_ns()
        if self._alarm is not None and due_ns != self._alarm_due_ns:
            self._alarm_due_ns = due_ns
            self._alarm.set(min(due_ns - self._now_ns(), _MAX_SLEEP_NS))

    def _due(self, now_ns: int) -> list[Due]:
        try:
            return self.venue.advance(now_ns)
        except RecordingError as error:
            if not self.broken.done():
                self.broken.set_exception(error)
            return []

    def _deliver(self, now_ns: int) -> None:
        touched: dict[int, _Socket] = {}
        for due in self._due(now_ns):
            output = due.output
            if self._recorder is not None and self._recorder.take(due):
                continue
            if isinstance(output, WsSend):
                socket = self._sockets.get(output.conn_id)
                if socket is not None:
                    socket.push(output.data)
                    touched[output.conn_id] = socket
            elif isinstance(output, WsClose):
                self._close(output)
            elif isinstance(output, WsReset):
                self._reset(output)
            else:
                self._reply(output)
        for socket in touched.values():
            socket.flush()

    def _reply(self, outcome: _Outcome) -> None:
        if isinstance(outcome, HttpReply | HttpSilence):
            number = outcome.request_id
        else:
            number = outcome.reply.request_id
        future = self._waiting.pop(number, None)
        if future is not None and not future.done():
            future.set_result(outcome)

    def _reset(self, order: WsReset) -> None:
        socket = self._sockets.pop(order.conn_id, None)
        if socket is not None:
            socket.reset(order)

    def _close(self, order: WsClose) -> None:
        socket = self._sockets.pop(order.conn_id, None)
        if socket is None:
            return
        socket.flush()
        closing = socket.response.close(code=order.code, message=order.reason.encode())
        task = asyncio.get_running_loop().create_task(closing)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # Connections.

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._websocket(request)
        if request.raw_path.startswith(control.PREFIX):
            return await self._control(request)
        return await self._rest(request)

    async def _rest(self, request: web.BaseRequest) -> web.Response:
        """Query and body go in as the raw bytes the client signed."""
        body = await body_of(request)
        if body is None or len(self._waiting) >= MAX_WAITING:
            return web.Response(status=503, text="the embedded venue is overloaded")
        path, _, query = request.raw_path.partition("?")
        self._next_id += 1
        incoming = HttpRequest(
            request_id=self._next_id,
            method=request.method,
            path=path,
            query=query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
            address=address_of(request.transport),
        )
        future: asyncio.Future[_Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[incoming.request_id] = future
        now_ns = self._catch_up()
        self.venue.http(incoming, now_ns)
        self._after_input(now_ns)
        reply = await future
        if not isinstance(reply, HttpReply):
            # The response goes nowhere: nobody is there any more.
            await misbehave(request.transport, reply)
            return web.Response()
        return web.Response(status=reply.status, headers=dict(reply.headers), body=reply.body)

    async def _websocket(self, request: web.BaseRequest) -> web.StreamResponse:
        if len(self._sockets) >= MAX_WEBSOCKETS:
            return web.Response(status=503, text="too many websocket connections")
        kind = kind_of(request.raw_path)
        if request.transport is not None and self._is_mute(kind):
            await until_gone(request.transport)
            return web.Response()
        self._next_id += 1
        conn_id, now_ns = self._next_id, self._catch_up()
        address = address_of(request.transport)
        refusal = self.venue.ws_admit(request.raw_path, address, now_ns)
        if refusal:
            return web.Response(status=403, text=refusal)
        if not self.venue.ws_open(conn_id, request.raw_path, now_ns, address):
            return web.Response(status=503 if self.venue.condition.is_under_maintenance else 404)
        # Heartbeats of the protocol are answered here, because a half-open socket answers none.
        response = web.WebSocketResponse(
            compress=False, max_msg_size=MAX_MESSAGE_BYTES, decode_text=False, autoping=False
        )
        try:
            await response.prepare(request)
            if request.transport is None:
                return response
            self._sockets[conn_id] = _Socket(response, request.transport)
            self._arm()
            async for message in response:
                if message.type is WSMsgType.TEXT:
                    now_ns = self._catch_up()
                    self.venue.ws_message(conn_id, message.data, now_ns)
                    self._after_input(now_ns)
                elif message.type is WSMsgType.PING and not self._is_mute(kind):
                    await response.pong(message.data)
        except ConnectionError:  # the client left during the handshake, or as it was answered
            pass
        finally:
            self._sockets.pop(conn_id, None)
            self.venue.ws_close(conn_id, self._now_ns())
            # Disconnect protection may have to act.
            self._arm()
        return response

    def _is_mute(self, kind: str) -> bool:
        return self.venue.condition.mutes(kind)

    def _hang_up(self) -> None:
        """Reset every connection there is."""
        if self._http is not None:
            for connection in self._http.connections:
                if connection.transport is not None:
                    connection.transport.abort()

    # Control: for tests and operators on this machine.

    async def _control(self, request: web.BaseRequest) -> web.Response:
        if not _is_local(request):
            body = {"error": "control is for clients on this machine only"}
            return web.json_response(body, status=403)
        content = await request.read()
        path, _, query = request.raw_path.partition("?")
        now_ns = self._catch_up()
        calls = Control(self.venue, self._cut_off)
        reply = calls.answer(request.method, path, query, content, now_ns)
        self._after_input(self._now_ns())
        return web.Response(
            status=reply.status, body=orjson.dumps(reply.body), content_type="application/json"
        )

    def _cut_off(self, until_ns: int) -> None:
        """Until then every connection is reset, those there are included."""
        self._outage_until_ns = until_ns
        asyncio.get_running_loop().call_later(_HANG_UP_S, self._hang_up)

    def report(self) -> dict[str, object]:
        """All the audit has to say by now."""
        return self.venue.report(self._catch_up())


def _is_local(request: web.BaseRequest) -> bool:
    address = address_of(request.transport)
    return bool(address) and ipaddress.ip_address(address).is_loopback
