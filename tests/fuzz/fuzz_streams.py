"""Frames of the private and public streams: read, or refused with one type of error.

What is read is true: every row about us gave its event with exactly the sizes it told, and no
number is larger than the engine can hold.
"""

from __future__ import annotations

import json
from fractions import Fraction

import msgspec
from answers import fenced
from batches import linear_instrument
from fuzzer import Target

from mmfast.bybit.control import Kind
from mmfast.bybit.private import PrivateDecoder
from mmfast.bybit.public import PublicRouter
from mmfast.bybit.rows import RowReader
from mmfast.errors import RemoteProtocolError
from mmfast.ids import ClientIds
from mmfast.messages import Execution, OrderUpdate, PositionUpdate

IDS = ClientIds("fz", epoch=1)
OURS = (linear_instrument(), linear_instrument(1, "ETHUSDT", 2, 2))
STEPS = {one.symbol: Fraction(one.step_units, 10**one.step_decimals) for one in OURS}
INT64 = range(-(2**63), 2**63)
KINDS = ("order", "execution", "position", "wallet")
TOPICS = {f"orderbook.{depth}.{symbol}" for depth in (50, 1) for symbol in ("BTCUSDT", "ETHUSDT")}

ORDER = {
    "category": "linear", "symbol": "BTCUSDT", "orderId": "v-1", "price": "65000.20",
    "orderLinkId": IDS.text((1 << 32) + 1), "qty": "0.010", "side": "Buy", "positionIdx": 0,
    "orderStatus": "New", "leavesQty": "0.010", "cumExecQty": "0.000", "reduceOnly": False,
    "updatedTime": "1772694602001",
}  # fmt: skip
EXECUTION = {
    "category": "linear", "symbol": "ETHUSDT", "execFee": "0.0520000812", "execId": "e-1",
    "execPrice": "3641.07", "execQty": "0.04", "execType": "Trade", "orderId": "v-1",
    "orderLinkId": "", "side": "Sell", "execTime": "1772694603099", "isMaker": True, "seq": 140612,
}  # fmt: skip
POSITION = {
    "category": "linear", "symbol": "ETHUSDT", "positionIdx": 0, "side": "Sell", "size": "0.01",
    "entryPrice": "3641.075", "updatedTime": "1762199125472", "seq": 325852190774,
}  # fmt: skip
WALLET = {"coin": [{"coin": "USDT", "walletBalance": "9684.46297164", "equity": "-0.5"}]}


def frame(topic: str, *rows: dict) -> bytes:
    told = {"id": "x", "topic": topic, "creationTime": 17, "data": rows}
    return json.dumps(told, separators=(", ", ":")).encode()


class LongReader(RowReader):
    """Never takes the short way, so that the two can be compared."""

    def plain(self, frame: bytes) -> None:
        del frame


