"""The life of an order: what is acknowledged, what trades, and what the stream tells."""

from __future__ import annotations

import orjson
import pytest

from mmfast.messages import Side
from mmfast.sim.params import FlowParams
from mmfast.sim.wire import WsSend
from mmfast.units import NS_PER_MS


def words(row: dict[str, object]) -> tuple[object, ...]:
    return row["orderStatus"], row["cancelType"], row["rejectReason"]


def last_order(trader) -> dict[str, object]:
    return trader.told("order")[-1]


def test_ack_comes_half_a_trip_after_the_order_works_and_the_stream_after_the_ack(
    new_trader,
) -> None:
    trader = new_trader(latency_ms=6.0, stream_lag_ms=2.0)
    start = trader.now_ns
    number = trader.send(
        "POST",
        "/v5/order/create",
        b'{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit",'
        b'"qty":"0.010","price":"65000","orderLinkId":"one"}',
    )
    trader.run(2.9)
    assert trader.venue.open_orders() == []
    trader.run(0.2)
    assert trader.open_links() == ["one"]
    trader.run(20)
    assert trader.reply(number).at_ns == start + 6 * NS_PER_MS
    assert [e.at_ns for e in trader.events] == [start + 8 * NS_PER_MS] * len(trader.events)
    assert [e.topic for e in trader.events] == ["order", "position"]


def test_a_subscriber_is_answered_a_round_trip_later_and_misses_nothing(new_trader) -> None:
    trader = new_trader(latency_ms=30.0, flow=FlowParams(activity=20.0), keep_books=True)
    trader.venue.ws_open(2, "/v5/public/linear", trader.now_ns)
    wish = b'{"op":"subscribe","args":["orderbook.50.BTCUSDT"]}'
    trader.leaving.clear()
    trader.venue.ws_message(2, wish, trader.now_ns)
    asked = trader.now_ns
    trader.run(400)
    said = [(d.at_ns, orjson.loads(d.output.data)) for d in trader.leaving
            if isinstance(d.output, WsSend) and d.output.conn_id == 2]  # fmt: skip
    (ack_ns, ack), (first_ns, first), *deltas = said
    assert (ack["op"], ack_ns) == ("subscribe", asked + 30 * NS_PER_MS)
    assert (first["type"], first_ns) == ("snapshot", ack_ns)
    assert [frame["data"]["u"] for _, frame in deltas] == [
        first["data"]["u"] + 1 + i for i in range(len(deltas))
    ]
    assert len(deltas) > 5


def test_jitter_makes_the_stream_race_the_ack_but_not_itself(new_trader, item) -> None:
    trader = new_trader(latency_jitter_ms=6.0, stream_lag_ms=0.5)
    acks = {}
    for i in range(60):
        body = {"category": "linear", **item(price=f"{60000 + i}.00", orderLinkId=f"j{i}")}
        acks[f"j{i}"] = trader.send("POST", "/v5/order/create", orjson.dumps(body))
        trader.run(1)
    trader.run(40)
    told = [e for e in trader.events if e.topic == "order"]
    early = sum(e.at_ns < trader.reply(acks[e.row["orderLinkId"]]).at_ns for e in told)
    assert 0 < early < 60
    # Requests overtook each other on their way in; the stream tells them as they were applied.
    assert [e.row["orderLinkId"] for e in told] == trader.open_links()
    assert trader.open_links() != list(acks)


def test_new_partial_filled(trader) -> None:
    ack = trader.place(orderLinkId="mm-1", timeInForce="PostOnly").result
    assert ack["orderLinkId"] == "mm-1"
    trader.house(Side.SELL, 650000, 4, ioc=True)
    trader.house(Side.SELL, 650000, 9, ioc=True)
    new, partial, filled = trader.told("order")
    assert words(new) == ("New", "UNKNOWN", "EC_NoError")
    assert (new["leavesQty"], new["cumExecQty"], new["avgPrice"]) == ("0.010", "0.000", "")
    assert words(partial) == ("PartiallyFilled", "UNKNOWN", "EC_NoError")
    assert (partial["leavesQty"], partial["cumExecQty"]) == ("0.006", "0.004")
    assert partial["cumExecValue"] == "260"
    assert partial["cumExecFee"] == "0.052"
    assert partial["cumFeeDetail"] == {"USDT": "0.052"}
    assert words(filled) == ("Filled", "UNKNOWN", "EC_NoError")
    assert (filled["leavesQty"], filled["cumExecQty"]) == ("0.000", "0.010")
    assert {row["orderId"] for row in (new, partial, filled)} == {ack["orderId"]}
    assert trader.venue.open_orders() == []
    first, second = trader.told("execution")
    assert (first["isMaker"], first["execQty"], first["leavesQty"]) == (True, "0.004", "0.006")
    assert (second["execQty"], second["leavesQty"], second["feeRate"]) == (
        "0.006",
        "0.000",
        "0.0002",
    )
    assert first["execId"] != second["execId"]


