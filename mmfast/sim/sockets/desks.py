"""What the desks of the websocket venue share: a connection, a message, a door.

Each desk answers one kind of socket in its own dialect: :mod:`mmfast.sim.sockets.public`,
:mod:`mmfast.sim.sockets.private`, :mod:`mmfast.sim.sockets.trade`. None knows of sockets or time
beyond what it is handed.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Protocol

from mmfast.units import NS_PER_MS

# No leading zero: the signature covers the digits as they are, the venue knows the number.
_MS_DIGITS: Final = re.compile(r"[1-9][0-9]{0,17}")


class Door(Protocol):
    """Who may come in; :class:`mmfast.sim.access.auth.Doorkeeper` is one."""

    def admit_stream(
        self, api_key: str, expires_ms: int, sign: str, venue_ms: int, age_ms: int
    ) -> int:
        """Return code of an ``auth``: 0, 10001 when expired, 10003 or 10004. ``age_ms`` is how
        long its connection has been open."""
        ...

    def uid_of(self, api_key: str) -> int:
        """The account behind a key that was let in."""
        ...

    def check_time(self, time_text: str, window_text: str, venue_ms: int) -> None:
        """Raises :class:`~mmfast.sim.refusals.Refusal` for a time outside its window."""
        ...


class Session:
    """One connection."""

    __slots__ = (
        "args_chars",
        "conn_id",
        "heard_ns",
        "idle_ns",
        "ip",
        "name",
        "opened_ns",
        "topics",
        "uid",
    )

    def __init__(self, conn_id: int, now_ns: int, idle_ns: int, ip: str) -> None:
        self.conn_id = conn_id
        self.ip = ip
        self.name = f"{conn_id:020x}-mm"
        self.opened_ns = now_ns
        self.heard_ns = now_ns
        self.idle_ns = idle_ns
        self.uid = 0
        """The account that authenticated; 0: nobody has."""
        self.args_chars = 0
        # A dict, because its order is the order of subscription.
        self.topics: dict[str, None] = {}

    @property
    def authed(self) -> bool:
        """True after an ``auth`` that was accepted."""
        return self.uid != 0


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

    def gone(self, session: Session, now_ns: int) -> None:
        """The connection is dead: nothing of it is remembered."""
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


def sign_on(door: Door, session: Session, request: Request, when: Instant) -> int:
    """Return code of an ``auth`` request; the session is its account's when it is 0."""
    if session.authed:
        return 20001
    auth = read_auth(request)
    if auth is None:
        return 10001
    age_ms = (when.now_ns - session.opened_ns) // NS_PER_MS
    code = door.admit_stream(*auth, when.venue_ms, age_ms)
    if code == 0:
        session.uid = door.uid_of(auth[0])
    return code


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
