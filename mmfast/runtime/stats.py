"""What the shell counts: plain integers in the loop, copied by whoever looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from mmfast.engine.planning.shadow import ShadowBook
from mmfast.messages import Mode, Stream
from mmfast.runtime.durations import Durations

BATCHED: Final = "batched"
SEQUENTIAL: Final = "sequential"
MAX_MODE_CHANGES: Final = 1_000

REQUEST_BOUNDS_MS: Final = (1, 2, 5, 10, 20, 50, 75, 100, 150, 200, 300, 500, 1000, 2000, 5000)
LAG_BOUNDS_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)


class ModeSwitch(NamedTuple):
    """The engine's mode changed; ``at_ns`` counts from the start of the run."""

    at_ns: int
    mode: Mode
    reason: str


class WayView(NamedTuple):
    """What there is to see of the way out for orders; ways are named as in the configuration,
    and ``none`` is no way at all."""

    way: str
    switches: dict[str, int]
    takes_ms: dict[str, float]
    """Newest estimate of what an order takes; ways without fresh measurements are missing."""
    sockets_up: int
    takeovers: int
    strays: int


class RunStats:
    """Counters of one run."""

    __slots__ = (
        "deadline_missed",
        "flushes",
        "lag",
        "late_replies",
        "mode_switches",
        "reloads_refused",
        "reloads_taken",
        "requests",
        "rollbacks",
        "rolled_back",
        "shadow",
        "started_ns",
        "stream_drops",
        "ticks",
        "ticks_by_mode",
        "unanswered",
        "way",
    )

    def __init__(self, now_ns: int) -> None:
        self.started_ns = now_ns
        self.flushes = 0
        self.deadline_missed = 0
        """Commands returned to intent because their tick's deadline passed before sending."""
        self.late_replies = 0
        """Replies that came after the deadline of their tick; they count all the same."""
        self.ticks = Durations()
        self.ticks_by_mode = {BATCHED: Durations(), SEQUENTIAL: Durations()}
        self.requests: dict[tuple[str, str], Durations] = {}
        self.unanswered = 0
        """Calls that ended without an answer: not sent, timed out, or cut off."""
        self.lag = Durations(LAG_BOUNDS_MS)
        self.stream_drops = dict.fromkeys(Stream, 0)
        self.reloads_taken = 0
        self.reloads_refused = 0
        self.mode_switches: list[ModeSwitch] = []
        self.rollbacks = 0
        self.rolled_back = False
        """Batches are sent one by one though the configuration asks for batches."""
        self.shadow: ShadowBook | None = None
        """What both policies would have cost; None where nobody asked."""
        self.way: Callable[[], WayView] | None = None
        """Who knows the way out for orders; None before there is one."""

    def tick(self, label: str, duration_ns: int) -> None:
        """A tick closed; ``label`` is the way its batches were sent."""
        self.ticks.record(duration_ns)
        self.ticks_by_mode[label].record(duration_ns)

    def request(self, verb: str, api: str, duration_ns: int, status: str) -> None:
        """One call to the venue ended, by whichever transport; only answered ones (``status`` is
        a number) are timed."""
        if not status.isdigit():
            self.unanswered += status != "refused"
            return
        durations = self.requests.get((verb, api))
        if durations is None:
            durations = self.requests[verb, api] = Durations(REQUEST_BOUNDS_MS)
        durations.record(duration_ns)

    def mode_changed(self, mode: Mode, reason: str, now_ns: int) -> None:
        """Remember a change of mode; the number kept is bounded, the first ones stay."""
        if len(self.mode_switches) < MAX_MODE_CHANGES:
            self.mode_switches.append(ModeSwitch(now_ns - self.started_ns, mode, reason))

    def requests_by_api(self) -> dict[str, int]:
        """Answered calls by endpoint, sorted by name."""
        totals: dict[str, int] = {}
        for (_, api), durations in self.requests.items():
            totals[api] = totals.get(api, 0) + durations.count
        return dict(sorted(totals.items()))
