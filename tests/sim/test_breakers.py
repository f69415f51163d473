"""The breakers under the whole runtime, on virtual time: what trips them does, and is judged."""

from __future__ import annotations

import json
import sys
from typing import Any

import interpreted
import pytest

from mmfast import config
from mmfast.config import BreakersConfig
from mmfast.sim.fault_terms.kinds import BatchItems, Fault, LatencyFixed
from mmfast.sim.fault_terms.schedule import Schedule
from mmfast.simtest import swarm
from mmfast.simtest.breaker_draws import FIRST_SEED, Soak, soak_of
from mmfast.simtest.breaker_judge import Measures
from mmfast.simtest.loop import START_NS
from mmfast.simtest.main import Job, failure_text, run_seed
from mmfast.simtest.swarm import HostAct, Plan, plan_of
from mmfast.simtest.world import SeedRun, run_plan
from mmfast.units import NS_PER_MS, NS_PER_S

SLOW = LatencyFixed(from_ms=4_000, for_ms=4_000, path="/v5/order/", leg="reply", ms=400)
STORM = BatchItems(
    from_ms=4_000,
    for_ms=3_000,
    path="/v5/order/create-batch",
    items=tuple(range(6)),
    code=110007,
    text="no-balance",
)


def plan_with(
    limits: dict[str, int], *faults: Fault, acts: tuple[HostAct, ...] = (), resume_ms: int = 0
) -> Plan:
    """A lively world whose faults are these alone; long enough replies are waited for."""
    plan = plan_of(7, 1.0)
    lines = "".join(f"  {name}: {value}\n" for name, value in limits.items())
    texts = [
        text.replace(b'requote_tolerance_bps: "1.0"', b'requote_tolerance_bps: "0.1"')
        + b"breakers:\n"
        + lines.encode()
        for text in (plan.config, plan.tighter)
    ]
    return plan._replace(
        config=texts[0],
        tighter=texts[1],
        faults=Schedule(seed=7, faults=faults),
        wire=(),
        acts=acts,
        wall_off_ms=0,
        calm_s=swarm.CALM_S,
        resume_ms=resume_ms,
    )


def story(plan: Plan) -> SeedRun:
    world, _ = run_plan(plan)
    assert world.findings.violations == [], "\n".join(map(str, world.findings.violations))
    assert world.findings.checked["I18"] == 1, "it quotes again in the end"
    return world


def stalls(late_ms: int) -> tuple[HostAct, ...]:
    """The loop stands still through six looks in a row, each so many milliseconds."""
    beats = [START_NS + (5_000 + 250 * n - 5) * NS_PER_MS for n in range(6)]
    return tuple(HostAct(swarm.STALL, at_ns, late_ms + 5) for at_ns in beats)


def test_slow_acknowledgements_withdraw_the_quotes_and_they_return() -> None:
    world = story(plan_with({"ack_pull_ms": 300, "calm_ms": 1_000}, SLOW))
    assert world.findings.marks["breaker pulls"] > 0
    assert world.findings.marks["breaker_pull told"] > 0


@pytest.mark.parametrize(("late_ms", "trips"), [(60, True), (40, False)])
def test_a_loop_that_stands_still_trips_its_breaker(late_ms: int, trips: bool) -> None:
    """The runtime's own watch over the loop tells the kernel; nothing else is wrong."""
    world = story(plan_with({"lag_pull_ms": 50, "calm_ms": 1_000}, acts=stalls(late_ms)))
    assert world.findings.marks[swarm.STALL] == 6
    assert bool(world.findings.marks["breaker pulls"]) is trips
    assert bool(world.findings.marks["breaker_pull told"]) is trips


def test_a_storm_of_refusals_withdraws_its_instrument() -> None:
    world = story(plan_with({"storm_refusals": 1, "pull_cap_ms": 4_000}, STORM))
    assert world.findings.marks["breaker withdraws an instrument"] > 0


def test_a_halt_of_a_breaker_outlives_the_process_until_a_human_resumes() -> None:
    """The engine is killed while it is halted, and the next one starts halted."""
    killed = HostAct(swarm.CRASH, START_NS + 9 * NS_PER_S, 0)
    limits = {"ack_halt_ms": 300, "calm_ms": 1_000}
    world = story(plan_with(limits, SLOW, acts=(killed,), resume_ms=8_000))
    assert world.findings.marks["breaker halts"] > 0
    assert world.findings.marks["halted"] == 1
    assert world.findings.marks["resumed"] == 1
    assert world.findings.marks["life ended: killed"] == 1


