"""Every refusal of the order path: its code, its words where clients have seen them, no trace."""

from __future__ import annotations

import pytest

from mmfast.messages import Side

#: What is wrong with a create request, and the code that says so.
BAD_CREATES = [
    ({"symbol": "NOPEUSDT"}, 10001),
    ({"symbol": None}, 10001),
    ({"symbol": "btcusdt"}, 10001),
    ({"symbol": 5}, 10001),
    ({"side": "buy"}, 10001),
    ({"side": None}, 10001),
    ({"orderType": "Stop"}, 10001),
    ({"orderType": None}, 10001),
    ({"timeInForce": "GTX"}, 10001),
    ({"timeInForce": "RPI"}, 10001),
    ({"orderType": "Market", "timeInForce": "PostOnly"}, 10001),
    ({"positionIdx": 1}, 10001),
    ({"positionIdx": 2}, 10001),
    ({"qty": None}, 10001),
    ({"qty": ""}, 10001),
    ({"qty": 0.01}, 10001),
    ({"qty": "1e-2"}, 10001),
    ({"qty": "-0.010"}, 10001),
    ({"qty": "0"}, 10001),
    ({"qty": "0.0105"}, 10001),
    ({"qty": "1190.001"}, 10001),
    ({"qty": "99999999999999999999"}, 10001),
    ({"orderType": "Market", "qty": "500.001"}, 10001),
    ({"price": None}, 10001),
    ({"price": 65000}, 10001),
    ({"price": "65000.05"}, 10001),
    ({"price": "65,000"}, 10001),
    ({"price": "0"}, 110003),
    ({"price": "-65000"}, 110003),
    ({"price": "1999999.90"}, 110003),
    ({"qty": "0.001", "price": "4999.90"}, 110094),
    ({"orderLinkId": "x" * 37}, 10001),
    ({"orderLinkId": "with space"}, 10001),
    ({"orderLinkId": "ümlaut"}, 10001),
    ({"orderLinkId": 17}, 10001),
    ({"reduceOnly": "true"}, 10001),
    ({"smpType": "CancelAll"}, 10001),
    ({"triggerPrice": "60000"}, 10001),
    ({"takeProfit": "70000"}, 10001),
    ({"stopLoss": "60000"}, 10001),
    ({"reduceOnly": True}, 110017),
    ({"qty": "200.000"}, 110007),
    ({"orderType": "Market"}, 110118),
    ({"symbol": "SUIUSDT", "qty": "15", "price": "1.2"}, 10001),
]


@pytest.mark.parametrize(("change", "code"), BAD_CREATES, ids=lambda v: str(v)[:40])
def test_a_bad_create_is_refused_and_leaves_no_trace(trader, change, code) -> None:
    reply = trader.place(orderLinkId="bad") if not change else trader.place(**change)
    assert reply.status == 200
    assert reply.code == code, reply.json["retMsg"]
    assert reply.json["retMsg"]
    assert reply.result == {}
    assert trader.venue.open_orders() == []
    assert trader.events == []


@pytest.mark.parametrize(
    "change",
    [
        {"price": "65000"},
        {"price": "65000.10000"},
        {"qty": "1190"},
        {"qty": "0.001", "price": "5000.00"},
        {"orderLinkId": "x" * 36},
        {"orderLinkId": "aZ09-_"},
        {"takeProfit": "", "stopLoss": "0", "triggerPrice": None, "tpslMode": "Full"},
        {"positionIdx": None, "timeInForce": None},
        {"whatTheVenueMayAddLater": 1},
        {"symbol": "SUIUSDT", "qty": "10", "price": "1.2"},
    ],
    ids=str,
)
def test_what_is_just_within_the_rules_is_taken(new_trader, change) -> None:
    trader = new_trader(balance_e8=10**8 * 10**8)
    reply = trader.place(**change)
    assert reply.code == 0, reply.json["retMsg"]
    assert len(trader.venue.open_orders()) == 1


def test_words_clients_have_seen(trader) -> None:
    said = {
        10001: trader.place(positionIdx=1),
        110001: trader.cancel(orderLinkId="nobody"),
        110003: trader.place(price="0"),
        110007: trader.place(qty="200.000"),
        110017: trader.place(reduceOnly=True),
        110094: trader.place(qty="0.001", price="1000.00"),
    }
    assert {code: reply.json["retMsg"] for code, reply in said.items()} == {
        10001: "position idx not match position mode",
        110001: "order not exists or too late to cancel",
        110003: "price is invalid",
        110007: "Available balance is insufficient",
        110017: "current position is zero, cannot fix reduce-only order qty",
        110094: "Order notional value below the lower limit",
    }
    late = trader.amend(orderLinkId="nobody", price="1.00")
    assert late.json["retMsg"] == "order not exists or too late to replace"


def test_a_client_id_is_used_up_for_ever_once_accepted(trader) -> None:
    assert trader.place(orderLinkId="mine-0001", price="bad").code == 10001
    assert trader.place(orderLinkId="mine-0001").code == 0
    for _ in range(2):
        reply = trader.place(orderLinkId="mine-0001", symbol="ETHUSDT", price="3200.00")
        assert (reply.code, reply.json["retMsg"]) == (110072, "OrderLinkedID is duplicate")
        trader.cancel(orderLinkId="mine-0001")
    assert trader.place(orderLinkId="mine-0011").code == 0
    assert trader.place(orderLinkId="1").code == 0
    assert trader.place(orderLinkId="1").code == 110072


