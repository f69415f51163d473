"""The audit's report: exposure at its worst, what fills were worth later, violations by kind."""

from __future__ import annotations

import hashlib
import hmac
from decimal import Decimal
from typing import Any

import orjson
import pytest

from mmfast.messages import Side
from mmfast.sim.audit.fills import HORIZONS_MS
from mmfast.sim.params import FlowParams
from mmfast.sim.wire import HttpRequest


def report(trader: Any) -> dict[str, Any]:
    """As a client of the control endpoint would read it."""
    trader.run(0)
    return orjson.loads(orjson.dumps(trader.venue.report(trader.now_ns)))


def exposure(trader: Any, symbol: str = "BTCUSDT") -> dict[str, Any]:
    [row] = [row for row in report(trader)["exposure"]["instruments"] if row["symbol"] == symbol]
    return row


def quote(trader: Any, side: str, qty: str, price: str, **more: object) -> int:
    return trader.place(side=side, qty=qty, price=price, **more).code


# Exposure.


def test_open_orders_of_the_worse_side_count_with_the_position(trader) -> None:
    quote(trader, "Buy", "0.010", "64000.00")
    quote(trader, "Buy", "0.020", "63000.00")
    quote(trader, "Sell", "0.025", "66000.00")
    assert exposure(trader)["max_lots"] == 30
    trader.house(Side.SELL, 640_000, 10, ioc=True)  # fills the first buy
    row = exposure(trader)
    assert (row["lots_now"], row["max_lots"]) == (30, 30)
    quote(trader, "Buy", "0.007", "62000.00")
    assert exposure(trader)["max_lots"] == 37


def test_the_worst_instant_is_remembered_when_it_is_over(trader) -> None:
    quote(trader, "Sell", "0.050", "66000.00", orderLinkId="a")
    trader.cancel(orderLinkId="a")
    row = exposure(trader)
    assert (row["max_lots"], row["lots_now"]) == (50, 0)
    assert Decimal(row["max_value"]) == Decimal("0.050") * 65_000
    assert report(trader)["exposure"]["total_value_now"] == "0"


def test_a_fill_is_counted_once(trader) -> None:
    trader.house(Side.SELL, 650_000, 100)
    quote(trader, "Buy", "0.100", "65000.00")  # takes all at once
    assert exposure(trader)["max_lots"] == 100
    quote(trader, "Sell", "0.100", "66000.00")
    trader.house(Side.BUY, 660_000, 60, ioc=True)
    row = exposure(trader)
    assert (row["max_lots"], row["lots_now"]) == (100, 40)


def test_an_amend_moves_the_exposure(trader) -> None:
    quote(trader, "Buy", "0.010", "64000.00", orderLinkId="a")
    trader.amend(orderLinkId="a", qty="0.040")
    trader.amend(orderLinkId="a", qty="0.015")
    row = exposure(trader)
    assert (row["max_lots"], row["lots_now"]) == (40, 15)


def test_reduce_only_orders_add_nothing(trader) -> None:
    trader.house(Side.SELL, 650_000, 30)
    quote(trader, "Buy", "0.030", "65000.00")
    quote(trader, "Sell", "0.030", "66000.00", reduceOnly=True)
    assert exposure(trader)["max_lots"] == 30


def test_values_add_up_over_all_instruments(trader) -> None:
    quote(trader, "Buy", "0.010", "64000.00")
    quote(trader, "Sell", "1.00", "3300.00", symbol="ETHUSDT")
    found = report(trader)["exposure"]
    assert Decimal(found["max_total_value"]) == Decimal("0.010") * 65_000 + 3200
    assert {row["symbol"] for row in found["instruments"]} == {"BTCUSDT", "ETHUSDT"}


def test_a_move_of_the_mark_changes_what_an_exposure_is_worth(trader) -> None:
    quote(trader, "Buy", "0.010", "64000.00")
    trader.venue.set_reference(0, 700_000, 700_000)
    trader.venue.set_reference(0, 600_000, 600_000)
    row = exposure(trader)
    assert Decimal(row["max_value"]) == Decimal("0.010") * 70_000


def test_inverse_contracts_are_worth_their_face(new_trader) -> None:
    trader = new_trader(inverse_symbols=("BTCUSD",), coins_e8=(("BTC", 10**8),))
    order = {"category": "inverse", "symbol": "BTCUSD", "side": "Buy", "orderType": "Limit",
             "qty": "500", "price": "60000"}  # fmt: skip
    assert trader.post("/v5/order/create", order).code == 0
    assert exposure(trader, "BTCUSD")["max_value"] == "500"


