"""What can be asked: pages, filters, histories, positions, wallet, public market data."""

from __future__ import annotations

import pytest

from mmfast.messages import Side
from mmfast.sim.instruments.catalogue import KNOWN_SYMBOLS, listings

LINEAR = {"category": "linear"}
BTC = {"category": "linear", "symbol": "BTCUSDT"}
REALTIME = "/v5/order/realtime"


def links(reply) -> list[str]:
    return [row["orderLinkId"] for row in reply.rows]


def fill_book_with_orders(trader, item, count: int) -> None:
    for start in range(0, count, 20):
        numbers = range(start, min(start + 20, count))
        items = [item(price=f"{60000 + i}.00", orderLinkId=f"q{i}") for i in numbers]
        assert trader.batch("create", items).codes == [0] * len(items)


class TestPaging:
    """Newest first, 20 by default, at most 50, by cursor."""

    def test_all_pages_together_are_all_orders_once(self, trader, item) -> None:
        fill_book_with_orders(trader, item, 57)
        seen, cursor, pages = [], "", 0
        while True:
            reply = trader.get(REALTIME, **BTC, limit=25, cursor=cursor)
            seen += links(reply)
            pages += 1
            cursor = reply.result["nextPageCursor"]
            if not cursor:
                break
        assert pages == 3
        assert seen == [f"q{i}" for i in range(56, -1, -1)]

    def test_sizes(self, trader, item) -> None:
        fill_book_with_orders(trader, item, 57)
        assert len(trader.get(REALTIME, **BTC).rows) == 20
        assert len(trader.get(REALTIME, **BTC, limit=1).rows) == 1
        assert len(trader.get(REALTIME, **BTC, limit=500).rows) == 50
        for bad in ("0", "-1", "many", "²"):
            assert trader.get(REALTIME, **BTC, limit=bad).code == 10001
        assert trader.get(REALTIME, **BTC, cursor="here").code == 10001

    def test_a_page_is_not_shifted_by_orders_that_come_and_go_meanwhile(self, trader, item) -> None:
        fill_book_with_orders(trader, item, 10)
        reply = trader.get(REALTIME, **BTC, limit=4)
        assert links(reply) == ["q9", "q8", "q7", "q6"]
        trader.cancel(orderLinkId="q8")
        trader.cancel(orderLinkId="q5")
        trader.place(orderLinkId="new", price="61000.00")
        rest = trader.get(REALTIME, **BTC, limit=4, cursor=reply.result["nextPageCursor"])
        assert links(rest) == ["q4", "q3", "q2", "q1"]

    def test_a_cursor_encoded_once_more_is_understood(self, trader, item) -> None:
        fill_book_with_orders(trader, item, 3)
        cursor = trader.get(REALTIME, **BTC, limit=1).result["nextPageCursor"]
        assert "%3D" in cursor
        again = cursor.replace("%", "%25")
        assert links(trader.get(REALTIME, **BTC, cursor=again)) == ["q1", "q0"]


class TestRealtime:
    """Open orders, or the last closed ones."""

    def test_scopes(self, trader) -> None:
        trader.place(orderLinkId="btc")
        trader.place(orderLinkId="eth", symbol="ETHUSDT", price="3200.00", qty="1")
        assert links(trader.get(REALTIME, **LINEAR, settleCoin="USDT")) == ["eth", "btc"]
        assert links(trader.get(REALTIME, **LINEAR, baseCoin="BTC")) == ["btc"]
        assert links(trader.get(REALTIME, **LINEAR, settleCoin="USDC")) == []
        refused = trader.get(REALTIME, **LINEAR)
        assert refused.code == 10001
        assert refused.json["retMsg"].startswith("Missing some parameters that must be filled in")
        assert trader.get(REALTIME, category="spot", symbol="BTCUSDT").code == 10001
        assert trader.get(REALTIME, **LINEAR, symbol="NOPE").code == 10001

    def test_closed_ones_by_open_only_1_and_either_by_id(self, trader) -> None:
        gone = trader.place(orderLinkId="gone").result["orderId"]
        trader.cancel(orderLinkId="gone")
        trader.place(orderLinkId="here")
        assert links(trader.get(REALTIME, **BTC)) == ["here"]
        assert links(trader.get(REALTIME, **BTC, openOnly=0)) == ["here"]
        assert links(trader.get(REALTIME, **BTC, openOnly=1)) == ["gone"]
        assert links(trader.get(REALTIME, **LINEAR, orderId=gone)) == ["gone"]
        assert links(trader.get(REALTIME, **LINEAR, orderLinkId="here")) == ["here"]
        assert links(trader.get(REALTIME, **LINEAR, orderLinkId="never")) == []

    def test_only_the_last_500_closed_are_remembered(self, trader, item) -> None:
        for start in range(0, 520, 20):
            trader.batch("create", [item(orderLinkId=f"c{start + i}") for i in range(20)])
            cancels = [{"symbol": "BTCUSDT", "orderLinkId": f"c{start + i}"} for i in range(20)]
            trader.batch("cancel", cancels)
        assert links(trader.get(REALTIME, **LINEAR, orderLinkId="c19")) == []
        assert links(trader.get(REALTIME, **LINEAR, orderLinkId="c20")) == ["c20"]
        assert len(links(trader.get("/v5/order/history", **LINEAR, orderLinkId="c0"))) == 1


