"""Does a replayed market look like the recorded one, and treat our orders by the stated rules?"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from mmfast.messages import Side
from mmfast.sim.params import FlowParams, VenueParams
from mmfast.sim.replay.recording import RecordingError, line_of, read, topics_of
from mmfast.sim.venue import Venue
from mmfast.sim.wire import WsSend
from mmfast.units import NS_PER_MS, NS_PER_S

PATH = "/v5/public/linear"
SYMBOLS = ("BTCUSDT", "SOLUSDT")
START_NS = 1_700_000_000 * NS_PER_S


def subscribe(venue: Venue, topics: list[str], path: str = PATH) -> None:
    assert venue.ws_open(1, path, 0)
    venue.ws_message(1, json.dumps({"op": "subscribe", "args": topics}).encode(), 0)


def params(**more: Any) -> VenueParams:
    return VenueParams(symbols=SYMBOLS, api_key="k", **more)


class Listener:
    """What a client of the public streams knows after each frame."""

    def __init__(self) -> None:
        self.books: dict[str, dict[str, dict[str, str]]] = {}
        self.after_each: dict[str, list[str]] = {symbol: [] for symbol in SYMBOLS}
        self.trades: dict[str, list[tuple[str, str, str]]] = {symbol: [] for symbol in SYMBOLS}
        self.prices: dict[str, list[tuple[str, str]]] = {symbol: [] for symbol in SYMBOLS}
        self._ticker: dict[str, dict[str, str]] = {symbol: {} for symbol in SYMBOLS}

    def hear(self, frame: bytes) -> None:
        message = json.loads(frame)
        kind, _, rest = message.get("topic", "").partition(".")
        if kind == "orderbook":
            self._hear_book(message)
        elif kind == "publicTrade":
            self.trades[rest] += [(row["S"], row["p"], row["v"]) for row in message["data"]]
        elif kind == "tickers":
            ticker = self._ticker[rest]
            ticker |= message["data"]
            seen = ticker["indexPrice"], ticker["markPrice"]
            if self.prices[rest][-1:] != [seen]:
                self.prices[rest].append(seen)

    def _hear_book(self, message: dict) -> None:
        data = message["data"]
        if message["type"] == "snapshot":
            self.books[data["s"]] = {"b": {}, "a": {}}
        book = self.books[data["s"]]
        for side in ("b", "a"):
            for price, size in data[side]:
                if size == "0":
                    del book[side][price]
                else:
                    book[side][price] = size
        state = json.dumps({side: sorted(book[side].items()) for side in ("b", "a")})
        if self.after_each[data["s"]][-1:] != [state]:
            self.after_each[data["s"]].append(state)


def record(venue: Venue, seconds: int) -> tuple[list[bytes], Listener]:
    """Lines of a recording of the venue's own streams, and what they told."""
    subscribe(venue, [topic for symbol in SYMBOLS for topic in topics_of(linear(venue), symbol)])
    lines, listener = [], Listener()
    for due in venue.advance(seconds * NS_PER_S):
        assert isinstance(due.output, WsSend)
        lines.append(line_of(START_NS + due.at_ns, PATH, due.output.data))
        listener.hear(due.output.data)
    return lines, listener


def linear(venue: Venue):
    return venue.instruments[0].category


def test_thirty_recorded_seconds_replay_to_the_same_books_trades_and_prices() -> None:
    lines, recorded = record(Venue(params(flow=FlowParams(activity=3.0))), 30)
    venue = Venue(params(seed=77), recording=iter(lines))
    subscribe(venue, [topic for symbol in SYMBOLS for topic in topics_of(linear(venue), symbol)])
    replayed = Listener()
    for due in venue.advance(31 * NS_PER_S):
        assert isinstance(due.output, WsSend)
        replayed.hear(due.output.data)
    for symbol in SYMBOLS:
        assert len(recorded.after_each[symbol]) > 300
        # The subscription comes a moment after the first line, so the first states may be past.
        states = recorded.after_each[symbol]
        begin = states.index(replayed.after_each[symbol][0])
        assert begin < 5
        assert replayed.after_each[symbol] == states[begin:]
        trades = recorded.trades[symbol]
        assert len(trades) > 50
        assert replayed.trades[symbol] == trades[-len(replayed.trades[symbol]) :]
        assert len(trades) - len(replayed.trades[symbol]) < 5
        assert replayed.prices[symbol][-1] == recorded.prices[symbol][-1]
        assert len(replayed.prices[symbol]) > 20
    assert venue.next_due_ns() > 31 * NS_PER_S  # nothing is left but the beats of the streams


def test_replays_repeat_byte_for_byte() -> None:
    lines, _ = record(Venue(params()), 5)

    def heard() -> list[tuple[int, bytes]]:
        venue = Venue(params(), recording=iter(lines))
        subscribe(venue, ["orderbook.50.BTCUSDT", "publicTrade.BTCUSDT"])
        return [(due.at_ns, due.output.data) for due in venue.advance(6 * NS_PER_S)]

    first = heard()
    assert len(first) > 30
    assert heard() == first


