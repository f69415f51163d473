"""The desks of the websocket venue: what a client's message gets as an answer, per socket.

Each desk speaks one dialect (:mod:`mmfast.sim.ws_dialects`); none knows of sockets or time
beyond what it is handed. The trade socket has its own file, :mod:`mmfast.sim.ws_trade`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from mmfast.sim import ws_dialects as say
from mmfast.sim.seams import Feed
from mmfast.sim.ws_topics import PRIVATE_TOPICS, mixes_forms

MAX_ARGS_CHARS: Final = 21_000
"""Characters of all topics one public connection may be subscribed to."""

# No leading zero: the signature covers the digits as they are, the venue knows the number.
_MS_DIGITS: Final = re.compile(r"[1-9][0-9]{0,17}")

Verify = Callable[[str, int, str, int], int]
"""(api key, expires ms, signature, venue ms) -> 0 or a return code."""


class Session:
    """One connection."""

    __slots__ = (
        "args_chars",
        "authed",
        "conn_id",
        "heard_ns",
        "idle_ns",
        "name",
        "opened_ns",
        "topics",
    )

    def __init__(self, conn_id: int, now_ns: int, idle_ns: int) -> None:
        self.conn_id = conn_id
        self.name = f"{conn_id:020x}-mm"
        self.opened_ns = now_ns
        self.heard_ns = now_ns
        self.idle_ns = idle_ns
        self.authed = False
        self.args_chars = 0
        # A dict, because its order is the order of subscription.
        self.topics: dict[str, None] = {}


class Request:
    """One parsed client message. ``args`` is empty when it was missing."""

    __slots__ = ("args", "fields", "op", "req_id")

    def __init__(self, fields: dict[str, object], id_field: str) -> None:
        self.fields = fields
        self.op = str(fields["op"])
        args = fields.get("args", [])
        self.args: list[object] = args if isinstance(args, list) else []
        req_id = fields.get(id_field)
        self.req_id = None if req_id is None else str(req_id)


class Instant(NamedTuple):
    """One moment on the venue's two clocks."""

    now_ns: int
    venue_ms: int


class Desk(Protocol):
    """Answers the messages of one kind of socket."""

    @property
    def id_field(self) -> str:
        """The name of the client's own request id: ``req_id`` or ``reqId``."""
        ...

    def answer(self, session: Session, request: Request, when: Instant) -> list[bytes]:
        """The messages a request gets, in order."""
        ...

    def malformed(self, session: Session) -> bytes:
        """The answer to bytes that are not a JSON object with an ``op``."""
        ...

    def drop(self, session: Session, topic: str) -> None:
        """End one subscription, if there is one."""
        ...


def read_auth(request: Request) -> tuple[str, int, str] | None:
    """Key, expiry and signature of an ``auth`` request; None when its shape is wrong.

    Clients in the field send the expiry as a number or as its digits in a text.
    """
    match request.args:
        case [str(key), int(expires), str(signature)] if not isinstance(expires, bool):
            return key, expires, signature
        case [str(key), str(digits), str(signature)] if _MS_DIGITS.fullmatch(digits):
            return key, int(digits), signature
        case _:
            return None


def topics_of(request: Request) -> list[str] | None:
    """The topics of a subscribe request; None unless ``args`` is a list of at least one text."""
    topics = [topic for topic in request.args if isinstance(topic, str)]
    return topics if topics and len(topics) == len(request.args) else None


def first_repeat(session: Session, topics: list[str]) -> str | None:
    """The first topic the session has already, or the request names twice."""
    seen = set(session.topics)
    for topic in topics:
        if topic in seen:
            return topic
        seen.add(topic)
    return None


