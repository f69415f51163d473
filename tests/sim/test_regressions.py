"""What seeds have found, each as the smallest story that shows it."""

from __future__ import annotations

from mmfast.sim.fault_terms.kinds import AddressBan
from mmfast.sim.fault_terms.schedule import Schedule
from mmfast.simtest import swarm
from mmfast.simtest.loop import START_NS
from mmfast.simtest.swarm import HostAct, Plan, plan_of
from mmfast.simtest.world import SeedRun, run_plan
from mmfast.units import NS_PER_S


def calm_plan(seed: int = 7) -> Plan:
    """A world without faults: 15 seconds, and the calm after them."""
    plan = plan_of(seed, 1.0)
    return plan._replace(
        faults=Schedule(seed=seed), wire=(), acts=(), wall_off_ms=0, calm_s=swarm.CALM_S
    )


def act(name: str, at_s: float, size: int = 0) -> HostAct:
    return HostAct(name, START_NS + int(at_s * NS_PER_S), size)


def story(plan: Plan) -> SeedRun:
    world, _ = run_plan(plan)
    assert world.findings.violations == [], "\n".join(map(str, world.findings.violations))
    return world


def test_a_stop_during_the_start_does_not_claim_an_empty_venue() -> None:
    """A killed engine leaves orders; the next one is told to stop before it has begun."""
    acts = (act(swarm.CRASH, 5.0), act(swarm.STOP, 6.03))
    world = story(calm_plan()._replace(acts=acts))
    assert world.findings.marks[swarm.STOP] == 1
    assert world.findings.marks["life ended: stopped"] == 2


def test_a_ban_is_remembered_by_the_next_process() -> None:
    """The address is banned while the engine starts; its supervisor starts it again and again."""
    faults = Schedule(seed=7, faults=(AddressBan(from_ms=5_500, for_ms=3_000),))
    acts = (act(swarm.CRASH, 5.0),)
    world = story(calm_plan()._replace(acts=acts, faults=faults, calm_s=swarm.CALM_S + 610))
    assert world.findings.marks["life ended: TransportError"] > 5
