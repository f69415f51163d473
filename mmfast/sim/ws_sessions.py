"""Websocket sessions of the venue, sans-IO: who is connected, authenticated and subscribed.

The desks (:mod:`mmfast.sim.ws_desks`, :mod:`mmfast.sim.ws_trade`) answer; :class:`WsSessions`
keeps the registry, delivers what the exchange publishes and closes what has gone quiet.
"""

from __future__ import annotations

import re
from typing import Final

import orjson

from mmfast.sim import ws_dialects as say
from mmfast.sim.params import VenueParams
from mmfast.sim.seams import Feed
from mmfast.sim.wire import WsClose, WsSend
from mmfast.sim.ws_desks import Desk, Instant, PrivateDesk, PublicDesk, Request, Session, Verify
from mmfast.sim.ws_topics import fast_rows, forms
from mmfast.sim.ws_trade import TradeDesk
from mmfast.units import NS_PER_S, Ns

NEVER_NS: Final = Ns(1 << 62)
IDLE_NS: Final = 600 * NS_PER_S
"""A private or trade connection that says nothing for so long is closed."""
SCAN_NS: Final = 30 * NS_PER_S
"""How often the venue looks for such connections, so that one lives up to this much longer."""
AUTH_GRACE_NS: Final = 30 * NS_PER_S
"""A private or trade connection that has not authenticated by then is closed as well. Our own
rule: the venue does not publish its figure."""

PUBLIC_PATH: Final = "/v5/public/linear"
PRIVATE_PATH: Final = "/v5/private"
TRADE_PATH: Final = "/v5/trade"

_GOING_AWAY: Final = 1001
_MAX_ACTIVE: Final = re.compile(r"(?:^|&)max_active_time=(\d{1,3})([sm])(?:&|$)")
_SECONDS: Final = {"s": 1, "m": 60}
_MIN_IDLE_NS: Final = 30 * NS_PER_S

Output = WsSend | WsClose


class WsSessions:
    """All websocket connections of one venue.

    ``verify`` decides over the ``auth`` of the private and trade sockets. The venue has one
    account, so every authenticated private connection is its owner's.
    """

    def __init__(self, params: VenueParams, verify: Verify, feed: Feed) -> None:
        self._feed = feed
        self._sessions: dict[int, tuple[Session, Desk]] = {}
        # Topic to its connections, in the order they subscribed; topics never overlap between
        # the public and the private socket.
        self._subscribers: dict[str, dict[int, Session]] = {}
        self._public = PublicDesk(feed, self._subscribers)
        self._private = PrivateDesk(verify, self._subscribers)
        self._trade = TradeDesk(verify)
        self._messages = 0
        self._scan_ns: int = NEVER_NS
        self._stamp = params.seed

    def open(self, conn_id: int, path: str, now_ns: int) -> bool:
        """A client asks for ``path`` (its ``?query`` may follow). False: there is no such
        socket. ``conn_id`` must be fresh."""
        path, _, query = path.partition("?")
        desk: Desk
        if path == PUBLIC_PATH:
            desk = self._public
        elif path == PRIVATE_PATH:
            desk = self._private
        elif path == TRADE_PATH:
            desk = self._trade
        else:
            return False
        idle_ns = NEVER_NS if desk is self._public else _idle_ns(query)
        self._sessions[conn_id] = (Session(conn_id, now_ns, idle_ns), desk)
        if desk is not self._public and self._scan_ns == NEVER_NS:
            self._scan_ns = now_ns + SCAN_NS
        return True

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

    def close(self, conn_id: int) -> None:
        """The connection is gone; nothing of it is remembered."""
        entry = self._sessions.pop(conn_id, None)
        if entry is None:
            return
        session, desk = entry
        for topic in list(session.topics):
            desk.drop(session, topic)

    def publish(self, topic: str, frame: bytes) -> list[WsSend]:
        """One public message to every subscriber of its topic."""
        subscribers = self._subscribers.get(topic)
        return [WsSend(conn_id, frame) for conn_id in subscribers] if subscribers else []

    def private(
        self, uid: int, root: str, category: str, rows: list[dict[str, object]], venue_ms: int
    ) -> list[WsSend]:
        """One message of the account's streams, in each form somebody subscribed to.

        Executions also go out as ``execution.fast``, before the full form.
        """
        out: list[WsSend] = []
        if root == "execution":
            trades = fast_rows(rows)
            if trades:
                out += self._tell(uid, forms("execution.fast", category), trades, venue_ms)
        return out + self._tell(uid, forms(root, category), rows, venue_ms)

    def tick(self, now_ns: int) -> list[Output]:
        """Close connections that said nothing for too long or never authenticated."""
        if now_ns < self._scan_ns:
            return []
        late = [
            (session.conn_id, reason)
            for session, desk in self._sessions.values()
            if desk is not self._public and (reason := _lateness(session, now_ns))
        ]
        for conn_id, _ in late:
            self.close(conn_id)
        scanned = any(desk is not self._public for _, desk in self._sessions.values())
        self._scan_ns = now_ns + SCAN_NS if scanned else NEVER_NS
        return [WsClose(conn_id, _GOING_AWAY, reason) for conn_id, reason in late]

    def next_due_ns(self) -> Ns:
        """When :meth:`tick` wants to run next."""
        return Ns(self._scan_ns)

    def _tell(
        self, uid: int, topics: tuple[str, ...], rows: list[dict[str, object]], venue_ms: int
    ) -> list[WsSend]:
        out: list[WsSend] = []
        message_id = ""
        for topic in topics:
            subscribers = self._subscribers.get(topic)
            if not subscribers:
                continue
            if not message_id:
                self._messages += 1
                message_id = f"{uid}_{self._stamp}_{self._messages}"
            frame = say.private_message(message_id, topic, venue_ms, rows)
            out += [WsSend(conn_id, frame) for conn_id in subscribers]
        return out


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
