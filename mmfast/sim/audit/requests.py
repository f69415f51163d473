"""What the venue was asked and how it answered, counted for tests and operators. Sans-IO.

The audit sees what the exchange and the client see; it never changes either. What it remembers is
bounded: counters by endpoint and verdict, the newest requests, the newest violations.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from mmfast.sim.known import Known
from mmfast.sim.wire import HttpReply, HttpRequest, Output

_ORDER_OPS: Final[dict[str, str]] = {
    "/v5/order/create": "place",
    "/v5/order/create-batch": "place",
    "/v5/order/amend": "amend",
    "/v5/order/amend-batch": "amend",
    "/v5/order/cancel": "cancel",
    "/v5/order/cancel-batch": "cancel",
    "/v5/order/cancel-all": "cancel_all",
}

#: Link ids kept for the repeat check; the oldest leave first.
_MAX_LINK_IDS: Final = 200_000
#: Names a client invents must not grow the counters for ever.
_MAX_ENDPOINTS: Final = 256
_MAX_KINDS: Final = 64
_OTHER: Final = "other"
_RET_CODE: Final = b'"retCode":'

NEWEST: Final = 1000
"""Requests, and violations, kept one by one."""
UNANSWERED: Final = "unanswered"
"""Verdict of a request whose answer never left, or not whole."""
MAX_LINK_ID: Final = 36


class Record(NamedTuple):
    """One request. ``took_ms`` is venue time from its coming to its answer's making."""

    number: int
    venue_ms: int
    endpoint: str
    verdict: str
    fault: str
    """Name of the fault that changed its fate; empty for none."""
    took_ms: int


class Violation(NamedTuple):
    """One breach of the protocol by the client."""

    venue_ms: int
    kind: str
    endpoint: str
    detail: str


class Counting(NamedTuple):
    """One request against its budget: of so many orders ``wanted``, ``granted`` were let pass by
    the ``limit`` of that instant."""

    path: str
    params: Mapping[str, object]
    now_ns: int
    wanted: int
    granted: int
    limit: int


class _Pending(NamedTuple):
    endpoint: str
    venue_ms: int
    fault: str


