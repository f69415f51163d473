"""Public market data in every category: what is listed, what it shows, what it refuses."""

from __future__ import annotations

import orjson
import pytest

from mmfast.messages import Side
from mmfast.sim.market.candles import Candles
from mmfast.sim.wire import WsSend

INFO = "/v5/market/instruments-info"


@pytest.fixture
def everything(new_trader):
    """A trader on a venue with all categories, whose indexes follow the order of this list."""
    return new_trader(
        symbols=("BTCUSDT", "ETHUSDT"),
        inverse_symbols=("BTCUSD",),
        spot_symbols=("BTCUSDT", "ETHUSDT"),
        option_symbols=("BTC-28DEC35-100000-C-USDT", "ETH-28DEC35-5000-P-USDT"),
    )


LINEAR_BTC, LINEAR_ETH, INVERSE_BTC, SPOT_BTC, SPOT_ETH, BTC_CALL, ETH_PUT = range(7)


def symbols(reply) -> list[str]:
    return [row["symbol"] for row in reply.rows]


class TestInstruments:
    def test_each_category_lists_its_own(self, everything) -> None:
        def ask(**query):
            return symbols(everything.get(INFO, **query))

        assert ask(category="linear") == ["BTCUSDT", "ETHUSDT"]
        assert ask(category="inverse") == ["BTCUSD"]
        assert ask(category="spot") == ["BTCUSDT", "ETHUSDT"]
        assert ask(category="option") == ["BTC-28DEC35-100000-C-USDT"]
        assert ask(category="option", baseCoin="ETH") == ["ETH-28DEC35-5000-P-USDT"]

    def test_a_base_coin_lists_futures_of_both_kinds(self, everything) -> None:
        for category in ("linear", "inverse"):
            reply = everything.get(INFO, category=category, baseCoin="BTC")
            assert symbols(reply) == ["BTCUSDT", "BTCUSD"]
            assert reply.result["category"] == category

    def test_status_and_symbol_type_select(self, everything) -> None:
        for category in ("linear", "spot", "option"):
            every = symbols(everything.get(INFO, category=category))
            assert symbols(everything.get(INFO, category=category, status="Trading")) == every
            assert symbols(everything.get(INFO, category=category, status="PreLaunch")) == []
        reply = everything.get(INFO, category="linear", symbolType="innovation")
        assert symbols(reply) == []

    def test_futures_come_in_pages_and_spot_in_one_piece(self, everything) -> None:
        first = everything.get(INFO, category="linear", limit=1)
        assert symbols(first) == ["BTCUSDT"]
        cursor = first.result["nextPageCursor"]
        second = everything.get(INFO, category="linear", limit=1, cursor=cursor)
        assert symbols(second) == ["ETHUSDT"]
        assert second.result["nextPageCursor"] == ""
        spot = everything.get(INFO, category="spot", limit=1, cursor="nonsense")
        assert symbols(spot) == ["BTCUSDT", "ETHUSDT"]
        assert "nextPageCursor" not in spot.result

    def test_the_account_sees_its_own_permissions(self, everything) -> None:
        path = "/v5/account/instruments-info"
        public = everything.get(INFO, category="linear").rows
        mine = everything.get(path, category="linear").rows
        flags = {"isPublicRpi": False, "myRpiPermission": False}
        assert mine == [row | flags for row in public]
        assert everything.get(path, category="option").code == 10001
        assert everything.ask("GET", path, "category=linear", signed=False).status == 401