class PublicDesk:
    """``/v5/public/linear``."""

    id_field: Final = "req_id"

    def __init__(self, feed: Feed, subscribers: dict[str, dict[int, Session]]) -> None:
        self._feed = feed
        self._subscribers = subscribers

    def answer(self, session: Session, request: Request, when: Instant) -> list[bytes]:
        """Ping, subscribe and unsubscribe."""
        req_id = request.req_id or ""
        if request.op == "ping":
            return [say.public_pong(session.name, req_id)]
        if request.op not in ("subscribe", "unsubscribe"):
            return [self._refuse(session, request, f"error:unknown op,op:{request.op}")]
        topics = topics_of(request)
        if topics is None:
            return [self._refuse(session, request, "error:args must be a list of topics")]
        if request.op == "unsubscribe":
            for topic in topics:
                self.drop(session, topic)
            return [say.stream_reply("unsubscribe", session.name, req_id)]
        error = self._subscribe_error(session, topics)
        if error:
            return [self._refuse(session, request, error)]
        return [
            say.stream_reply("subscribe", session.name, req_id),
            *self._begin(session, topics, when.now_ns),
        ]

    def malformed(self, session: Session) -> bytes:
        """A refusal that names no operation."""
        return say.stream_reply("", session.name, "", "error:request is not a JSON object with op")

    def drop(self, session: Session, topic: str) -> None:
        """End one subscription, if there is one."""
        if topic not in session.topics:
            return
        del session.topics[topic]
        session.args_chars -= len(topic)
        del self._subscribers[topic][session.conn_id]
        self._feed.unwatch(topic)

    def _refuse(self, session: Session, request: Request, error: str) -> bytes:
        return say.stream_reply(request.op, session.name, request.req_id or "", error)

    def _subscribe_error(self, session: Session, topics: list[str]) -> str:
        """Why the whole request is refused; empty when it is not."""
        unknown = next((topic for topic in topics if not self._feed.known(topic)), None)
        if unknown is not None:
            return f"error:handler not found,topic:{unknown}"
        again = first_repeat(session, topics)
        if again is not None:
            return f"error:already subscribed,topic:{again}"
        if session.args_chars + sum(map(len, topics)) > MAX_ARGS_CHARS:
            return f"error:args of one connection exceed {MAX_ARGS_CHARS} characters"
        return ""

    def _begin(self, session: Session, topics: list[str], now_ns: int) -> list[bytes]:
        snapshots: list[bytes] = []
        for topic in topics:
            session.topics[topic] = None
            session.args_chars += len(topic)
            self._subscribers.setdefault(topic, {})[session.conn_id] = session
            self._feed.watch(topic, now_ns)
            frame = self._feed.snapshot(topic, now_ns)
            if frame is not None:
                snapshots.append(frame)
        return snapshots


class PrivateDesk:
    """``/v5/private``."""

    id_field: Final = "req_id"

    def __init__(self, verify: Verify, subscribers: dict[str, dict[int, Session]]) -> None:
        self._verify = verify
        self._subscribers = subscribers

    def answer(self, session: Session, request: Request, when: Instant) -> list[bytes]:
        """Ping, auth, subscribe and unsubscribe."""
        if request.op == "ping":
            return [say.private_pong(session.name, request.req_id, when.venue_ms)]
        if request.op == "auth":
            return [say.private_auth(session.name, self._auth(session, request, when.venue_ms))]
        error = self._apply(session, request)
        return [say.stream_reply(request.op, session.name, request.req_id, error)]

    def malformed(self, session: Session) -> bytes:
        """A refusal that names no operation."""
        return say.stream_reply("", session.name, None, "Param Error")

    def drop(self, session: Session, topic: str) -> None:
        """End one subscription, if there is one."""
        if topic in session.topics:
            del session.topics[topic]
            del self._subscribers[topic][session.conn_id]

    def _auth(self, session: Session, request: Request, venue_ms: int) -> int:
        if session.authed:
            return 20001
        auth = read_auth(request)
        code = 10001 if auth is None else self._verify(*auth, venue_ms)
        session.authed = code == 0
        return code

    def _apply(self, session: Session, request: Request) -> str:
        """Subscribe or unsubscribe; returns why it was refused, or nothing."""
        if request.op not in ("subscribe", "unsubscribe"):
            return f"error:unknown op,op:{request.op}"
        if not session.authed:
            return "Request not authorized"
        topics = topics_of(request)
        if topics is None:
            return "Param Error"
        if request.op == "unsubscribe":
            for topic in topics:
                self.drop(session, topic)
            return ""
        error = self._subscribe_error(session, topics)
        if not error:
            for topic in topics:
                session.topics[topic] = None
                self._subscribers.setdefault(topic, {})[session.conn_id] = session
        return error

    def _subscribe_error(self, session: Session, topics: list[str]) -> str:
        unknown = next((topic for topic in topics if topic not in PRIVATE_TOPICS), None)
        if unknown is not None:
            return f"error:handler not found,topic:{unknown}"
        if mixes_forms(topics):
            return "error:all-in-one and categorised topics in one request"
        again = first_repeat(session, topics)
        return "" if again is None else f"error:already subscribed,topic:{again}"