def test_a_fill_is_told_on_all_four_streams_and_the_position_carries_its_seq(trader) -> None:
    trader.place()
    trader.events.clear()
    trader.house(Side.SELL, 650000, 4, ioc=True)
    topics = [e.topic for e in trader.events]
    assert topics == ["order", "execution", "position", "wallet"]
    _, fill, position, wallet = (e.row for e in trader.events)
    assert position["seq"] == fill["seq"]
    assert (position["side"], position["size"], position["entryPrice"]) == (
        "Buy",
        "0.004",
        "65000",
    )
    assert wallet["coin"][0]["walletBalance"] == "999999.948"


def test_post_only_that_would_cross_is_acked_and_then_cancelled(trader) -> None:
    trader.house(Side.SELL, 650000, 5)
    assert trader.place(timeInForce="PostOnly").code == 0
    row = last_order(trader)
    assert words(row) == ("Cancelled", "UNKNOWN", "EC_PostOnlyWillTakeLiquidity")
    assert (row["leavesQty"], row["cumExecQty"]) == ("0.000", "0.000")
    assert trader.told("execution") == []
    assert trader.place(timeInForce="PostOnly", price="64999.90").code == 0
    assert last_order(trader)["orderStatus"] == "New"


@pytest.mark.parametrize(
    ("terms", "offered", "traded", "reason"),
    [
        ("IOC", 0, "0.000", "EC_NoImmediateQtyToFill"),
        ("IOC", 4, "0.004", "EC_CancelForNoFullFill"),
        ("FOK", 4, "0.000", "EC_NoEnoughQtyToFill"),
    ],
)
def test_what_ioc_and_fok_cannot_fill_is_cancelled(trader, terms, offered, traded, reason) -> None:
    if offered:
        trader.house(Side.SELL, 650000, offered)
    assert trader.place(timeInForce=terms).code == 0
    row = last_order(trader)
    assert words(row) == ("Cancelled", "UNKNOWN", reason)
    assert (row["cumExecQty"], row["leavesQty"]) == (traded, "0.000")
    assert trader.venue.open_orders() == []


def test_ioc_and_fok_that_fit_fill_at_the_makers_prices(trader) -> None:
    for terms in ("IOC", "FOK"):
        trader.house(Side.SELL, 649990, 4)
        trader.house(Side.SELL, 650000, 6)
        trader.place(timeInForce=terms)
        row = last_order(trader)
        assert words(row) == ("Filled", "UNKNOWN", "EC_NoError")
        assert row["avgPrice"] == "64999.6"
        assert [f["execPrice"] for f in trader.told("execution")] == ["64999.00", "65000.00"]


def test_a_market_order_pays_the_taker_fee_and_never_rests(trader) -> None:
    trader.house(Side.SELL, 650000, 4)
    trader.place(orderType="Market", price=None, timeInForce=None)
    row = last_order(trader)
    assert row["orderType"] == "Market"
    assert words(row) == ("Cancelled", "UNKNOWN", "EC_CancelForNoFullFill")
    (fill,) = trader.told("execution")
    assert (fill["isMaker"], fill["feeRate"], fill["execFee"]) == (False, "0.00055", "0.143")


def test_a_market_order_stops_at_the_edge_of_the_band(trader) -> None:
    # 1 % above the mark of 65000 is 65650: beyond it nothing is bought at market.
    trader.house(Side.SELL, 656500, 2)
    trader.house(Side.SELL, 656501, 2)
    trader.place(orderType="Market", price=None)
    assert [f["execPrice"] for f in trader.told("execution")] == ["65650.00"]


def test_the_band_follows_mark_index_and_the_books_premium(trader) -> None:
    def band() -> tuple[str, str]:
        found = trader.get("/v5/market/price-limit", category="linear", symbol="BTCUSDT").result
        return found["buyLmt"], found["sellLmt"]

    trader.venue.set_reference(0, 650_000, 600_000)
    # The index is above the near bound of 60600, but no buy goes beyond 2 % over the mark.
    assert band() == ("61200.00", "59400.00")
    trader.venue.set_reference(0, 606_500, 600_000)
    assert band() == ("60650.00", "59400.00")
    trader.house(Side.BUY, 601_990, 1)
    trader.house(Side.SELL, 602_010, 1)
    for _ in range(30):
        trader.run(1000)
        trader.venue.set_reference(0, 600_000, 600_000)
    # The book stands 200 above the mark, which lifts the upper bound and not the lower one.
    assert band() == ("60800.00", "59400.00")


