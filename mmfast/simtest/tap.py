"""The tap on the engine's side of the wire: every byte that leaves or comes, understood.

It feeds the checks with requests, replies, books and connections as the engine's host had them,
and the trace with all that left. Requests count from the instant their last byte was written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any, Final, Protocol

import orjson

from mmfast.simtest import reading
from mmfast.simtest.front import read_frame, read_request
from mmfast.simtest.network import Link
from mmfast.simtest.reading import OrderRequest

PRIVATE: Final = "private"
PUBLIC: Final = "public"
TRADE: Final = "trade"
HTTP: Final = "http"
#: Whole or not at all: a frame may have been cut in the middle of it.
_REQ_ID: Final = re.compile(rb'"reqId":"([^"]*)"')


class Checks(Protocol):
    """Who is told."""

    def http_left(self, link: Link, method: str, path: str, now_ns: int) -> None:
        """Any HTTP request left."""
        ...

    def order_left(self, key: tuple[int, str], request: OrderRequest, now_ns: int) -> None:
        """An order request left; ``key`` names it in :meth:`order_over`."""
        ...

    def order_over(self, key: tuple[int, str], *, answered: bool, limit: int, now_ns: int) -> None:
        """Its reply was read whole, or its connection is over. ``limit``: of its endpoint, as
        the reply says; -1 if it does not."""
        ...

    def banned(self, now_ns: int) -> None:
        """A reply with status 403 was read."""
        ...

    def book(self, symbol: str, kind: str, update: int, now_ns: int) -> None:
        """A frame of a book was read."""
        ...

    def executions(self, exec_ids: list[str]) -> None:
        """Reports of executions were read."""
        ...

    def stream(self, kind: str, *, up: bool, now_ns: int) -> None:
        """A stream has all its topics, or is over."""
        ...

    def heard(self, kind: str, now_ns: int) -> None:
        """Anything was read on a stream."""
        ...


class _Ear:
    """What is known of one connection."""

    def __init__(self) -> None:
        self.kind = HTTP
        self.out = bytearray()
        self.replies = reading.Replies()
        self.frames = reading.Frames()
        self.upgraded = False
        self.greeting: bytearray | None = bytearray()
        """The answer to the upgrade as far as it was read; None behind it."""
        self.waiting: dict[str, None] = {}
        self.requests = 0
        self.up = False


class Tap:
    """See the module. ``digest`` covers every byte that left but masks, keys of handshakes, and
    what signs them (times are inside)."""

    def __init__(self, checks: Checks) -> None:
        self.checks = checks
        self.digest = hashlib.sha256()
        self.connections = 0
        self.most_open = 0
        self.news: Callable[[bytes, int], None] = _unheard
        """Told every frame of the private stream and every HTTP body that is read."""
        self.left: Callable[[OrderRequest, int], None] = _unheard
        """Told every order request that leaves."""
        self._ears: dict[int, _Ear] = {}

    def open_now(self) -> int:
        """Connections the engine holds."""
        return len(self._ears)

    def opened(self, link: Link, now_ns: int) -> None:
        """See :class:`mmfast.simtest.network.Tap`."""
        del now_ns
        self._ears[link.number] = _Ear()
        self.connections += 1
        self.most_open = max(self.most_open, len(self._ears))

    def wrote(self, link: Link, data: bytes, now_ns: int) -> None:
        """Bytes left."""
        ear = self._ears[link.number]
        ear.out += data
        while ear.out:
            if ear.upgraded:
                frame = read_frame(ear.out)
                if frame is None:
                    return
                self._said(link, ear, frame[1], now_ns)
            elif not self._asked(link, ear, now_ns):
                return

    def read(self, link: Link, data: bytes, now_ns: int) -> None:
        """Bytes came."""
        ear = self._ears[link.number]
        if ear.kind is HTTP:
            for reply in ear.replies.feed(data):
                if reply.status == 403:
                    self.checks.banned(now_ns)
                self.news(reply.body, now_ns)
                name = next(iter(ear.waiting), "")
                self._over(link, ear, name, now_ns, answered=True, limit=reply.limit)
            return
        if ear.greeting is not None:
            ear.greeting += data
            end = ear.greeting.find(b"\r\n\r\n")
            if end < 0:
                return
            data, ear.greeting = bytes(ear.greeting[end + 4 :]), None
        self.checks.heard(ear.kind, now_ns)
        for frame in ear.frames.feed(data):
            self._told(link, ear, frame, now_ns)

    def ended(self, link: Link, now_ns: int) -> None:
        """A connection is over for the engine."""
        ear = self._ears.pop(link.number)
        for name in list(ear.waiting):
            self._over(link, ear, name, now_ns, answered=False)
        if ear.up:
            self.checks.stream(ear.kind, up=False, now_ns=now_ns)

    # Out.

    def _asked(self, link: Link, ear: _Ear, now_ns: int) -> bool:
        request = read_request(ear.out)
        if request is None:
            return False
        method, target, headers, body = request
        path, _, query = target.partition("?")
        if headers.get("upgrade", "").lower() == "websocket":
            ear.upgraded = True
            ear.kind = path.split("/")[2]
            self._note(now_ns, b"socket " + path.encode())
            return True
        self._note(now_ns, f"{method} {path} {query} ".encode() + body)
        self.checks.http_left(link, method, path, now_ns)
        ear.requests += 1
        name = str(ear.requests)
        ear.waiting[name] = None
        order = reading.order_request(path, headers, body)
        if order is not None:
            self._ordered((link.number, name), order, now_ns)
        return True

    def _said(self, link: Link, ear: _Ear, payload: bytes, now_ns: int) -> None:
        self._note(now_ns, payload)
        if ear.kind != TRADE or not payload.startswith(b"{"):
            return
        message = orjson.loads(payload)
        request = reading.socket_request(message)
        if request is not None:
            name = str(message["reqId"])
            ear.waiting[name] = None
            self._ordered((link.number, name), request, now_ns)

    def _ordered(self, key: tuple[int, str], request: OrderRequest, now_ns: int) -> None:
        self.checks.order_left(key, request, now_ns)
        self.left(request, now_ns)

    def _note(self, now_ns: int, what: bytes) -> None:
        self.digest.update(b"%d %b\n" % (now_ns, what))

    # In.

    def _told(self, link: Link, ear: _Ear, frame: bytes, now_ns: int) -> None:
        if ear.kind == PRIVATE:
            self.news(frame, now_ns)
        if ear.kind == PUBLIC:
            mark = reading.book_mark(frame)
            if mark is not None:
                self.checks.book(*mark, now_ns)
                return
        elif ear.kind == PRIVATE and (exec_ids := reading.executions(frame)):
            self.checks.executions(exec_ids)
            return
        if ear.kind == TRADE and (named := _REQ_ID.search(frame, 0, 160)):
            limit = reading.limit_of(frame)
            self._over(link, ear, named[1].decode(), now_ns, answered=True, limit=limit)
        done = b'"op":"auth"' if ear.kind == TRADE else b'"op":"subscribe"'
        good = b'"success":true' in frame or b'"retCode":0' in frame
        if not ear.up and done in frame and good:
            ear.up = True
            self.checks.stream(ear.kind, up=True, now_ns=now_ns)

    def _over(
        self, link: Link, ear: _Ear, name: str, now_ns: int, *, answered: bool, limit: int = -1
    ) -> None:
        if name in ear.waiting:
            del ear.waiting[name]
            key = link.number, name
            self.checks.order_over(key, answered=answered, limit=limit, now_ns=now_ns)


def _unheard(_what: Any, _now_ns: int) -> None:  # noqa: ANN401
    """Nobody listens."""
