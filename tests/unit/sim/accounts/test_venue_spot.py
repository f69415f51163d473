"""Spot: coins change hands, orders lock what they would pay, and the codes are its own."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from venue_desk import BUY, LISTED, SELL, Desk

from mmfast.messages import Category
from mmfast.sim.instruments.catalogue import listings
from mmfast.sim.market.bands import Reference
from mmfast.sim.switches import VenueSwitches

Open = Callable[..., Desk]


@pytest.fixture
def spot(new_trader) -> Open:
    def desk(**params: object) -> Desk:
        return Desk(new_trader(**LISTED | params), "spot", "BTCUSDT")

    return desk


def test_an_order_locks_what_it_would_pay(spot: Open) -> None:
    desk = spot()
    assert desk.place("Buy", "0.5", "64000", orderLinkId="bid").code == 0
    assert desk.place("Sell", "0.25", "66000", orderLinkId="ask").code == 0
    assert Decimal(desk.coin("USDT")["locked"]) == 32_000
    assert Decimal(desk.coin("BTC")["locked"]) == Decimal("0.25")
    assert desk.balance("USDT") == 1_000_000

    assert desk.call("amend", orderLinkId="bid", qty="0.6", price="63000").code == 0
    assert Decimal(desk.coin("USDT")["locked"]) == 37_800
    # A partial fill takes its share of the lock along.
    desk.take(SELL, 630_000, 200_000)
    assert Decimal(desk.coin("USDT")["locked"]) == 25_200
    assert desk.balance("USDT") == 1_000_000 - 12_600
    for link in ("bid", "ask"):
        assert desk.call("cancel", orderLinkId=link).code == 0
    assert (desk.coin("USDT")["locked"], desk.coin("BTC")["locked"]) == ("0", "0")


@pytest.mark.parametrize(
    ("side", "is_maker", "maker_fee_e8", "coin", "fee"),
    [
        ("Buy", False, 100_000, "BTC", Decimal("0.001")),
        ("Sell", False, 100_000, "USDT", Decimal(65)),
        ("Buy", True, 50_000, "BTC", Decimal("0.0005")),
        ("Sell", True, 50_000, "USDT", Decimal("32.5")),
        ("Buy", True, -20_000, "USDT", Decimal(-13)),
        ("Sell", True, -20_000, "BTC", Decimal("-0.0002")),
        ("Buy", False, -20_000, "BTC", Decimal("0.001")),
    ],
)
def test_the_fee_is_taken_in_the_coin_received(
    spot: Open, side: str, is_maker: bool, maker_fee_e8: int, coin: str, fee: Decimal
) -> None:
    desk = spot(spot_maker_fee_e8=maker_fee_e8)
    other = SELL if side == "Buy" else BUY
    if is_maker:
        assert desk.place(side, "1", "65000").code == 0
        desk.take(other, 650_000, 1_000_000)
    else:
        desk.limit(other, 650_000, 1_000_000)
        assert desk.place(side, "1", "65000").code == 0
    (fill,) = desk.fills()
    assert (fill["feeCurrency"], Decimal(fill["execFee"])) == (coin, fee)
    assert fill["isMaker"] is is_maker
    sign = 1 if side == "Buy" else -1
    want = {"BTC": Decimal(10 + sign), "USDT": Decimal(1_000_000 - sign * 65_000)}
    want[coin] -= fee
    assert {name: desk.balance(name) for name in want} == want
    told = [e.row for e in desk.trader.events if e.topic == "wallet"][-1]
    assert {row["coin"] for row in told["coin"]} == {"BTC", "USDT"}
    # Spot trades make no position.
    assert not [e for e in desk.trader.events if e.topic == "position"]


def test_a_market_buy_spends_an_amount_of_the_quote_coin(spot: Open) -> None:
    desk = spot()
    desk.limit(SELL, 650_000, 10_000)  # 0.01 BTC
    desk.limit(SELL, 651_000, 1_000_000)
    assert desk.place("Buy", "1300", orderLinkId="even").code == 0
    row = desk.order("even")
    # 650 at the first price; the other 650 do not divide by the second.
    assert row["orderStatus"] == "PartiallyFilledCanceled"
    assert row["rejectReason"] == "EC_CancelByMatchValueZero"
    assert (row["qty"], row["marketUnit"]) == ("1300", "quoteCoin")
    assert row["cumExecQty"] == "0.019984"
    left = 1_300 - Decimal(row["cumExecValue"])
    assert 0 < left < Decimal("0.0651")
    assert desk.balance("USDT") == 1_000_000 - Decimal(row["cumExecValue"])
    # An amount that comes out even is filled.
    assert desk.place("Buy", "651", orderLinkId="whole").code == 0
    row = desk.order("whole")
    assert (row["orderStatus"], row["cumExecQty"]) == ("Filled", "0.010000")


def test_the_unit_of_a_market_order_may_be_chosen(spot: Open) -> None:
    desk = spot()
    desk.limit(SELL, 650_000, 1_000_000)
    desk.limit(BUY, 649_000, 1_000_000)
    assert desk.place("Buy", "0.2", marketUnit="baseCoin", orderLinkId="b").code == 0
    assert desk.order("b")["cumExecQty"] == "0.200000"
    assert desk.place("Sell", "0.1", orderLinkId="s").code == 0
    assert desk.order("s")["cumExecQty"] == "0.100000"
    assert desk.place("Sell", "6490", marketUnit="quoteCoin", orderLinkId="q").code == 0
    assert desk.order("q")["cumExecQty"] == "0.100000"
    assert desk.place("Sell", "1", marketUnit="cents").code == 170130


def test_a_market_order_into_an_empty_book_ends_unfilled(spot: Open) -> None:
    desk = spot()
    assert desk.place("Buy", "1000", orderLinkId="void").code == 0
    row = desk.order("void")
    assert (row["orderStatus"], row["rejectReason"]) == ("Cancelled", "EC_NoImmediateQtyToFill")
    assert desk.coin("USDT")["locked"] == "0"


def test_ids_are_digits_and_rise(spot: Open) -> None:
    desk = spot()
    ids = [desk.place("Buy", "0.01", "60000").result["orderId"] for _ in range(20)]
    assert all(text.isdigit() and len(text) == 19 for text in ids)
    assert ids == sorted(ids)
    assert len(set(ids)) == 20
    linear = Desk(desk.trader, "linear", "BTCUSDT")
    assert linear.place("Buy", "0.01", "65000").result["orderId"].count("-") == 4


def test_spot_words_for_orders_that_end(spot: Open) -> None:
    desk = spot()
    desk.limit(SELL, 650_000, 1_000)
    desk.place("Buy", "0.01", "65000", timeInForce="PostOnly", orderLinkId="cross")
    row = desk.order("cross")
    assert (row["orderStatus"], row["rejectReason"]) == ("Rejected", "EC_PostOnlyWillTakeLiquidity")
    desk.place("Buy", "0.01", "65000", timeInForce="IOC", orderLinkId="part")
    assert desk.order("part")["orderStatus"] == "PartiallyFilledCanceled"
    assert desk.order("part")["leavesQty"] == "0.000000"
    desk.place("Buy", "0.01", "65000", timeInForce="FOK", orderLinkId="fok")
    assert desk.order("fok")["orderStatus"] == "Cancelled"
    desk.place("Buy", "0.01", "64000", orderLinkId="some")
    desk.take(SELL, 640_000, 1_000)
    assert desk.order("some")["orderStatus"] == "PartiallyFilled"
    desk.call("cancel", orderLinkId="some")
    row = desk.order("some")
    assert (row["orderStatus"], row["cancelType"]) == ("PartiallyFilledCanceled", "CancelByUser")
    history = desk.trader.get(
        "/v5/order/history", category="spot", orderStatus="PartiallyFilledCanceled"
    )
    assert {row["orderLinkId"] for row in history.rows} == {"part", "some"}


def test_prices_beyond_the_bound_are_refused_unless_asked_otherwise(spot: Open) -> None:
    desk = spot()
    limit = desk.trader.get("/v5/market/price-limit", category="spot", symbol="BTCUSDT").result
    high, low = Decimal(limit["buyLmt"]), Decimal(limit["sellLmt"])
    assert low < 65_000 < high
    too_high = desk.place("Buy", "0.01", str(high + Decimal("0.1")))
    assert (too_high.code, str(high) in too_high.json["retMsg"]) == (170193, True)
    assert desk.place("Sell", "0.01", str(low - Decimal("0.1"))).code == 170194
    assert desk.place("Buy", "0.01", str(high), orderLinkId="edge").code == 0
    assert desk.call("amend", orderLinkId="edge", price=str(high + 1)).code == 170193

    action = "/v5/account/set-limit-px-action"
    assert desk.trader.post(action, {"category": "spot", "modifyEnable": True}).code == 0
    config = desk.trader.get("/v5/account/user-setting-config").result
    # The two settings say the same with opposite signs.
    assert (config["lpaSpot"], config["lpaPerp"]) == (True, False)
    assert desk.place("Sell", "0.01", str(low - 1), orderLinkId="moved").code == 0
    told = [e.row for e in desk.trader.events if e.topic == "order"]
    assert Decimal(next(r for r in told if r["orderLinkId"] == "moved")["price"]) == low


def test_the_bound_follows_the_index_and_two_minutes_of_premium() -> None:
    reference = Reference(listings(("BTCUSDT",), Category.SPOT)[0])
    # A mark price plays no part on spot.
    reference.move(650_000, 600_000, 0, 0)
    assert reference.band() == (653_250, 646_750)
    # The book stood 1000 ticks above the index for a minute, then at it for another.
    for second in range(1, 121):
        over = 1_000 if second <= 60 else 0
        reference.move(650_000, 650_000, 2 * (650_000 + over), second * 1_000)
    assert reference.band() == (653_750, 646_750)
    # However high the premium, the outer bound is one per cent.
    for second in range(121, 241):
        reference.move(650_000, 650_000, 2 * 690_000, second * 1_000)
    assert reference.band().max_buy_ticks == 656_500


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"symbol": "NOPEUSDT"}, 170121),
        ({"side": "buy"}, 170117),
        ({"orderType": "Stop"}, 170116),
        ({"timeInForce": "GTX"}, 170115),
        ({"qty": "0.0000001"}, 170137),
        ({"qty": "ten"}, 170130),
        ({"qty": "0"}, 170136),
        ({"qty": "84"}, 170381),
        ({"qty": "84", "timeInForce": "PostOnly"}, 170131),  # allowed, but who could pay
        ({"qty": "416", "timeInForce": "PostOnly"}, 170381),
        ({"price": "65000.05"}, 170134),
        ({"price": "x"}, 170130),
        ({"price": "0"}, 170133),
        ({"price": "2000000.1"}, 170132),
        ({"qty": "0.00007"}, 170140),
        ({"side": "Buy", "qty": "16"}, 170131),
        ({"side": "Sell", "qty": "10.000001"}, 170131),
        ({"isLeverage": 1}, 170227),
        ({"orderFilter": "tpslOrder"}, 170201),
        ({"reduceOnly": True}, 170130),
        ({"triggerPrice": "64000"}, 10001),
    ],
)
def test_what_is_wrong_has_a_code(spot: Open, fields: dict[str, object], code: int) -> None:
    order: dict[str, object] = {
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.01",
        "price": "65000",
    }
    desk = spot()
    reply = desk.call("create", **order | fields)
    assert (reply.code, bool(reply.json["retMsg"])) == (code, True)
    assert reply.result == {}
    assert desk.coin("USDT")["locked"] == "0"
    assert desk.call("create", **order).code == 0


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"qty": "1000.00000001"}, 170148),
        ({"qty": "4.99"}, 170140),
        ({"qty": "0"}, 170130),
        ({"qty": "1e3"}, 170130),
        ({"qty": "1000001"}, 170131),
        ({"qty": "2700000"}, 170124),
        ({"side": "Sell", "qty": "41.6"}, 170382),
        ({"side": "Sell", "qty": "0.00007"}, 170140),
        ({"side": "Sell", "qty": "660000", "marketUnit": "quoteCoin"}, 170131),
        ({"timeInForce": "PostOnly"}, 170115),
    ],
)
def test_wrong_market_orders(spot: Open, fields: dict[str, object], code: int) -> None:
    desk = spot()
    desk.limit(SELL, 650_000, 1_000_000)
    order: dict[str, object] = {"side": "Buy", "orderType": "Market", "qty": "1000"}
    assert desk.call("create", **order | fields).code == code
    assert desk.fills() == []


def test_codes_for_orders_that_are_gone(spot: Open) -> None:
    desk = spot()
    desk.place("Buy", "0.01", "65000", orderLinkId="filled")
    desk.take(SELL, 650_000, 10_000)
    desk.place("Buy", "0.01", "64000", orderLinkId="gone")
    desk.call("cancel", orderLinkId="gone")
    for verb in ("cancel", "amend"):
        asked = {} if verb == "cancel" else {"qty": "0.02"}
        assert desk.call(verb, orderLinkId="never", **asked).code == 170213
        assert desk.call(verb, orderLinkId="filled", **asked).code == 170139
        assert desk.call(verb, orderLinkId="gone", **asked).code == 170142
    assert desk.place("Buy", "0.01", "64000", orderLinkId="gone").code == 170141
    plain = spot(switches=VenueSwitches(closed_order_spot="170213"))
    plain.place("Buy", "0.01", "64000", orderLinkId="gone")
    plain.call("cancel", orderLinkId="gone")
    assert plain.call("cancel", orderLinkId="gone").code == 170213


def test_an_amend_may_not_go_below_what_is_filled_nor_beyond_the_coins(spot: Open) -> None:
    desk = spot()
    desk.place("Buy", "0.03", "65000", orderLinkId="a")
    desk.take(SELL, 650_000, 20_000)
    assert desk.call("amend", orderLinkId="a", qty="0.02").code == 170313
    assert desk.call("amend", orderLinkId="a", qty="20").code == 170131
    assert desk.call("amend", orderLinkId="a", qty="0.05").code == 0
    assert Decimal(desk.coin("USDT")["locked"]) == Decimal("0.03") * 65_000


def test_five_hundred_orders_in_total_over_all_pairs(spot: Open) -> None:
    desk = spot(max_active_orders=4)
    eth = Desk(desk.trader, "spot", "ETHUSDT")
    for _ in range(2):
        assert desk.place("Buy", "0.001", "60000").code == 0
        assert eth.place("Buy", "0.01", "3000").code == 0
    assert eth.place("Buy", "0.01", "3000").code == 170810
    # Futures are counted apart, and per symbol.
    linear = Desk(desk.trader, "linear", "BTCUSDT")
    assert linear.place("Buy", "0.001", "65000").code == 0


def test_coins_in_use_as_margin_cannot_be_spent(spot: Open) -> None:
    desk = spot(coins_e8=())
    linear = Desk(desk.trader, "linear", "BTCUSDT")
    assert linear.place("Buy", "100", "65000").code == 0  # 650,000 of margin
    assert desk.place("Buy", "6", "65000").code == 170131
    assert desk.place("Buy", "5", "65000").code == 0
    # And what is locked is no margin.
    assert linear.place("Buy", "10", "65000").code == 110007


def test_the_listing_shows_spot_filters(spot: Open) -> None:
    path = "/v5/market/instruments-info"
    (row,) = spot().trader.get(path, category="spot", symbol="BTCUSDT").rows
    lots = row["lotSizeFilter"]
    assert (lots["basePrecision"], lots["quotePrecision"]) == ("0.000001", "0.0000001")
    assert (lots["minOrderAmt"], lots["maxLimitOrderQty"]) == ("5", "83")
    assert lots["postOnlyMaxLimitOrderSize"] == "415"
    assert row["priceFilter"] == {"tickSize": "0.1"}
    assert "contractType" not in row
