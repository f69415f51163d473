"""What the venue announces of its own state: maintenance and incidents."""

from __future__ import annotations

from typing import Final

import msgspec
import orjson

from mmfast.units import Ms

TOPIC: Final = "system.status"
_MAX_NOTICES: Final = 100
"""Notices kept, the newest."""
_ALL_SERVICES: Final = (2, 3, 4, 5)
_ALL_PRODUCTS: Final = (1, 2)


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One maintenance or incident. ``state`` is ``scheduled``, ``ongoing``, ``completed`` or
    ``canceled``; a later notice with the same id replaces this one."""

    notice_id: str
    title: str
    state: str
    begin_ms: Ms
    end_ms: Ms

    def row(self) -> dict[str, object]:
        """As the stream and ``/v5/system/status`` show it."""
        return {
            "id": self.notice_id,
            "title": self.title,
            "state": self.state,
            "begin": str(self.begin_ms),
            "end": str(self.end_ms),
            "href": "",
            "serviceTypes": list(_ALL_SERVICES),
            "product": list(_ALL_PRODUCTS),
            "uidSuffix": [],
            "maintainType": 1,
            "env": 1,
        }


class StatusBoard:
    """The notices, newest last, and the one topic of ``/v5/public/misc/status``.

    It is that path's :class:`mmfast.sim.seams.Topics`; messages come from :meth:`announce`
    alone, and nothing is told on subscribing.
    """

    def __init__(self) -> None:
        self._notices: dict[str, Notice] = {}

    def announce(self, notice: Notice, venue_ms: int) -> bytes:
        """Put up a notice; the message that tells it."""
        self._notices.pop(notice.notice_id, None)
        self._notices[notice.notice_id] = notice
        if len(self._notices) > _MAX_NOTICES:
            del self._notices[next(iter(self._notices))]
        return orjson.dumps({"topic": TOPIC, "ts": venue_ms, "data": [notice.row()]})

    def rows(self) -> list[dict[str, object]]:
        """All notices, newest first."""
        return [notice.row() for notice in reversed(self._notices.values())]

    def known(self, topic: str) -> bool:
        """There is one topic."""
        return topic == TOPIC

    def watch(self, topic: str, now_ns: int) -> None:
        """Nothing is due to a subscriber."""

    def unwatch(self, topic: str) -> None:
        """Nothing was due."""

    def snapshot(self, topic: str, now_ns: int) -> None:
        """None: what was announced before is asked for over REST."""
