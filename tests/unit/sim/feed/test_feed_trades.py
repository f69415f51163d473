"""Public trades and tickers: complete, in order, merged by the documented rules."""

from __future__ import annotations

import json

from mmfast.messages import Side
from mmfast.sim.feed.feed import PublicFeed
from mmfast.sim.instruments.catalogue import listings
from mmfast.sim.market.bands import Reference
from mmfast.sim.market.matching import Book, Engine, Resting
from mmfast.sim.market.tape import Tape
from mmfast.sim.seams import Print
from mmfast.units import NS_PER_MS

START_MS = 1_700_000_000_000
SYMBOL = "BTCUSDT"


class Hall:
    """One instrument with a real book, tape and reference."""

    def __init__(self) -> None:
        self.shelf = listings((SYMBOL,))
        self.engine = Engine(START_MS)
        self.book = Book(self.engine)
        self.tape = Tape(self.shelf[0].instrument, self.shelf[0].start_ticks)
        self.reference = Reference(self.shelf[0])
        self.feed = PublicFeed(self.shelf, (self.book,), (self.tape,), (self.reference,), START_MS)

    def rest(self, number: int, side: Side, ticks: int, lots: int) -> None:
        self.book.add(Resting(number, 0, side, ticks, lots))

    def trade(self, number: int, side: Side, ticks: int, lots: int, ms: int) -> None:
        one = Print(0, side, ticks, lots, number, number, START_MS + ms)
        self.tape.add(one)
        self.feed.trades([one])


def test_every_trade_is_told_once_in_order_with_its_tick_direction() -> None:
    hall = Hall()
    topic = f"publicTrade.{SYMBOL}"
    hall.trade(1, Side.BUY, 650_000, 1, 0)  # before anybody listens: never told
    hall.feed.watch(topic, 0)
    assert hall.feed.snapshot(topic, 0) is None
    prices = (650_010, 650_010, 650_005, 650_005, 650_006)
    for number, ticks in enumerate(prices, start=2):
        hall.trade(number, Side(number % 2), ticks, number, number)
    [(told_topic, frame)] = hall.feed.advance(10 * NS_PER_MS)
    message = json.loads(frame)
    assert told_topic == message["topic"] == topic
    assert message["type"] == "snapshot"
    assert [row["L"] for row in message["data"]] == [
        "PlusTick", "ZeroPlusTick", "MinusTick", "ZeroMinusTick", "PlusTick"
    ]  # fmt: skip
    assert [row["p"] for row in message["data"]] == [
        "65001.00", "65001.00", "65000.50", "65000.50", "65000.60"
    ]  # fmt: skip
    assert [row["v"] for row in message["data"]] == ["0.002", "0.003", "0.004", "0.005", "0.006"]
    assert [row["S"] for row in message["data"]] == ["Buy", "Sell", "Buy", "Sell", "Buy"]
    assert [row["T"] for row in message["data"]] == [START_MS + ms for ms in range(2, 7)]
    assert len({row["i"] for row in message["data"]}) == 5
    assert hall.feed.advance(20 * NS_PER_MS) == []


def test_more_than_1024_trades_are_split() -> None:
    hall = Hall()
    hall.feed.watch(f"publicTrade.{SYMBOL}", 0)
    for number in range(2100):
        hall.trade(number + 1, Side.BUY, 650_000, 1, 1)
    frames = [json.loads(frame) for _, frame in hall.feed.advance(10 * NS_PER_MS)]
    assert [len(frame["data"]) for frame in frames] == [1024, 1024, 52]
    ids = [row["i"] for frame in frames for row in frame["data"]]
    assert ids == sorted(set(ids))


def test_the_ticker_sends_what_changed_and_merging_gives_the_whole() -> None:
    hall = Hall()
    topic = f"tickers.{SYMBOL}"
    hall.rest(1, Side.BUY, 649_990, 10)
    hall.rest(2, Side.SELL, 650_010, 20)
    hall.feed.watch(topic, 0)
    first = json.loads(hall.feed.snapshot(topic, 0))
    assert first["type"] == "snapshot"
    state = dict(first["data"])
    assert (state["bid1Price"], state["ask1Size"]) == ("64999.00", "0.020")
    assert hall.feed.advance(100 * NS_PER_MS) == []

    hall.trade(1, Side.BUY, 650_010, 5, 150)
    hall.reference.move(650_200, 650_300, 0, START_MS + 150)
    [(_, frame)] = hall.feed.advance(200 * NS_PER_MS)
    delta = json.loads(frame)
    assert delta["type"] == "delta"
    assert "bid1Price" not in delta["data"]
    state |= delta["data"]
    late = json.loads(hall.feed.snapshot(topic, 210 * NS_PER_MS))
    assert late["type"] == "snapshot"
    assert late["data"] == state
    assert state["lastPrice"] == "65001.00"
    assert state["indexPrice"] == "65020.00"
    assert state["markPrice"] == "65030.00"
    assert state["volume24h"] == "0.005"
    assert state["turnover24h"] == "325.005"


def test_only_watched_topics_cost_a_message() -> None:
    hall = Hall()
    assert hall.feed.known("orderbook.50.BTCUSDT")
    for topic in ("orderbook.500.BTCUSDT", "orderbook.50.NOPE", "kline.1.BTCUSDT", ""):
        assert not hall.feed.known(topic)
    hall.rest(1, Side.BUY, 649_990, 10)
    hall.trade(1, Side.BUY, 650_010, 5, 1)
    assert hall.feed.due_ns > 1 << 60
    assert hall.feed.advance(NS_PER_MS * 1000) == []
    hall.feed.watch("orderbook.50.BTCUSDT", 7 * NS_PER_MS)
    assert hall.feed.due_ns == 20 * NS_PER_MS
    hall.feed.unwatch("orderbook.50.BTCUSDT")
    assert hall.feed.due_ns > 1 << 60
