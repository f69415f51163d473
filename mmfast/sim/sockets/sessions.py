"""Websocket sessions of the venue, sans-IO: who is connected, authenticated and subscribed.

The desks (:mod:`mmfast.sim.sockets.public`, :mod:`mmfast.sim.sockets.private`,
:mod:`mmfast.sim.sockets.trade`) answer; :class:`WsSessions` keeps the registry, delivers what the
exchange publishes and closes what has gone quiet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import orjson

from mmfast.messages import Category
from mmfast.sim.access.dcp import DcpDesk
from mmfast.sim.feed.status import TOPIC, Notice, StatusBoard
from mmfast.sim.limits.connections import CONNECT_PERIOD_NS, RollingCount
from mmfast.sim.params import VenueParams
from mmfast.sim.seams import Topics
from mmfast.sim.sockets import dialects as say
from mmfast.sim.sockets.desks import Desk, Door, Instant, Request, Session
from mmfast.sim.sockets.private import PrivateDesk
from mmfast.sim.sockets.public import PublicDesk
from mmfast.sim.sockets.styles import FuturesStyle, OptionStyle, PublicStyle, SpotStyle
from mmfast.sim.sockets.topics import fast_rows, forms
from mmfast.sim.sockets.trade import Commands, TradeDesk
from mmfast.sim.wire import Output, WsClose, WsSend
from mmfast.units import NEVER_NS, NS_PER_S, Ns

IDLE_NS: Final = 600 * NS_PER_S
"""A private or trade connection that says nothing for so long is closed."""
SCAN_NS: Final = 30 * NS_PER_S
"""How often the venue looks for such connections, so that one lives up to this much longer."""
AUTH_GRACE_NS: Final = 30 * NS_PER_S
"""A private or trade connection that has not authenticated by then is closed as well. Our own
rule: the venue does not publish its figure."""

PUBLIC_PATH: Final = "/v5/public/"
STATUS_PATH: Final = "/v5/public/misc/status"
PRIVATE_PATH: Final = "/v5/private"
TRADE_PATH: Final = "/v5/trade"

_GOING_AWAY: Final = 1001
_MAX_ACTIVE: Final = re.compile(r"(?:^|&)max_active_time=(\d{1,3})([sm])(?:&|$)")
_SECONDS: Final = {"s": 1, "m": 60}
_MIN_IDLE_NS: Final = 30 * NS_PER_S

_STYLES: Final[dict[Category, PublicStyle]] = {
    Category.LINEAR: FuturesStyle(),
    Category.INVERSE: FuturesStyle(),
    Category.SPOT: SpotStyle(),
    Category.OPTION: OptionStyle(),
}


class WsSessions:
    """All websocket connections of one venue."""

    def __init__(
        self,
        params: VenueParams,
        door: Door,
        feeds: Mapping[Category, Topics],
        commands: Commands,
        dcp: DcpDesk,
    ) -> None:
        self._limits = params.ws_limits
        self._sessions: dict[int, tuple[Session, Desk]] = {}
        self.board = StatusBoard()
        self._public_of = {
            category: PublicDesk(feed, _STYLES[category]) for category, feed in feeds.items()
        }
        self._public = {
            f"{PUBLIC_PATH}{category.text}": desk for category, desk in self._public_of.items()
        }
        self._public[STATUS_PATH] = PublicDesk(self.board, FuturesStyle())
        self._private = PrivateDesk(door, dcp)
        words = [category.text for category, some in params.listed().items() if some]
        self.trade = TradeDesk(door, commands, words, params.ws_limits)
        self._desks: dict[str, Desk] = {
            **self._public,
            PRIVATE_PATH: self._private,
            TRADE_PATH: self.trade,
        }
        self._connects = RollingCount(params.ws_limits.connects_per_5_min, CONNECT_PERIOD_NS)
        self._messages = 0
        self._scan_ns: int = NEVER_NS
        self._stamp = params.seed

    def admit(self, path: str, ip: str, now_ns: int) -> str:
        """Why an address may open no connection to ``path`` now; empty when it may.

        Every call counts as one attempt of the address.
        """
        if not self._connects.admit(ip, now_ns):
            return "too many new connections"
        desk = self._public.get(path.partition("?")[0])
        if desk is None:
            return ""
        full = desk.connections.get(ip, 0) >= self._limits.public_connections
        return "too many connections" if full else ""

    def open(self, conn_id: int, path: str, now_ns: int, ip: str = "") -> bool:
        """A client asks for ``path`` (its ``?query`` may follow). False: there is no such
        socket. ``conn_id`` must be fresh."""
        path, _, query = path.partition("?")
        desk = self._desks.get(path)
        if desk is None:
            return False
        is_public = isinstance(desk, PublicDesk)
        session = Session(conn_id, now_ns, NEVER_NS if is_public else _idle_ns(query), ip)
        self._sessions[conn_id] = (session, desk)
        if isinstance(desk, PublicDesk):
            desk.welcome(session)
        elif self._scan_ns == NEVER_NS:
            self._scan_ns = now_ns + SCAN_NS
        return True

    def is_trade(self, conn_id: int) -> bool:
        """True for a connection to the trade socket."""
        entry = self._sessions.get(conn_id)
        return entry is not None and entry[1] is self.trade

    def message(self, conn_id: int, data: bytes, now_ns: int, venue_ms: int) -> list[Output]:
        """One text message of a client; returns the answers, in order."""
        entry = self._sessions.get(conn_id)
        if entry is None:
            return []
        session, desk = entry
        session.heard_ns = now_ns
        request = _parse(data, desk.id_field)
        if request is None:
            return [WsSend(conn_id, desk.malformed(session))]
        answers = desk.answer(session, request, Instant(now_ns, venue_ms))
        return [WsSend(conn_id, answer) for answer in answers]

    def close(self, conn_id: int, now_ns: int) -> None:
        """The connection is gone; nothing of it is remembered."""
        entry = self._sessions.pop(conn_id, None)
        if entry is not None:
            session, desk = entry
            desk.gone(session, now_ns)

    def publish(self, category: Category, topic: str, frame: bytes) -> list[Output]:
        """One public message to every subscriber of its topic."""
        subscribers = self._public_of[category].subscribers(topic)
        return [WsSend(conn_id, frame) for conn_id in subscribers]

    def announce(self, notice: Notice, venue_ms: int) -> list[Output]:
        """Put up a notice of the venue's state and tell it to who listens."""
        frame = self.board.announce(notice, venue_ms)
        return [WsSend(conn_id, frame) for conn_id in self._public[STATUS_PATH].subscribers(TOPIC)]

    def private(
        self, uid: int, root: str, category: str, rows: list[dict[str, object]], venue_ms: int
    ) -> list[Output]:
        """One message of the account's streams, in each form somebody subscribed to.

        Executions also go out as ``execution.fast``, before the full form and without an id.
        """
        out: list[Output] = []
        if root == "execution":
            trades = fast_rows(rows)
            if trades:
                for topic in forms("execution.fast", category):
                    self._tell(out, uid, topic, "", trades, venue_ms)
        self._messages += 1
        message_id = f"{uid}_{self._stamp}_{self._messages}"
        for topic in forms(root, category):
            self._tell(out, uid, topic, message_id, rows, venue_ms)
        return out

    def tick(self, now_ns: int) -> list[Output]:
        """Close connections that said nothing for too long or never authenticated."""
        if now_ns < self._scan_ns:
            return []
        late = [
            (session.conn_id, reason)
            for session, desk in self._sessions.values()
            if not isinstance(desk, PublicDesk) and (reason := _lateness(session, now_ns))
        ]
        for conn_id, _ in late:
            self.close(conn_id, now_ns)
        scanned = any(not isinstance(desk, PublicDesk) for _, desk in self._sessions.values())
        self._scan_ns = now_ns + SCAN_NS if scanned else NEVER_NS
        return [WsClose(conn_id, _GOING_AWAY, reason) for conn_id, reason in late]

    def next_due_ns(self) -> Ns:
        """When :meth:`tick` wants to run next."""
        return Ns(self._scan_ns)

    def _tell(
        self,
        out: list[Output],
        uid: int,
        topic: str,
        message_id: str,
        rows: list[dict[str, object]],
        venue_ms: int,
    ) -> None:
        subscribers = self._private.subscribers(uid, topic)
        if subscribers:
            frame = say.private_message(message_id, topic, venue_ms, rows)
            out += [WsSend(conn_id, frame) for conn_id in subscribers]


def _parse(data: bytes, id_field: str) -> Request | None:
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict) or not isinstance(fields.get("op"), str):
        return None
    return Request(fields, id_field)


def _idle_ns(query: str) -> int:
    """The idle limit a client asked for, within the venue's 30 s to 10 min."""
    asked = _MAX_ACTIVE.search(query)
    if asked is None:
        return IDLE_NS
    return min(max(int(asked[1]) * _SECONDS[asked[2]] * NS_PER_S, _MIN_IDLE_NS), IDLE_NS)


def _lateness(session: Session, now_ns: int) -> str:
    if now_ns - session.heard_ns >= session.idle_ns:
        return "idle"
    if not session.authed and now_ns - session.opened_ns >= AUTH_GRACE_NS:
        return "not authenticated"
    return ""
