"""Contenders in turns of a few tens of microseconds, with a yard that tells the weather.

A busy neighbour of the core slows an interpreter by half and SHA instructions not at all, for
milliseconds or for minutes. So contenders alternate in slices short enough to lie between two
interruptions, the fastest slice of several hundred counts for each, and a fixed piece of
interpreter work, the *yard*, runs in the same turns: it says how slow the interpreter was during
this very race, which ``compare`` needs to judge a ratio.
"""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable, Mapping
from typing import NamedTuple

SLICE_NS = 50_000
SLICES = 400
AT_LEAST_SLICES = 40
"""Of slow contenders, whose single call is longer than a slice."""
RACE_NS = 300_000_000
LIMIT = "C limit"

Lane = Callable[[int], float]
"""Runs so many times in a row; nanoseconds per unit."""


class Row(NamedTuple):
    """One line of the report."""

    stage: str
    contender: str
    value: float
    unit: str
    ratio_to_limit: float | None
    """None where there is no limit to compare with."""


class Contest(NamedTuple):
    """A stage and who does it; the first lane is the limit."""

    stage: str
    lanes: Mapping[str, Lane]


class Race(NamedTuple):
    """What one stage cost: the fastest slice of each contender, in nanoseconds per unit."""

    stage: str
    best: dict[str, float]
    yard: float
    limit: str = LIMIT

    def ratio(self, contender: str) -> float:
        """Times the limit."""
        return self.best[contender] / self.best[self.limit]

    def rows(self) -> list[Row]:
        """The contenders in their order."""
        return [
            Row(self.stage, name, took, "ns", self.ratio(name)) for name, took in self.best.items()
        ]

    def merged(self, other: Race) -> Race:
        """The fastest of both, as if they were one longer race."""
        best = {name: min(took, other.best[name]) for name, took in self.best.items()}
        return self._replace(best=best, yard=min(self.yard, other.yard))


def timed(statement: str, units: int = 1, **names: object) -> Lane:
    """A contender: a Python statement, without the cost of a call round it."""
    timer = timeit.Timer(statement, globals=names)
    return lambda number: timer.timeit(number) / number / units * 1e9


def called(call: Callable[[], object], units: int = 1) -> Lane:
    """A contender: a call without arguments."""
    return timed("call()", units, call=call)


def _yard_work() -> int:
    rows = {}
    for i in range(60):
        rows[str(i)] = (i, i + 7)
    total = 0
    for key, (one, two) in rows.items():
        total += one * two + len(key)
    return total


def repeats(lane: Lane) -> int:
    """How many runs fill a slice; the second of each size counts, the first one warms up."""
    number = 1
    while True:
        lane(number)
        start = time.perf_counter_ns()
        lane(number)
        took = time.perf_counter_ns() - start
        if took * 2 > SLICE_NS or number > SLICE_NS:
            return number
        number *= 2


def race(contest: Contest) -> Race:
    """Run the lanes in turns."""
    turns = [(name, lane, repeats(lane)) for name, lane in contest.lanes.items()]
    yard = called(_yard_work)
    turns.append(("", yard, repeats(yard)))
    best = {name: float("inf") for name, _, _ in turns}
    end = time.perf_counter_ns() + RACE_NS
    for turn in range(SLICES):
        if turn >= AT_LEAST_SLICES and time.perf_counter_ns() > end:
            break
        for name, lane, number in turns:
            took = lane(number)
            best[name] = min(best[name], took)
    weather = best.pop("")
    return Race(contest.stage, best, weather, next(iter(best)))