def test_foreign_orders_count_and_are_marked(trader, arm) -> None:
    row = {"kind": "foreign_order", "symbol": "BTCUSDT", "side": "Buy", "qty": "0.5"}
    arm(trader, row)
    quote(trader, "Buy", "0.010", "64000.00", orderLinkId="mine")
    found = report(trader)
    assert exposure(trader)["max_lots"] == 510
    assert [(row["orderLinkId"], row["is_foreign"]) for row in found["open_orders"]] == [
        ("", True),
        ("mine", False),
    ]
    assert found["orders_open"] == 2


# Fills and their mark-outs.


def touch(trader: Any, bid: int, ask: int) -> list[tuple[Side, int]]:
    """Make a book of one level a side; returns how to take it away."""
    made = [(Side.BUY, bid), (Side.SELL, ask)]
    return [(side, trader.house(side, ticks, 50)) for side, ticks in made]


def test_mark_outs_are_taken_at_their_instants_and_signed_by_side(trader) -> None:
    bought = quote(trader, "Buy", "0.010", "65000.00")
    assert bought == 0
    trader.house(Side.SELL, 650_000, 10, ioc=True)
    filled_ns = next(e.at_ns for e in trader.events if e.topic == "execution")
    book = touch(trader, 649_990, 650_030)  # mid +10 ticks
    trader.run(110)
    for _, number in book:
        trader.venue.withdraw(0, number)
    book = touch(trader, 649_900, 649_940)  # mid -80 ticks
    trader.run(1000)
    for _, number in book:
        trader.venue.withdraw(0, number)
    touch(trader, 651_000, 651_001)  # mid +1000.5 ticks
    assert trader.now_ns < filled_ns + 5 * 10**9
    [fill] = report(trader)["fills"]["fills"]
    assert fill["100_ms"] == {"ticks": "10", "bps": "0.1538"}
    assert fill["1000_ms"]["ticks"] == "-80"
    assert fill["5000_ms"] is None
    trader.run(5000)
    [fill] = report(trader)["fills"]["fills"]
    assert fill["5000_ms"]["ticks"] == "1000.5"
    assert (fill["side"], fill["role"], fill["is_foreign"]) == ("Buy", "maker", False)


def test_a_sell_gains_when_the_mid_falls(trader) -> None:
    touch(trader, 650_000, 650_020)
    trader.place(side="Sell", qty="0.050", price="65000.00", timeInForce="IOC")
    trader.house(Side.BUY, 649_900, 10)
    trader.run(200)
    [fill] = report(trader)["fills"]["fills"]
    assert fill["role"] == "taker"
    assert Decimal(fill["100_ms"]["ticks"]) == 650_000 - (649_900 + 650_020) // 2


def test_sums_are_by_instrument_and_role(trader) -> None:
    touch(trader, 650_000, 650_020)
    for _ in range(2):
        trader.place(side="Sell", qty="0.010", price="65000.00", timeInForce="IOC")
    trader.run(6000)
    found = report(trader)["fills"]
    assert found["count"] == 2
    [row] = found["markouts"]
    assert (row["symbol"], row["role"]) == ("BTCUSDT", "taker")
    for horizon in HORIZONS_MS:
        assert row[f"{horizon}_ms"]["fills"] == 2
        assert row[f"{horizon}_ms"]["mean_ticks"] == "-10"


def test_looking_changes_nothing(new_trader) -> None:
    """The same run with and without reports on the way ends in the same bytes."""
    ends = []
    for looks in (False, True):
        trader = new_trader(keep_books=True, flow=FlowParams())
        trader.place(side="Buy", qty="0.050", orderType="Market", price=None)
        for _ in range(30):
            trader.run(100)
            if looks:
                trader.venue.report(trader.now_ns)
        ends.append((trader.venue.state_digest(), repr(trader.leaving)))
    assert ends[0] == ends[1]


# Budgets and violations.


def test_the_least_budget_left_is_kept_for_every_bucket(new_trader, item) -> None:
    trader = new_trader(tier="default")
    trader.batch("create", [item(orderLinkId=link) for link in "abcdefgh"])
    trader.run(2000)
    trader.batch("create", [item(orderLinkId="z")])
    budgets = report(trader)["budgets"]
    assert budgets["/v5/order/create-batch futures"] == {
        "limit": 10,
        "least_left": 2,
        "passed": 9,
        "refused": 0,
    }


def violations(trader: Any) -> dict[str, int]:
    return report(trader)["violations"]


