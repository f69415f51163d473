"""The private socket: ``/v5/private``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from mmfast.sim.access.dcp import PRODUCT_OF_TOPIC, DcpDesk
from mmfast.sim.sockets import dialects as say
from mmfast.sim.sockets.desks import (
    Door,
    Instant,
    Request,
    Session,
    first_repeat,
    sign_on,
    topics_of,
)
from mmfast.sim.sockets.topics import PRIVATE_TOPICS, mixes_forms


class PrivateDesk:
    """Accounts' streams: each connection hears of the account it authenticated as."""

    id_field: Final = "req_id"

    def __init__(self, door: Door, dcp: DcpDesk) -> None:
        self._door = door
        self._dcp = dcp
        # Account and topic to the connections, in the order they subscribed.
        self._subscribers: dict[tuple[int, str], dict[int, Session]] = {}

    def subscribers(self, uid: int, topic: str) -> Collection[int]:
        """The connections a message of this account and topic goes to."""
        return self._subscribers.get((uid, topic), ())

    def answer(self, session: Session, request: Request, when: Instant) -> list[bytes]:
        """Ping, auth, subscribe and unsubscribe."""
        if request.op == "ping":
            self._dcp.ping(session.uid, session.conn_id, when.now_ns)
            return [say.private_pong(session.name, request.req_id, when.venue_ms)]
        if request.op == "auth":
            code = sign_on(self._door, session, request, when)
            return [say.private_auth(session.name, code)]
        error = self._apply(session, request, when.now_ns)
        return [say.stream_reply(request.op, session.name, request.req_id, error)]

    def malformed(self, session: Session) -> bytes:
        """A refusal that names no operation."""
        return say.stream_reply("", session.name, None, "Param Error")

    def gone(self, session: Session, now_ns: int) -> None:
        """End all subscriptions; disconnect protection takes it as a death."""
        for topic in list(session.topics):
            if topic in PRODUCT_OF_TOPIC:
                product = PRODUCT_OF_TOPIC[topic]
                self._dcp.die(session.uid, product, session.conn_id, now_ns)
            self._drop(session, topic)

    def _apply(self, session: Session, request: Request, now_ns: int) -> str:
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
                self._drop(session, topic)
            return ""
        error = _subscribe_error(session, topics)
        if not error:
            for topic in topics:
                self._begin(session, topic, now_ns)
        return error

    def _begin(self, session: Session, topic: str, now_ns: int) -> None:
        session.topics[topic] = None
        self._subscribers.setdefault((session.uid, topic), {})[session.conn_id] = session
        if topic in PRODUCT_OF_TOPIC:
            self._dcp.join(session.uid, PRODUCT_OF_TOPIC[topic], session.conn_id, now_ns)

    def _drop(self, session: Session, topic: str) -> None:
        """End one subscription, if there is one."""
        if topic not in session.topics:
            return
        del session.topics[topic]
        del self._subscribers[session.uid, topic][session.conn_id]
        if topic in PRODUCT_OF_TOPIC:
            self._dcp.leave(session.uid, PRODUCT_OF_TOPIC[topic], session.conn_id)


def _subscribe_error(session: Session, topics: list[str]) -> str:
    unknown = next((topic for topic in topics if topic not in PRIVATE_TOPICS), None)
    if unknown is not None:
        return f"error:handler not found,topic:{unknown}"
    if mixes_forms(topics):
        return "error:all-in-one and categorised topics in one request"
    again = first_repeat(session, topics)
    return "" if again is None else f"error:already subscribed,topic:{again}"