class TestBooks:
    BOOK = "/v5/market/orderbook"

    def fill(self, trader, index: int, levels: int) -> int:
        start = int(trader.venue._exchange.tapes[index].last_ticks)
        for i in range(levels):
            trader.venue.submit(index, Side.BUY, start - 1 - i, 2, post_only=True, ioc=False)
        return start

    @pytest.mark.parametrize(
        ("category", "symbol", "index", "default"),
        [
            ("linear", "BTCUSDT", LINEAR_BTC, 25),
            ("inverse", "BTCUSD", INVERSE_BTC, 25),
            ("spot", "BTCUSDT", SPOT_BTC, 1),
            ("option", "BTC-28DEC35-100000-C-USDT", BTC_CALL, 1),
        ],
    )
    def test_depth_follows_the_category(self, everything, category, symbol, index, default) -> None:
        self.fill(everything, index, 60)

        def depth(**limit) -> int:
            reply = everything.get(self.BOOK, category=category, symbol=symbol, **limit)
            prices = [float(level[0]) for level in reply.result["b"]]
            assert prices == sorted(prices, reverse=True)
            return len(prices)

        assert depth() == default
        assert depth(limit=7) == 7
        assert depth(limit=1000) == (25 if category == "option" else 60)

    def test_deltas_of_the_deepest_stream_follow_a_book_asked_for(self, everything) -> None:
        """The update id is that stream's: the local book stays right whenever it was asked."""
        venue, conn = everything.venue, 77
        start = self.fill(everything, LINEAR_BTC, 5)
        assert venue.ws_open(conn, "/v5/public/linear", everything.now_ns)
        topic = b'{"op":"subscribe","args":["orderbook.1000.BTCUSDT"]}'
        venue.ws_message(conn, topic, everything.now_ns)
        everything.run(50)
        for step in range(12):
            everything.house(Side.BUY, start - 10 - step % 3, 1 + step)
            everything.run(37)
        asked = everything.get(self.BOOK, category="linear", symbol="BTCUSDT", limit=1000).result
        book = dict(asked["b"])
        for step in range(12):
            everything.house(Side.SELL, start - 12, 1)
            everything.house(Side.BUY, start - 20 - step, 2)
        everything.run(400)
        frames = [orjson.loads(due.output.data) for due in everything.leaving if is_for(due, conn)]
        deltas = [f["data"] for f in frames if f.get("type") == "delta"]
        newer = [delta for delta in deltas if delta["u"] > asked["u"]]
        assert [d["u"] for d in newer] == list(range(asked["u"] + 1, asked["u"] + 1 + len(newer)))
        assert len(newer) > 1
        for delta in newer:
            book |= dict(delta["b"])
        left = {price: size for price, size in book.items() if float(size)}
        after = everything.get(self.BOOK, category="linear", symbol="BTCUSDT", limit=1000).result
        assert left == dict(after["b"])
        assert after["u"] == newer[-1]["u"]

    def test_without_a_subscriber_the_book_is_the_present_one(self, everything) -> None:
        def ask():
            return everything.get(self.BOOK, category="linear", symbol="BTCUSDT").result

        first, again = ask(), ask()
        assert (first["b"], again["u"]) == ([], first["u"])
        self.fill(everything, LINEAR_BTC, 1)
        later = ask()
        assert (len(later["b"]), later["u"]) == (1, first["u"] + 1)

    def test_hidden_quotes_show_as_nothing(self, everything) -> None:
        self.fill(everything, SPOT_BTC, 60)
        path = "/v5/market/rpi_orderbook"
        reply = everything.get(path, category="spot", symbol="BTCUSDT", limit=50)
        assert len(reply.result["b"]) == 50
        _, size, rpi = reply.result["b"][0]
        assert (float(size) > 0, float(rpi)) == (True, 0.0)
        assert everything.get(path, category="spot", symbol="BTCUSDT").code == 10001

    def test_the_full_book_has_every_level(self, everything) -> None:
        self.fill(everything, LINEAR_ETH, 1500)
        reply = everything.get("/v5/market/full_orderbook", category="linear", symbol="ETHUSDT")
        assert len(reply.result["b"]) == 1500
        assert reply.result["a"] == []

    def test_a_symbol_of_another_category_is_refused(self, everything) -> None:
        assert everything.get(self.BOOK, category="linear", symbol="BTCUSD").code == 10001
        assert everything.get(self.BOOK, category="spot", symbol="BTCUSD").code == 170121
        assert everything.get(self.BOOK, category="future", symbol="BTCUSD").code == 10001


def is_for(due, conn: int) -> bool:
    return isinstance(due.output, WsSend) and due.output.conn_id == conn


def trade(trader, index: int, ticks_up: int, lots: int) -> None:
    """One trade of the house above the last price."""
    ticks = int(trader.venue._exchange.tapes[index].last_ticks) + ticks_up
    trader.house(Side.SELL, ticks, lots, spot=index)
    trader.house(Side.BUY, ticks, lots, spot=index, ioc=True)


class TestTickers:
    PATH = "/v5/market/tickers"

    def test_turnover_is_in_the_settlement_coin(self, everything) -> None:
        trade(everything, LINEAR_BTC, 0, 100)
        trade(everything, INVERSE_BTC, 0, 130_000)
        trade(everything, SPOT_BTC, 0, 10)
        linear = everything.get(self.PATH, category="linear", symbol="BTCUSDT").rows[0]
        inverse = everything.get(self.PATH, category="inverse", symbol="BTCUSD").rows[0]
        spot = everything.get(self.PATH, category="spot", symbol="BTCUSDT").rows[0]
        assert (linear["volume24h"], linear["turnover24h"]) == ("0.100", "6500")
        assert (inverse["volume24h"], inverse["turnover24h"]) == ("130000", "2")
        assert (spot["volume24h"], spot["turnover24h"]) == ("0.000010", "0.65")

    def test_options_need_a_symbol_or_a_base_coin(self, everything) -> None:
        assert everything.get(self.PATH, category="option").code == 10001
        ask = {"category": "option", "baseCoin": "BTC"}
        row = everything.get(self.PATH, **ask).rows[0]
        assert row["symbol"] == "BTC-28DEC35-100000-C-USDT"
        assert float(row["underlyingPrice"]) == 65000.0
        assert symbols(everything.get(self.PATH, **ask, expDate="28DEC35")) == [row["symbol"]]
        assert symbols(everything.get(self.PATH, **ask, expDate="1JAN30")) == []


