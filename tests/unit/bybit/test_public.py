"""Routing of public frames: the fast way and the parsed way agree, and nothing raises."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfast.bybit import topics
from mmfast.bybit.control import Kind
from mmfast.bybit.public import NO_INSTRUMENT, PublicRouter, Routed
from mmfast.messages import Category

SYMBOLS = ("BTCUSDT", "ETHUSDT", "1000PEPEUSDT")
ROUTER = PublicRouter(SYMBOLS, 50)


def book(symbol: str, depth: int = 50, *, topic_first: bool = True) -> bytes:
    topic = f"orderbook.{depth}.{symbol}"
    frame = {"type": "delta", "ts": 1, "data": {"s": symbol, "b": [], "a": [], "u": 5, "seq": 9}}
    ordered = {"topic": topic, **frame} if topic_first else {**frame, "topic": topic}
    return orjson.dumps(ordered)


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("topic_first", [True, False])
def test_a_book_goes_to_its_instrument(symbol: str, topic_first: bool) -> None:
    expected = Routed(Kind.BOOK, SYMBOLS.index(symbol))
    assert ROUTER.route(book(symbol, topic_first=topic_first)) == expected
    spaced = book(symbol, topic_first=topic_first).replace(b":", b" : ").replace(b",", b" ,")
    assert ROUTER.route(spaced) == expected


@pytest.mark.parametrize("topic_first", [True, False])
@pytest.mark.parametrize(
    ("symbol", "depth"), [("XRPUSDT", 50), ("BTCUSDT", 1), ("BTCUSDT", 500), ("", 50)]
)
def test_books_we_did_not_ask_for_go_nowhere(symbol: str, depth: int, topic_first: bool) -> None:
    routed = ROUTER.route(book(symbol, depth, topic_first=topic_first))
    assert (routed.kind, routed.instrument) == (Kind.OTHER, NO_INSTRUMENT)


def test_other_topics_are_left_alone() -> None:
    assert ROUTER.route(b'{"topic":"publicTrade.BTCUSDT","data":[]}').kind is Kind.OTHER
    assert ROUTER.route(b'{"topic":"tickers.BTCUSDT","data":{}}').kind is Kind.OTHER


@pytest.mark.parametrize(
    "frame",
    [
        {"success": True, "ret_msg": "pong", "conn_id": "c", "req_id": "r7", "op": "ping"},
        {"success": True, "ret_msg": "pong", "conn_id": "c", "op": "ping"},
        {"args": ["1672916271846"], "op": "pong"},
    ],
)
def test_every_dialect_of_pong(frame: dict[str, object]) -> None:
    assert ROUTER.route(orjson.dumps(frame)).kind is Kind.PONG


@pytest.mark.parametrize(
    ("frame", "success", "req_id"),
    [
        ({"success": True, "ret_msg": "", "req_id": "r1", "op": "subscribe"}, True, "r1"),
        ({"success": True, "ret_msg": "subscribe", "req_id": "r1", "op": "subscribe"}, True, "r1"),
        ({"success": False, "ret_msg": "error:x", "req_id": "r2", "op": "subscribe"}, False, "r2"),
        ({"success": "true", "req_id": "r2", "op": "subscribe"}, False, "r2"),
        ({"success": True, "type": "COMMAND_RESP", "data": {"failTopics": []}}, True, ""),
        ({"success": True, "type": "COMMAND_RESP", "data": {"failTopics": ["t"]}}, False, ""),
    ],
)
def test_every_dialect_of_acknowledgement(
    frame: dict[str, object], success: bool, req_id: str
) -> None:
    routed = ROUTER.route(orjson.dumps(frame))
    assert (routed.kind, routed.success, routed.req_id) == (Kind.SUBSCRIBED, success, req_id)


def test_a_refusal_keeps_the_venues_words() -> None:
    text = "error:handler not found,topic:orderbook.50.NOPE"
    frame = {"success": False, "ret_msg": text, "req_id": "r1", "op": "subscribe"}
    assert ROUTER.route(orjson.dumps(frame)).text == text


@given(st.binary(max_size=120))
def test_no_bytes_make_it_raise(frame: bytes) -> None:
    assert ROUTER.route(frame).kind in (Kind.MALFORMED, Kind.OTHER)
    assert ROUTER.route(b'{"topic":"orderbook.50.' + frame).kind in (Kind.OTHER, Kind.BOOK)


@pytest.mark.parametrize("frame", [b"", b"[]", b"5", b"null", b"{", b"\xff", b"pong"])
def test_what_is_no_object_is_malformed(frame: bytes) -> None:
    assert ROUTER.route(frame).kind is Kind.MALFORMED


def test_topics_and_frames() -> None:
    assert ROUTER.topics == tuple(f"orderbook.50.{symbol}" for symbol in SYMBOLS)
    assert orjson.loads(topics.subscribe_frame(ROUTER.topics, "r1")) == {
        "op": "subscribe",
        "args": list(ROUTER.topics),
        "req_id": "r1",
    }
    many = [f"t{n}" for n in range(25)]
    chunks = list(topics.in_chunks(many))
    assert [len(chunk) for chunk in chunks] == [10, 10, 5]
    assert [topic for chunk in chunks for topic in chunk] == many
    linear = topics.private_topics(Category.LINEAR)
    assert linear == ("order.linear", "execution.linear", "position.linear", "wallet")
    assert "position.spot" not in topics.private_topics(Category.SPOT)


def test_the_level1_stream_is_told_from_the_book_beside_it() -> None:
    router = PublicRouter(SYMBOLS, 50, level1=True)
    assert router.topics == (
        *(f"orderbook.50.{symbol}" for symbol in SYMBOLS),
        *(f"orderbook.1.{symbol}" for symbol in SYMBOLS),
    )
    assert router.topics_of(1) == (f"orderbook.50.{SYMBOLS[1]}", f"orderbook.1.{SYMBOLS[1]}")
    for index, symbol in enumerate(SYMBOLS):
        for text in (
            f'{{"topic":"orderbook.1.{symbol}","ts":1,"type":"snapshot"}}',
            f'{{"ts":1,"topic":"orderbook.1.{symbol}","type":"snapshot"}}',
        ):
            assert router.route(text.encode())[:2] == (Kind.LEVEL1, index)
        deep = f'{{"topic":"orderbook.50.{symbol}","type":"delta"}}'.encode()
        assert router.route(deep)[:2] == (Kind.BOOK, index)
    assert router.route(b'{"topic":"orderbook.1.NOPE"}').kind is Kind.OTHER
    assert router.route(b'{"topic":"orderbook.1').kind is Kind.MALFORMED


def test_a_book_of_level_1_needs_no_level1_stream_beside_it() -> None:
    router = PublicRouter(SYMBOLS, 1, level1=True)
    assert router.topics == tuple(f"orderbook.1.{symbol}" for symbol in SYMBOLS)
    frame = f'{{"topic":"orderbook.1.{SYMBOLS[0]}"}}'.encode()
    assert router.route(frame)[:2] == (Kind.BOOK, 0)