class TestHistory:
    """Closed orders; those without a fill are forgotten after a day."""

    PATH = "/v5/order/history"

    def test_it_holds_closed_orders_only(self, trader) -> None:
        trader.place(orderLinkId="open", price="64000.00")
        trader.place(orderLinkId="cancelled")
        trader.cancel(orderLinkId="cancelled")
        trader.place(orderLinkId="filled")
        trader.house(Side.SELL, 650000, 10, ioc=True)
        assert links(trader.get(self.PATH, **BTC)) == ["filled", "cancelled"]
        assert links(trader.get(self.PATH, **BTC, orderStatus="Filled")) == ["filled"]
        assert links(trader.get(self.PATH, **LINEAR, orderLinkId="open")) == []
        assert trader.get(self.PATH, **BTC).rows[0]["extraFees"] == ""

        trader.run(86_400_000)
        assert links(trader.get(self.PATH, **BTC)) == ["filled"]
        assert links(trader.get(self.PATH, **LINEAR, orderLinkId="cancelled")) == []
        trader.run(6 * 86_400_000)
        assert links(trader.get(self.PATH, **BTC)) == []

    def test_times(self, trader) -> None:
        start = trader.venue.venue_ms(trader.now_ns)
        trader.place(orderLinkId="x")
        trader.cancel(orderLinkId="x")
        day = 86_400_000

        def ask(**times: int):
            return trader.get(self.PATH, **BTC, **times)

        assert links(ask(startTime=start - 1)) == ["x"]
        assert links(ask(startTime=start + 3)) == []
        assert links(ask(endTime=start + 2)) == ["x"]
        assert links(ask(endTime=start + 1)) == []
        assert links(ask(startTime=start, endTime=start + 7 * day)) == ["x"]
        assert ask(startTime=start, endTime=start + 7 * day + 1).code == 10001
        assert ask(startTime=start, endTime=start - 1).code == 10001
        assert trader.get(self.PATH, **BTC, startTime="noon").code == 10001


class TestExecutions:
    """Trades, newest first; an id overrules the rest."""

    PATH = "/v5/execution/list"

    def test_filters(self, trader) -> None:
        for link in ("a", "b"):
            trader.place(orderLinkId=link)
            trader.house(Side.SELL, 650000, 4, ioc=True)
            trader.house(Side.SELL, 650000, 6, ioc=True)
        everything = trader.get(self.PATH, **LINEAR)
        assert links(everything) == ["b", "b", "a", "a"]
        assert [row["execQty"] for row in everything.rows] == ["0.006", "0.004"] * 2
        assert everything.rows == [
            {k: v for k, v in row.items() if k in everything.rows[0]}
            | {"execFeeV2": row["execFee"]}
            for row in reversed(trader.told("execution"))
        ]
        assert links(trader.get(self.PATH, **LINEAR, orderLinkId="a", symbol="ETHUSDT")) == [
            "a",
            "a",
        ]
        order_id = everything.rows[0]["orderId"]
        assert links(trader.get(self.PATH, **LINEAR, orderId=order_id)) == ["b", "b"]
        assert links(trader.get(self.PATH, **LINEAR, symbol="ETHUSDT")) == []
        assert links(trader.get(self.PATH, **LINEAR, execType="Funding")) == []
        last = int(everything.rows[0]["execTime"])
        assert links(trader.get(self.PATH, **LINEAR, startTime=last)) == ["b"]
        page = trader.get(self.PATH, **LINEAR, limit=3)
        rest = trader.get(self.PATH, **LINEAR, cursor=page.result["nextPageCursor"])
        assert page.rows + rest.rows == everything.rows


