"""What is going to happen in the venue, in time order."""

from __future__ import annotations

import heapq
from typing import NamedTuple

from mmfast.sim.faults import RequestPlan
from mmfast.sim.known import Known, News
from mmfast.sim.wire import HttpRequest, Output
from mmfast.units import NEVER_NS


class Asked(NamedTuple):
    """One HTTP request, until its turn comes; ``plan`` is what faults do to it."""

    request: HttpRequest
    plan: RequestPlan | None


class Said(NamedTuple):
    """One message of a websocket client, until its turn comes."""

    conn_id: int
    data: bytes
    plan: RequestPlan | None


class Gone(NamedTuple):
    """The end of a trade connection, behind what it has said."""

    conn_id: int


class Told(NamedTuple):
    """One private message on its way to the stream."""

    uid: int
    root: str
    category: str
    rows: list[dict[str, object]]


class Shown(NamedTuple):
    """A whole answer on its way, and what a client can read from it of the venue's rules."""

    answer: Output
    news: tuple[News, ...]


Item = Asked | Said | Gone | Told | Shown | Output


def with_news(answer: Output, plan: RequestPlan | None, known: Known) -> Item:
    """An answer and what it shows; one that a fault spoils shows nothing."""
    news = known.shown()
    is_whole = plan is None or plan.fate is None
    return Shown(answer, news) if news and is_whole else answer


class Agenda:
    """Items by the instant they are due; ties are served in the order they were made."""

    __slots__ = ("_heap", "_made")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Item]] = []
        self._made = 0

    def add(self, at_ns: int, item: Item) -> None:
        """Let an item be due at an instant."""
        self._made += 1
        heapq.heappush(self._heap, (at_ns, self._made, item))

    def next_due_ns(self) -> int:
        """When the next item is due (very large: never)."""
        return self._heap[0][0] if self._heap else NEVER_NS

    def pop(self) -> Item:
        """Take the next item out."""
        return heapq.heappop(self._heap)[2]
