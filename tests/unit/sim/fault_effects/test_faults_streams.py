"""Faults of streams: private messages that repeat, lag and overtake; books that lie or stop."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest

from mmfast.messages import Side
from mmfast.sim.wire import WsClose, WsReset, WsSend
from mmfast.units import NS_PER_MS

BOOK = 5
TOPIC = "orderbook.50.BTCUSDT"


def subscribe(trader: Any, *topics: str, conn_id: int = BOOK) -> None:
    assert trader.venue.ws_open(conn_id, "/v5/public/linear", trader.now_ns)
    message = orjson.dumps({"op": "subscribe", "args": list(topics)})
    trader.venue.ws_message(conn_id, message, trader.now_ns)
    trader.run(60)


def frames(trader: Any, topic: str = TOPIC) -> list[dict[str, Any]]:
    """Book messages so far, oldest first."""
    told = [
        orjson.loads(due.output.data)
        for due in trader.leaving
        if isinstance(due.output, WsSend) and due.output.conn_id == BOOK
    ]
    return [frame for frame in told if frame.get("topic") == topic]


def apply(told: list[dict[str, Any]]) -> tuple[dict[str, str], dict[str, str]]:
    """The book a client has after these messages."""
    sides: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for frame in told:
        for side, name in zip(sides, ("b", "a"), strict=True):
            if frame["type"] == "snapshot":
                side.clear()
            for price, size in frame["data"][name]:
                side.pop(price, None)
                if size != "0":
                    side[price] = size
    return sides


def bump(trader: Any, ticks: int, lots: int = 5) -> None:
    """Change the book, and let it be told."""
    trader.house(Side.BUY, ticks, lots)
    trader.run(30)


def test_a_skewed_clock_stamps_public_messages(trader, arm) -> None:
    subscribe(trader, TOPIC)
    bump(trader, 600_000)
    arm(trader, {"kind": "clock_skew", "by_ms": -3000, "for_ms": 100})
    bump(trader, 600_001)
    trader.run(100)
    bump(trader, 600_002)
    _, before, during, after = frames(trader)
    for name in ("ts", "cts"):
        assert abs(during[name] + 3000 - before[name]) < 100
        assert 0 < after[name] - before[name] < 300


# Private messages.


def links(trader: Any, topic: str = "order") -> list[str]:
    return [row["orderLinkId"] for row in trader.told(topic)]


def test_a_duplicate_repeats_the_whole_message(trader, arm) -> None:
    arm(trader, {"kind": "private_duplicate", "stream": "order", "copies": 2, "at_most": 1})
    trader.place(orderLinkId="a")
    trader.place(orderLinkId="b")
    assert links(trader) == ["a", "a", "a", "b"]
    assert len(trader.told("position")) == 2


def test_copies_come_a_gap_apart(trader, arm) -> None:
    arm(trader, {"kind": "private_duplicate", "stream": "order", "gap_ms": 7, "at_most": 1})
    trader.place(orderLinkId="a")
    first, second = [event for event in trader.events if event.topic == "order"]
    assert second.at_ns - first.at_ns == 7 * NS_PER_MS
    assert second.row == first.row


def test_a_late_message_holds_back_its_stream_only(trader, arm) -> None:
    arm(trader, {"kind": "private_late", "stream": "order", "by_ms": 500, "at_most": 1})
    for link in "abc":
        trader.place(orderLinkId=link)
    waited = len(trader.told("position"))
    assert waited == 3
    assert links(trader) == []
    trader.run(500)
    assert links(trader) == ["a", "b", "c"]


def test_a_reordered_message_is_overtaken(trader, arm) -> None:
    arm(trader, {"kind": "private_reorder", "stream": "order", "by_ms": 50, "at_most": 1})
    for link in "abc":
        trader.place(orderLinkId=link)
    trader.run(100)
    assert links(trader) == ["b", "c", "a"]


def test_execution_and_order_can_be_told_apart(trader, arm) -> None:
    arm(trader, {"kind": "private_reorder", "stream": "execution", "by_ms": 300})
    trader.house(Side.SELL, 650_000, 100)
    trader.place(orderLinkId="taker")
    assert [row["orderStatus"] for row in trader.told("order")] == ["Filled"]
    assert trader.told("execution") == []
    trader.run(300)
    assert [row["orderLinkId"] for row in trader.told("execution")] == ["taker"]


# Connections.


@pytest.mark.parametrize(("how", "kind"), [("close", WsClose), ("reset", WsReset)])
def test_a_stream_drop_ends_all_sockets_of_a_kind(trader, arm, how, kind) -> None:
    subscribe(trader, TOPIC)
    arm(trader, {"kind": "stream_drop", "sockets": "public", "how": how, "from_ms": 10})
    trader.run(20)
    ended = [due.output.conn_id for due in trader.leaving if isinstance(due.output, kind)]
    assert ended == [BOOK]
    before = len(frames(trader))
    bump(trader, 640_000)
    assert len(frames(trader)) == before
    assert trader.place(orderLinkId="a").code == 0
    assert links(trader) == ["a"]  # the private stream lives


def test_a_stream_drop_may_come_again(trader, arm) -> None:
    row = {"kind": "stream_drop", "sockets": "public", "times": 3, "every_ms": 100}
    arm(trader, row)
    for _ in range(5):
        subscribe(trader, TOPIC)
        trader.run(40)
    ended = [due for due in trader.leaving if isinstance(due.output, WsClose)]
    assert len(ended) == 2  # the first drop, at once, found nobody
    [row] = trader.venue.fault_report()
    assert row["fired"] == 3


def test_half_open_sockets_hear_and_say_nothing_and_are_reset_in_the_end(trader, arm) -> None:
    subscribe(trader, TOPIC)
    arm(trader, {"kind": "half_open", "sockets": "public", "for_ms": 300})
    trader.run(1)
    told = len(frames(trader))
    bump(trader, 640_000)
    trader.venue.ws_message(BOOK, b'{"op":"ping"}', trader.now_ns)
    trader.run(50)
    assert len(frames(trader)) == told
    assert not [due for due in trader.leaving if isinstance(due.output, WsReset)]
    assert trader.place(orderLinkId="a").code == 0
    trader.run(300)
    resets = [due.output for due in trader.leaving if isinstance(due.output, WsReset)]
    assert resets == [WsReset(BOOK)]


def test_half_open_http_answers_nothing_and_applies_nothing(trader, arm, item) -> None:
    arm(trader, {"kind": "half_open", "sockets": "http", "for_ms": 100})
    trader.run(1)
    number = trader.send(
        "POST", "/v5/order/create", orjson.dumps({"category": "linear", **item(orderLinkId="a")})
    )
    trader.run(200)
    assert number not in trader._replies
    assert trader.open_links() == []
    assert trader.venue.audit.requests["POST /v5/order/create"] == {"unanswered": 1}
    assert trader.place(orderLinkId="b").code == 0


# Books.


def test_a_gap_skips_one_u_and_loses_its_changes(trader, arm) -> None:
    subscribe(trader, TOPIC)
    bump(trader, 640_000)
    arm(trader, {"kind": "book_gap", "symbol": "BTCUSDT", "depth": 50, "at_most": 1})
    bump(trader, 640_001)
    bump(trader, 640_002)
    told = frames(trader)
    steps = [b["data"]["u"] - a["data"]["u"] for a, b in pairwise(told)]
    assert steps == [1, 2]
    bids, _ = apply(told)
    assert list(bids) == ["64000.00", "64000.20"]


def test_a_crossed_book_stands_for_one_message(trader, arm) -> None:
    trader.house(Side.SELL, 651_000, 9)
    subscribe(trader, TOPIC)
    arm(trader, {"kind": "book_crossed", "by_ticks": 3, "at_most": 1})
    bump(trader, 640_000)
    bids, asks = apply(frames(trader))
    assert max(map(float, bids)) == 65100.3
    assert min(map(float, asks)) == 65100.0
    bump(trader, 640_001)
    bids, asks = apply(frames(trader))
    assert set(bids) == {"64000.00", "64000.10"}
    told = frames(trader)
    assert [b["data"]["u"] - a["data"]["u"] for a, b in pairwise(told)] == [1, 1]


def test_books_that_cannot_be_crossed_are_left_alone(trader, arm) -> None:
    subscribe(trader, TOPIC)
    arm(trader, {"kind": "book_crossed"})
    bump(trader, 640_000)  # there is no ask
    assert set(apply(frames(trader))[0]) == {"64000.00"}
    [row] = trader.venue.fault_report()
    assert row["fired"] == 0


def test_a_stale_book_stands_still_and_then_catches_up_without_a_gap(trader, arm) -> None:
    subscribe(trader, TOPIC, "orderbook.50.ETHUSDT")
    bump(trader, 640_000)
    arm(trader, {"kind": "book_stale", "symbol": "BTCUSDT", "for_ms": 500})
    told = len(frames(trader))
    bump(trader, 640_001)
    trader.house(Side.BUY, 300_000, 3, spot=1)
    trader.run(100)
    assert len(frames(trader)) == told
    assert len(frames(trader, "orderbook.50.ETHUSDT")) == 2
    trader.run(500)
    last = frames(trader)[-1]
    assert last["data"]["u"] == frames(trader)[-2]["data"]["u"] + 1
    assert set(apply(frames(trader))[0]) == {"64000.00", "64000.10"}


def test_books_may_start_anew_at_1(trader, arm) -> None:
    subscribe(trader, TOPIC)
    bump(trader, 640_000)
    arm(trader, {"kind": "book_restart", "from_ms": 5})
    trader.run(30)
    last = frames(trader)[-1]
    assert (last["type"], last["data"]["u"]) == ("snapshot", 1)
    bump(trader, 640_001)
    assert frames(trader)[-1]["data"]["u"] == 2
