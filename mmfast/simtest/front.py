"""The venue's door in the simulated network: bytes to requests, outcomes to bytes.

HTTP/1.1 and websockets are read and written here anew, a few lines each, so that neither the
engine's libraries nor the venue's real server judge themselves.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Final

from mmfast.sim.access.sockets import kind_of
from mmfast.sim.shell.raw_sockets import frame_head, reply_head
from mmfast.sim.venue import Venue
from mmfast.sim.wire import (
    HttpReply,
    HttpRequest,
    HttpReset,
    HttpSilence,
    HttpTruncated,
    Output,
    WsClose,
    WsReset,
    WsSend,
)
from mmfast.simtest.loop import START_NS
from mmfast.simtest.network import Link
from mmfast.units import NEVER_NS

ADDRESS: Final = "198.51.100.7"
"""Where the engine's host is, for the venue's limits by address."""
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE, _PING, _PONG = 0x8, 0x9, 0xA

HttpOutput = HttpReply | HttpReset | HttpTruncated | HttpSilence


class Front:
    """One venue behind its door. ``at`` does something later."""

    def __init__(
        self, venue: Venue, at: Callable[[int, Callable[[Guest], None], Guest], None]
    ) -> None:
        self.venue = venue
        self.leap_ns = 0
        """How far the venue's time is ahead of the engine's monotonic clock since the start: it
        grows when the engine's host is suspended."""
        self.idle_close_ns = 0
        """A connection that asked nothing for so long is closed; 0: never."""
        self.idle_closed = 0
        self._at = at
        self._due_ns = 0
        self._next_number = 0
        self._waiting: dict[int, Guest] = {}
        self._sockets: dict[int, Guest] = {}

    # Time.

    def venue_ns(self, now_ns: int) -> int:
        """The venue's clock at an instant of the engine's."""
        return now_ns - START_NS + self.leap_ns

    def venue_ms(self, now_ns: int) -> int:
        """The venue's wall time at an instant of the engine's clock."""
        return self.venue.venue_ms(self.venue_ns(now_ns))

    def next_due_ns(self) -> int:
        """When the venue has something to say, in the engine's time."""
        return self._due_ns

    def advance(self, now_ns: int) -> None:
        """Let the venue do what is due and send what it says."""
        bursts: dict[int, list[bytes]] = {}
        for due in self.venue.advance(self.venue_ns(now_ns)):
            output = due.output
            if isinstance(output, WsSend):
                data = output.data
                bursts.setdefault(output.conn_id, []).extend((frame_head(len(data)), data))
            else:
                self._flush(bursts)
                self._act(output, now_ns)
        self._flush(bursts)
        self.plan()

    def plan(self) -> None:
        """Ask the venue when it wants to be woken."""
        due_ns = self.venue.next_wake_ns() - self.leap_ns + START_NS
        self._due_ns = min(due_ns, NEVER_NS)

    def _flush(self, bursts: dict[int, list[bytes]]) -> None:
        for conn_id, pieces in bursts.items():
            guest = self._sockets.get(conn_id)
            if guest is not None:
                guest.link.send(b"".join(pieces))
        bursts.clear()

    def _act(self, output: Output, now_ns: int) -> None:
        if isinstance(output, WsClose):
            guest = self._sockets.pop(output.conn_id, None)
            if guest is not None:
                payload = output.code.to_bytes(2, "big") + output.reason.encode()
                guest.link.send(bytes((0x80 | _CLOSE, len(payload))) + payload)
                guest.link.hang_up(resets=False)
        elif isinstance(output, WsReset):
            guest = self._sockets.pop(output.conn_id, None)
            if guest is not None:
                if output.data:
                    head = frame_head(len(output.data))
                    guest.link.send(head + output.data[: output.keep_bytes])
                guest.link.hang_up(resets=True)
        elif not isinstance(output, WsSend):
            self._answer(output, now_ns)

    def _answer(self, output: HttpOutput, now_ns: int) -> None:
        if isinstance(output, HttpReply):
            guest = self._waiting.pop(output.request_id, None)
            if guest is not None:
                guest.link.send(reply_head(output) + output.body)
                guest.answered(now_ns)
            return
        if isinstance(output, HttpSilence):
            self._waiting.pop(output.request_id, None)
            return
        reply = output.reply
        guest = self._waiting.pop(reply.request_id, None)
        if guest is None:
            return
        data = reply_head(reply) + reply.body if reply.status else b""
        size = len(data) - len(reply.body)
        if isinstance(output, HttpReset):
            guest.link.send(data[: output.after_bytes])
        else:
            guest.link.send(data[: size + output.body_bytes])
        guest.link.hang_up(resets=isinstance(output, HttpReset))

    # Guests.

    def accept(self, link: Link, now_ns: int) -> Guest:
        """A connection came."""
        del now_ns
        return Guest(self, link)

    def ask(self, guest: Guest, request: HttpRequest, now_ns: int) -> None:
        """One HTTP request, whole."""
        self._waiting[request.request_id] = guest
        self.venue.http(request, self._catch_up(now_ns))
        self.plan()

    def next_number(self) -> int:
        """A number for a request or a websocket."""
        self._next_number += 1
        return self._next_number

    def open_socket(self, guest: Guest, path: str, now_ns: int) -> int:
        """A websocket is wanted; its number, or an HTTP status that says no (below 1000)."""
        at_ns = self._catch_up(now_ns)
        if self.venue.ws_admit(path, ADDRESS, at_ns):
            return 403
        conn_id = self.next_number() + 1_000
        if not self.venue.ws_open(conn_id, path, at_ns, ADDRESS):
            return 503
        self._sockets[conn_id] = guest
        self.plan()
        return conn_id

    def say(self, conn_id: int, data: bytes, now_ns: int) -> None:
        """A websocket message came."""
        self.venue.ws_message(conn_id, data, self._catch_up(now_ns))
        self.plan()

    def leave(self, conn_id: int, now_ns: int) -> None:
        """A websocket is gone."""
        if self._sockets.pop(conn_id, None) is not None:
            self.venue.ws_close(conn_id, self._catch_up(now_ns))
            self.plan()

    def is_mute(self, kind: str) -> bool:
        """Connections of this kind are kept and never answered."""
        return self.venue.condition.mutes(kind)

    def set_idle(self, idle_ns: int) -> None:
        """Close a connection that asks nothing for so long; 0: never."""
        self.idle_close_ns = idle_ns

    def close_if_idle(self, guest: Guest, after: int) -> None:
        """Later: has it asked anything since?"""
        if guest.requests == after and self.idle_close_ns:
            self.idle_closed += 1
            guest.link.hang_up(resets=False)

    def watch_idle(self, guest: Guest, now_ns: int) -> None:
        """Begin to count a guest's silence."""
        if self.idle_close_ns:
            asked = guest.requests
            self._at(now_ns + self.idle_close_ns, lambda one: self.close_if_idle(one, asked), guest)

    def _catch_up(self, now_ns: int) -> int:
        at_ns = self.venue_ns(now_ns)
        if self._due_ns <= now_ns:
            self.advance(now_ns)
        return at_ns


