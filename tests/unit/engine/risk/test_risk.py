"""Risk: every control blocks one step beyond its limit and passes at the limit."""

from __future__ import annotations

import pytest
from engine_world import (
    SECOND,
    draft,
    order_update,
)
from risk_desk import MID
from risk_desk import OneBook as Desk

from mmfast._core.leaving import LeavingError
from mmfast.engine.risk.risk import CONTROLS
from mmfast.messages import Flag, Mode, Op, OrderStatus, Outcome, Side

LOT_VALUE = 10_000


def test_a_sound_order_passes() -> None:
    assert Desk().check() == ""
    assert Desk().check(side=Side.SELL, price_ticks=MID + 20) == ""


@pytest.mark.parametrize("lots", [20, 21])
def test_order_size(lots: int) -> None:
    assert Desk().check(lots=lots) == ("order_size" if lots > 20 else "")
    by_venue = Desk({"max_order_lots": 20}, max_order_lots=1000)
    assert by_venue.check(lots=lots) == ("order_size" if lots > 20 else "")


@pytest.mark.parametrize("price", [MID - 20, MID - 19])
def test_order_value(price: int) -> None:
    desk = Desk(max_order_value_e8=(MID - 20) * 10 * LOT_VALUE)
    assert desk.check(price_ticks=price) == ("order_value" if price > MID - 20 else "")


def test_smallest_size_and_value() -> None:
    assert Desk({"min_order_lots": 10}).check() == ""
    assert Desk({"min_order_lots": 11}).check() == "min_order"
    value = (MID - 20) * 10 * LOT_VALUE
    assert Desk({"min_notional_e8": value}).check() == ""
    assert Desk({"min_notional_e8": value + 1}).check() == "min_order"
    assert Desk().check(lots=0) == "min_order"
    assert Desk().check(lots=-5) == "min_order"


def test_price_range() -> None:
    assert Desk({"min_price_ticks": MID - 20}).check() == ""
    assert Desk({"min_price_ticks": MID - 19}).check() == "price_range"
    assert Desk({"max_price_ticks": MID - 20}).check() == ""
    assert Desk({"max_price_ticks": MID - 21}).check() == "price_range"


@pytest.mark.parametrize("beyond", [0, 1])
def test_price_collar(beyond: int) -> None:
    """10 bp of 100000 ticks: a buy up to 100 ticks above the mid, a sell so far below."""
    refused = "price_collar" if beyond else ""
    assert Desk().check(price_ticks=MID + 100 + beyond) == refused
    assert Desk().check(side=Side.SELL, price_ticks=MID - 100 - beyond) == refused


@pytest.mark.parametrize("beyond", [0, 1])
def test_max_distance(beyond: int) -> None:
    refused = "max_distance" if beyond else ""
    assert Desk().check(price_ticks=MID - 1000 - beyond) == refused
    assert Desk().check(side=Side.SELL, price_ticks=MID + 1000 + beyond) == refused


