"""Tickers: a snapshot, then only what changed; what cannot be read changes nothing."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfast.bybit.control import Kind
from mmfast.bybit.public import PublicRouter
from mmfast.bybit.tickers import FIELDS, TickerReader
from mmfast.messages import ReferencePrice
from mmfast.sim.instruments.catalogue import listings

INSTRUMENTS = [row.instrument for row in listings(("BTCUSDT", "ETHUSDT"))]


def frame(**fields: object) -> bytes:
    data = {"symbol": "BTCUSDT", **fields}
    return orjson.dumps({"topic": "tickers.BTCUSDT", "type": "delta", "data": data, "cs": 1})


def reader(which: str = "mark") -> TickerReader:
    return TickerReader(INSTRUMENTS, which)


def test_a_price_is_the_tick_below_it() -> None:
    assert reader().read(0, frame(markPrice="65000.19")) == ReferencePrice(0, 650_001)
    assert reader().read(0, frame(markPrice="65000")) == ReferencePrice(0, 650_000)


def test_a_frame_without_the_price_says_that_it_stands() -> None:
    one = reader()
    assert one.read(0, frame(lastPrice="1.0")) == ReferencePrice(0, 0), "none is known yet"
    one.read(0, frame(markPrice="65000.1"))
    assert one.read(0, frame(bid1Price="1.0")) == ReferencePrice(0, 650_001)
    assert one.read(1, frame(bid1Price="1.0")) == ReferencePrice(1, 0), "each for itself"


@pytest.mark.parametrize("which", FIELDS)
def test_each_field_can_be_asked_for(which: str) -> None:
    text = frame(markPrice="1.1", indexPrice="2.2", lastPrice="3.3")
    expected = {"mark": 11, "index": 22, "last": 33}[which]
    assert reader(which).read(0, text) == ReferencePrice(0, expected)


@pytest.mark.parametrize("price", ["", "-", "1e5", "NaN", "1.2.3", 65000, None])
def test_what_is_no_price_changes_nothing(price: object) -> None:
    one = reader()
    one.read(0, frame(markPrice="65000.1"))
    told = one.read(0, frame(markPrice=price))
    assert told is None or told.ticks == 650_001
    assert one.read(0, frame()) == ReferencePrice(0, 650_001)


@given(st.binary(max_size=60))
def test_no_bytes_raise(data: bytes) -> None:
    reader().read(0, data)


def test_tickers_go_to_their_instruments_where_they_were_asked_for() -> None:
    router = PublicRouter(("BTCUSDT", "ETHUSDT"), 50, level1=True, tickers=True)
    assert router.topics[-2:] == ("tickers.BTCUSDT", "tickers.ETHUSDT")
    first = frame(markPrice="1").replace(b"BTC", b"ETH")
    late = b'{"type":"delta","topic":"tickers.ETHUSDT","data":{}}'
    for text in (first, late):
        routed = router.route(text)
        assert (routed.kind, routed.instrument) == (Kind.TICKER, 1)
    assert router.route(first.replace(b"ETH", b"XRP")).kind is Kind.OTHER
    assert all(not topic.startswith("tickers") for topic in router.topics_of(0))
    assert PublicRouter(("ETHUSDT",), 50).route(first).kind is Kind.OTHER
