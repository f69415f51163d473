"""What each module of the core costs, against what a Python program would do instead.

These are the wide gates, of ``promises``; a slower core is found by the C limits' narrow ones.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from decimal import Decimal

import oracle_coalesce
import orjson
import pytest
import stages
from batches import linear_instrument
from book_frames import Market
from compare import by_promise
from promises import TIMES_THE_PYTHON_WAY
from race import Contest, called

from mmfast._core import acks, book, coalesce, encode, fixed, sign
from mmfast.bybit.private import PrivateDecoder
from mmfast.ids import ClientIds
from mmfast.messages import ItemReply, Op, Outcome, RateInfo

TWIN = "Python"


@pytest.fixture
def race(judge):
    """Races the core against a Python way of doing the same."""

    def run(stage, ours, theirs, unit=1):
        lanes = {TWIN: called(theirs, unit), "mmfast": called(ours, unit)}
        if sign.BACKEND == "portable" and "sign" in stage:
            pytest.skip("this CPU has no SHA instructions")
        judge(Contest(f"python_{stage}", lanes), by_promise(TIMES_THE_PYTHON_WAY))

    return run


SECRET = "0123456789abcdef0123456789abcdef0123"


@pytest.mark.parametrize("size", [200, 1024, 4096])
def test_sign_against_hmac(race, size):
    signer, key, body = sign.Signer("k" * 18, SECRET, 5000), SECRET.encode(), b"x" * size
    assert signer.sign(body) == hmac.new(key, body, hashlib.sha256).hexdigest()
    race(
        f"sign_{size}",
        lambda: signer.sign(body),
        lambda: hmac.new(key, body, hashlib.sha256).hexdigest(),
    )


def test_two_signatures_together_against_one_after_the_other(race):
    signer, body = sign.Signer("k" * 18, SECRET, 5000), b"x" * 3000
    race(
        "sign_pair",
        lambda: signer.sign_pair(body, body),
        lambda: (signer.sign(body), signer.sign(body)),
        unit=2,
    )


class DictBook:
    """What a Python program does: orjson, two dicts of floats, max and min."""

    def __init__(self):
        self.sides = ({}, {})

    def apply(self, frame):
        message = orjson.loads(frame)
        data = message["data"]
        if message["type"] == "snapshot":
            self.sides = ({}, {})
        for levels, changes in zip(self.sides, (data["b"], data["a"]), strict=True):
            for price, size in changes:
                if float(size) == 0:
                    levels.pop(float(price), None)
                else:
                    levels[float(price)] = float(size)
        return max(self.sides[0]), min(self.sides[1])


@pytest.mark.parametrize("depth", [50, 200, 1000])
def test_book_frames_of_16_changes_against_orjson_and_dicts(race, depth):
    market = Market(seed=1, depth=depth)
    frames = [market.next(16) for _ in range(20)]
    ours, theirs = book.Book("BTCUSDT", depth, 1, 1, 3, 1), DictBook()

    def run_ours():
        for frame in frames:
            ours.apply(frame)
            top = ours.bid_ticks, ours.ask_ticks
        return top

    def run_theirs():
        for frame in frames:
            top = theirs.apply(frame)
        return top

    assert run_ours() == tuple(round(price * 10) for price in run_theirs())
    race(f"book_{depth}", run_ours, run_theirs, unit=len(frames))


def commands(op):
    return [(op, i, 0, i & 1, 1, 650_000 + i, 10 + i, (7 << 32) + i) for i in range(20)]


def encoder():
    made = encode.OrderEncoder("linear", "mmfa-")
    made.add_instrument(0, "BTCUSDT", 1, 1, 3, 1)
    return made


@pytest.mark.parametrize(("name", "dumps"), [("json", json.dumps), ("orjson", orjson.dumps)])
def test_encode_against_ready_dicts(race, name, dumps):
    """A yardstick that is given its strings and dicts for nothing."""
    made, batch = encoder(), commands(2)
    ready = json.loads(made.batch(2, batch))
    race(f"encode_{name}", lambda: made.batch(2, batch), lambda: dumps(ready), unit=20)


def from_decimals(batch):
    """The body of 20 creates from integers, as a Python program writes it."""
    tick, step = Decimal("0.1"), Decimal("0.001")
    items = [
        {
            "symbol": "BTCUSDT",
            "side": "Sell" if side else "Buy",
            "orderType": "Limit",
            "timeInForce": "PostOnly",
            "positionIdx": 0,
            "orderLinkId": f"mmfa-{client_id:016x}",
            "qty": str(lots * step),
            "price": str(price * tick),
        }
        for _, _, _, side, _, price, lots, client_id in batch
    ]
    return orjson.dumps({"category": "linear", "request": items})


def test_encode_against_decimals_and_orjson(race):
    made, batch = encoder(), commands(2)
    assert made.batch(2, batch) == from_decimals(batch)
    race("encode_decimals", lambda: made.batch(2, batch), lambda: from_decimals(batch), unit=20)


def test_a_signed_request_of_20_orders(race):
    """From integers to what the HTTP client gets."""
    made, batch, now_ms = encoder(), commands(2), 1_700_000_000_000
    signer = sign.Signer("k" * 18, SECRET, 5000)

    def ours():
        body = made.batch(2, batch)
        return body, signer.request_lines(now_ms, body)

    def theirs():
        body = from_decimals(batch)
        text = f"{now_ms}{'k' * 18}5000".encode() + body
        signature = hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
        lines = (
            f"X-BAPI-API-KEY: {'k' * 18}\r\nX-BAPI-RECV-WINDOW: 5000\r\n"
            f"X-BAPI-TIMESTAMP: {now_ms}\r\nX-BAPI-SIGN: {signature}\r\n"
        )
        return body, lines.encode()

    assert ours() == theirs()
    race("request_20", ours, theirs)


def test_coalesce_a_tick_of_80_commands_against_a_dict_of_lists(race):
    tables = coalesce.IntentTable(320), oracle_coalesce.IntentTable(320)

    def tick(table):
        def run():
            for slot in range(40):
                table.put(0, slot, 0, 0, 0, slot + 1)
                table.put(2, slot, 1, 650_000 + slot, 10, slot + 1000)
            return table.drain(100, 100, 100)

        return run

    ours, theirs = map(tick, tables)
    assert ours() == theirs()
    race("coalesce_tick", ours, theirs, unit=80)


def test_decimal_text_against_decimal(race):
    race(
        "decimal",
        lambda: fixed.parse_units("65000.10", 1),
        lambda: int(Decimal("65000.10").scaleb(1)),
    )
    assert fixed.parse_units("65000.10", 1) == int(Decimal("65000.10").scaleb(1))


ORDER_ROW = {
    "category": "linear", "symbol": "BTCUSDT", "orderId": "0b1c7a40-0000-4000-8000-000000000001",
    "side": "Buy", "positionIdx": 0, "orderStatus": "New", "cancelType": "UNKNOWN",
    "rejectReason": "EC_NoError", "timeInForce": "PostOnly", "orderType": "Limit",
    "price": "65000.2", "qty": "0.010", "leavesQty": "0.010", "leavesValue": "650.002",
    "cumExecQty": "0.000", "avgPrice": "", "cumExecValue": "0", "cumExecFee": "0",
    "cumFeeDetail": {}, "lastPriceOnCreated": "65000.1", "reduceOnly": False,
    "closeOnTrigger": False, "smpType": "None", "smpGroup": 0, "smpOrderId": "",
    "isLeverage": "", "stopOrderType": "", "orderIv": "", "triggerPrice": "",
    "triggerDirection": 0, "triggerBy": "", "takeProfit": "", "stopLoss": "", "tpslMode": "",
    "tpLimitPrice": "", "slLimitPrice": "", "tpTriggerBy": "", "slTriggerBy": "",
    "placeType": "", "createdTime": "1772694601540", "updatedTime": "1772694602001",
}  # fmt: skip


def test_twenty_orders_of_the_private_stream_against_orjson(race):
    """Theirs ends with dictionaries, ours with messages in ticks and lots."""
    ids = ClientIds("bench", 1)
    rows = [ORDER_ROW | {"orderLinkId": ids.text(ids.next())} for _ in range(20)]
    frame = orjson.dumps({"id": "x", "topic": "order", "creationTime": 17, "data": rows})
    decoder = PrivateDecoder((linear_instrument(),), ids)
    assert [event.lots for event in decoder.decode(frame).events] == [10] * 20
    race("private_20", lambda: decoder.decode(frame), lambda: orjson.loads(frame))


def test_a_reply_that_accepts_twenty_against_orjson(race):
    batch = tuple(stages.commands(Op.PLACE))
    rows = [
        {"category": "linear", "symbol": "BTCUSDT", "orderId": ORDER_ROW["orderId"],
         "orderLinkId": f"mmfa-{command.client_id:016x}", "createAt": "1772694602001"}
        for command in batch
    ]  # fmt: skip
    codes = {"list": [{"code": 0, "msg": "OK"} for _ in batch]}
    body = orjson.dumps(
        {"retCode": 0, "retMsg": "OK", "result": {"list": rows}, "retExtInfo": codes, "time": 1}
    )
    reader = acks.Acks("mmfa-", ItemReply, Outcome.ACK, RateInfo)

    def read():
        return reader.accepted(reader.http(body), batch)

    assert [item.client_id for item in read()] == [c.client_id for c in batch]
    race("reply_20", read, lambda: orjson.loads(body))