class TestPositions:
    """One symbol's row even when flat, or all that are not."""

    PATH = "/v5/position/list"

    def test_long_short_flat(self, trader) -> None:
        flat = trader.position()
        assert (flat["side"], flat["size"], flat["avgPrice"], flat["seq"]) == ("", "0", "0", -1)
        trader.place()
        trader.house(Side.SELL, 650000, 10, ioc=True)
        trader.place(symbol="ETHUSDT", side="Sell", price="3200.00", qty="1")
        trader.house(Side.BUY, 320000, 100, spot=1, ioc=True)
        rows = trader.get(self.PATH, **LINEAR, settleCoin="USDT").rows
        assert [(row["symbol"], row["side"], row["size"], row["avgPrice"]) for row in rows] == [
            ("BTCUSDT", "Buy", "0.010", "65000"),
            ("ETHUSDT", "Sell", "1.00", "3200"),
        ]
        assert rows[0]["curRealisedPnl"] == "-0.13"
        assert trader.get(self.PATH, **LINEAR).code == 10001
        page = trader.get(self.PATH, **LINEAR, settleCoin="USDT", limit=1)
        rest = trader.get(
            self.PATH, **LINEAR, settleCoin="USDT", cursor=page.result["nextPageCursor"]
        )
        assert page.rows + rest.rows == rows

    def test_profit_is_shown_at_the_mark(self, trader) -> None:
        trader.place()
        trader.house(Side.SELL, 650000, 10, ioc=True)
        trader.venue.set_reference(0, 651000, 651000)
        row = trader.position()
        assert (row["markPrice"], row["unrealisedPnl"], row["positionIM"]) == (
            "65100.00",
            "1",
            "65.1",
        )
        # What was paid in fees must come back too: 0.13 on 0.010.
        assert row["breakEvenPrice"] == "65013"


def test_wallet_adds_up(trader) -> None:
    def wallet() -> dict[str, str]:
        return trader.get("/v5/account/wallet-balance", accountType="UNIFIED").rows[0]

    assert wallet()["totalAvailableBalance"] == "1000000"
    trader.place(qty="0.100")
    row = wallet()
    assert (row["totalInitialMargin"], row["totalAvailableBalance"]) == ("650", "999350")
    assert row["coin"][0]["totalOrderIM"] == "650"
    trader.house(Side.SELL, 650000, 100, ioc=True)
    trader.venue.set_reference(0, 650000, 649000)
    row = wallet()
    coin = row["coin"][0]
    assert (coin["coin"], coin["walletBalance"], coin["equity"]) == (
        "USDT",
        "999998.7",
        "999988.7",
    )
    assert (coin["unrealisedPnl"], coin["cumRealisedPnl"]) == ("-10", "-1.3")
    assert (coin["totalPositionIM"], coin["totalOrderIM"]) == ("649", "0")
    assert trader.get("/v5/account/wallet-balance").code == 10001
    other = trader.get("/v5/account/wallet-balance", accountType="UNIFIED", coin="BTC").rows[0]
    assert [(coin["coin"], coin["equity"]) for coin in other["coin"]] == [("BTC", "0")]


@pytest.mark.parametrize(
    ("tier", "vip", "maker"),
    [
        ("default", "No VIP", "0"),
        ("vip3", "VIP-3", "0"),
        ("pro6", "PRO-6", "0"),
        ("mm2", "No VIP", "2"),
    ],
)
def test_key_and_account(new_trader, tier, vip, maker) -> None:
    trader = new_trader(tier=tier)
    key = trader.get("/v5/user/query-api").result
    assert (key["vipLevel"], key["mktMakerLevel"], key["readOnly"]) == (vip, maker, 0)
    assert key["permissions"]["ContractTrade"] == ["Order", "Position"]
    assert "secret" not in str(key["apiKey"])
    assert trader.get("/v5/account/info").result["unifiedMarginStatus"] == 5
    fees = trader.get("/v5/account/fee-rate", **BTC).rows
    assert fees == [
        {"symbol": "BTCUSDT", "baseCoin": "", "takerFeeRate": "0.00055", "makerFeeRate": "0.0002"}
    ]


