"""Does a client that applies the stream by the venue's own rules hold exactly the window?"""

from __future__ import annotations

import json
import random

import pytest

from mmfast._core.book import Book as ClientBook
from mmfast.messages import Side
from mmfast.sim.feed.feed import PublicFeed
from mmfast.sim.instruments.catalogue import listings
from mmfast.sim.market.bands import Reference
from mmfast.sim.market.matching import Book, Engine, Resting
from mmfast.sim.market.tape import Tape
from mmfast.units import NS_PER_MS, NS_PER_S

START_MS = 1_700_000_000_000
SYMBOL = "BTCUSDT"


class RandomBook:
    """A book that changes by chance, with more levels than any window under test."""

    def __init__(self, seed: int, spread: int = 120) -> None:
        self.draw = random.Random(seed)
        self.spread = spread
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.seq = 500
        self.changed_ms = START_MS
        self._versions = [0, 0]

    def version(self) -> int:
        return sum(self._versions)

    def side_version(self, side: Side) -> int:
        return self._versions[side]

    def touched(self, side: Side, since: int) -> None:
        return None

    def levels(self, side: Side, count: int) -> list[tuple[int, int]]:
        rows = sorted(self.sides[side].items(), reverse=side is Side.BUY)
        return rows[:count]

    def window(self, side: Side, count: int) -> dict[int, int]:
        return dict(reversed(self.levels(side, count)))

    def change(self, now_ns: int) -> None:
        for _ in range(self.draw.randrange(1, 12)):
            side = Side(self.draw.randrange(2))
            away = self.draw.randrange(self.spread)
            ticks = 650_000 - away if side is Side.BUY else 650_001 + away
            if self.draw.random() < 0.4:
                self.sides[side].pop(ticks, None)
            else:
                self.sides[side][ticks] = self.draw.randrange(1, 9_000)
            self._versions[side] += 1
        self.seq += self.draw.randrange(1, 9)
        self.changed_ms = START_MS + now_ns // NS_PER_MS