def test_a_market_order_has_a_least_value_too_unless_it_closes(trader) -> None:
    tiny = {"symbol": "SUIUSDT", "orderType": "Market", "price": None}
    trader.place(symbol="SUIUSDT", side="Buy", price="1.2000", qty="100")
    trader.house(Side.SELL, 12_000, 10, spot=2, ioc=True)
    trader.house(Side.BUY, 12_000, 5, spot=2)
    trader.venue.set_reference(2, 4_000, 4_000)
    assert trader.place(**tiny, side="Sell", qty="10").code == 110094
    assert trader.place(**tiny, side="Sell", qty="10", reduceOnly=True).code == 0
    assert trader.venue.positions()["SUIUSDT"] == 9


def test_orders_without_a_client_id_do_not_collide(trader) -> None:
    assert [trader.place().code for _ in range(3)] == [0, 0, 0]


def test_reduce_only_in_the_direction_of_the_position(trader) -> None:
    trader.place()
    trader.house(Side.SELL, 650000, 10, ioc=True)
    reply = trader.place(reduceOnly=True)
    assert reply.code == 110017
    assert trader.place(side="Sell", price="65100.00", reduceOnly=True).code == 0


def test_at_most_so_many_active_orders_per_instrument(new_trader, item) -> None:
    trader = new_trader(max_active_orders=25)
    prices = [f"{60000 + i}.00" for i in range(26)]
    trader.batch("create", [item(price=price) for price in prices[:20]])
    reply = trader.batch("create", [item(price=price) for price in prices[20:]])
    assert reply.codes == [0, 0, 0, 0, 0, 110020]
    assert trader.place(symbol="ETHUSDT", price="3000.00").code == 0
    trader.post("/v5/order/cancel-all", {"category": "linear", "symbol": "BTCUSDT"})
    assert trader.place().code == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 10001),
        ({"price": "64000.05"}, 10001),
        ({"price": 64000}, 10001),
        ({"price": "0"}, 110003),
        ({"qty": "0.0001"}, 10001),
        ({"qty": "1190.001"}, 10001),
        ({"qty": "0.001", "price": "1000.00"}, 110094),
        ({"qty": "300.000"}, 110007),
        ({"takeProfit": "70000"}, 10001),
        ({"symbol": "ETHUSDT", "price": "64000.00"}, 110001),
        ({"symbol": "NOPE", "price": "64000.00"}, 10001),
    ],
    ids=str,
)
def test_a_bad_amend_is_refused_and_changes_nothing(trader, change, code) -> None:
    trader.place(orderLinkId="x")
    before = trader.venue.open_orders()
    trader.events.clear()
    reply = trader.amend(orderLinkId="x", **change)
    assert reply.code == code, reply.json["retMsg"]
    assert trader.venue.open_orders() == before
    assert trader.events == []


def test_amend_and_cancel_need_an_id(trader) -> None:
    assert trader.amend(price="64000.00").code == 10001
    assert trader.cancel().code == 10001


@pytest.mark.parametrize("category", ["spot", "inverse", "option", "", None, 7])
def test_only_linear_is_traded(trader, item, category) -> None:
    for body in (
        {"category": category, **item()},
        {"category": category, "request": [item()]},
    ):
        path = "create-batch" if "request" in body else "create"
        assert trader.post(f"/v5/order/{path}", body).code == 10001
    assert trader.venue.open_orders() == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'"x"', b"\xff"], ids=repr)
def test_a_body_that_is_no_object(trader, body) -> None:
    reply = trader.ask("POST", "/v5/order/create", body)
    assert (reply.status, reply.code) == (200, 10001)
    assert "X-Bapi-Limit" in reply.headers


def test_leverage(trader) -> None:
    def set_to(buy: str, sell: str | None = None, symbol: str = "BTCUSDT"):
        return trader.post(
            "/v5/position/set-leverage",
            {"category": "linear", "symbol": symbol, "buyLeverage": buy,
             "sellLeverage": sell or buy},
        )  # fmt: skip

    assert trader.position()["leverage"] == "10"
    same = set_to("10")
    assert (same.code, same.json["retMsg"]) == (110043, "Set leverage has not been modified.")
    assert set_to("12.5").code == 0
    assert trader.position()["leverage"] == "12.5"
    assert set_to("0.5").code == 10001
    assert set_to("five").code == 10001
    assert set_to("5", "6").code == 10001
    assert set_to("100.01").code == 110013
    assert set_to("5", symbol="NOPE").code == 10001


def test_modes_and_protections_this_venue_does_not_have(trader) -> None:
    switch = "/v5/position/switch-mode"
    one_way = {"category": "linear", "symbol": "BTCUSDT", "mode": 0}
    assert trader.post(switch, one_way).code == 110025
    assert trader.post(switch, {"category": "linear", "mode": 3}).code == 10001
    assert trader.get("/v5/account/smp-group").result == {"smpGroup": 0}
