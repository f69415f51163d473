"""The judge of the worst case of all instruments: what the engine could not know is no fault, and
what it could have known is one."""

from __future__ import annotations

import pytest

from mmfast.messages import Category, Instrument, Side
from mmfast.sim.orders.orders import Fill
from mmfast.simtest.portfolio import Coming, Portfolio
from mmfast.simtest.reading import executions
from mmfast.simtest.truth import UNHEARD_MEMORY_NS, Truth
from mmfast.units import NS_PER_S

MID_X2 = 2_000
UNIT_E8 = 10
LIMIT_LOTS = 15
REPORT = b'{"id":"1","topic":"execution.linear","creationTime":1,"data":[{"execId":"%s"}]}'


class Scene:
    """One instrument, of which an order of ours is the last thing that has traded."""

    def __init__(self, instrument: Instrument) -> None:
        self.truth = Truth((instrument,), "own-")
        self.truth.now_ns = NS_PER_S
        self.judge = Portfolio(self.truth, LIMIT_LOTS * MID_X2 * UNIT_E8 // 2)

    def trades(self, exec_id: str, side: Side, lots: int, owner: str = "own-1") -> None:
        row = dict.fromkeys(Fill._fields, 0) | {
            "exec_id": exec_id, "link_id": owner, "instrument": 0, "side": side, "lots": lots
        }  # fmt: skip
        self.truth.fill(None, Fill(**row))

    def fault(self, side: Side, lots: int) -> bool:
        """A create leaves: is that one?"""
        coming = {"own-9": Coming(0, int(side), lots, 10 * NS_PER_S)}
        return bool(self.judge.fault("own-9", coming, (MID_X2,)))


@pytest.fixture
def scene() -> Scene:
    return Scene(
        Instrument(
            index=0,
            symbol="AUSDT",
            category=Category.LINEAR,
            base_coin="A",
            quote_coin="USDT",
            settle_coin="USDT",
            tick_decimals=1,
            tick_units=1,
            step_decimals=0,
            step_units=1,
            min_price_ticks=1,
            max_price_ticks=10_000,
            min_order_lots=1,
            max_order_lots=1_000,
            min_notional_e8=1,
            tick_lot_value_e8=UNIT_E8,
        )
    )


@pytest.mark.parametrize(("lots", "too_much"), [(LIMIT_LOTS, False), (LIMIT_LOTS + 1, True)])
@pytest.mark.parametrize("side", list(Side))
def test_the_limit_itself(scene: Scene, side: Side, lots: int, too_much: bool) -> None:
    assert scene.fault(side, lots) is too_much


def test_what_reduces_the_position_that_is_held_may_leave(scene: Scene) -> None:
    scene.trades("e1", Side.BUY, 30)
    scene.truth.heard(["e1"])
    assert scene.fault(Side.BUY, 1)
    assert not scene.fault(Side.SELL, 60)
    assert scene.fault(Side.SELL, 61)


def test_a_fill_of_ours_excuses_what_reduced_before_it_until_its_report_is_read(
    scene: Scene,
) -> None:
    """Bought 30, and sold them; of the sale no report has been read, so 30 seem to be held."""
    scene.trades("e1", Side.BUY, 30)
    scene.truth.heard(["e1"])
    scene.trades("e2", Side.SELL, 30)
    assert not scene.fault(Side.SELL, 30)
    assert scene.fault(Side.SELL, 31)
    assert scene.fault(Side.BUY, LIMIT_LOTS + 1), "in its direction it excuses nothing"
    scene.truth.heard(executions(REPORT % b"e2"))
    assert scene.fault(Side.SELL, LIMIT_LOTS + 1)


def test_a_report_that_never_comes_excuses_nothing_for_ever(scene: Scene) -> None:
    scene.trades("e1", Side.SELL, 30)
    scene.trades("e2", Side.BUY, 30)
    assert not scene.fault(Side.BUY, 20)
    scene.truth.now_ns += UNHEARD_MEMORY_NS + 1
    assert scene.fault(Side.BUY, 20)
    assert executions(REPORT.replace(b"execution.", b"order.") % b"e1") == []