class Guest:
    """The venue's end of one connection: HTTP until it asks for a websocket."""

    def __init__(self, front: Front, link: Link) -> None:
        self.link = link
        self.requests = 0
        self._front = front
        self._buffer = bytearray()
        self._conn_id = 0
        self._kind = ""

    def received(self, data: bytes, now_ns: int) -> None:
        """Bytes came."""
        self._buffer += data
        while self._buffer and (self._frame(now_ns) if self._conn_id else self._request(now_ns)):
            pass

    def answered(self, now_ns: int) -> None:
        """Its request has been answered."""
        self._front.watch_idle(self, now_ns)

    def lost(self, now_ns: int) -> None:
        """The client is gone."""
        if self._conn_id:
            self._front.leave(self._conn_id, now_ns)

    # HTTP.

    def _request(self, now_ns: int) -> bool:
        request = read_request(self._buffer)
        if request is None:
            return False
        method, target, headers, body = request
        self.requests += 1
        path, _, query = target.partition("?")
        if headers.get("upgrade", "").lower() == "websocket":
            self._upgrade(path, headers, now_ns)
            return True
        incoming = HttpRequest(
            request_id=self._front.next_number(),
            method=method,
            path=path,
            query=query,
            headers=headers,
            body=body,
            address=ADDRESS,
        )
        self._front.ask(self, incoming, now_ns)
        return True

    def _upgrade(self, path: str, headers: dict[str, str], now_ns: int) -> None:
        self._kind = kind_of(path)
        if self._front.is_mute(self._kind):
            return
        conn_id = self._front.open_socket(self, path, now_ns)
        if conn_id < 1_000:
            self.link.send(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % conn_id)
            self.link.hang_up(resets=False)
            return
        self._conn_id = conn_id
        digest = hashlib.sha1(headers["sec-websocket-key"].encode() + _GUID)  # noqa: S324 - RFC 6455
        accept = base64.b64encode(digest.digest())
        self.link.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    # Websockets.

    def _frame(self, now_ns: int) -> bool:
        frame = read_frame(self._buffer)
        if frame is None:
            return False
        kind, payload = frame
        if kind == _CLOSE:
            self._front.leave(self._conn_id, now_ns)
            self.link.hang_up(resets=False)
        elif kind == _PING:
            if not self._front.is_mute(self._kind):
                self.link.send(bytes((0x80 | _PONG, len(payload))) + payload)
        elif kind != _PONG:
            self._front.say(self._conn_id, payload, now_ns)
        return True


def read_request(buffer: bytearray) -> tuple[str, str, dict[str, str], bytes] | None:
    """Take one whole request off the buffer: method, target, headers (lower case), body."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    lines = buffer[:end].decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    size = int(headers.get("content-length", "0"))
    if len(buffer) < end + 4 + size:
        return None
    body = bytes(buffer[end + 4 : end + 4 + size])
    del buffer[: end + 4 + size]
    method, target, _ = lines[0].split(" ")
    return method, target, headers, body


def read_frame(buffer: bytearray) -> tuple[int, bytes] | None:
    """Take one whole client frame off the buffer: opcode and unmasked payload."""
    if len(buffer) < 6:
        return None
    size, at = buffer[1] & 0x7F, 2
    if size == 126:
        size, at = int.from_bytes(buffer[2:4], "big"), 4
    elif size == 127:
        size, at = int.from_bytes(buffer[2:10], "big"), 10
    if len(buffer) < at + 4 + size:
        return None
    mask = bytes(buffer[at : at + 4])
    payload = bytes(buffer[at + 4 : at + 4 + size])
    kind = buffer[0] & 0x0F
    del buffer[: at + 4 + size]
    repeated = (mask * (size // 4 + 1))[:size]
    plain = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return kind, plain.to_bytes(size, "big")
