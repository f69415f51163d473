"""Filters that were read: who is told what, and in which order everything changes over."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from runtime_bench import FakeClock

from mmfast.bybit.rows import NOT_SETTLED
from mmfast.clock import VenueClock
from mmfast.messages import Instrument, InstrumentChange
from mmfast.runtime import grids
from mmfast.runtime.filters import FilterDoubts
from mmfast.runtime.grids import GridKeeper
from mmfast.sim.instruments.catalogue import listings

KNOWN = tuple(
    msgspec.structs.replace(listing.instrument, index=index)
    for index, listing in enumerate(listings(("BTCUSDT", "ETHUSDT")))
)
TICK = msgspec.structs.replace(KNOWN[1], tick_units=KNOWN[1].tick_units * 5)
STEP = msgspec.structs.replace(KNOWN[1], step_units=KNOWN[1].step_units * 10)
SMALLER = msgspec.structs.replace(KNOWN[1], max_order_lots=7)


class Told:
    """A session that writes down what it is told, and its kernel, which may refuse."""

    def __init__(self, clock: FakeClock) -> None:
        self.instruments = KNOWN
        self.clock = clock
        self.said: list[Any] = []
        self.willing = True
        self.contact = self.pump = self.kernel = self
        self.doubts = FilterDoubts(lambda: self.instruments, self.event)
        self.venue_clock = VenueClock(clock)
        self.venue_clock.observe(clock.ns, clock.ns, clock.wall_ms() * 1_000_000)
        self.params = "params"

    def event(self, event: InstrumentChange) -> None:
        self.said.append(("kernel hears", event.instrument))

    def renew_units(self, changed: Instrument, _now_ns: int) -> bool:
        self.said.append(("kernel renews", changed))
        return self.willing

    def take_filters(self, changed: Instrument, settled_ms: int = NOT_SETTLED) -> None:
        self.instruments = (self.instruments[0], changed)
        self.said.append(("all take", changed, settled_ms))

    def forget_units(self, changed: Instrument) -> None:
        self.said.append(("all forget", changed))

    def take_params(self, params: Any) -> None:
        self.said.append(("params for", params))


@pytest.fixture
def told(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Told:
    monkeypatch.setattr(grids, "config_for_instruments", lambda _config, rows: rows[1])
    return Told(clock)


@pytest.fixture
def keeper(told: Told) -> GridKeeper:
    session: Any = told
    config: Any = lambda: None  # noqa: E731 - the parameters are made of the instruments alone
    return GridKeeper(session, config)


def test_filters_in_the_same_units_are_taken_by_all_at_once(told: Told, keeper: GridKeeper) -> None:
    keeper.change(KNOWN[1], SMALLER)
    assert told.said == [
        ("all take", SMALLER, NOT_SETTLED),
        ("kernel hears", SMALLER),
        ("params for", SMALLER),
    ]


def test_of_other_units_only_the_kernel_hears(told: Told, keeper: GridKeeper) -> None:
    """The parameters stay in the units in force."""
    keeper.change(KNOWN[1], TICK)
    assert told.said == [("kernel hears", TICK), ("params for", KNOWN[1])]
    assert told.instruments == KNOWN


def test_the_kernel_changes_over_first_and_the_parameters_last(
    told: Told, keeper: GridKeeper
) -> None:
    keeper.change(KNOWN[1], TICK)
    told.said.clear()
    keeper.renew(InstrumentChange(TICK))
    assert told.said == [
        ("kernel renews", TICK),
        ("all take", TICK, NOT_SETTLED),
        ("all forget", TICK),
        ("params for", TICK),
    ]


def test_a_late_refusal_does_not_bring_the_old_units_back(told: Told, keeper: GridKeeper) -> None:
    """What was in flight when the units changed is refused for them: no news to the kernel."""
    keeper.change(KNOWN[1], TICK)
    told.said.clear()
    told.doubts.refused(1)
    told.doubts.settle()
    assert told.said == []
    told.doubts.refused(0)
    assert [changed.index for _, changed in told.said] == [0]


def test_where_the_kernel_refuses_nothing_changes(told: Told, keeper: GridKeeper) -> None:
    told.willing = False
    keeper.renew(InstrumentChange(TICK))
    assert told.said == [("kernel renews", TICK)]
    assert told.instruments == KNOWN


def test_what_traded_so_far_is_settled_only_where_lots_have_changed(
    told: Told, keeper: GridKeeper, clock: FakeClock
) -> None:
    keeper.renew(InstrumentChange(STEP))
    [(_, _, settled_ms)] = [one for one in told.said if one[0] == "all take"]
    assert 0 < settled_ms - clock.wall_ms() <= 2


def test_units_taken_back_are_told_though_they_are_those_in_force(
    told: Told, keeper: GridKeeper
) -> None:
    keeper.change(KNOWN[1], TICK)
    told.said.clear()
    keeper.change(KNOWN[1], KNOWN[1])
    assert told.said == [
        ("all take", KNOWN[1], NOT_SETTLED),
        ("kernel hears", KNOWN[1]),
        ("params for", KNOWN[1]),
    ]