class Audit:
    """Counters of one venue: requests by endpoint and verdict, order commands, violations.

    A verdict is the ``retCode`` of a JSON reply, ``http <status>`` for anything else, or
    :data:`UNANSWERED`. ``tap`` is called with every finished record, if somebody keeps them all.
    """

    __slots__ = (
        "_known",
        "_link_ids",
        "_number",
        "_pending",
        "commands",
        "counted",
        "excused",
        "newest",
        "repeated_link_ids",
        "requests",
        "tap",
        "violations",
        "violations_newest",
    )

    def __init__(self, known: Known | None = None) -> None:
        self.requests: dict[str, dict[str, int]] = {}
        """Endpoint to verdict to count."""
        self.commands: dict[str, int] = {"place": 0, "amend": 0, "cancel": 0, "cancel_all": 0}
        """Order commands received, item by item, whatever became of them."""
        self.repeated_link_ids = 0
        """Creates that carried an ``orderLinkId`` seen in an earlier create."""
        self.violations: dict[str, int] = {}
        """Breaches of the protocol by kind."""
        self.excused: dict[str, int] = {}
        """What would be breaches had the client been told of the rule in time, by kind."""
        self.newest: deque[Record] = deque(maxlen=NEWEST)
        self.violations_newest: deque[Violation] = deque(maxlen=NEWEST)
        self.tap: Callable[[Record], None] | None = None
        self.counted: Callable[[Counting], None] | None = None
        """Called with every request that a budget paid for, or refused, if somebody judges them."""
        self._known = known or Known()
        self._number = 0
        self._link_ids: dict[str, None] = {}
        self._pending: dict[int, _Pending] = {}

    # Requests over HTTP: received, then answered or not.

    def received(self, request: HttpRequest, venue_ms: int = 0, fault: str = "") -> None:
        """A request came; ``fault`` is what is going to happen to it."""
        endpoint = f"{request.method} {request.path}"
        self._pending[request.request_id] = _Pending(endpoint, venue_ms, fault)

    def answered(self, request_id: int, output: Output, venue_ms: int = 0) -> None:
        """Its answer is made; anything but a reply that leaves whole is none."""
        verdict = _verdict(output) if isinstance(output, HttpReply) else UNANSWERED
        self._settle(request_id, verdict, venue_ms)

    def _settle(self, request_id: int, verdict: str, venue_ms: int) -> None:
        pending = self._pending.pop(request_id, None)
        if pending is not None:
            took_ms = venue_ms - pending.venue_ms
            self.record(pending.endpoint, verdict, pending.venue_ms, pending.fault, took_ms)

    def record(
        self, endpoint: str, verdict: str, venue_ms: int, fault: str = "", took_ms: int = 0
    ) -> None:
        """Count one finished request, of any kind of connection."""
        verdicts = self.requests.get(endpoint)
        if verdicts is None:
            # ``other`` itself is one name more than the bound.
            if len(self.requests) - (_OTHER in self.requests) >= _MAX_ENDPOINTS:
                endpoint = _OTHER
            verdicts = self.requests.setdefault(endpoint, {})
        verdicts[verdict] = verdicts.get(verdict, 0) + 1
        self._number += 1
        one = Record(self._number, venue_ms, endpoint, verdict, fault, took_ms)
        self.newest.append(one)
        if self.tap is not None:
            self.tap(one)

    # What requests carried.

    def ordered(self, path: str, params: Mapping[str, object], venue_ms: int = 0) -> None:
        """A signed order request: count its items and look at the ids they carry."""
        op = _ORDER_OPS.get(path)
        if op is None:
            return
        items = params.get("request") if path.endswith("-batch") else [params]
        if not isinstance(items, list):
            return
        self.commands[op] += len(items)
        if op != "place":
            return
        for item in items:
            link_id = item.get("orderLinkId") if isinstance(item, Mapping) else None
            if isinstance(link_id, str) and link_id:
                self._note_link_id(link_id, path, venue_ms)

    def violation(self, kind: str, endpoint: str, venue_ms: int, detail: str = "") -> None:
        """The client broke the protocol, unless it could not know the rule yet."""
        if self._known.forgives(kind):
            self.excused[kind] = self.excused.get(kind, 0) + 1
            return
        if kind not in self.violations and len(self.violations) >= _MAX_KINDS:
            kind = _OTHER
        self.violations[kind] = self.violations.get(kind, 0) + 1
        self.violations_newest.append(Violation(venue_ms, kind, endpoint[:80], detail[:200]))

    def _note_link_id(self, link_id: str, path: str, venue_ms: int) -> None:
        if len(link_id) > MAX_LINK_ID:
            self.violation("long_link_id", path, venue_ms, link_id)
            return
        known = self._link_ids
        if link_id in known:
            self.repeated_link_ids += 1
            return
        if len(known) >= _MAX_LINK_IDS:
            del known[next(iter(known))]
        known[link_id] = None

    # Reports, as JSON-ready values.

    def counters(self) -> dict[str, object]:
        """All counters, without the single records."""
        return {
            "requests": self.requests,
            "commands": self.commands,
            "repeated_link_ids": self.repeated_link_ids,
            "violations": self.violations,
            "excused": self.excused,
        }

    def report(self) -> dict[str, object]:
        """The counters with the newest requests and violations, oldest first."""
        return {
            **self.counters(),
            "newest_requests": [one._asdict() for one in self.newest],
            "newest_violations": [one._asdict() for one in self.violations_newest],
        }


def _verdict(reply: HttpReply) -> str:
    """Read the code from the front of the body, where the venue writes it: parsing whole
    replies would cost more than the counter is worth."""
    at = reply.body.find(_RET_CODE, 0, 64)
    if reply.status != 200 or at < 0:
        return f"http {reply.status}"
    digits = reply.body[at + len(_RET_CODE) : at + len(_RET_CODE) + 12].split(b",", 1)[0]
    return digits.strip(b' }"').decode(errors="replace")
