"""Seeds: no promise is broken, every kind of fault fires, and a failure says how to repeat it."""

from __future__ import annotations

import pytest

from mmfast.errors import ConfigError
from mmfast.simtest import swarm
from mmfast.simtest.findings import Violation
from mmfast.simtest.main import Job, Total, failure_text, run_seed, run_seeds, simtest
from mmfast.simtest.swarm import FAULT_NAMES, HOST_FAULTS, plan_of
from mmfast.simtest.weather import WIRE_FAULTS

SEEDS = 200
MINUTES = 6.0


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_seed_breaks_no_promise(seed: int) -> None:
    report = run_seed(Job(seed, 2.0))
    assert not report.violations, failure_text(report)
    assert report.checked["I18"] == 1, "the end of the seed was not reached"
    for invariant in ("I1", "I2", "I4", "I6", "I7", "I8", "I9", "I12"):
        assert report.checked[invariant] > 0, f"{invariant} was never looked at"


@pytest.mark.parametrize("name", FAULT_NAMES)
def test_each_fault_fires_when_it_is_asked_for(name: str) -> None:
    """A fault that never fires tests nothing. Rare ones get more than one seed to do it."""
    if name == "address_ban":
        minutes, seeds = 1.0, (1,)  # ten minutes of waiting follow it
    else:
        minutes, seeds = 1.2, tuple(range(1, 9))
    for seed in seeds:
        report = run_seed(Job(seed, minutes, (name,)))
        assert not report.violations, failure_text(report)
        if report.marks[name]:
            return
    raise AssertionError(f"{name} never fired in seeds {seeds}")


@pytest.mark.long
@pytest.mark.simtest
@pytest.mark.timeout(3600)
def test_two_hundred_seeds() -> None:
    total = Total()
    for report in run_seeds([Job(seed, MINUTES) for seed in range(1, SEEDS + 1)], 2):
        total.add(report)
    assert not total.failed, total.text()
    assert not total.silent(), f"these faults never fired: {total.silent()}"


def test_a_failing_seed_prints_the_command_that_repeats_it() -> None:
    report = run_seed(Job(3, 1.0, ("stall", "crash")))._replace(
        violations=(Violation("I4", 12.5, "too much"),), lines=("a line of the log",)
    )
    text = failure_text(report)
    assert "mmfast simtest --seeds 1 --from 3 --minutes 1 --only stall crash" in text
    assert "I4 at 12.500 s: too much" in text
    assert "a line of the log" in text


def test_the_report_counts_faults_and_promises() -> None:
    total = Total()
    total.add(run_seed(Job(1, 1.0, ("stall",))))
    text = total.text()
    assert "no promise was broken" in text
    assert "stall" in text
    assert "1 of" in text


def test_an_unknown_fault_is_refused_with_the_known_ones() -> None:
    said: list[str] = []
    with pytest.raises(ConfigError, match=r"--only: expected some of .*stall.*, found stal"):
        simtest(seeds=1, first=1, minutes=1.0, only=("stal",), processes=1, say=said.append)
    assert not said


def test_a_swarm_takes_some_faults_and_leaves_others_out() -> None:
    chosen = [set(plan_of(seed, 6.0).names()) for seed in range(1, 101)]
    assert all(3 < len(names) < len(FAULT_NAMES) - 10 for names in chosen)
    together = set().union(*chosen)
    assert together >= set(FAULT_NAMES) - {swarm.WALL_OFF}


def test_faults_that_are_left_out_do_not_fire() -> None:
    report = run_seed(Job(5, 1.0, ("stall",)))
    others = set(FAULT_NAMES) - {"stall"}
    assert not [name for name in others if report.marks[name]]
    assert not set(WIRE_FAULTS) & set(HOST_FAULTS)