class OrderedBook(Book):
    """The exchange's own book under orders that come, shrink and go by chance."""

    def __init__(self, seed: int, spread: int) -> None:
        self.draw = random.Random(seed)
        self.spread = spread
        self.engine = Engine(START_MS)
        self.orders: list[Resting] = []
        super().__init__(self.engine)

    def change(self, now_ns: int) -> None:
        self.engine.now_ms = START_MS + now_ns // NS_PER_MS
        for _ in range(self.draw.randrange(1, self.spread // 6)):
            what = self.draw.random()
            if what < 0.3 and self.orders:
                self.remove(self.orders.pop(self.draw.randrange(len(self.orders))))
            elif what < 0.4 and self.orders:
                order = self.draw.choice(self.orders)
                self.reduce(order, self.draw.randrange(order.leaves))
            else:
                side = Side(self.draw.randrange(2))
                away = self.draw.randrange(self.spread)
                ticks = 650_000 - away if side is Side.BUY else 650_001 + away
                lots = self.draw.randrange(1, 9_000)
                self.orders.append(Resting(self.engine.next_number(), 0, side, ticks, lots))
                self.add(self.orders[-1])


def make_feed(book: RandomBook | OrderedBook) -> PublicFeed:
    shelf = listings((SYMBOL,))
    tape = Tape(shelf[0].instrument, shelf[0].start_ticks)
    return PublicFeed(shelf, (book,), (tape,), (Reference(shelf[0]),), START_MS)


class DictClient:
    """The venue's documented rules, as plainly as they can be written."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}
        self.update_id = 0

    def apply(self, frame: bytes) -> dict:
        message = json.loads(frame)
        data = message["data"]
        if message["type"] == "snapshot":
            self.sides = {"b": {}, "a": {}}
        else:
            assert data["u"] == self.update_id + 1
        for side in ("b", "a"):
            for price, size in data[side]:
                if size == "0":
                    # The official client breaks on a delete of a level it does not hold.
                    del self.sides[side][price]
                else:
                    assert self.sides[side].get(price) != size, "an unchanged level was sent"
                    self.sides[side][price] = size
        self.update_id = data["u"]
        return message

    def window(self, side: str) -> list[tuple[int, int]]:
        rows = [
            (int(price.replace(".", "")) // 10, int(size.replace(".", "")))
            for price, size in self.sides[side].items()
        ]
        return sorted(rows, reverse=side == "b")


SPREADS = {
    # Fewer levels than the window, about as many, and more; more prices than a book remembers.
    50: (30, 80, 200),
    200: (80, 260, 900),
    1000: (260, 1500),
}


@pytest.mark.parametrize(("depth", "spread"), [(d, s) for d, of in SPREADS.items() for s in of])
@pytest.mark.parametrize("kind", [RandomBook, OrderedBook])
@pytest.mark.parametrize("seed", range(3))
def test_snapshot_and_deltas_give_exactly_the_window(
    depth: int, spread: int, kind: type[RandomBook | OrderedBook], seed: int
) -> None:
    book = kind(seed, spread)
    feed = make_feed(book)
    topic = f"orderbook.{depth}.{SYMBOL}"
    for _ in range(60):
        book.change(0)
    feed.watch(topic, 0)
    client = DictClient()
    client.apply(feed.snapshot(topic, 0))
    assert client.window("b") == book.levels(Side.BUY, depth)
    interval = {50: 20, 200: 100, 1000: 200}[depth] * NS_PER_MS
    deltas = 0
    for turn in range(1, 120):
        now = turn * interval
        if book.draw.random() < 0.8:
            book.change(now - interval // 2)
        for _, frame in feed.advance(now):
            message = client.apply(frame)
            deltas += 1
            assert message["type"] == "delta"
            assert message["ts"] == START_MS + now // NS_PER_MS
            assert message["cts"] == book.changed_ms
            assert message["data"]["seq"] == book.seq
        assert client.window("b") == book.levels(Side.BUY, depth)
        assert client.window("a") == book.levels(Side.SELL, depth)
    assert deltas > 60


@pytest.mark.parametrize("seed", range(3))
def test_the_engines_own_book_follows_the_stream(seed: int) -> None:
    book = RandomBook(seed)
    feed = make_feed(book)
    instrument = listings((SYMBOL,))[0].instrument
    client = ClientBook(
        SYMBOL,
        50,
        instrument.tick_decimals,
        instrument.tick_units,
        instrument.step_decimals,
        instrument.step_units,
    )
    topic = f"orderbook.50.{SYMBOL}"
    for _ in range(40):
        book.change(0)
    feed.watch(topic, 0)
    client.apply(feed.snapshot(topic, 0))
    for turn in range(1, 100):
        now = turn * 20 * NS_PER_MS
        book.change(now)
        for _, frame in feed.advance(now):
            client.apply(frame)
        assert client.valid
        for side in Side:
            assert client.levels(side, 50) == book.levels(side, 50)


def test_a_late_subscriber_can_follow_the_deltas_everybody_gets() -> None:
    book = RandomBook(7)
    feed = make_feed(book)
    topic = f"orderbook.50.{SYMBOL}"
    book.change(0)
    feed.watch(topic, 0)
    first, second = DictClient(), DictClient()
    first.apply(feed.snapshot(topic, 0))
    # The book moves between two pushes, and just then the second one subscribes.
    book.change(5 * NS_PER_MS)
    feed.watch(topic, 6 * NS_PER_MS)
    second.apply(feed.snapshot(topic, 6 * NS_PER_MS))
    assert second.update_id == first.update_id
    for turn in range(1, 40):
        book.change(turn * 20 * NS_PER_MS)
        for _, frame in feed.advance(turn * 20 * NS_PER_MS):
            first.apply(frame)
            second.apply(frame)
    assert first.sides == second.sides
    assert second.window("a") == book.levels(Side.SELL, 50)


def test_update_ids_go_on_after_nobody_listened() -> None:
    book = RandomBook(3)
    feed = make_feed(book)
    topic = f"orderbook.50.{SYMBOL}"
    book.change(0)
    feed.watch(topic, 0)
    before = json.loads(feed.snapshot(topic, 0))["data"]["u"]
    feed.unwatch(topic)
    assert feed.advance(NS_PER_S) == []
    book.change(NS_PER_S)
    feed.watch(topic, NS_PER_S)
    client = DictClient()
    message = client.apply(feed.snapshot(topic, NS_PER_S))
    assert message["data"]["u"] > before
    assert client.window("b") == book.levels(Side.BUY, 50)


def test_no_change_no_message_and_no_u_is_one() -> None:
    book = RandomBook(4)
    feed = make_feed(book)
    book.change(0)
    for depth in (50, 200, 1000):
        topic = f"orderbook.{depth}.{SYMBOL}"
        feed.watch(topic, 0)
        # ``u`` 1 would tell the client that the service restarted.
        assert json.loads(feed.snapshot(topic, 0))["data"]["u"] > 1
    for turn in range(1, 100):
        assert feed.advance(turn * 20 * NS_PER_MS) == []


def test_pushes_keep_to_the_interval_of_their_depth() -> None:
    book = RandomBook(5)
    feed = make_feed(book)
    book.change(0)
    depths = (1, 50, 200, 1000)
    for depth in depths:
        feed.watch(f"orderbook.{depth}.{SYMBOL}", 0)
        feed.snapshot(f"orderbook.{depth}.{SYMBOL}", 0)
    seen: dict[str, int] = {}
    for ms in range(1, 1001):
        book.change(ms * NS_PER_MS)
        if feed.due_ns <= ms * NS_PER_MS:
            for topic, _ in feed.advance(ms * NS_PER_MS):
                seen[topic] = seen.get(topic, 0) + 1
    counts = [seen[f"orderbook.{depth}.{SYMBOL}"] for depth in depths]
    assert counts[1:] == [50, 10, 5]
    # Level 1 is silent where only deeper levels changed.
    assert 30 < counts[0] <= 100


def test_level_one_sends_snapshots_only_and_repeats_after_three_seconds() -> None:
    book = RandomBook(6)
    feed = make_feed(book)
    topic = f"orderbook.1.{SYMBOL}"
    book.change(0)
    feed.watch(topic, 0)
    first = feed.snapshot(topic, 0)
    repeats = []
    for ms in range(10, 7001, 10):
        repeats += [(ms, frame) for _, frame in feed.advance(ms * NS_PER_MS)]
    assert [ms for ms, _ in repeats] == [3000, 6000]
    told = json.loads(first)
    for ms, frame in repeats:
        again = json.loads(frame)
        assert again["type"] == "snapshot"
        assert again["data"] == told["data"]
        assert again["cts"] == told["cts"]
        assert again["ts"] == START_MS + ms
    while book.levels(Side.BUY, 1) == [
        (int(p.replace(".", "")) // 10, int(q.replace(".", ""))) for p, q in told["data"]["b"]
    ]:
        book.change(7 * NS_PER_S)
    [(_, frame)] = feed.advance(7 * NS_PER_S + 10 * NS_PER_MS)
    changed = json.loads(frame)
    assert changed["type"] == "snapshot"
    assert changed["data"]["u"] == told["data"]["u"] + 1


def test_key_order_is_the_documented_one() -> None:
    book = RandomBook(8)
    feed = make_feed(book)
    book.change(0)
    for depth, order in ((1, ["topic", "ts", "type"]), (50, ["topic", "type", "ts"])):
        topic = f"orderbook.{depth}.{SYMBOL}"
        feed.watch(topic, 0)
        message = json.loads(feed.snapshot(topic, 0))
        assert list(message) == [*order, "data", "cts"]
        assert list(message["data"]) == ["s", "b", "a", "u", "seq"]


def test_a_side_without_orders_is_an_empty_list() -> None:
    book = RandomBook(9)
    book.sides[Side.BUY][650_000] = 5
    feed = make_feed(book)
    feed.watch(f"orderbook.1.{SYMBOL}", 0)
    data = json.loads(feed.snapshot(f"orderbook.1.{SYMBOL}", 0))["data"]
    assert data["b"] == [["65000.00", "0.005"]]
    assert data["a"] == []
