"""Lies about order books: deltas that never come, and books that cross for one message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import orjson

from mmfast.messages import Category
from mmfast.sim.fault_terms.kinds import BookCrossed, BookGap
from mmfast.sim.faults import Faults

Level = list[str]
Cross = Callable[[Category, str, int], Level | None]
"""(category, symbol, ticks) -> price and size of a bid so far above the best ask; None without
asks."""

_PREFIX: Final = "orderbook."
_DELTA: Final = b'"type":"delta"'


class BookForger:
    """Stands between the feed and the subscribers of books."""

    __slots__ = ("_cross", "_faults", "_lies")

    def __init__(self, faults: Faults, cross: Cross) -> None:
        self._faults = faults
        self._cross = cross
        # Category and topic to the price of the bid that was told and is not there.
        self._lies: dict[tuple[Category, str], str] = {}

    def pass_on(self, category: Category, topic: str, frame: bytes, now_ns: int) -> bytes | None:
        """The message as it leaves: itself, a forged one, or None when it is lost."""
        if not topic.startswith(_PREFIX) or _DELTA not in frame[:120]:
            return frame
        _, depth, symbol = topic.split(".", 2)
        if not depth.isdigit():
            return frame

        def can(spec: BookCrossed) -> bool:
            return self._cross(category, symbol, spec.by_ticks) is not None

        fault = self._faults.on_book(category.text, symbol, int(depth), now_ns, can)
        if isinstance(fault, BookGap):
            return None
        bid = None
        if isinstance(fault, BookCrossed):
            bid = self._cross(category, symbol, fault.by_ticks)
        if bid is None and (category, topic) not in self._lies:
            return frame
        return self._forge((category, topic), frame, bid)

    def _forge(self, topic: tuple[Category, str], frame: bytes, bid: Level | None) -> bytes:
        """Take the last lie back, unless the truth did or the new one repeats it."""
        message = orjson.loads(frame)
        rows: list[Level] = message["data"]["b"]
        lie = self._lies.pop(topic, None)
        told = {row[0] for row in rows}
        if lie is not None and lie not in told and (bid is None or bid[0] != lie):
            rows.append([lie, "0"])
        if bid is not None:
            rows[:] = [bid, *(row for row in rows if row[0] != bid[0])]
            self._lies[topic] = bid[0]
        return orjson.dumps(message)

    def idle(self) -> bool:
        """True when every message would pass as it is."""
        return not self._faults.books and not self._lies
