"""An instrument whose tick or step changes under a running engine is quoted again, in new units."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec
import pytest
from planted import BUGS
from test_regressions import act, calm_plan, story

from mmfast.sim.fault_terms.kinds import DropRequest, Fault, LatencyFixed, TickSizeChanged
from mmfast.sim.fault_terms.schedule import Schedule
from mmfast.sim.params import FlowParams
from mmfast.sim.rest.market import MarketCalls
from mmfast.simtest import swarm
from mmfast.simtest.patches import replaced
from mmfast.simtest.swarm import HostAct, Plan, plan_of
from mmfast.simtest.world import SeedRun, run_plan
from mmfast.units import NS_PER_MS

FROM_MS, UNTIL_MS = 3_000, 15_000
CANCELS_LOST = DropRequest(from_ms=2_000, for_ms=8_000, path="/v5/order/cancel-batch")
CREATES_LATE = LatencyFixed(
    from_ms=2_000, for_ms=6_000, path="/v5/order/create-batch", leg="request", ms=1_500
)
LONG_S = 40
"""With so much more calm the filters are read once more, a minute after the last time."""


def coarser(
    *faults: Fault, acts: tuple[HostAct, ...] = (), more_s: float = 0, activity: float = 0.5
) -> Plan:
    """A world with more or less trade in it, where the tick is ten times as large for a while."""
    plan = calm_plan()
    venue = msgspec.structs.replace(plan.venue, flow=FlowParams(activity=activity))
    for_ms = UNTIL_MS - FROM_MS
    change = TickSizeChanged(from_ms=FROM_MS, for_ms=for_ms, symbol=plan.venue.symbols[0], times=10)
    schedule = Schedule(seed=7, faults=(change, *faults))
    return plan._replace(venue=venue, faults=schedule, acts=acts, calm_s=plan.calm_s + more_s)


def own_orders(world: SeedRun, from_ms: int, until_ms: int) -> list:
    """Own orders that the venue took in between, counted from the first one."""
    began_ms = min(order.created_ms for order in world.truth.orders.values())
    return [
        order
        for order in world.truth.orders.values()
        if from_ms <= order.created_ms - began_ms < until_ms
    ]


def test_a_changed_tick_is_quoted_on_and_so_is_its_end() -> None:
    """Orders of others rest off the new grid all the while."""
    world = story(coarser(more_s=LONG_S))
    assert world.findings.marks["units renewed"] == 2
    during = own_orders(world, FROM_MS + 1_000, UNTIL_MS - 1_000)
    assert during
    assert all(order.ticks % 10 == 0 for order in during)
    assert any(order.ticks % 10 for order in own_orders(world, 70_000, 100_000))


@pytest.mark.parametrize("activity", [0.01, pytest.param(0.5, marks=pytest.mark.long)])
@pytest.mark.parametrize("fault", [CANCELS_LOST, CREATES_LATE], ids=["lost", "late"])
def test_orders_in_doubt_hold_the_change_up_and_are_not_lost_by_it(
    fault: Fault, activity: float
) -> None:
    """Cancels are lost, or creates are late, around the change: what may rest counts in the old
    units until the venue has proved its end."""
    world = story(coarser(fault, more_s=LONG_S, activity=activity))
    assert world.findings.marks["units renewed"]


@pytest.mark.parametrize(
    "at_s",
    [pytest.param(4.0, marks=pytest.mark.long), 7.2, pytest.param(9.0, marks=pytest.mark.long)],
)
def test_an_engine_that_is_killed_on_the_way_begins_in_the_units_in_force(at_s: float) -> None:
    world = story(coarser(acts=(act(swarm.CRASH, at_s),)))
    assert world.findings.marks[swarm.CRASH] == 1


@contextlib.contextmanager
def finer_step_shown(until_ms: int) -> Iterator[None]:
    """The venue shows a step ten times as fine: what it takes and tells stays on the old one."""
    plain = MarketCalls._instruments

    def instruments(self, call):
        answer = plain(self, call)
        if not FROM_MS <= call.now_ns // NS_PER_MS < until_ms:
            return answer
        rows = [
            row | {"lotSizeFilter": finer(row["lotSizeFilter"])} for row in answer.result["list"]
        ]
        return answer._replace(result=answer.result | {"list": rows})

    with replaced(MarketCalls, "_instruments", instruments):
        yield


def finer(filters: dict[str, str]) -> dict[str, str]:
    step = f"{float(filters['qtyStep']) / 10:.6f}".rstrip("0")
    return filters | {"qtyStep": step}


def test_position_and_limits_are_the_same_in_finer_lots_and_in_coarser_ones_again() -> None:
    """Both the tick and the step have changed. The judge counts in the lots of the listing: every
    fill moves the position by its size, and what is open stays within the limits."""
    with finer_step_shown(60_000):
        world = story(coarser(more_s=LONG_S))
    assert world.findings.marks["units renewed"] == 2
    assert any(order.cum_lots for order in own_orders(world, FROM_MS, 60_000))
    assert world.findings.checked["I5"] > 10


def test_filters_that_could_not_be_read_are_soon_read_again() -> None:
    """Seed 509: the answer about the filters in doubt comes too late, and was asked for again only
    a minute after it."""
    story(plan_of(509, 1.2, ("tick_size_changed", "drop_request", "latency_spikes")))


def test_an_engine_that_changes_over_before_it_is_empty_is_caught() -> None:
    """What changes the units is never compiled, so the mistake can be planted here."""
    [bug] = [one for one in BUGS if one.name == "units_change_before_the_instrument_is_empty"]
    with bug.plant():
        world, _ = run_plan(coarser(CANCELS_LOST, activity=0.01))
    assert any("changed its units with" in str(one) for one in world.findings.violations)