def test_three_in_a_row_are_counted_anew_after_a_step_back() -> None:
    """The judge accuses nobody of what the engine has forgotten by then."""
    gauge = Measures((0, 50, 0), 1_000)
    asked = [gauge.add(60 * NS_PER_MS, n * NS_PER_MS) for n in (1, 2, 3)]
    assert asked == [0, 0, 2]
    assert (gauge.gone_from_ns, gauge.gone_until_ns) == (1_003 * NS_PER_MS, 1_003 * NS_PER_MS)
    later = [gauge.add(60 * NS_PER_MS, n * NS_PER_S) for n in (2, 3, 14, 15, 16)]
    assert later == [0, 0, 0, 0, 2]


def test_the_first_flush_after_a_halt_is_due_may_be_the_one_that_looks() -> None:
    """Calls that are awaited one after the other hold flushes back (found by 210170)."""
    gauge = Measures((0, 0, 50), 3_000)
    asked = [gauge.add(60 * NS_PER_MS, n) for n in (1, 2, 3)]
    assert asked == [0, 0, 3]
    due_ns = 3 + 2 * NS_PER_S
    looks = (due_ns - 1, due_ns + 5, due_ns + 6)
    assert [gauge.is_late(now_ns) for now_ns in looks] == [False, False, True]
    gauge.forget()
    assert not gauge.is_late(due_ns + 7)


def test_only_later_seeds_are_soaked() -> None:
    assert soak_of(FIRST_SEED - 1, 60.0) == Soak()
    plans = [plan_of(FIRST_SEED + n, 2.0) for n in range(40)]
    rows = [config.parse(plan.config).breakers for plan in plans]
    assert all(row != BreakersConfig() for row in rows)
    for name in ("ack_pull_ms", "ack_halt_ms", "lag_pull_ms", "lag_halt_ms", "storm_refusals"):
        assert len({getattr(row, name) for row in rows}) > 1, name
    for row, plan in zip(rows, plans, strict=True):
        assert bool(row.ack_halt_ms or row.lag_halt_ms) is bool(plan.resume_ms)


@pytest.mark.simtest
@pytest.mark.parametrize("seed", [FIRST_SEED + 2, FIRST_SEED + 9])
def test_a_soaked_seed_breaks_no_promise(seed: int) -> None:
    report = run_seed(Job(seed, 2.0))
    assert not report.violations, failure_text(report)
    assert report.checked["I19"] > 0


@pytest.mark.simtest
@pytest.mark.parametrize(
    "what",
    [
        "times",
        pytest.param("storm", marks=pytest.mark.long),
        pytest.param("halt", marks=pytest.mark.long),
    ],
)
def test_an_engine_that_does_not_act_is_caught(what: str) -> None:
    found = interpreted.json_of(__file__, what)
    assert found
    assert all(text.startswith("I19") for text in found)


def _without(what: str) -> list[str]:
    """What is found of an engine that does not look at one of its breakers."""
    from mmfast.engine.risk import breakers, holds

    patched: Any
    if what == "times":
        patched, plan = breakers.Breakers, plan_with({"ack_pull_ms": 300}, SLOW)
        patched.look = lambda _self, _now_ns: breakers.CALM
    elif what == "storm":
        patched, plan = holds.Holds, plan_with({"storm_refusals": 1}, STORM)
        patched.pulled = lambda _self, _instrument, _now_ns: False
        patched.holds = lambda _self, _instrument, _now_ns: False
    else:
        patched, plan = breakers.Breakers, plan_with({"ack_halt_ms": 300}, SLOW, resume_ms=8_000)
        plain = patched.look
        patched.look = lambda self, now_ns: plain(self, now_ns)._replace(halt="")
    world, _ = run_plan(plan)
    return [str(one) for one in world.findings.violations]


if __name__ == "__main__":
    print(json.dumps(_without(sys.argv[1])))  # noqa: T201 - read by the test that started us