class TestMarket:
    """Public queries need no signature."""

    def ask(self, trader, name: str, **query: object):
        text = "&".join(f"{key}={value}" for key, value in query.items())
        return trader.ask("GET", f"/v5/market/{name}", text, signed=False)

    def test_time_is_that_of_the_middle_of_the_round_trip(self, new_trader) -> None:
        trader = new_trader(latency_ms=8.0)
        trader.run(1000)
        sent = trader.now_ns
        result = self.ask(trader, "time").result
        assert int(result["timeNano"]) == 1_700_000_000 * 10**9 + sent + 4_000_000
        assert result["timeSecond"] == result["timeNano"][:10]

    def test_instruments(self, new_trader) -> None:
        trader = new_trader(symbols=KNOWN_SYMBOLS)
        everything = self.ask(trader, "instruments-info", **LINEAR).rows
        assert [row["symbol"] for row in everything] == list(KNOWN_SYMBOLS)
        assert len(everything) >= 12
        seen, cursor = [], ""
        for _ in range(20):
            reply = self.ask(trader, "instruments-info", **LINEAR, limit=5, cursor=cursor)
            seen += reply.rows
            cursor = reply.result["nextPageCursor"]
            if not cursor:
                break
        assert seen == everything
        one = self.ask(trader, "instruments-info", **LINEAR, baseCoin="SUI").rows[0]
        assert one["lotSizeFilter"]["qtyStep"] == "10"
        assert one["priceFilter"]["tickSize"] == "0.00010"
        assert self.ask(trader, "instruments-info", **BTC, status="PreLaunch").rows == []
        assert self.ask(trader, "instruments-info", category="spot").code == 10001
        assert self.ask(trader, "instruments-info", **LINEAR, symbol="NOPE").code == 10001

    def test_the_rows_say_what_the_checks_enforce(self, trader) -> None:
        (listing,) = listings(("BTCUSDT",))
        row = self.ask(trader, "instruments-info", **BTC).rows[0]
        figures = trader.venue._exchange.rows.figures[0]
        lots, prices = row["lotSizeFilter"], row["priceFilter"]
        assert figures.read_qty(lots["maxOrderQty"]) == listing.instrument.max_order_lots
        assert figures.read_qty(lots["minOrderQty"]) == listing.instrument.min_order_lots
        assert figures.read_qty(lots["maxMktOrderQty"]) == listing.max_market_lots
        assert figures.read_qty(lots["qtyStep"]) == figures.read_price(prices["tickSize"]) == 1
        assert figures.read_price(prices["maxPrice"]) == listing.instrument.max_price_ticks
        assert lots["minNotionalValue"] == "5"

    def test_orderbook(self, trader) -> None:
        trader.place()
        trader.place(price="64999.90", qty="0.020")
        trader.house(Side.SELL, 650100, 7)
        result = self.ask(trader, "orderbook", **BTC).result
        assert result["b"] == [["65000.00", "0.010"], ["64999.90", "0.020"]]
        assert result["a"] == [["65010.00", "0.007"]]
        assert self.ask(trader, "orderbook", **BTC, limit=1).result["b"] == [["65000.00", "0.010"]]
        book = trader.venue.books[0]
        assert (result["seq"], result["cts"]) == (book.seq, book.changed_ms)
        trader.cancel(orderId=trader.venue.open_orders()[0]["orderId"])
        assert self.ask(trader, "orderbook", **BTC).result["u"] > result["u"]
        assert self.ask(trader, "orderbook", **LINEAR).code == 10001

    def test_trades_and_ticker(self, trader) -> None:
        still = self.ask(trader, "tickers", **BTC).rows[0]
        assert (still["lastPrice"], still["bid1Price"], still["volume24h"]) == (
            "65000.00",
            "",
            "0.000",
        )
        trader.house(Side.SELL, 650100, 7)
        trader.house(Side.SELL, 650200, 7)
        trader.house(Side.BUY, 650200, 10, ioc=True)
        newest, older = self.ask(trader, "recent-trade", **BTC).rows
        assert (newest["price"], newest["size"], newest["side"]) == ("65020.00", "0.003", "Buy")
        assert (older["price"], older["size"]) == ("65010.00", "0.007")
        assert int(newest["seq"]) > int(older["seq"])
        assert len(self.ask(trader, "recent-trade", **BTC, limit=1).rows) == 1
        row = self.ask(trader, "tickers", **BTC).rows[0]
        assert (row["lastPrice"], row["highPrice24h"], row["lowPrice24h"]) == (
            "65020.00",
            "65020.00",
            "65010.00",
        )
        assert (row["volume24h"], row["turnover24h"]) == ("0.010", "650.13")
        assert (row["ask1Price"], row["ask1Size"], row["bid1Size"]) == ("65020.00", "0.004", "")
        assert len(self.ask(trader, "tickers", **LINEAR).rows) == 3
        trader.run(25 * 3_600_000)
        trader.house(Side.BUY, 650200, 1, ioc=True)
        assert self.ask(trader, "tickers", **BTC).rows[0]["volume24h"] == "0.001"
