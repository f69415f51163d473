"""I7, by the refusal: what the venue refuses for its rate, and whether the engine could know.

At most one reply tells an endpoint that its limit has fallen; what left before it was read was in
flight, and may be refused as well. What left later may not. The venue shows each request as it
counts it, and the tap shows what had left and what had been read by then, so neither is guessed.

Creates and amends that were given up are ours as long as the venue may count them: an engine that
does not wait for that is charged. Cancels are not held back by what may never come, so one that
the venue counts after it was given up is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mmfast.sim.audit.requests import Counting
from mmfast.simtest.findings import Findings
from mmfast.simtest.loop import START_NS
from mmfast.simtest.reading import CANCEL, OrderRequest
from mmfast.simtest.rolling import RollingSecond
from mmfast.units import NS_PER_S

IN_FLIGHT: Final = "refused, in flight as a limit fell"
NOT_OURS: Final = "refused, with what nobody waits for any more"
MEMORY_NS: Final = 60 * NS_PER_S
"""No request is counted so long after it left."""


class _Flight:
    """One request as it left. ``limit`` is what the engine's host knew of its endpoint then."""

    __slots__ = ("is_cancel", "limit", "link_ids", "path", "sent_ns")

    def __init__(self, request: OrderRequest, limit: int, sent_ns: int) -> None:
        self.path = request.path
        self.is_cancel = request.op == CANCEL
        self.link_ids = [item.link_id for item in request.items]
        self.limit = limit
        self.sent_ns = sent_ns


class RefusalJudge:
    """Of one seed, over all its engines. ``reply_ns``: so long an engine waits for a reply."""

    def __init__(self, reply_ns: int, findings: Findings) -> None:
        self.engine_ns: Callable[[int], int] = lambda venue_ns: venue_ns
        """The engine's clock at an instant of the venue's; set by the world."""
        self._reply_ns = reply_ns
        self._findings = findings
        self._flying: dict[tuple[int, str], _Flight] = {}
        self._ours: dict[str, RollingSecond] = {}
        """What passed of each endpoint, of what the engine now running must count."""

    def new_engine(self) -> None:
        """A fresh process cannot know what the one before it has in the air, or had counted."""
        self._flying.clear()
        self._ours.clear()

    def left(self, key: tuple[int, str], request: OrderRequest, limit: int, now_ns: int) -> None:
        """An order request left; ``limit`` as the last reply named it."""
        self._flying = {
            name: flight
            for name, flight in self._flying.items()
            if name != key and flight.sent_ns > now_ns - MEMORY_NS
        }
        self._flying[key] = _Flight(request, limit, now_ns)

    def over(self, key: tuple[int, str]) -> None:
        """Its reply was read, or its connection is over."""
        flight = self._flying.get(key)
        if flight is not None and flight.is_cancel:
            del self._flying[key]

    def counted(self, one: Counting) -> None:
        """The venue counts a request."""
        flight = self._flight(one)
        if flight is None or self._is_given_up(flight, one.now_ns):
            if one.granted < one.wanted:
                self._findings.marks[NOT_OURS] += 1
            return
        ours = self._ours.setdefault(one.path, RollingSecond())
        if one.granted < one.wanted:
            self._refused(one, flight, ours)
        ours.add(one.granted, one.now_ns)

    def _refused(self, one: Counting, flight: _Flight, ours: RollingSecond) -> None:
        self._findings.checked["I7"] += 1
        if one.limit < flight.limit:
            self._findings.marks[IN_FLIGHT] += 1
            return
        passed = ours.total(one.now_ns)
        if passed + one.wanted <= one.limit:
            self._findings.marks[NOT_OURS] += 1
            return
        text = (
            f"{one.path}: {one.wanted} orders, of which {one.wanted - one.granted} were refused: "
            f"{passed} of the {one.limit} a second were used, and a limit of {flight.limit} was "
            "known when they left"
        )
        at_s = (self.engine_ns(one.now_ns) - START_NS) / NS_PER_S
        self._findings.broke("I7", at_s, text)

    def _is_given_up(self, flight: _Flight, venue_ns: int) -> bool:
        return flight.is_cancel and self.engine_ns(venue_ns) - flight.sent_ns >= self._reply_ns

    def _flight(self, one: Counting) -> _Flight | None:
        """The request that is counted, if this engine sent it. Ids tell it: an order is created
        once, and of several changes alike the newest is the one that nobody has lost."""
        link_ids = _link_ids(one.params)
        for key, flight in reversed(self._flying.items()):
            if flight.path == one.path and flight.link_ids == link_ids:
                del self._flying[key]
                return flight
        return None


def _link_ids(params: Mapping[str, object]) -> list[str]:
    rows = params.get("request", [params])
    if not isinstance(rows, list):
        return []
    return [str(row.get("orderLinkId", "")) for row in rows if isinstance(row, Mapping)]
