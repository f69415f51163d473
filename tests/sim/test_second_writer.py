"""A second writer on the account, under the whole runtime on virtual time: the engine that can
know of it stops, says why and waits for an operator (I11)."""

from __future__ import annotations

import pytest

from mmfast.sim.fault_terms.schedule import Schedule
from mmfast.simtest import swarm
from mmfast.simtest.loop import START_NS
from mmfast.simtest.main import Job, failure_text, run_seed
from mmfast.simtest.swarm import Plan, plan_of
from mmfast.simtest.world import SeedRun, run_plan
from mmfast.simtest.writer_draws import (
    AMENDS,
    CANCELS,
    CREATES,
    FIRST_SEED,
    STARTS,
    WriterAct,
    acts_of,
)
from mmfast.units import NS_PER_S


def plan_with(*writer: WriterAct) -> Plan:
    """A world without faults, but for a second writer."""
    plan = plan_of(7, 1.1)
    return plan._replace(
        faults=Schedule(seed=7), wire=(), acts=(), wall_off_ms=0, calm_s=swarm.CALM_S, writer=writer
    )


def act(kind: str, at_s: float) -> WriterAct:
    return WriterAct(kind, START_NS + int(at_s * NS_PER_S), 10, 3 * NS_PER_S)


def story(plan: Plan) -> SeedRun:
    world, _ = run_plan(plan)
    assert world.findings.violations == [], "\n".join(map(str, world.findings.violations))
    assert world.findings.checked["I18"] == 1, "it quotes again in the end"
    return world


@pytest.mark.parametrize("kind", [CREATES, CANCELS, AMENDS, STARTS])
def test_an_engine_that_reads_of_another_writer_ends_until_an_operator_has_looked(
    kind: str,
) -> None:
    world = story(plan_with(act(kind, 15.0)))
    assert world.findings.marks["second writer: " + kind] == 1
    assert world.findings.marks["second writer: can be known"] == 1
    assert world.findings.marks["second writer: noticed"] == 1
    assert world.host.lives == 2


def test_an_order_that_may_be_a_leftover_accuses_nobody() -> None:
    world = story(plan_with(act(CREATES, 3.0)))
    assert world.findings.marks["second writer: creates"] == 1
    assert world.findings.marks["second writer: noticed"] == 0
    assert world.host.lives == 1


def test_only_later_seeds_meet_a_second_writer() -> None:
    assert acts_of(FIRST_SEED - 1, 60.0) == plan_of(FIRST_SEED - 1, 2.0).writer == ()
    plans = [plan_of(FIRST_SEED + n, 2.0) for n in range(20)]
    assert all(plan.writer for plan in plans)
    assert {one.kind for plan in plans for one in plan.writer} == {CREATES, CANCELS, AMENDS, STARTS}


@pytest.mark.simtest
@pytest.mark.parametrize("seed", [FIRST_SEED, FIRST_SEED + 38])
def test_a_seed_with_a_second_writer_breaks_no_promise(seed: int) -> None:
    report = run_seed(Job(seed, 2.0))
    assert not report.violations, failure_text(report)
    assert report.checked["I11"] > 0
