"""The benchmarks use the tests' twins and the C limits as yardsticks, and share one report."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent / "tests"
sys.path[:0] = [
    *(str(TESTS / name) for name in ("oracle", "harness")),
    *(str(HERE / name) for name in ("", "limits", "path", "instructions", "loopback", "peers")),
]

import compare  # noqa: E402 - found on the path made above
import report  # noqa: E402
from race import Race, race, repeats  # noqa: E402

import mmfast._core as core  # noqa: E402

ROWS = []
FRESH_ENTRIES = {}
"""Of a new baseline, by stage and contender."""
BASELINE_RACES = 5
NOTES = []
"""What the reader of the run must not miss."""


def pytest_addoption(parser):
    parser.addoption(
        "--refresh-baseline",
        action="store_true",
        help="measure longer and write benchmarks/baseline.json instead of comparing with it",
    )


@pytest.fixture(autouse=True, scope="session")
def _release_only():
    assert core.BUILD == "release", f"benchmarks need the release build, found {core.BUILD}"


@pytest.fixture(scope="session")
def baseline(pytestconfig):
    return {} if pytestconfig.getoption("--refresh-baseline") else compare.known()


@pytest.fixture(scope="session")
def fresh_entries(pytestconfig):
    """Where to put entries for a new baseline; None when none is made."""
    return FRESH_ENTRIES if pytestconfig.getoption("--refresh-baseline") else None


@pytest.fixture(scope="session")
def rows():
    """Rows put here are printed and written at the end."""
    return ROWS


@pytest.fixture(scope="session")
def notes():
    """Sentences put here stand at the end of the run."""
    return NOTES


@pytest.fixture
def judge(benchmark, baseline, rows, pytestconfig):
    """Races a contest, holds it against the baseline (or another judgement), and reports it."""

    def measured(contest, judgement):
        if not (judgement is None and pytestconfig.getoption("--refresh-baseline")):
            judgement = judgement or compare.by_baseline(baseline)
            return compare.hold(lambda: race(contest), judgement)
        held = functools.reduce(Race.merged, (race(contest) for _ in range(BASELINE_RACES)))
        FRESH_ENTRIES[held.stage] = compare.entries(held)
        return held

    def run(contest, judgement=None):
        [chief, *_] = (name for name in contest.lanes if name.startswith(compare.OURS))
        lane = contest.lanes[chief]
        benchmark.pedantic(lane, args=(repeats(lane),), rounds=20)
        held = measured(contest, judgement)
        rows.extend(held.rows())
        benchmark.extra_info["times_the_limit"] = round(held.ratio(chief), 3)
        benchmark.extra_info["ns_per_unit"] = round(held.best[chief], 1)

    return run


def pytest_terminal_summary(terminalreporter):
    if ROWS:
        terminalreporter.section("stages, and times the limit of the same run")
        terminalreporter.write_line(f"core: {core.BUILD}, signatures by {core.sign.BACKEND}")
        terminalreporter.write_line(report.everything(ROWS))
        terminalreporter.write_line("")
        terminalreporter.write_line(report.summary(ROWS))
        report.write(ROWS)
        terminalreporter.write_line(f"written to {report.TARGET}")
    for note in NOTES:
        terminalreporter.write_line(f"NOTE: {note}", yellow=True, bold=True)
    if FRESH_ENTRIES:
        compare.write(FRESH_ENTRIES)
        terminalreporter.write_line(f"written to {compare.PATH}")
