"""Which faults are on, and what each of them hits. Sans-IO and seeded: nothing else decides.

The venue asks at its scheduling points (a request came, a private message is due, a book message
leaves) and at the service's door; the modules of :mod:`mmfast.sim.fault_effects` do what was
decided, and the shell the acts on bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from mmfast.errors import ConfigError
from mmfast.sim.fault_terms.kinds import (
    NAMES,
    Act,
    BatchItems,
    BookCrossed,
    Fault,
    ForeignAct,
    HttpError,
    InstrumentSuspended,
    Latency,
    LatencyFixed,
    LatencyLognormal,
    LatencySpikes,
    LatencyUniform,
    OnBook,
    OnPrivate,
    OnRequest,
    PrivateDuplicate,
    PrivateLate,
    PrivateReorder,
    Sampled,
    ServerError,
    ServiceRestarting,
    TickSizeChanged,
    TooManyVisits,
)
from mmfast.sim.fault_terms.schedule import MAX_FAULTS, Schedule
from mmfast.sim.wire import Output
from mmfast.units import NEVER_NS, NS_PER_MS

HTTP: Final = "http"
TRADE: Final = "trade"
_E6: Final = 1_000_000
_AT_THE_DOOR: Final = (TooManyVisits, ServerError, ServiceRestarting, BatchItems)


class RequestPlan(NamedTuple):
    """What is going to happen to one request: extra time on its legs, and its fate."""

    request_ns: int
    reply_ns: int
    fate: OnRequest | None


class PrivatePlan(NamedTuple):
    """What is going to happen to one private message."""

    late_ns: int
    """It and those after it wait so long more."""
    stray_ns: int
    """It alone waits so long more."""
    copies_ns: tuple[int, ...]
    """Further copies, so long after it."""


class Hands(Protocol):
    """What carries out the faults that are states or acts of the venue."""

    def hold(self, faults: Sequence[Fault], now_ns: int) -> list[Output]:
        """These states, and no others, are on from now."""
        ...

    def act(self, fault: Act, number: int, now_ns: int) -> list[Output] | None:
        """Do it for the ``number``-th time (from 0); None when the venue did not let it."""
        ...

    def lists(self, category: str, symbol: str) -> bool:
        """True for an instrument of the venue."""
        ...


class Armed:
    """One fault of a loaded schedule, with its own random numbers and counters."""

    __slots__ = (
        "acts",
        "begin_ns",
        "chance_e6",
        "end_ns",
        "fired",
        "is_on",
        "missed",
        "name",
        "number",
        "rng",
        "seen",
        "spec",
    )

    def __init__(self, spec: Fault, number: int, seed: int, place: int, now_ns: int) -> None:
        self.spec = spec
        self.number = number
        self.name = NAMES[type(spec)]
        # Its own stream of numbers: what one fault draws does not change what another hits.
        self.rng = random.Random(f"fault {seed} {place} {self.name}")
        self.begin_ns = now_ns + spec.from_ms * NS_PER_MS
        self.end_ns = NEVER_NS
        if spec.for_ms is not None:
            self.end_ns = self.begin_ns + spec.for_ms * NS_PER_MS
        self.chance_e6 = int(spec.chance * _E6) if isinstance(spec, Sampled) else _E6
        self.seen = 0
        self.fired = 0
        self.missed = 0
        self.acts = 0
        self.is_on = False

    def hits(self, now_ns: int) -> bool:
        """Decide over one thing that matches."""
        spec = self.spec
        if not self.begin_ns <= now_ns < self.end_ns or not isinstance(spec, Sampled):
            return False
        if spec.at_most is not None and self.fired >= spec.at_most:
            return False
        self.seen += 1
        if self.seen <= spec.skip:
            return False
        if self.chance_e6 < _E6 and self.rng.randrange(_E6) >= self.chance_e6:
            return False
        self.fired += 1
        return True

    def due_ns(self) -> int:
        """When it begins, acts or ends next; acts and states only."""
        spec = self.spec
        if isinstance(spec, Sampled):
            return NEVER_NS
        if isinstance(spec, Act):
            at_ns = self.begin_ns + self.acts * spec.every_ms * NS_PER_MS
            return at_ns if self.acts < spec.times and at_ns < self.end_ns else NEVER_NS
        if self.is_on:
            return self.end_ns
        return self.begin_ns if not self.fired and self.begin_ns < self.end_ns else NEVER_NS

    def row(self, start_ms: int) -> dict[str, object]:
        """What a report says of it; times as venue wall time."""
        until = None if self.end_ns == NEVER_NS else start_ms + self.end_ns // NS_PER_MS
        return {
            "id": self.number,
            "kind": self.name,
            "from_venue_ms": start_ms + self.begin_ns // NS_PER_MS,
            "until_venue_ms": until,
            "seen": self.seen,
            "fired": self.fired,
            "missed": self.missed,
        }


class Faults:
    """All faults of one venue."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._armed: list[Armed] = []
        self._loaded = 0
        self._due_ns = NEVER_NS
        # The sampled ones by the question they answer; empty lists keep a faultless venue fast.
        self.wire: list[Armed] = []
        self.door: list[Armed] = []
        self.private: list[Armed] = []
        self.books: list[Armed] = []

    # Loading.

    def arm(self, schedule: Schedule, now_ns: int) -> list[int]:
        """Load a schedule beside what is loaded; returns the ids of its faults.

        Raises :class:`~mmfast.errors.ConfigError` for an unlisted symbol or too many faults;
        nothing is loaded then.
        """
        self._check(schedule, now_ns)
        fresh = [
            Armed(spec, self._loaded + place + 1, schedule.seed, place, now_ns)
            for place, spec in enumerate(schedule.faults)
        ]
        self._loaded += len(fresh)
        self._armed += fresh
        self._sort()
        return [one.number for one in fresh]

    def clear(self, now_ns: int) -> None:
        """End all faults now; their counters stay to be read."""
        for one in self._armed:
            one.end_ns = min(one.end_ns, now_ns)
        self._sort()

    def report(self, start_ms: int) -> list[dict[str, object]]:
        """Every fault loaded, oldest first, with how often it fired.

        ``missed`` counts acts that the venue's own rules refused.
        """
        return [one.row(start_ms) for one in self._armed]

    def _check(self, schedule: Schedule, now_ns: int) -> None:
        mistakes = [
            (f"$.faults[{i}].symbol", f"expected a symbol of the venue, found {spec.symbol!r}")
            for i, spec in enumerate(schedule.faults)
            if isinstance(spec, TickSizeChanged | InstrumentSuspended | ForeignAct)
            and not self._hands.lists(spec.category, spec.symbol)
        ]
        over = len(self._armed) + len(schedule.faults) - MAX_FAULTS
        if over > 0:
            # Those that are over make room; what is still on does not.
            ended = [one for one in self._armed if one.end_ns <= now_ns and not one.is_on]
            if len(ended) < over:
                text = f"expected at most {MAX_FAULTS} faults at a time: clear them first"
                mistakes.append(("$.faults", text))
            for one in ended[:over]:
                self._armed.remove(one)
        if mistakes:
            raise ConfigError(mistakes)

    def _sort(self) -> None:
        requests = [one for one in self._armed if isinstance(one.spec, OnRequest)]
        self.door = [one for one in requests if isinstance(one.spec, _AT_THE_DOOR)]
        self.wire = [one for one in requests if not isinstance(one.spec, _AT_THE_DOOR)]
        self.private = [one for one in self._armed if isinstance(one.spec, OnPrivate)]
        self.books = [one for one in self._armed if isinstance(one.spec, OnBook)]
        self._due_ns = min((one.due_ns() for one in self._armed), default=NEVER_NS)

    # States and acts.

    def next_due_ns(self) -> int:
        """When :meth:`step` has something to do (very large: never)."""
        return self._due_ns

    def step(self, now_ns: int) -> list[Output]:
        """Begin, end and do what is due, in the order of loading."""
        outputs: list[Output] = []
        changed = False
        for one in self._armed:
            while one.due_ns() <= now_ns:
                if isinstance(one.spec, Act):
                    outputs += self._act(one, one.spec, now_ns)
                else:
                    changed = True
                    one.is_on = not one.is_on
                    one.fired += one.is_on
        if changed:
            on = [one.spec for one in self._armed if one.is_on]
            outputs += self._hands.hold(on, now_ns)
        self._due_ns = min((one.due_ns() for one in self._armed), default=NEVER_NS)
        return outputs

    def _act(self, one: Armed, spec: Act, now_ns: int) -> list[Output]:
        outputs = self._hands.act(spec, one.acts, now_ns)
        one.acts += 1
        if outputs is None:
            one.missed += 1
            return []
        one.fired += 1
        return outputs

    # Decisions.

    def on_request(self, path: str, via: str, now_ns: int) -> RequestPlan | None:
        """What becomes of a request on the wire. Delays add up; the first fate that hits wins."""
        request_ns = reply_ns = 0
        fate: OnRequest | None = None
        for one in self.wire:
            spec = one.spec
            assert isinstance(spec, OnRequest)  # noqa: S101 - how the lists are made
            is_latency = isinstance(spec, Latency)
            if (fate is not None and not is_latency) or not _matches(spec, path, via):
                continue
            if not one.hits(now_ns):
                continue
            if not isinstance(spec, Latency):
                fate = spec
                continue
            if spec.leg in ("request", "both"):
                request_ns += delay_ns(spec, one.rng)
            if spec.leg in ("reply", "both"):
                reply_ns += delay_ns(spec, one.rng)
        if fate is None and not request_ns and not reply_ns:
            return None
        return RequestPlan(request_ns, reply_ns, fate)

    def at_door(self, path: str, via: str, since_ns: int, now_ns: int) -> OnRequest | None:
        """What the service does to a signed request; ``since_ns`` is when its socket opened."""
        for one in self.door:
            spec = one.spec
            assert isinstance(spec, OnRequest)  # noqa: S101
            if not _matches(spec, path, via):
                continue
            if isinstance(spec, ServiceRestarting) and (via != TRADE or since_ns >= one.begin_ns):
                continue
            if isinstance(spec, BatchItems) and not path.endswith("-batch"):
                continue
            if one.hits(now_ns):
                return spec
        return None

    def on_private(self, root: str, now_ns: int) -> PrivatePlan | None:
        """What becomes of a private message; delays add up."""
        late_ns = stray_ns = 0
        copies: list[int] = []
        for one in self.private:
            spec = one.spec
            assert isinstance(spec, OnPrivate)  # noqa: S101
            if spec.stream not in ("all", root) or not one.hits(now_ns):
                continue
            if isinstance(spec, PrivateLate):
                late_ns += one.rng.randrange(spec.by_ms * NS_PER_MS + 1)
            elif isinstance(spec, PrivateReorder):
                stray_ns += spec.by_ms * NS_PER_MS
            elif isinstance(spec, PrivateDuplicate):
                gap_ns = spec.gap_ms * NS_PER_MS
                copies += [gap_ns * (i + 1) for i in range(spec.copies)]
        if not late_ns and not stray_ns and not copies:
            return None
        return PrivatePlan(late_ns, stray_ns, tuple(copies))

    def on_book(
        self,
        category: str,
        symbol: str,
        depth: int,
        now_ns: int,
        can: Callable[[BookCrossed], bool],
    ) -> OnBook | None:
        """What becomes of a delta of a book; ``can`` says whether that book can be crossed."""
        for one in self.books:
            spec = one.spec
            assert isinstance(spec, OnBook)  # noqa: S101
            if spec.category not in ("any", category):
                continue
            if spec.symbol not in (None, symbol) or spec.depth not in (0, depth):
                continue
            if isinstance(spec, BookCrossed) and not can(spec):
                continue
            if one.hits(now_ns):
                return spec
        return None


def covers(pattern: str, path: str) -> bool:
    """True when ``path`` is ``pattern``, or begins with it where it ends in a slash."""
    return path.startswith(pattern) if pattern.endswith("/") else path == pattern


def _matches(spec: OnRequest, path: str, via: str) -> bool:
    if via == TRADE and isinstance(spec, HttpError):
        return False
    return spec.via in ("any", via) and covers(spec.path, path)


def delay_ns(spec: Latency, rng: random.Random) -> int:
    """One draw of a latency."""
    if isinstance(spec, LatencyFixed):
        return spec.ms * NS_PER_MS
    if isinstance(spec, LatencyUniform):
        return rng.randint(spec.low_ms * NS_PER_MS, spec.high_ms * NS_PER_MS)
    if isinstance(spec, LatencyLognormal):
        drawn = rng.lognormvariate(0.0, float(spec.sigma)) * spec.median_ms
        return int(min(drawn, float(spec.most_ms)) * NS_PER_MS)
    if isinstance(spec, LatencySpikes):
        is_spike = rng.randrange(_E6) < int(spec.spike_chance * _E6)
        return spec.ms * NS_PER_MS if is_spike else 0
    raise TypeError(f"no rule for {type(spec).__name__}")