class PrivateFrames(Target):
    """One decoder, as one connection has it: it keeps counters only. Whatever it reads straight
    from the bytes, the long way reads just so."""

    trees = (
        frame("order", ORDER),
        frame("order.linear", ORDER, ORDER | {"symbol": "XRPUSDT"}, ORDER | {"symbol": "ETHUSDT"}),
        frame("order", ORDER | {"orderStatus": "Filled", "leavesQty": "", "cumExecQty": "0.010"}),
        frame("execution", EXECUTION),
        frame("execution", EXECUTION | {"execType": "Funding"}, EXECUTION | {"execQty": "7"}),
        frame("position", POSITION),
        frame("position.linear", POSITION | {"side": "", "size": "0"}),
        frame("wallet", WALLET),
        b'{"x":{"topic":"greek"},"topic":"order","data":' + json.dumps([ORDER]).encode() + b"}",
        b'{"success":true,"ret_msg":"","op":"auth","conn_id":"c"}',
        b'{"req_id":"1","op":"pong","args":["1675418560633"],"conn_id":"c"}',
        b'{"type":"COMMAND_RESP","success":true,"data":{"failTopics":[],"successTopics":["a"]}}',
    )
    tokens = (b'"topic"', b'"order"', b'"data"', b'"Sell"', b'"BTCUSDT"', b'"qty"', b"-1", b"1e5")
    reaches = frozenset({f"+{kind}" for kind in KINDS}) | {
        "refused",
        "+AUTH",
        "+PONG",
        "+OTHER",
        "+SUBSCRIBED",
    }

    def __init__(self) -> None:
        self._decoder = PrivateDecoder(OURS, IDS)
        self._long = PrivateDecoder(OURS, IDS)
        self._long.reader.__class__ = LongReader

    def check(self, data: bytes) -> str:
        self._check_both_ways(data)
        try:
            found = self._decoder.decode(data)
        except RemoteProtocolError:
            return "refused"
        assert found.created_ms in INT64
        for event in found.events:
            assert all(n in INT64 for n in msgspec.to_builtins(event).values() if type(n) is int)
        if found.kind is not Kind.EVENTS:
            assert found.events == ()
            # What tells of our orders must not pass for something else.
            assert _topic(data).partition(".")[0] not in KINDS
            return f"+{found.kind.name}"
        kind = _topic(data).partition(".")[0]
        if kind != "wallet":
            _compare(json.loads(data.decode(errors="replace")).get("data"), found.events)
        return f"+{kind}"

    def _check_both_ways(self, data: bytes) -> None:
        ours, long = self._decoder.reader, self._long.reader
        before = ours.dropped - long.dropped
        plain = fenced(ours.plain, data)
        if plain is None:
            return
        whole = self._long.decode(data)
        assert (whole.kind, whole.created_ms, whole.events) == (Kind.EVENTS, *plain)
        assert ours.dropped - long.dropped == before


def _compare(rows: list | None, events: tuple) -> None:
    """The sizes of the rows about us, read another way."""
    told = [
        row
        for row in rows or []
        if row.get("symbol") in STEPS and row.get("category", "") in ("", "linear")
    ]
    assert len(told) == len(events)
    for row, event in zip(told, events, strict=True):
        step = STEPS[row["symbol"]]
        if isinstance(event, OrderUpdate):
            assert event.lots * step == Fraction(row.get("qty") or 0)
            assert event.cum_lots * step == Fraction(row.get("cumExecQty") or 0)
            assert event.link_id == (row.get("orderLinkId") or "")
        elif isinstance(event, Execution):
            # Funding carries a size, but trades nothing.
            size = 0 if row.get("execType") == "Funding" else row["execQty"] or 0
            assert event.lots * step == Fraction(size)
        elif isinstance(event, PositionUpdate):
            assert abs(event.lots) * step == Fraction(row["size"] or 0)


def _topic(data: bytes) -> str:
    tree = json.loads(data.decode(errors="replace"))
    topic = tree.get("topic") if isinstance(tree, dict) else None
    return topic if isinstance(topic, str) else ""


class PublicFrames(Target):
    """Whatever a frame is, it is routed; to a book only with that book's topic."""

    trees = (
        b'{"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1,"data":{"s":"BTCUSDT"}}',
        b'{"type":"delta","topic":"orderbook.50.ETHUSDT","ts":1,"data":{}}',
        b'{"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":1,"data":{"s":"BTCUSDT"}}',
        b'{"topic":"publicTrade.BTCUSDT","data":[]}',
        b'{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"1","op":"ping"}',
        b'{"success":false,"ret_msg":"no such topic","req_id":"1","op":"subscribe"}',
    )
    tokens = (b'"topic"', b"orderbook.50.", b"orderbook.1.", b"BTCUSDT", b'"op"', b'"pong"')
    reaches = frozenset({"+BOOK", "+LEVEL1", "MALFORMED", "+PONG", "+SUBSCRIBED", "+OTHER"})

    def __init__(self) -> None:
        self._router = PublicRouter(tuple(one.symbol for one in OURS), 50, level1=True)

    def check(self, data: bytes) -> str:
        found = self._router.route(data)
        if found.kind is Kind.MALFORMED:
            return "MALFORMED"
        if found.kind in (Kind.BOOK, Kind.LEVEL1):
            deep, level1 = self._router.topics_of(found.instrument)
            topic = deep if found.kind is Kind.BOOK else level1
            assert topic in TOPICS
            # Written plainly, or with escapes.
            assert topic.encode() in data or b"\\" in data
        return f"+{found.kind.name}"