def test_a_limit_price_beyond_the_band_is_moved_to_it_or_refused_as_the_account_set(
    trader,
) -> None:
    limits = trader.get("/v5/market/price-limit", category="linear", symbol="BTCUSDT").result
    assert (limits["buyLmt"], limits["sellLmt"]) == ("65650.00", "64350.00")
    trader.place(side="Sell", price="60000.00")
    assert last_order(trader)["price"] == "64350.00"
    trader.post("/v5/account/set-limit-px-action", {"category": "linear", "modifyEnable": False})
    assert trader.get("/v5/account/user-setting-config").result["lpaPerp"] is True
    assert trader.place(side="Buy", price="65650.10").code == 110003
    assert trader.place(side="Buy", price="64349.00").code == 0


def test_cancel(trader) -> None:
    ack = trader.place(orderLinkId="bye").result
    assert trader.cancel(orderLinkId="bye").result == ack
    row = last_order(trader)
    assert words(row) == ("Cancelled", "CancelByUser", "EC_PerCancelRequest")
    assert row["leavesQty"] == "0.000"
    assert trader.venue.books[0].levels(Side.BUY, 5) == []
    assert trader.cancel(orderLinkId="bye").code == 110001


def test_the_venue_id_wins_over_the_client_id(trader) -> None:
    first = trader.place(orderLinkId="a").result
    trader.place(orderLinkId="b")
    assert trader.cancel(orderId=first["orderId"], orderLinkId="b").code == 0
    assert trader.open_links() == ["b"]


class TestAmend:
    """Price up or size up goes to the back of the queue; less size keeps its place."""

    def two_orders_then(self, trader, **change: object) -> str:
        trader.place(orderLinkId="early")
        trader.place(orderLinkId="late")
        assert trader.amend(orderLinkId="early", **change).code == 0
        trader.house(Side.SELL, 650000, 1, ioc=True)
        return trader.told("execution")[0]["orderLinkId"]

    def test_less_size_keeps_the_place(self, trader) -> None:
        assert self.two_orders_then(trader, qty="0.005") == "early"

    def test_more_size_goes_to_the_back(self, trader) -> None:
        assert self.two_orders_then(trader, qty="0.015") == "late"

    def test_a_new_price_goes_to_the_back_even_after_coming_home(self, trader) -> None:
        trader.place(orderLinkId="early")
        trader.place(orderLinkId="late")
        trader.amend(orderLinkId="early", price="64000.00")
        trader.amend(orderLinkId="early", price="65000.00")
        trader.house(Side.SELL, 650000, 1, ioc=True)
        assert trader.told("execution")[0]["orderLinkId"] == "late"

    def test_the_row_has_the_new_figures_and_the_same_ids(self, trader) -> None:
        ack = trader.place(orderLinkId="x").result
        assert trader.amend(orderLinkId="x", price="64000.10", qty="0.020").result == ack
        row = last_order(trader)
        assert (row["price"], row["qty"], row["leavesQty"]) == ("64000.10", "0.020", "0.020")
        assert words(row) == ("New", "UNKNOWN", "EC_NoError")
        assert row["orderId"] == ack["orderId"]

    def test_size_is_the_total_with_the_filled_part(self, trader) -> None:
        trader.place(orderLinkId="x")
        trader.house(Side.SELL, 650000, 4, ioc=True)
        assert trader.amend(orderLinkId="x", qty="0.004").code == 110064
        trader.amend(orderLinkId="x", qty="0.007")
        row = last_order(trader)
        assert (row["orderStatus"], row["leavesQty"]) == ("PartiallyFilled", "0.003")

    def test_a_price_across_the_book_trades_as_taker(self, trader) -> None:
        trader.house(Side.SELL, 650100, 4)
        trader.place(orderLinkId="x")
        trader.amend(orderLinkId="x", price="65010.00")
        (fill,) = trader.told("execution")
        assert (fill["isMaker"], fill["execQty"], fill["execPrice"]) == (
            False,
            "0.004",
            "65010.00",
        )
        row = last_order(trader)
        assert (row["orderStatus"], row["leavesQty"]) == ("PartiallyFilled", "0.006")
        assert trader.venue.books[0].levels(Side.BUY, 5) == [(650100, 6)]

    def test_a_post_only_order_amended_across_the_book_is_cancelled(self, trader) -> None:
        trader.house(Side.SELL, 650100, 4)
        trader.place(orderLinkId="x", timeInForce="PostOnly")
        assert trader.amend(orderLinkId="x", price="65010.00").code == 0
        row = last_order(trader)
        assert words(row) == ("Cancelled", "UNKNOWN", "EC_PostOnlyWillTakeLiquidity")
        assert trader.told("execution") == []

    def test_nothing_changed_is_refused(self, trader) -> None:
        trader.place(orderLinkId="x")
        assert trader.amend(orderLinkId="x", price="65000.0").code == 10001
        assert trader.amend(orderLinkId="x", qty="0.01").code == 10001


