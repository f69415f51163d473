"""Judges a race against ``benchmarks/baseline.json``.

The file holds, for each contender, how many times its in-run yardstick it cost on a quiet machine,
and how many *yards* of interpreter work (see ``race``) lay over the yardstick. What it may cost now
is reckoned from the yardstick and the yard of the very same race: a busy neighbour slows the yard
as it slows the part of a contender that is not in the yardstick, so the judgement stays the same
on a quiet machine and on a busy one, and a slower contender is slower on both.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from race import Race

PATH = Path(__file__).resolve().parent / "baseline.json"
WORSE = 1.25
"""Times the baseline that a contender may cost before it has failed."""
PAUSES_S = (0, 0, 1, 4, 15, 30)
"""Before each race of a stage that has not held: a neighbour may be busy for most of a minute."""
OURS = "mmfast"
#: Contenders whose yardstick is not the limit of their stage but the part of it that they do.
YARDSTICKS = {
    "mmfast ws": "C limit, body only",
    "mmfast pair": "C limit, two together",
    "mmfast request pair": "C limit, two together",
}


class Entry(NamedTuple):
    """One contender on a quiet machine."""

    to_limit: float
    """Times the limit of its stage."""
    ratio: float
    """Times its yardstick."""
    yards: float
    """What it cost beyond the yardstick, in yards; 0 if it cost less."""

    def expected_ns(self, yardstick: float, yard: float) -> float:
        """What it should cost in a race with this yardstick and this yard."""
        return min(self.ratio, 1.0) * yardstick + self.yards * yard


def yardstick_of(race: Race, contender: str) -> str:
    """The lane that a contender is compared with."""
    named = YARDSTICKS.get(contender, race.limit)
    return named if named in race.best else race.limit


def ours(race: Race) -> list[str]:
    """The contenders that are judged."""
    return [name for name in race.best if name.startswith(OURS)]


def entries(race: Race) -> dict[str, Entry]:
    """What a race on a quiet machine says of our contenders."""
    made = {}
    for name in ours(race):
        took, limit = race.best[name], race.best[yardstick_of(race, name)]
        made[name] = Entry(
            to_limit=round(race.ratio(name), 4),
            ratio=round(took / limit, 4),
            yards=round(max(took - limit, 0) / race.yard, 7),
        )
    return made


Known = dict[str, dict[str, Entry]]


def read(path: Path = PATH) -> dict[str, Any]:
    """The whole file. FileNotFoundError before the first ``make bench-baseline``."""
    found = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def known(path: Path = PATH) -> Known:
    """The entries by stage and contender."""
    return {
        stage: {name: Entry(**row) for name, row in contenders.items()}
        for stage, contenders in read(path)["ratios"].items()
    }


def write(fresh: Known, path: Path = PATH) -> None:
    """Put entries into the baseline; what else it holds stays."""
    ratios = read(path)["ratios"] if path.exists() else {}
    for stage, made in fresh.items():
        ratios[stage] = {name: entry._asdict() for name, entry in made.items()}
    _put(path, {"machine": machine(), "ratios": ratios})


def write_instructions(counts: dict[str, Any], path: Path = PATH) -> None:
    """Put instruction counts into the baseline; what else it holds stays."""
    _put(path, {"instructions": counts})


def _put(path: Path, fresh: dict[str, Any]) -> None:
    found = (read(path) if path.exists() else {}) | fresh
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def machine() -> str:
    """For the reader of the file: the ratios carry over between machines, if not exactly."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, Python {platform.python_version()}"


def indices(race: Race, baseline: Known) -> dict[str, float]:
    """Times what the baseline lets each of our contenders expect.

    KeyError, with what to do, for a contender that the baseline does not know.
    """
    found = {}
    for name in ours(race):
        entry = baseline.get(race.stage, {}).get(name)
        if entry is None:
            raise KeyError(f"{race.stage}, {name} is not in {PATH.name}: run make bench-baseline")
        limit = race.best[yardstick_of(race, name)]
        found[name] = race.best[name] / entry.expected_ns(limit, race.yard)
    return found


def hold(
    measure: Callable[[], Race],
    judge: Callable[[Race], dict[str, float]],
    pauses_s: tuple[int, ...] = PAUSES_S,
) -> Race:
    """Every index of the judgement is at most 1, in one of a few races or in all of them together;
    the first race is the last one if nothing is wrong. ``pauses_s``: before each of the races.

    AssertionError with what is worse.
    """
    best: dict[str, float] = {}
    whole: Race | None = None
    for pause_s in pauses_s:
        time.sleep(pause_s)
        fresh = measure()
        whole = fresh if whole is None else whole.merged(fresh)
        for seen in (fresh, whole):
            for name, index in judge(seen).items():
                best[name] = min(best.get(name, index), index)
        if all(index <= 1 for index in best.values()):
            return whole
    worse = {name: f"{index:.2f}" for name, index in best.items() if index > 1}
    raise AssertionError(f"{fresh.stage}: times what it may cost: {worse}; {whole}")


def by_baseline(baseline: Known) -> Callable[[Race], dict[str, float]]:
    """Judges a race by a baseline: 1 is the most that a contender may cost."""
    return lambda race: {name: index / WORSE for name, index in indices(race, baseline).items()}


def by_promise(at_most: dict[tuple[str, str], float]) -> Callable[[Race], dict[str, float]]:
    """Judges a race by so many times its limit, whatever the weather: for wide bounds only."""
    return lambda race: {n: race.ratio(n) / at_most[race.stage, n] for n in ours(race)}
