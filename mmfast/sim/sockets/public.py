"""The public sockets: ``/v5/public/{category}`` and ``/v5/public/misc/status``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from mmfast.sim.seams import Topics
from mmfast.sim.sockets.desks import Instant, Request, Session, topics_of
from mmfast.sim.sockets.styles import PublicStyle


class PublicDesk:
    """One public path: its feed, its dialect, and who is subscribed to what."""

    id_field: Final = "req_id"

    def __init__(self, feed: Topics, style: PublicStyle) -> None:
        self._feed = feed
        self._style = style
        self.connections: dict[str, int] = {}
        """Open connections of each address."""
        # Topic to its connections, in the order they subscribed.
        self._subscribers: dict[str, dict[int, Session]] = {}

    def subscribers(self, topic: str) -> Collection[int]:
        """The connections a message of this topic goes to."""
        return self._subscribers.get(topic, ())

    def answer(self, session: Session, request: Request, when: Instant) -> list[bytes]:
        """Ping, subscribe and unsubscribe."""
        style, req_id = self._style, request.req_id
        if request.op == "ping":
            return [style.pong(session.name, req_id, when.venue_ms)]
        if request.op not in ("subscribe", "unsubscribe"):
            return [self._refuse(session, request, f"error:unknown op,op:{request.op}")]
        topics = topics_of(request)
        if topics is None:
            return [self._refuse(session, request, "error:args must be a list of topics")]
        if request.op == "unsubscribe":
            for topic in topics:
                self._drop(session, topic)
            return [style.accepted(request.op, session.name, req_id, topics, [])]
        return self._subscribe(session, request, topics, when.now_ns)

    def malformed(self, session: Session) -> bytes:
        """A refusal that names no operation."""
        text = "error:request is not a JSON object with op"
        return self._style.refused("", session.name, None, [], text)

    def gone(self, session: Session, now_ns: int) -> None:  # noqa: ARG002
        """End all subscriptions."""
        for topic in list(session.topics):
            self._drop(session, topic)
        count = self.connections[session.ip] - 1
        if count:
            self.connections[session.ip] = count
        else:
            del self.connections[session.ip]

    def welcome(self, session: Session) -> None:
        """A connection was opened."""
        self.connections[session.ip] = self.connections.get(session.ip, 0) + 1

    def _refuse(self, session: Session, request: Request, error: str) -> bytes:
        topics = topics_of(request) or []
        return self._style.refused(request.op, session.name, request.req_id, topics, error)

    def _subscribe(
        self, session: Session, request: Request, topics: list[str], now_ns: int
    ) -> list[bytes]:
        """All of it or, but on options, nothing."""
        style = self._style
        excess = style.excess(topics, len(session.topics), session.args_chars)
        if excess:
            return [self._refuse(session, request, excess)]
        good, failed = self._sort(session, topics)
        if failed and not style.is_partial:
            # What a topic the venue does not know is refused with comes before the repeats.
            return [self._refuse(session, request, min(failed.values(), key=_unknown_first))]
        ack = style.accepted(request.op, session.name, request.req_id, good, list(failed))
        return [ack, *self._begin(session, good, now_ns)]

    def _sort(self, session: Session, topics: list[str]) -> tuple[list[str], dict[str, str]]:
        """The topics that can begin, and why each of the others cannot."""
        good: dict[str, None] = {}
        failed: dict[str, str] = {}
        for topic in topics:
            if not self._feed.known(topic):
                failed.setdefault(topic, f"{_UNKNOWN}{topic}")
            elif topic in session.topics or topic in good:
                failed.setdefault(topic, f"error:already subscribed,topic:{topic}")
            else:
                good[topic] = None
        return list(good), failed

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

    def _drop(self, session: Session, topic: str) -> None:
        """End one subscription, if there is one."""
        if topic not in session.topics:
            return
        del session.topics[topic]
        session.args_chars -= len(topic)
        del self._subscribers[topic][session.conn_id]
        self._feed.unwatch(topic)


_UNKNOWN: Final = "error:handler not found,topic:"


def _unknown_first(error: str) -> bool:
    return not error.startswith(_UNKNOWN)
