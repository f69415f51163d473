"""Hedge mode, reduce-only orders and options: which position an order is about."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from venue_desk import BUY, LISTED, SELL, Desk

SWITCH = "/v5/position/switch-mode"
HEDGE, ONE_WAY = 3, 0
Open = Callable[..., Desk]


@pytest.fixture
def linear(new_trader) -> Open:
    def desk(**params: object) -> Desk:
        return Desk(new_trader(**LISTED | params), "linear", "BTCUSDT")

    return desk


def switch(desk: Desk, mode: object, **scope: object) -> int:
    scope = scope or {"symbol": desk.symbol}
    return int(desk.trader.post(SWITCH, {"category": "linear", "mode": mode, **scope}).code)


def test_switching_needs_a_clean_symbol(linear: Open) -> None:
    desk = linear()
    assert switch(desk, ONE_WAY) == 110025
    desk.place("Buy", "0.01", "64800", orderLinkId="rest")
    assert switch(desk, HEDGE) == 110028
    desk.take(SELL, 648_000, 10)
    assert switch(desk, HEDGE) == 110024
    desk.limit(BUY, 648_000, 10)
    assert desk.place("Sell", "0.01", reduceOnly=True).code == 0
    assert switch(desk, HEDGE) == 0
    assert switch(desk, HEDGE) == 110025
    assert switch(desk, 1) == 10001
    assert switch(desk, True) == 10001
    assert desk.trader.post(SWITCH, {"category": "linear", "mode": 3}).code == 10001
    inverse = {"category": "inverse", "symbol": "BTCUSD", "mode": 3}
    assert desk.trader.post(SWITCH, inverse).code == 10001


def test_a_coin_switches_all_its_symbols_that_are_not_in_use(linear: Open) -> None:
    desk = linear()
    eth = Desk(desk.trader, "linear", "ETHUSDT")
    eth.place("Buy", "0.01", "3200", orderLinkId="e")
    assert switch(desk, HEDGE, coin="USDT") == 0
    assert desk.place("Buy", "0.01", "64000", positionIdx=1).code == 0
    assert eth.place("Buy", "0.01", "3200", positionIdx=1).code == 10001
    # Now both are in use, and one of them would change.
    assert switch(desk, HEDGE, coin="USDT") == 110028
    eth.call("cancel", orderLinkId="e")
    assert switch(desk, HEDGE, coin="USDT") == 0
    assert switch(desk, HEDGE, symbol="ETHUSDT") == 110025
    assert eth.place("Buy", "0.01", "3200").code == 10001
    assert switch(desk, HEDGE, coin="DAI") == 10001


def test_the_index_must_fit_the_mode(linear: Open) -> None:
    desk = linear()
    for index in (1, 2, 3, -1, "0", True, 0.5):
        reply = desk.place("Buy", "0.01", "64000", positionIdx=index)
        text = "position idx not match position mode"
        assert (reply.code, reply.json["retMsg"]) == (10001, text)
    assert switch(desk, HEDGE) == 0
    assert desk.place("Buy", "0.01", "64000").code == 10001
    assert desk.place("Buy", "0.01", "64000", positionIdx=0).code == 10001


def test_both_legs_live_side_by_side(linear: Open) -> None:
    desk = linear()
    switch(desk, HEDGE)
    desk.limit(SELL, 650_000, 1_000)
    desk.limit(BUY, 649_000, 1_000)
    assert desk.place("Buy", "0.03", positionIdx=1).code == 0
    assert desk.place("Sell", "0.02", positionIdx=2).code == 0
    long, short = desk.positions()
    assert (long["positionIdx"], long["side"], long["size"]) == (1, "Buy", "0.030")
    assert (short["positionIdx"], short["side"], short["size"]) == (2, "Sell", "0.020")
    assert (long["avgPrice"], short["avgPrice"]) == ("65000", "64900")
    told = [e.row for e in desk.trader.events if e.topic == "position"]
    assert [(row["positionIdx"], row["size"]) for row in told] == [(1, "0.030"), (2, "0.020")]
    # Margin is for both: nothing is netted.
    wallet = desk.trader.get("/v5/account/wallet-balance", accountType="UNIFIED").rows[0]
    assert Decimal(wallet["totalInitialMargin"]) == Decimal("0.05") * 6_500
    # Against its own leg an order can only close, whatever it says.
    assert desk.place("Sell", "0.05", positionIdx=1, orderLinkId="close").code == 0
    row = desk.order("close")
    assert (row["qty"], row["reduceOnly"], row["orderStatus"]) == ("0.030", True, "Filled")
    assert [p["size"] for p in desk.positions()] == ["0", "0.020"]
    assert desk.place("Sell", "0.01", positionIdx=1).code == 110017
    by_coin = desk.trader.get("/v5/position/list", category="linear", settleCoin="USDT").rows
    assert [(row["positionIdx"], row["side"]) for row in by_coin] == [(2, "Sell")]
    assert desk.venue.positions()["BTCUSDT"] == -20


def test_an_oversize_reduce_only_order_becomes_several(linear: Open) -> None:
    desk = linear(balance_e8=10**9 * 10**8)
    desk.trader.post(
        "/v5/position/set-leverage",
        {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "100", "sellLeverage": "100"},
    )
    for _ in range(3):
        desk.limit(SELL, 650_000, 1_190_000)
        assert desk.place("Buy", "1190", "65000").code == 0
    assert desk.positions()[0]["size"] == "3570.000"
    assert desk.place("Buy", "1190.001", "65000").code == 10001
    reply = desk.place("Sell", "3000", "65500", reduceOnly=True, orderLinkId="all")
    assert reply.code == 0
    rows = desk.trader.get("/v5/order/realtime", category="linear", symbol="BTCUSDT").rows
    assert [(row["qty"], row["orderLinkId"]) for row in rows] == [
        ("620.000", ""),
        ("1190.000", ""),
        ("1190.000", "all"),
    ]
    assert rows[-1]["orderId"] == reply.result["orderId"]
    assert all(row["reduceOnly"] for row in rows)
    # More than there is to close is cut first, then split.
    desk.call("cancel-all")
    assert desk.place("Sell", "9999", "65500", reduceOnly=True).code == 0
    rows = desk.trader.get("/v5/order/realtime", category="linear", symbol="BTCUSDT").rows
    assert [row["qty"] for row in rows] == ["1190.000"] * 3


def test_inverse_has_one_way_positions_and_reduce_only(linear: Open) -> None:
    desk = Desk(linear().trader, "inverse", "BTCUSD")
    assert desk.place("Sell", "100", "65000", reduceOnly=True).code == 110017
    desk.limit(SELL, 650_000, 500)
    desk.place("Buy", "500")
    assert desk.place("Sell", "900", "65100", reduceOnly=True, orderLinkId="ro").code == 0
    assert desk.order("ro")["qty"] == "500"
    desk.limit(BUY, 650_000, 200)
    assert desk.place("Sell", "200", "65000").code == 0
    # The position shrank, and the order with it.
    assert desk.order("ro")["qty"] == "300"
    desk.limit(BUY, 650_000, 300)
    assert desk.place("Sell", "300", "65000").code == 0
    row = desk.order("ro")
    assert (row["orderStatus"], row["cancelType"]) == ("Cancelled", "CancelByReduceOnly")


@pytest.fixture
def option(new_trader) -> Open:
    def desk(**params: object) -> Desk:
        return Desk(new_trader(**LISTED | params), "option", "BTC-28DEC35-100000-C-USDT")

    return desk


def test_an_option_order_needs_a_client_id(option: Open) -> None:
    desk = option()
    assert desk.place("Buy", "0.1", "12000").code == 10001
    assert desk.place("Buy", "0.1", "12000", orderLinkId="o1").code == 0
    assert desk.place("Buy", "0.1", "12001", orderLinkId="o2").code == 10001  # off the tick
    assert desk.place("Buy", "0.1", "12000", orderLinkId="o3", positionIdx=1).code == 10001
    assert desk.call("amend", orderLinkId="o1", price="11995").code == 0
    desk.take(SELL, 2_399, 10)
    assert desk.order("o1")["orderStatus"] == "Filled"
    (position,) = desk.positions()
    assert (position["side"], position["size"], position["avgPrice"]) == ("Buy", "0.10", "11995")
    assert desk.call("cancel", orderLinkId="o1").code == 110001


def test_fifty_options_per_base_coin(option: Open) -> None:
    desk = option(max_active_orders_option=3)
    put = Desk(desk.trader, "option", "BTC-28DEC35-100000-P-USDT")
    for number in range(2):
        assert desk.place("Buy", "0.1", "12000", orderLinkId=f"c{number}").code == 0
    assert put.place("Buy", "0.1", "15000", orderLinkId="p0").code == 0
    assert put.place("Buy", "0.1", "15000", orderLinkId="p1").code == 110020
    assert desk.place("Buy", "0.1", "12000", orderLinkId="c2").code == 110020
    assert desk.call("cancel", orderLinkId="c0").code == 0
    assert put.place("Buy", "0.1", "15000", orderLinkId="p2").code == 0


def test_the_option_listing(option: Open) -> None:
    path = "/v5/market/instruments-info"
    rows = option().trader.get(path, category="option", baseCoin="BTC").rows
    assert [row["optionsType"] for row in rows] == ["Call", "Put"]
    assert all(int(row["deliveryTime"]) > int(row["launchTime"]) for row in rows)
    assert set(rows[0]["lotSizeFilter"]) == {"maxOrderQty", "minOrderQty", "qtyStep"}


def test_batches_hold_twenty_orders_and_ten_on_spot(linear: Open) -> None:
    desk = linear(tier="pro6")

    def send(category: str, count: int) -> tuple[int, int]:
        symbol = "BTC-28DEC35-100000-C-USDT" if category == "option" else "BTCUSDT"
        symbol = "BTCUSD" if category == "inverse" else symbol
        price, qty = ("12000", "0.1") if category == "option" else ("64800", "10")
        items = [
            {
                "symbol": symbol,
                "side": "Buy",
                "orderType": "Limit",
                "qty": qty if category in ("inverse", "option") else "0.001",
                "price": price,
                "orderLinkId": f"{category}-{count}-{n}",
            }
            for n in range(count)
        ]
        reply = desk.trader.post("/v5/order/create-batch", {"category": category, "request": items})
        accepted = sum(code == 0 for code in reply.codes) if reply.code == 0 else 0
        return reply.code, accepted

    for category in ("linear", "inverse", "option"):
        assert send(category, 20) == (0, 20)
        assert send(category, 21) == (10001, 0)
    assert send("spot", 10) == (0, 10)
    assert send("spot", 11) == (10001, 0)


def test_leverage_may_not_fall_below_what_the_margin_bears(linear: Open) -> None:
    desk = linear(coins_e8=())

    def set_to(leverage: str, category: str = "linear", symbol: str = "BTCUSDT") -> int:
        body = {"category": category, "symbol": symbol}
        both = {"buyLeverage": leverage, "sellLeverage": leverage}
        return int(desk.trader.post("/v5/position/set-leverage", body | both).code)

    assert desk.place("Buy", "100", "65000").code == 0  # 6.5 million at tenfold leverage
    assert set_to("6") == 110012
    assert desk.positions()[0]["leverage"] == "10"
    assert set_to("7") == 0
    assert set_to("7") == 110043
    assert set_to("5", "inverse", "BTCUSD") == 0
    assert set_to("100.5", "inverse", "BTCUSD") == 110013
    assert set_to("5", "option", "BTC-28DEC35-100000-C-USDT") == 10001
    assert set_to("5", "spot") == 10001