@pytest.mark.parametrize(
    ("kind", "act"),
    [
        ("unknown_path", lambda t: t.get("/v5/nowhere")),
        ("wrong_method", lambda t: t.get("/v5/order/create")),
        ("unsigned", lambda t: t.ask("GET", "/v5/account/info", signed=False)),
        ("bad_timestamp", lambda t: t.ask("GET", "/v5/account/info", offset_ms=-9000)),
        ("bad_timestamp", lambda t: t.ask("GET", "/v5/account/info", offset_ms=1500)),
        (
            "bad_signature",
            lambda t: t.ask("GET", "/v5/account/info", headers={"x-bapi-sign": "0" * 64}),
        ),
        (
            "unknown_key",
            lambda t: t.ask("GET", "/v5/account/info", headers={"x-bapi-api-key": "nobody"}),
        ),
        ("bad_parameter", lambda t: t.place(side="Up")),
        ("bad_parameter", lambda t: t.ask("POST", "/v5/order/create", b"[]")),
        ("oversize_batch", lambda t: t.batch("cancel", [{}] * 21)),
        ("over_limit", lambda t: [t.place() for _ in range(11)]),
    ],
)
def test_each_breach_has_its_kind(new_trader, kind, act) -> None:
    trader = new_trader(tier="default")
    act(trader)
    found = violations(trader)
    assert found[kind] == 1
    newest = report(trader)["newest_violations"][-1]
    assert set(newest) == {"venue_ms", "kind", "endpoint", "detail"}


def test_a_get_with_a_body_is_a_breach(trader) -> None:
    request = HttpRequest(
        request_id=9000, method="GET", path="/v5/market/time", query="", headers={}, body=b"{}"
    )
    trader.venue.http(request, trader.now_ns)
    trader.run(20)
    assert trader.reply(9000).status == 403
    assert violations(trader) == {"get_with_body": 1}


def test_ids_too_long_or_used_again_are_breaches_item_by_item(trader, item) -> None:
    trader.batch("create", [item(orderLinkId="a"), item(orderLinkId="b")])
    trader.batch("create", [item(orderLinkId="a"), item(orderLinkId="c"), item(orderLinkId="b")])
    trader.place(orderLinkId="x" * 37)
    found = violations(trader)
    assert found["reused_link_id"] == 2
    assert found["long_link_id"] == 1


def test_items_over_the_budget_are_a_breach_and_injected_ones_are_not(
    new_trader, item, arm
) -> None:
    trader = new_trader(tier="default")
    trader.batch("create", [item(orderLinkId=f"a{i}") for i in range(12)])
    assert violations(trader) == {"over_limit": 1}
    trader.run(1000)
    arm(trader, {"kind": "batch_items", "items": [0], "code": 110072}, {"kind": "server_error"})
    trader.batch("create", [item(orderLinkId="b")])
    assert violations(trader) == {"over_limit": 1}


def test_streams_have_their_breaches(trader) -> None:
    venue = trader.venue
    for conn_id, path, message in (
        (2, "/v5/public/linear", {"op": "subscribe", "args": ["orderbook.50.NOPEUSDT"]}),
        (3, "/v5/public/linear", {"op": "subscribe", "args": ["tickers.BTCUSDT"] * 2}),
        (4, "/v5/private", {"op": "subscribe", "args": ["order"]}),
        (5, "/v5/trade", {"op": "order.create", "args": [{}]}),
    ):
        assert venue.ws_open(conn_id, path, trader.now_ns)
        venue.ws_message(conn_id, orjson.dumps(message), trader.now_ns)
        trader.run(20)
    assert violations(trader) == {"unknown_topic": 1, "repeated_topic": 1, "unauthorised": 2}


def test_a_request_id_used_again_on_the_trade_socket_is_a_breach(trader, item) -> None:
    expires = trader.venue.venue_ms(trader.now_ns) + 10_000
    sign = hmac.new(b"test-secret", f"GET/realtime{expires}".encode(), hashlib.sha256)
    assert trader.venue.ws_open(5, "/v5/trade", trader.now_ns)
    auth = {"op": "auth", "args": ["test-key", expires, sign.hexdigest()]}
    header = {"X-BAPI-TIMESTAMP": str(trader.venue.venue_ms(trader.now_ns))}
    order = {"category": "linear", **item(orderLinkId="a")}
    place = {"op": "order.create", "reqId": "1", "header": header, "args": [order]}
    for message in (auth, place, place):
        trader.venue.ws_message(5, orjson.dumps(message), trader.now_ns)
        trader.run(20)
    found = report(trader)
    assert found["violations"] == {"reused_req_id": 1}
    assert found["requests"]["TRADE /v5/order/create"] == {"0": 1, "20006": 1}
    assert found["commands"]["place"] == 1