def test_a_spike_of_the_price_is_refused_whatever_its_direction() -> None:
    for power in (1, 2, 3):
        assert Desk().check(price_ticks=MID * 10**power) != ""
        assert Desk().check(price_ticks=MID // 10**power) != ""


def test_position_alone() -> None:
    desk = Desk()
    desk.hold(90)
    assert desk.check(lots=10) == ""
    assert desk.check(lots=11) == "max_position"
    assert desk.check(lots=11, side=Side.SELL, price_ticks=MID + 20) == ""


def test_position_with_everything_that_may_still_fill() -> None:
    desk = Desk()
    desk.hold(70)
    desk.rest(1, lots=12)
    desk.rest(2, lots=8, level=1, live=False)  # in flight
    assert desk.check(lots=10, level=2) == ""
    assert desk.check(lots=11, level=2) == "open_position"
    desk.orders.on_reply(Op.PLACE, 2, Outcome.UNKNOWN, "", desk.tick, 0, 0)
    assert desk.check(lots=11, level=2) == "open_position", "unknown counts in full"
    desk.orders.on_reply(Op.PLACE, 2, Outcome.REJECT, "", desk.tick, 0, 0)
    assert desk.check(lots=18, level=2) == ""


def test_a_short_side_has_the_same_limit() -> None:
    desk = Desk()
    desk.hold(-70)
    desk.rest(1, lots=20, side=Side.SELL, price_ticks=MID + 20)
    assert desk.check(lots=10, side=Side.SELL, price_ticks=MID + 20, level=1) == ""
    assert desk.check(lots=11, side=Side.SELL, price_ticks=MID + 20, level=1) == "open_position"


def test_an_order_being_replaced_counts_until_it_is_gone() -> None:
    desk = Desk(max_position_lots=15)
    desk.rest(1, lots=10)
    desk.orders.cancel(1, 99, desk.now_ns)
    assert desk.check(lots=5) == ""
    assert desk.check(lots=6) == "open_position"


def test_an_amend_counts_by_what_it_adds() -> None:
    desk = Desk(max_position_lots=15)
    desk.rest(1, lots=10)
    assert desk.check(Op.AMEND, 1, lots=15) == ""
    assert desk.check(Op.AMEND, 1, lots=16) == "max_position"
    desk.hold(20)
    assert desk.check(Op.AMEND, 1, lots=9) == "", "over the limit, less is still allowed"
    assert desk.check(Op.AMEND, 1, lots=10, price_ticks=MID - 30) == ""


def test_an_amend_of_a_partly_filled_order_is_judged_by_what_rests() -> None:
    desk = Desk(max_order_lots=10)
    desk.rest(1, lots=10)
    desk.orders.on_execution(1, 6, desk.now_ns)
    assert desk.check(Op.AMEND, 1, lots=16) == ""
    assert desk.check(Op.AMEND, 1, lots=17) == "order_size"


def test_a_stale_or_faulty_book_stops_places_and_amends_but_no_cancel() -> None:
    desk = Desk()
    desk.rest(1)
    desk.now_ns += SECOND
    assert desk.check(level=1) == ""
    desk.now_ns += 1
    assert desk.check(level=1) == "book"
    assert desk.check(Op.AMEND, 1) == "book"
    assert desk.check(Op.CANCEL, 1) == ""


@pytest.mark.parametrize("mode", list(Mode))
def test_modes(mode: Mode) -> None:
    desk = Desk()
    desk.rest(1)
    desk.risk.mode = mode
    refused = "" if mode is Mode.TRADING else "mode"
    assert desk.check(level=1) == refused
    assert desk.check(Op.AMEND, 1, lots=11) == refused
    assert desk.check(Op.CANCEL, 1) == "", "cancels are allowed in all modes"


def test_reduce_only_lets_reducing_orders_and_shrinking_amends_through() -> None:
    desk = Desk()
    desk.rest(1)
    desk.risk.mode = Mode.REDUCE_ONLY
    assert desk.check(level=1, flags=int(Flag.REDUCE_ONLY)) == ""
    assert desk.check(Op.AMEND, 1, lots=6) == ""


def test_an_instrument_that_does_not_trade() -> None:
    desk = Desk()
    desk.risk.status[0] = "instrument is Closed"
    assert desk.check() == "instrument"


def test_one_intent_per_slot() -> None:
    desk = Desk()
    assert desk.check(Op.CANCEL, 1) == "slot"
    assert desk.check(Op.AMEND, 1) == "slot"
    desk.rest(1)
    assert desk.check() == "slot"
    desk.orders.cancel(1, 99, desk.now_ns)
    assert desk.check() == "", "its cancel is on its way"
    assert desk.check(Op.CANCEL, 1) == "slot", "one mutation at a time"


def test_the_refusal_says_what_was_asked_and_what_stood_against_it() -> None:
    desk = Desk()
    one = draft(Op.PLACE, 9, price_ticks=MID - 20, lots=21)
    control = desk.risk.check(one, None, desk.now_ns)
    text = desk.risk.explain(one, control)
    for part in ("C00USDT", "order_size", "place", "21 lots", str(MID - 20), "20 lots an order"):
        assert part in text


def test_controls_have_unique_names() -> None:
    assert len(set(CONTROLS)) == len(CONTROLS)


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_an_own_order_is_never_crossed(side: Side) -> None:
    """At the very price of one of the other side it is refused, one tick away it passes."""
    desk = Desk()
    away = 1 if side is Side.SELL else -1
    desk.rest(1, side=Side(1 - side), price_ticks=MID)
    assert desk.check(side=side, price_ticks=MID + away) == ""
    assert desk.check(side=side, price_ticks=MID) == "self_match"
    assert desk.check(side=side, price_ticks=MID - away) == "self_match"


def test_an_own_order_in_flight_or_unknown_is_not_crossed_either() -> None:
    desk = Desk()
    desk.rest(1, side=Side.SELL, price_ticks=MID, live=False)
    assert desk.check(price_ticks=MID) == "self_match"
    desk.orders.on_reply(Op.PLACE, 1, Outcome.UNKNOWN, "", desk.tick, 0, 0)
    assert desk.check(price_ticks=MID) == "self_match"
    desk.orders.on_reply(Op.PLACE, 1, Outcome.REJECT, "", desk.tick, 0, 0)
    assert desk.check(price_ticks=MID) == ""


def test_what_counts_is_where_an_own_order_is_going_to_be() -> None:
    """Quotes that follow a market are not given up for a round trip: the side that makes way has
    been sent first."""
    desk = Desk()
    desk.rest(1, side=Side.SELL, price_ticks=MID)
    desk.orders.amend(draft(Op.AMEND, 1, side=Side.SELL, price_ticks=MID + 20), 99, desk.now_ns)
    assert desk.check(price_ticks=MID + 19) == ""
    assert desk.check(price_ticks=MID + 20) == "self_match"
    desk.orders.on_reply(Op.AMEND, 1, Outcome.REJECT, "", 99, desk.now_ns, desk.now_ns)
    assert desk.check(price_ticks=MID) == "self_match", "it stays where it was"


def test_an_own_order_that_leaves_stands_in_nobodys_way() -> None:
    desk = Desk()
    desk.rest(1, side=Side.SELL, price_ticks=MID)
    desk.orders.cancel(1, 99, desk.now_ns)
    assert desk.check(price_ticks=MID) == ""
    desk.rest(2, side=Side.SELL, price_ticks=MID + 50)
    assert desk.check(price_ticks=MID) == "", "nor once its seat is taken anew"


def test_an_amend_crosses_no_own_order() -> None:
    desk = Desk()
    desk.rest(1, side=Side.SELL, price_ticks=MID + 10)
    desk.rest(2)
    assert desk.check(Op.AMEND, 2, price_ticks=MID + 9) == ""
    assert desk.check(Op.AMEND, 2, price_ticks=MID + 10) == "self_match"


@pytest.mark.parametrize("live", [True, False])
def test_the_same_order_again_is_refused_beyond_the_levels_of_the_ladder(live: bool) -> None:
    """The ladder has two levels: what a third seat repeats is a strategy running away."""
    desk = Desk()
    desk.rest(1, live=live)
    assert desk.check(level=1) == "", "levels of the ladder pass over each other"
    assert desk.check(level=2) == "duplicate"
    assert desk.check(level=2, lots=9) == ""
    assert desk.check(level=2, price_ticks=MID - 19) == ""
    assert desk.check(level=2, side=Side.SELL, price_ticks=MID + 20) == ""
    desk.rest(2, level=3, price_ticks=MID - 30)
    assert desk.check(level=1, price_ticks=MID - 30) == "duplicate"


def test_an_order_on_its_way_out_may_be_asked_for_again() -> None:
    desk = Desk()
    desk.rest(1, level=2)
    assert desk.check(level=3) == "duplicate"
    desk.orders.cancel(1, 99, desk.now_ns)
    assert desk.check(level=3) == ""


@pytest.mark.parametrize("between", [False, True])
def test_the_last_check_knows_what_is_filled_whatever_comes_in_between(between: bool) -> None:
    """An amend says its size in all. The commands of a flush come in the order of their worth, so
    the instrument may come again after others."""
    desk = Desk(others=1)
    desk.leaving.allow(0, "C00USDT", 1, 1, 3, 1, 20, 10**12, 10**6, 10**7)
    desk.rest(5)
    partly = order_update(
        5, OrderStatus.PARTIALLY_FILLED, lots=10, cum_lots=8, price_ticks=MID - 20, updated_ms=20
    )
    desk.orders.on_update(partly, desk.now_ns)
    amend = draft(Op.AMEND, 5, price_ticks=MID - 20, lots=28, flags=int(Flag.AMEND_QTY))
    desk.risk.begin()
    assert desk.risk.check(amend, desk.orders.get(5), desk.now_ns) == ""
    if between:
        desk.risk.check(draft(Op.PLACE, 6, instrument=1), None, desk.now_ns)
        desk.risk.check(draft(Op.PLACE, 7, side=Side.SELL), None, desk.now_ns)
    item = b'{"symbol":"C00USDT","orderLinkId":"mmt1-0000000000000005","qty":"0.028"}'
    assert desk.leaving.body(1, b'{"category":"linear","request":[' + item + b"]}") == 1
    # The next flush begins without it.
    desk.risk.begin()
    desk.risk.check(draft(Op.PLACE, 8, side=Side.SELL), None, desk.now_ns)
    with pytest.raises(LeavingError):
        desk.leaving.body(1, b'{"category":"linear","request":[' + item + b"]}")