class TestSelfMatch:
    """Only the taker's smpType counts."""

    def crossed(self, trader, smp_type: str | None) -> tuple[list[str], int]:
        trader.place(orderLinkId="maker", smpType="CancelBoth")
        trader.house(Side.BUY, 649900, 3)
        trader.told("order")
        trader.place(orderLinkId="taker", side="Sell", price="64990.00", smpType=smp_type)
        ends = [
            f"{row['orderLinkId']} {row['orderStatus']} {row['cancelType']}"
            for row in trader.told("order")
        ]
        return ends, len(trader.told("execution"))

    def test_none_trades_with_itself(self, trader) -> None:
        ends, fills = self.crossed(trader, None)
        assert ends == ["maker Filled UNKNOWN", "taker Filled UNKNOWN"]
        assert fills == 2
        assert trader.venue.positions()["BTCUSDT"] == 0

    def test_cancel_maker_goes_on_trading(self, trader) -> None:
        ends, fills = self.crossed(trader, "CancelMaker")
        assert ends == ["maker Cancelled CancelBySmp", "taker PartiallyFilled UNKNOWN"]
        assert fills == 1

    def test_cancel_taker_leaves_the_maker(self, trader) -> None:
        ends, fills = self.crossed(trader, "CancelTaker")
        assert ends == ["taker Cancelled CancelBySmp"]
        assert fills == 0
        assert trader.open_links() == ["maker"]

    def test_cancel_both(self, trader) -> None:
        ends, _ = self.crossed(trader, "CancelBoth")
        assert ends == ["maker Cancelled CancelBySmp", "taker Cancelled CancelBySmp"]
        assert trader.open_links() == []


class TestReduceOnly:
    """Such an order closes, and can neither open nor turn a position."""

    def long(self, trader, lots: int = 10) -> None:
        trader.place(qty=f"0.{lots:03d}")
        trader.house(Side.SELL, 650000, lots, ioc=True)
        trader.told("order")

    def test_it_is_cut_to_the_position(self, trader) -> None:
        self.long(trader)
        trader.place(side="Sell", reduceOnly=True, qty="0.500", price="65100.00")
        row = last_order(trader)
        assert (row["qty"], row["reduceOnly"]) == ("0.010", True)

    def test_the_whole_position_by_size_zero(self, trader) -> None:
        self.long(trader)
        trader.house(Side.BUY, 649000, 50)
        trader.place(
            side="Sell", reduceOnly=True, closeOnTrigger=True, qty="0", orderType="Market",
            price=None,
        )  # fmt: skip
        assert trader.venue.positions()["BTCUSDT"] == 0

    def test_one_that_lost_its_position_is_cancelled_even_within_one_sweep(self, trader) -> None:
        self.long(trader)
        for link in ("a", "b"):
            trader.place(side="Sell", reduceOnly=True, price="65100.00", orderLinkId=link)
        trader.told("order")
        trader.house(Side.BUY, 651000, 15, ioc=True)
        ends = [(r["orderLinkId"], *words(r)) for r in trader.told("order")]
        assert ends == [
            ("a", "Filled", "UNKNOWN", "EC_NoError"),
            ("b", "Cancelled", "CancelByReduceOnly", "EC_NoError"),
        ]
        assert trader.venue.positions()["BTCUSDT"] == 0

    def test_one_larger_than_what_is_left_is_cut(self, trader) -> None:
        self.long(trader)
        trader.place(side="Sell", reduceOnly=True, price="65200.00", orderLinkId="ro")
        trader.place(side="Sell", qty="0.004", price="65100.00")
        trader.house(Side.BUY, 651000, 4, ioc=True)
        row = next(r for r in reversed(trader.told("order")) if r["orderLinkId"] == "ro")
        assert (row["orderStatus"], row["qty"], row["leavesQty"]) == ("New", "0.006", "0.006")

    def test_it_needs_no_margin_and_no_minimum_value(self, new_trader) -> None:
        trader = new_trader(balance_e8=70 * 10**8)
        self.long(trader)
        assert trader.place(qty="0.010", price="64000.00").code == 110007
        assert trader.place(side="Sell", reduceOnly=True, price="65100.00").code == 0