class TestTrades:
    PATH = "/v5/market/recent-trade"

    def test_newest_first_up_to_the_limit_of_the_category(self, everything) -> None:
        for _ in range(70):
            trade(everything, SPOT_BTC, 0, 1)
            trade(everything, LINEAR_BTC, 0, 1)
        ask = {"symbol": "BTCUSDT"}
        assert len(everything.get(self.PATH, category="spot", **ask).rows) == 60
        assert len(everything.get(self.PATH, category="spot", limit=1000, **ask).rows) == 60
        rows = everything.get(self.PATH, category="linear", **ask).rows
        assert len(rows) == 70
        times = [int(row["time"]) for row in rows]
        assert times == sorted(times, reverse=True)
        assert everything.get(self.PATH, category="linear").code == 10001

    def test_options_come_by_base_coin_and_kind(self, everything) -> None:
        trade(everything, BTC_CALL, 0, 5)
        trade(everything, ETH_PUT, 0, 5)
        path = {"category": "option"}
        rows = everything.get(self.PATH, **path).rows
        assert [row["symbol"] for row in rows] == ["BTC-28DEC35-100000-C-USDT"]
        assert (float(rows[0]["mP"]), float(rows[0]["iP"])) == (12_000, 65_000)
        assert symbols(everything.get(self.PATH, **path, baseCoin="ETH", optionType="Put"))
        assert not symbols(everything.get(self.PATH, **path, baseCoin="ETH", optionType="Call"))
        assert everything.get(self.PATH, **path, optionType="Both").code == 10001


class TestCandles:
    PATH = "/v5/market/kline"

    def test_a_candle_holds_the_trades_of_its_minute(self, everything) -> None:
        minute = 60_000
        start = everything.venue.venue_ms(0)
        everything.run(minute - start % minute)
        begin = everything.venue.venue_ms(everything.now_ns) // minute * minute
        for up, lots in ((0, 1), (20, 2), (-30, 3)):
            trade(everything, LINEAR_BTC, up, lots)
        everything.run(2 * minute)
        trade(everything, LINEAR_BTC, 0, 4)
        ask = {"category": "linear", "symbol": "BTCUSDT", "interval": "1"}
        rows = everything.get(self.PATH, **ask).rows
        assert rows == [
            [str(begin + 2 * minute), *["64999.00"] * 4, "0.004", "259.996"],
            [str(begin + minute), *["64999.00"] * 4, "0.000", "0"],
            [str(begin), "65000.00", "65002.00", "64999.00", "64999.00", "0.006", "390.001"],
        ]
        assert everything.get(self.PATH, **ask, limit=1).rows == rows[:1]
        assert everything.get(self.PATH, **ask, end=begin + minute).rows == rows[1:]
        assert everything.get(self.PATH, **ask, start=begin + 1).rows == rows[:2]
        assert everything.get(self.PATH, **ask, start=begin, limit=2).rows == rows[1:]
        assert everything.get(self.PATH, **(ask | {"interval": "2"})).code == 10001
        assert everything.get(self.PATH, **ask, start="noon").code == 10001

    def test_long_candles_begin_where_the_calendar_says(self) -> None:
        candles = Candles()
        noon = 1_700_049_600_000  # Wednesday, 15 November 2023, 12:00 UTC
        candles.add(noon, 10, 1, 10)
        later = noon + 20 * 86_400_000
        starts = {
            interval: [bar.start_ms for bar in candles.bars(interval, None, None, 3, later)]
            for interval in ("D", "W", "M")
        }
        day = 86_400_000
        today = later // day * day
        assert starts["D"] == [today, today - day, today - 2 * day]
        assert starts["W"] == [1_701_648_000_000, 1_701_043_200_000, 1_700_438_400_000]
        assert starts["M"] == [1_701_388_800_000, 1_698_796_800_000]


def test_price_limits_exist_where_the_venue_has_them(everything) -> None:
    path = "/v5/market/price-limit"
    assert everything.get(path, symbol="BTCUSDT").json["retMsg"] == ""
    spot = everything.get(path, category="spot", symbol="BTCUSDT").result
    assert float(spot["sellLmt"]) < 65000 < float(spot["buyLmt"])
    assert everything.get(path, category="option", symbol="BTC-28DEC35-100000-C-USDT").code == 10001