class Tape:
    """A recording composed line by line; sizes in thousandths of BTC, prices in hundreds of
    dollars. Each line is an event of its own, unless it is told to be about an earlier one."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.ms = 0
        self.update_id = 0
        self.seq = 0

    def say(self, frame: dict, path: str = PATH) -> Tape:
        self.ms += 100
        text = json.dumps(frame, separators=(",", ":")).encode()
        self.lines.append(line_of(START_NS + self.ms * NS_PER_MS, path, text))
        return self

    def event(self, about: int) -> int:
        self.seq += not about
        return about or self.seq

    def book(
        self, bids: dict[int, int], asks: dict[int, int], kind: str = "delta", about: int = 0
    ) -> Tape:
        self.update_id += 1
        seq = self.event(about)
        sides = [
            [
                [f"{price}00.00", f"{size / 1000:.3f}" if size else "0"]
                for price, size in side.items()
            ]
            for side in (bids, asks)
        ]
        data = {"s": "BTCUSDT", "b": sides[0], "a": sides[1], "u": self.update_id, "seq": seq}
        return self.say({"topic": "orderbook.50.BTCUSDT", "type": kind, "data": data})

    def trade(self, side: str, price: int, size: int, about: int = 0) -> Tape:
        row = {"S": side, "p": f"{price}00.00", "v": f"{size / 1000:.3f}"}
        row["seq"] = self.event(about)
        return self.say({"topic": "publicTrade.BTCUSDT", "type": "snapshot", "data": [row]})


@pytest.fixture
def replaying(trader_class):
    """A trader on a venue that replays a composed recording, one line every 100 ms."""

    class Replaying(trader_class):
        def __init__(self, tape: Iterable[bytes]) -> None:
            self.tape = list(tape)
            super().__init__(keep_books=True, symbols=("BTCUSDT",), latency_ms=0.0)

        def make_venue(self, params: VenueParams) -> Venue:
            return Venue(params, recording=iter(self.tape))

        def filled(self) -> int:
            """Thousandths of BTC our orders have traded."""
            rows = self.told("execution")
            return round(sum(float(row["execQty"]) for row in rows) * 1000)

        def levels(self, side: Side) -> dict[int, int]:
            return {at // 1000: lots for at, lots in self.venue.books[0].levels(side, 50)}

    return lambda tape: Replaying(tape.lines)


def opened() -> Tape:
    return Tape().book({100: 50, 99: 50}, {102: 40, 103: 40}, kind="snapshot")


def buy(trader, price: int, thousandths: int) -> None:
    reply = trader.place(side="Buy", price=f"{price}00.00", qty=f"{thousandths / 1000:.3f}")
    assert reply.code == 0, reply.json


def test_we_wait_behind_what_was_shown_before_us(replaying) -> None:
    trader = replaying(opened().trade("Sell", 100, 30).trade("Sell", 100, 30))
    buy(trader, 100, 100)
    trader.run(100)
    assert trader.filled() == 0
    trader.run(100)
    assert trader.filled() == 10  # 60 traded, 50 of them before our turn


@pytest.mark.parametrize("book_first", [True, False])
def test_a_trade_counts_once_whichever_message_comes_first(replaying, book_first: bool) -> None:
    tape = opened()
    if book_first:
        tape.book({100: 20}, {}).trade("Sell", 100, 30, about=2)
    else:
        tape.trade("Sell", 100, 30).book({100: 20}, {}, about=2)
    trader = replaying(tape.trade("Sell", 100, 25))
    buy(trader, 100, 100)
    trader.run(330)
    assert trader.levels(Side.BUY)[100] == 20 + 100 - 5
    assert trader.filled() == 5  # 20 were left before us, 25 traded


def test_what_is_cancelled_brings_us_forward_only_when_nothing_is_behind_us(replaying) -> None:
    tape = opened().book({100: 90}, {}).book({100: 50}, {}).trade("Sell", 100, 50)
    trader = replaying(tape.book({100: 8}, {}).trade("Sell", 100, 10))
    buy(trader, 100, 100)
    # 40 join behind us and leave again: the 50 before us stay, and then trade.
    trader.run(320)
    assert trader.filled() == 0
    trader.run(200)
    assert trader.filled() == 10


def test_a_cancel_before_us_is_not_taken_for_a_later_trade(replaying) -> None:
    trader = replaying(opened().book({100: 20}, {}).trade("Sell", 100, 30))
    buy(trader, 100, 100)
    trader.run(220)
    assert trader.filled() == 10


def test_a_trade_beyond_our_price_fills_us_first_and_no_more_than_it_had(replaying) -> None:
    trader = replaying(opened().trade("Sell", 99, 30).trade("Sell", 99, 500))
    buy(trader, 101, 100)
    trader.run(100)
    assert trader.filled() == 30
    trader.run(100)
    assert trader.filled() == 70
    assert trader.open_links() == []
    assert trader.position()["avgPrice"] == "10100"


def test_a_market_that_comes_to_our_price_fills_us_as_far_as_it_shows(replaying) -> None:
    trader = replaying(opened().book({100: 0}, {102: 0, 101: 25}))
    buy(trader, 101, 40)
    trader.run(100)
    assert trader.filled() == 25
    assert trader.levels(Side.SELL) == {103: 40}
    assert trader.levels(Side.BUY) == {101: 15, 99: 50}


def test_what_we_take_comes_back_with_the_next_word_on_the_level(replaying) -> None:
    trader = replaying(opened().book({99: 60}, {}).book({}, {102: 35}))
    buy(trader, 102, 30)
    assert trader.filled() == 30
    assert trader.levels(Side.SELL) == {102: 10, 103: 40}
    trader.run(100)
    assert trader.levels(Side.SELL)[102] == 10
    trader.run(100)
    assert trader.levels(Side.SELL)[102] == 35


def test_after_a_gap_the_book_waits_for_a_snapshot(replaying) -> None:
    tape = opened()
    tape.update_id += 1  # one message is missing
    tape.book({100: 1}, {}).book({100: 2}, {}).book({98: 7}, {104: 7}, kind="snapshot")
    trader = replaying(tape)
    trader.run(220)
    assert trader.levels(Side.BUY) == {100: 50, 99: 50}
    trader.run(100)
    assert trader.levels(Side.BUY) == {98: 7}
    assert trader.levels(Side.SELL) == {104: 7}


def test_without_tickers_the_middle_is_index_and_mark(replaying) -> None:
    trader = replaying(opened().book({101: 5}, {}))
    trader.run(120)
    assert trader.position()["markPrice"] == "10150.00"


def test_other_symbols_other_topics_and_answers_are_passed_over() -> None:
    tape = Tape().say({"success": True, "op": "subscribe"}).say({"topic": "kline.1.BTCUSDT"})
    tape.say({"topic": "orderbook.1.BTCUSDT", "type": "snapshot", "data": {"weird": 1}})
    tape.say({"topic": "publicTrade.NOPEUSDT", "type": "snapshot", "data": []})
    tape.book({100: 5}, {102: 5}, kind="snapshot")
    venue = Venue(params(), recording=iter([b"\n", *tape.lines]))
    venue.advance(NS_PER_S)
    assert venue.best(0, Side.BUY) == 100_000
    assert venue.best(1, Side.BUY) == 0


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"not json", "line 2: expected an object with ns, path and frame"),
        (b'{"ns":"x","path":"/v5/public/linear","frame":{}}', "line 2: expected an object"),
        (b'{"ns":1,"path":"/v5/private","frame":{}}', "line 2: expected a path of"),
        (b'{"ns":1,"path":"/v5/public/linear","frame":[]}', "line 2: expected a frame"),
        (
            (
                b'{"ns":1,"path":"/v5/public/linear","frame":{"topic":"publicTrade.BTCUSDT",'
                b'"data":[{"S":"Up","p":"1","v":"1"}]}}'
            ),
            "line 2: expected trades with S, p and v",
        ),
        (
            (
                b'{"ns":1,"path":"/v5/public/linear","frame":{"topic":"orderbook.50.BTCUSDT",'
                b'"type":"delta","data":{"b":[],"a":[["101.05","1"]],"u":2}}}'
            ),
            (
                "line 2: BTCUSDT: expected a price on the grid of tick 0.10 and "
                "quantity step 0.001, found '101.05'"
            ),
        ),
        (
            (
                b'{"ns":1,"path":"/v5/public/linear","frame":{"topic":"tickers.BTCUSDT",'
                b'"data":{"indexPrice":"-5"}}}'
            ),
            "line 2: BTCUSDT: expected a price",
        ),
    ],
)
def test_a_line_that_cannot_be_followed_is_named(line: bytes, expected: str) -> None:
    with pytest.raises(RecordingError) as caught:
        Venue(params(), recording=iter([*opened().lines, line])).advance(NS_PER_S)
    assert expected in str(caught.value)


def test_a_recording_of_nothing_is_refused() -> None:
    with pytest.raises(RecordingError, match="found none to the end"):
        Venue(params(), recording=iter([b"\n"]))


def test_times_that_step_back_do_not_turn_the_order_round() -> None:
    lines = [*opened().lines, Tape().book({1: 1}, {}).lines[0].replace(b"1700", b"1600")]
    heard = list(read(lines))
    assert [one.line for one in heard] == [1, 2]
    assert heard[0].at_ns == heard[1].at_ns
