"""Races and open questions: what happens, and which switch decides it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from venue_desk import BUY, LISTED, SELL, Desk

from mmfast.sim.switches import VenueSwitches

Open = Callable[..., Desk]


@pytest.fixture
def linear(new_trader) -> Open:
    def desk(seed: int = 1, category: str = "linear", **switches: object) -> Desk:
        trader = new_trader(**LISTED, seed=seed, switches=VenueSwitches(**switches))
        return Desk(trader, category, "BTCUSDT")

    return desk


def filled_then_cancelled(desk: Desk, wait_ms: float) -> tuple[int, list[dict[str, object]]]:
    """Fill an order while its cancel is on the way; ``wait_ms`` between the two."""
    desk.place("Buy", "0.01", "64800", orderLinkId="race")
    desk.trader.told("order")
    desk.venue.submit(desk.index, SELL, 648_000, 10_000, post_only=False, ioc=True)
    desk.venue._tell()
    # A cancel is applied half the round trip of 5 ms after it is sent.
    desk.trader.run(max(0.0, wait_ms - 2.5))
    reply = desk.call("cancel", orderLinkId="race")
    desk.trader.run(50)
    return reply.code, desk.trader.told("order")


@pytest.mark.parametrize("category", ["linear", "spot"])
def test_a_cancel_that_just_lost_shows_a_second_filled(linear: Open, category: str) -> None:
    desk = linear(category=category)
    code, rows = filled_then_cancelled(desk, 3)
    assert code == 0
    assert [row["orderStatus"] for row in rows] == ["Filled", "Filled"]
    first, second = rows
    assert (first["cancelType"], first["rejectReason"]) == ("UNKNOWN", "EC_NoError")
    assert second["cancelType"] == "CancelByUser"
    assert second["rejectReason"] == "EC_OrigClOrdIDDoesNotExist"
    assert first["cumExecQty"] == second["cumExecQty"] == second["qty"]
    # One fill only, and queries show the order as it was filled.
    assert len(desk.fills()) == 1
    assert desk.order("race")["cancelType"] == "UNKNOWN"


def test_later_the_order_is_unknown(linear: Open) -> None:
    code, rows = filled_then_cancelled(linear(), 8)
    assert (code, len(rows)) == (110001, 1)
    code, rows = filled_then_cancelled(linear(double_filled_ms=0), 3)
    assert (code, len(rows)) == (110001, 1)
    code, rows = filled_then_cancelled(linear(double_filled_ms=1_000), 900)
    assert (code, len(rows)) == (0, 2)


def test_an_amend_that_lost_is_refused(linear: Open) -> None:
    desk = linear()
    desk.place("Buy", "0.01", "64800", orderLinkId="race")
    desk.take(SELL, 648_000, 10)
    assert desk.call("amend", orderLinkId="race", qty="0.02").code == 110001


def test_codes_of_closed_orders_may_say_more(linear: Open) -> None:
    desk = linear(closed_order_futures="specific")
    desk.place("Buy", "0.01", "64800", orderLinkId="filled")
    desk.take(SELL, 648_000, 10)
    desk.place("Buy", "0.01", "64800", orderLinkId="gone")
    desk.call("cancel", orderLinkId="gone")
    assert desk.call("cancel", orderLinkId="filled").code == 110008
    assert desk.call("cancel", orderLinkId="gone").code == 110010
    assert desk.call("cancel", orderLinkId="never").code == 110001


def test_an_order_may_need_time_before_it_can_be_touched(linear: Open) -> None:
    desk = linear(processing_ms=100)
    desk.place("Buy", "0.01", "64800", orderLinkId="young")
    assert desk.call("cancel", orderLinkId="young").code == 110079
    assert desk.call("amend", orderLinkId="young", qty="0.02").code == 110079
    desk.trader.run(100)
    assert desk.call("cancel", orderLinkId="young").code == 0


def test_client_ids_are_remembered_for_ever_or_while_open(linear: Open) -> None:
    for memory, code in (("forever", 110072), ("while_open", 0)):
        desk = linear(link_id_memory=memory)
        assert desk.place("Buy", "0.01", "64800", orderLinkId="id").code == 0
        assert desk.place("Buy", "0.01", "64800", orderLinkId="id").code == 110072
        desk.call("cancel", orderLinkId="id")
        assert desk.place("Buy", "0.01", "64800", orderLinkId="id").code == code
        if code == 0:
            assert desk.order("id")["orderStatus"] == "New"


def test_why_a_user_cancelled_order_ended(linear: Open) -> None:
    for seed, reason, shown in (
        (1, "by_seed", "EC_PerCancelRequest"),
        (2, "by_seed", "EC_NoError"),
        (2, "EC_PerCancelRequest", "EC_PerCancelRequest"),
        (1, "EC_NoError", "EC_NoError"),
    ):
        desk = linear(seed, user_cancel_reason=reason)
        desk.place("Buy", "0.01", "64800", orderLinkId="c")
        desk.call("cancel", orderLinkId="c")
        row = desk.order("c")
        assert (row["rejectReason"], row["cancelType"]) == (shown, "CancelByUser")


def test_the_status_of_a_post_only_order_that_would_take(linear: Open) -> None:
    for category, switch, status in (
        ("linear", {}, "Cancelled"),
        ("linear", {"post_only_cross_futures": "Rejected"}, "Rejected"),
        ("spot", {}, "Rejected"),
        ("spot", {"post_only_cross_spot": "Cancelled"}, "Cancelled"),
    ):
        desk = linear(category=category, **switch)
        desk.limit(SELL, 650_000, 100)
        desk.place("Buy", "0.01", "65000", timeInForce="PostOnly", orderLinkId="p")
        row = desk.order("p")
        assert row["orderStatus"] == status
        assert row["rejectReason"] == "EC_PostOnlyWillTakeLiquidity"
        # Amended across after it has rested, it is cancelled or rejected just the same.
        desk.place("Buy", "0.01", "64000", timeInForce="PostOnly", orderLinkId="q")
        assert desk.call("amend", orderLinkId="q", price="65000").code == 0
        assert desk.order("q")["rejectReason"] == "EC_PostOnlyWillTakeLiquidity"


@pytest.mark.parametrize("keeps", [True, False])
def test_less_size_may_or_may_not_keep_the_place_in_the_queue(linear: Open, keeps: bool) -> None:
    desk = linear(amend_down_keeps_queue=keeps)
    desk.place("Buy", "0.02", "64800", orderLinkId="mine")
    house = desk.limit(BUY, 648_000, 10)
    assert desk.call("amend", orderLinkId="mine", qty="0.01").code == 0
    desk.take(SELL, 648_000, 10)
    status = desk.order("mine")["orderStatus"]
    assert status == ("Filled" if keeps else "New")
    assert desk.venue.house_lots(desk.index, house) == (10 if keeps else 0)


@pytest.mark.parametrize("grows", ["qty", "price"])
def test_more_size_or_another_price_goes_to_the_back(linear: Open, grows: str) -> None:
    desk = linear()
    desk.place("Buy", "0.01", "64800", orderLinkId="mine")
    desk.limit(BUY, 648_000, 10)
    if grows == "qty":
        desk.call("amend", orderLinkId="mine", qty="0.02")
    else:
        desk.call("amend", orderLinkId="mine", price="64801")
        desk.call("amend", orderLinkId="mine", price="64800")
    desk.take(SELL, 648_000, 10)
    assert desk.order("mine")["orderStatus"] == "New"
