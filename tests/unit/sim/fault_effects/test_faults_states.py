"""Faults that are states of the venue, and acts of others on the account."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson
import pytest

from mmfast.messages import Side


def report(trader: Any) -> list[tuple[int, int]]:
    return [(row["fired"], row["missed"]) for row in trader.venue.fault_report()]


def test_a_skewed_clock_shows_and_judges_by_the_wrong_time(trader, arm) -> None:
    arm(trader, {"kind": "clock_skew", "by_ms": -3000, "for_ms": 100})
    trader.run(1)
    truth_ms = trader.venue.venue_ms(trader.now_ns)
    shown = trader.get("/v5/market/time")
    nano = int(shown.result["timeNano"])
    assert abs(nano // 10**6 - (truth_ms - 3000)) < 25
    assert int(shown.result["timeSecond"]) == nano // 10**9
    assert trader.get("/v5/account/info").code == 10002  # 3 s ahead of that clock
    assert trader.get("/v5/account/info").code == 10002
    trader.run(100)
    assert trader.get("/v5/account/info").code == 0


def test_skews_that_overlap_add_up_and_leave_nothing_behind(trader, arm) -> None:
    arm(
        trader,
        {"kind": "clock_skew", "by_ms": -3000, "for_ms": 100},
        {"kind": "clock_skew", "by_ms": 2500, "for_ms": 200},
    )
    trader.run(1)
    assert trader.get("/v5/account/info").code == 0
    trader.run(100)
    assert trader.venue.condition.skew_ms == 2500
    trader.run(100)
    assert trader.venue.condition.skew_ms == 0


def signs_on(trader: Any, conn_id: int) -> bool:
    """Whether a correctly signed auth that lives for ten seconds is accepted."""
    before = len(trader.leaving)
    assert trader.venue.ws_open(conn_id, "/v5/private", trader.now_ns)
    expires = trader.venue.venue_ms(trader.now_ns) + 10_000
    sign = hmac.new(b"test-secret", f"GET/realtime{expires}".encode(), hashlib.sha256)
    message = {"op": "auth", "args": ["test-key", expires, sign.hexdigest()]}
    trader.venue.ws_message(conn_id, orjson.dumps(message), trader.now_ns)
    trader.run(20)
    [data] = [d.output.data for d in trader.leaving[before:] if d.output.conn_id == conn_id]
    return bool(orjson.loads(data)["success"])


def test_a_skewed_clock_judges_stream_auth_too(trader, arm) -> None:
    assert signs_on(trader, 8)
    arm(trader, {"kind": "clock_skew", "by_ms": 60_000})
    trader.run(1)
    assert not signs_on(trader, 9)


def test_a_lowered_limit_holds_in_mid_run_and_goes_back(new_trader, arm) -> None:
    trader = new_trader(tier="mm1")
    assert trader.place(orderLinkId="a").headers["X-Bapi-Limit"] == "600"
    arm(trader, {"kind": "limit_lowered", "path": "/v5/order/create", "per_s": 2, "for_ms": 3000})
    trader.run(1)
    replies = [trader.place(orderLinkId=link) for link in "bcd"]
    # One unit was spent before it was lowered, and counts.
    assert [reply.code for reply in replies] == [0, 10006, 10006]
    assert replies[0].headers["X-Bapi-Limit"] == "2"
    assert trader.cancel(orderLinkId="a").headers["X-Bapi-Limit"] == "600"
    trader.run(1000)
    assert trader.place(orderLinkId="c").code == 0
    trader.run(3000)
    assert trader.place(orderLinkId="d").headers["X-Bapi-Limit"] == "600"


def test_a_limit_of_nothing_lets_nothing_pass(trader, arm) -> None:
    arm(trader, {"kind": "limit_lowered", "per_s": 0})
    trader.run(1)
    reply = trader.place()
    assert reply.code == 10006
    assert reply.headers["X-Bapi-Limit"] == "0"
    assert int(reply.headers["X-Bapi-Limit-Reset-Timestamp"]) > reply.json["time"]


def test_a_ban_answers_everything_with_403_in_plain_text(trader, arm) -> None:
    arm(trader, {"kind": "address_ban", "for_ms": 100})
    trader.run(1)
    for reply in (trader.get("/v5/market/time"), trader.place(orderLinkId="a")):
        assert (reply.status, reply.body) == (403, b"access too frequent")
    trader.run(100)
    assert trader.place(orderLinkId="a").code == 0
    assert trader.open_links() == ["a"]


def instrument(trader: Any, symbol: str = "BTCUSDT", **query: object) -> list[dict[str, Any]]:
    path = "/v5/market/instruments-info"
    return trader.get(path, category="linear", symbol=symbol, **query).rows


def test_a_coarser_tick_size_is_shown_and_kept(trader, arm) -> None:
    trader.place(orderLinkId="old", price="64999.90")
    arm(trader, {"kind": "tick_size_changed", "symbol": "BTCUSDT", "times": 5, "for_ms": 500})
    trader.run(1)
    [row] = instrument(trader)
    assert float(row["priceFilter"]["tickSize"]) == 0.5
    refused = trader.place(orderLinkId="off", price="64999.90")
    assert refused.code == 10001
    assert "price" in refused.json["retMsg"]
    assert trader.amend(orderLinkId="old", price="64999.80").code == 10001
    assert trader.place(orderLinkId="on", price="64999.50").code == 0
    assert trader.amend(orderLinkId="old", qty="0.005").code == 0  # keeps its price off the grid
    assert trader.cancel(orderLinkId="old").code == 0
    trader.run(500)
    assert trader.place(orderLinkId="off", price="64999.90").code == 0
    assert float(instrument(trader)[0]["priceFilter"]["tickSize"]) == 0.1


def test_the_market_keeps_the_coarser_grid_and_the_band_does(trader, arm) -> None:
    arm(trader, {"kind": "tick_size_changed", "symbol": "BTCUSDT", "times": 50})
    trader.run(1)
    trader.house(Side.BUY, 640_019, 3)
    trader.house(Side.SELL, 660_001, 3)
    assert (trader.venue.best(0, Side.BUY), trader.venue.best(0, Side.SELL)) == (640_000, 660_050)
    assert trader.place(orderLinkId="far", side="Sell", price="1000.00").code == 0
    [row] = trader.venue.open_orders() or trader.told("order")[-1:]
    assert float(row["price"]) % 5 == 0


def test_a_suspended_instrument_takes_cancels_only(trader, arm, item) -> None:
    trader.place(orderLinkId="old")
    arm(trader, {"kind": "instrument_suspended", "symbol": "BTCUSDT", "for_ms": 500})
    trader.run(1)
    assert trader.place(orderLinkId="new").code == 110074
    assert trader.amend(orderLinkId="old", price="64000.00").code == 110074
    batch = [
        item(orderLinkId="b"),
        item(orderLinkId="c", symbol="ETHUSDT", price="3200", qty="0.1"),
    ]
    assert trader.batch("create", batch).codes == [110074, 0]
    assert trader.house(Side.BUY, 640_000, 3) == 0
    assert instrument(trader) == []  # the list shows what trades
    [row] = instrument(trader, status="Closed")
    assert row["status"] == "Closed"
    listed = trader.get("/v5/market/instruments-info", category="linear").rows
    assert [row["symbol"] for row in listed] == ["ETHUSDT", "SUIUSDT"]
    assert trader.cancel(orderLinkId="old").code == 0
    trader.run(500)
    assert trader.place(orderLinkId="new").code == 0
    assert instrument(trader)[0]["status"] == "Trading"


def test_a_suspension_may_take_the_orders_out(trader, arm) -> None:
    trader.place(orderLinkId="mine")
    trader.place(orderLinkId="other", symbol="ETHUSDT", price="3200", qty="0.1")
    trader.told("order")
    arm(trader, {"kind": "instrument_suspended", "symbol": "BTCUSDT", "cancel_orders": True})
    trader.run(20)
    assert trader.open_links() == ["other"]
    [row] = trader.told("order")
    assert (row["orderLinkId"], row["orderStatus"]) == ("mine", "Cancelled")
    assert row["cancelType"] == "CancelByAdmin"


def test_a_spot_pair_is_closed_in_the_words_of_spot(new_trader, arm) -> None:
    trader = new_trader(spot_symbols=("BTCUSDT",))
    row = {"kind": "instrument_suspended", "symbol": "BTCUSDT", "category": "spot"}
    arm(trader, row)
    trader.run(1)
    order = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
             "qty": "0.01", "price": "64000"}  # fmt: skip
    assert trader.post("/v5/order/create", order).code == 170151
    assert trader.place(orderLinkId="linear").code == 0


def test_a_foreign_order_rests_on_the_account_without_an_id_of_ours(trader, arm) -> None:
    arm(
        trader,
        {"kind": "foreign_order", "symbol": "BTCUSDT", "side": "Buy", "qty": "0.01",
         "away_bps": 50, "from_ms": 10},
        {"kind": "foreign_order", "symbol": "BTCUSDT", "side": "Sell", "qty": "0.02",
         "link_prefix": "web-", "times": 2, "every_ms": 20},
    )  # fmt: skip
    trader.run(50)
    rows = trader.venue.open_orders()
    assert [(row["side"], row["orderLinkId"], row["qty"]) for row in rows] == [
        ("Sell", "web-0", "0.020"),
        ("Buy", "", "0.010"),
        ("Sell", "web-1", "0.020"),
    ]
    assert float(rows[1]["price"]) == pytest.approx(65_000 * 0.995, abs=1)
    assert [row["orderLinkId"] for row in trader.told("order")] == ["web-0", "", "web-1"]
    assert report(trader) == [(1, 0), (2, 0)]
    assert trader.venue.audit.commands["place"] == 0


def test_a_foreign_fill_moves_the_position_and_is_told(trader, arm) -> None:
    trader.house(Side.SELL, 650_000, 100)
    arm(trader, {"kind": "foreign_fill", "symbol": "BTCUSDT", "side": "Buy", "qty": "0.03"})
    trader.run(20)
    assert trader.venue.positions()["BTCUSDT"] == 30
    [fill] = trader.told("execution")
    assert (fill["side"], fill["execQty"], fill["orderLinkId"]) == ("Buy", "0.030", "")
    told = trader.venue.report(trader.now_ns)["fills"]["fills"]
    assert [row["is_foreign"] for row in told] == [True]


def test_what_the_venues_rules_refuse_is_counted_as_missed(trader, arm) -> None:
    arm(
        trader,
        {"kind": "foreign_fill", "symbol": "BTCUSDT", "side": "Buy", "qty": "0.03"},  # no book
        {"kind": "foreign_order", "symbol": "BTCUSDT", "side": "Buy", "qty": "0.0005"},
    )
    trader.run(20)
    assert report(trader) == [(0, 1), (0, 1)]
    assert trader.venue.positions()["BTCUSDT"] == 0


def test_a_foreign_id_may_be_used_up(trader, arm) -> None:
    row = {"kind": "foreign_order", "symbol": "BTCUSDT", "side": "Buy", "qty": "0.01"}
    arm(trader, {**row, "link_prefix": "web-"})
    assert trader.place(orderLinkId="web-0").code == 110072
