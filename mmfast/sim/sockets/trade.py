"""The trade socket: ``/v5/trade``. The same commands as over REST, from the same budgets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, Protocol

from mmfast.sim.access.calls import Answer
from mmfast.sim.limits.budgets import Grant
from mmfast.sim.limits.connections import REQUEST_PERIOD_NS, RollingCount, WsLimits
from mmfast.sim.refusals import (
    BAD_KEY,
    BAD_PARAMETER,
    BAD_SIGNATURE,
    BAD_TIMESTAMP,
    THROTTLED,
    Refusal,
    bad_parameter,
)
from mmfast.sim.service import RESTARTING, Verdict
from mmfast.sim.sockets import dialects as say
from mmfast.sim.sockets.desks import Door, Instant, Request, Session, sign_on

PATHS: Final = {
    f"order.{name}": f"/v5/order/{name}"
    for name in ("create", "amend", "cancel", "create-batch", "amend-batch", "cancel-batch")
}
"""Each operation and the REST path that does the same."""
UNKNOWN_OP: Final = 10404
TOO_MANY_OF_ADDRESS: Final = 10403
TOO_MANY_OF_SESSION: Final = 20003
REPEATED_ID: Final = 20006
MAX_ID_CHARS: Final = 36

_MAX_IDS: Final = 1 << 17
"""Request ids remembered per connection, the newest: what is older may be used again here."""


class Commands(Protocol):
    """Who carries out order commands; :class:`mmfast.sim.rest.door.Router` is one."""

    def command(
        self,
        uid: int,
        path: str,
        params: Mapping[str, object],
        now_ns: int,
        venue_ms: int,
        since_ns: int = 0,
    ) -> Verdict:
        """Do it, and tell how it ended; ``since_ns`` is when the connection was opened."""
        ...

    def budget(
        self, uid: int, path: str, now_ns: int, venue_ms: int, category: str = ""
    ) -> Grant | None:
        """What is left of a budget."""
        ...


class TradeDesk:
    """Authentication, heartbeat and the six order operations.

    ``categories`` are the words of those the venue lists.
    """

    id_field: Final = "reqId"

    def __init__(
        self, door: Door, commands: Commands, categories: Collection[str], limits: WsLimits
    ) -> None:
        self._door = door
        self._commands = commands
        self._categories = frozenset(categories)
        self._max_sessions = limits.trade_sessions
        self._by_address = RollingCount(limits.trade_requests_per_s, REQUEST_PERIOD_NS)
        self._by_session = RollingCount(limits.trade_requests_per_session_s, REQUEST_PERIOD_NS)
        # Connections of each account, and the request ids each connection has used.
        self._sessions: dict[int, dict[int, None]] = {}
        self._ids: dict[int, dict[str, None]] = {}
        self._answers = 0

    def answer(self, session: Session, request: Request, when: Instant) -> list[bytes]:
        """Ping, auth and order operations."""
        if request.op == "ping":
            return [say.trade_pong(session.name, request.req_id, when.venue_ms)]
        if request.op == "auth":
            return [self._auth(session, request, when)]
        verdict = self._decide(session, request, when)
        self._answers += 1
        trace = {
            "Traceid": f"{session.conn_id:016x}{self._answers:016x}",
            "Timenow": str(when.venue_ms),
        }
        return [say.trade_verdict(request.op, session.name, request.req_id, verdict, trace)]

    def malformed(self, session: Session) -> bytes:
        """A parameter error that names no operation."""
        return say.trade_reply("", session.name, BAD_PARAMETER)

    def gone(self, session: Session, now_ns: int) -> None:  # noqa: ARG002
        """Free its place; what it asked for stays done."""
        self._ids.pop(session.conn_id, None)
        self._by_session.drop(session.conn_id)
        sessions = self._sessions.get(session.uid, {})
        sessions.pop(session.conn_id, None)

    def _auth(self, session: Session, request: Request, when: Instant) -> bytes:
        code = sign_on(self._door, session, request, when)
        text = ""
        if code == 0:
            sessions = self._sessions.setdefault(session.uid, {})
            if len(sessions) < self._max_sessions:
                sessions[session.conn_id] = None
            else:
                session.uid = 0
                code, text = BAD_KEY, say.TOO_MANY_SESSIONS
        return say.trade_reply("auth", session.name, code, request.req_id, text)

    def _decide(self, session: Session, request: Request, when: Instant) -> Verdict:
        """How an order operation ends; a refusal here costs nothing of the account's budget."""
        path = PATHS.get(request.op)
        try:
            if not session.authed:
                raise _refusal(BAD_SIGNATURE)
            if path is None:
                raise _refusal(UNKNOWN_OP)
            self._admit(session, request, when)
            body = self._body(request)
            verdict = self._commands.command(
                session.uid, path, body, when.now_ns, when.venue_ms, session.opened_ns
            )
        except Refusal as no:
            verdict = Verdict(no.code, no.text, Answer())
        if verdict.code in _OWN_WORDS:
            verdict = verdict._replace(text=say.TRADE_TEXTS[verdict.code])
        if verdict.grant is None and session.authed and path is not None:
            # The header tells the budget of every operation, also of one that took nothing.
            grant = self._commands.budget(
                session.uid, path, when.now_ns, when.venue_ms, _category(request)
            )
            verdict = verdict._replace(grant=grant)
        return verdict

    def _admit(self, session: Session, request: Request, when: Instant) -> None:
        """Limits of address and connection, the request's id, its time."""
        if not self._by_address.admit(session.ip, when.now_ns):
            raise _refusal(TOO_MANY_OF_ADDRESS)
        if not self._by_session.admit(session.conn_id, when.now_ns):
            raise _refusal(TOO_MANY_OF_SESSION)
        self._note_id(session, request)
        header = request.fields.get("header")
        if not isinstance(header, dict):
            raise bad_parameter("params error: header with X-BAPI-TIMESTAMP is needed")
        stamp, window = _ms_text(header.get(_TIMESTAMP)), _ms_text(header.get(_RECV_WINDOW))
        try:
            self._door.check_time(stamp, window, when.venue_ms)
        except Refusal as no:
            raise (_refusal(BAD_TIMESTAMP) if no.code == BAD_TIMESTAMP else no) from None

    def _note_id(self, session: Session, request: Request) -> None:
        found = request.fields.get(self.id_field)
        if found is None:
            return
        if not isinstance(found, str) or len(found) > MAX_ID_CHARS:
            raise bad_parameter(
                f"params error: reqId must be a text of at most {MAX_ID_CHARS} characters"
            )
        used = self._ids.setdefault(session.conn_id, {})
        if found in used:
            raise _refusal(REPEATED_ID)
        used[found] = None
        if len(used) > _MAX_IDS:
            del used[next(iter(used))]

    def _body(self, request: Request) -> dict[str, object]:
        """The REST body inside ``args``."""
        match request.args:
            case [dict() as body]:
                if _category(request) not in self._categories:
                    raise Refusal(UNKNOWN_OP, say.BAD_CATEGORY)
                return body
            case _:
                raise bad_parameter("params error: args must hold exactly one object")


_OWN_WORDS: Final = (THROTTLED, RESTARTING)
"""Codes whose texts differ from those of REST."""
_TIMESTAMP: Final = "X-BAPI-TIMESTAMP"
_RECV_WINDOW: Final = "X-BAPI-RECV-WINDOW"


def _category(request: Request) -> str:
    """The category an operation names; empty when it names none."""
    match request.args:
        case [{"category": str(category)}]:
            return category
        case _:
            return ""


def _refusal(code: int) -> Refusal:
    return Refusal(code, say.TRADE_TEXTS[code])


def _ms_text(value: object) -> str:
    """Clients in the field send times as texts and as numbers; nothing stands for "not sent"."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