class TestCancelAll:
    """By symbol, base coin or settlement coin."""

    def ask(self, trader, **scope: object):
        return trader.post("/v5/order/cancel-all", {"category": "linear", **scope})

    def place_three(self, trader) -> None:
        trader.place(orderLinkId="btc1")
        trader.place(orderLinkId="btc2", price="64000.00")
        trader.place(orderLinkId="eth", symbol="ETHUSDT", price="3200.00", qty="1")
        trader.told("order")

    def test_scopes(self, trader) -> None:
        self.place_three(trader)
        reply = self.ask(trader, symbol="BTCUSDT")
        assert [row["orderLinkId"] for row in reply.rows] == ["btc1", "btc2"]
        assert reply.result["success"] == "1"
        assert {words(r) for r in trader.told("order")} == {
            ("Cancelled", "CancelByUser", "EC_PerCancelRequest")
        }
        assert self.ask(trader, baseCoin="BTC").rows == []
        assert self.ask(trader, settleCoin="USDC").rows == []
        assert [r["orderLinkId"] for r in self.ask(trader, settleCoin="USDT").rows] == ["eth"]
        assert trader.open_links() == []

    def test_it_needs_a_scope_and_leaves_plain_orders_to_a_stop_filter(self, trader) -> None:
        self.place_three(trader)
        assert self.ask(trader).code == 10001
        assert self.ask(trader, settleCoin="USDT", orderFilter="StopOrder").rows == []
        assert len(trader.open_links()) == 3


class TestBatches:
    """Independent items in the order of the request; both lists are aligned with it."""

    def test_partial_failure_item_by_item(self, trader, item) -> None:
        reply = trader.batch(
            "create",
            [
                item(orderLinkId="one"),
                item(orderLinkId="two", price="65000.05"),
                item(orderLinkId="one", symbol="ETHUSDT", price="3200.00"),
                "not an order",
                item(orderLinkId="five", side="Sell", price="65100.00"),
            ],
        )
        assert reply.code == 0
        assert reply.codes == [0, 10001, 110072, 10001, 0]
        assert [bool(row["orderId"]) for row in reply.rows] == [True, False, False, False, True]
        assert [bool(row["createAt"]) for row in reply.rows] == [True, False, False, False, True]
        assert [row["orderLinkId"] for row in reply.rows] == ["one", "two", "one", "", "five"]
        assert trader.open_links() == ["one", "five"]

        reply = trader.batch(
            "amend",
            [
                {"symbol": "BTCUSDT", "orderLinkId": "one", "price": "64999.00", "qty": None},
                {"symbol": "BTCUSDT", "orderLinkId": "two", "price": "64999.00"},
                {"symbol": "ETHUSDT", "orderLinkId": "five", "price": "64999.00"},
            ],
        )
        assert reply.codes == [0, 110001, 110001]
        assert [row["orderLinkId"] for row in reply.rows] == ["one", "two", "five"]
        assert "createAt" not in reply.rows[0]

        reply = trader.batch(
            "cancel",
            [
                {"symbol": "BTCUSDT", "orderId": "nobody"},
                {"symbol": "BTCUSDT", "orderLinkId": "five"},
                {"symbol": "BTCUSDT"},
            ],
        )
        assert reply.codes == [110001, 0, 10001]
        assert reply.rows[0] == {
            "category": "linear",
            "symbol": "BTCUSDT",
            "orderId": "nobody",
            "orderLinkId": "",
        }
        assert trader.open_links() == ["one"]

    def test_a_batch_is_told_in_one_message_per_stream_in_request_order(self, trader, item) -> None:
        trader.leaving.clear()
        trader.batch("create", [item(price=f"6400{i}.00", orderLinkId=f"o{i}") for i in range(5)])
        assert [row["orderLinkId"] for row in trader.told("order")] == [f"o{i}" for i in range(5)]
        assert len(trader.told("position")) == 1
        assert len(trader.leaving) == 3  # the ack, and one message of each stream

    @pytest.mark.parametrize("kind", ["create", "amend", "cancel"])
    def test_empty_oversize_and_malformed_batches_do_nothing(self, trader, item, kind) -> None:
        for items in ([], [item() for _ in range(21)], None, "x"):
            reply = trader.post(f"/v5/order/{kind}-batch", {"category": "linear", "request": items})
            assert reply.code == 10001
            assert reply.json["result"] == {}
        assert trader.venue.open_orders() == []
