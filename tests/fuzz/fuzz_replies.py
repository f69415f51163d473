"""Replies to order requests: whatever the bytes, an outcome per command, and ACK only if proved."""

from __future__ import annotations

import json
from zlib import crc32

import oracle_replies
from fuzzer import Target

from mmfast.bybit.trade import TradeCodec
from mmfast.ids import ClientIds
from mmfast.messages import (
    NO_RATE_INFO,
    Batch,
    BatchReply,
    Category,
    Command,
    Flag,
    Op,
    Outcome,
    Side,
)
from mmfast.units import ClientId, InstrumentIndex, Lots, Ns, Slot, Ticks

IDS = ClientIds("fz", epoch=1)
FIRST = (1 << 32) + 1
LIMIT = 20
#: HTTP status by a number modulo 32: mostly the one with a reply to read.
STATUSES = (200,) * 24 + (429, 429, 403, 400, 401, 404, 500, 502)


def batch(op: Op, count: int, *, single: bool = False) -> Batch:
    """The same ids for every operation, so that one reply may answer any of them."""
    commands = tuple(
        Command(
            op,
            Slot(n),
            InstrumentIndex(0),
            Side.BUY,
            Flag.NONE,
            Ticks(1),
            Lots(1),
            ClientId(FIRST + n),
        )
        for n in range(count)
    )
    return Batch(
        batch_id=1, tick_id=1, op=op, category=Category.LINEAR, single=single, commands=commands
    )


def row(n: int, *, refused: bool = False, named: bool = True) -> dict:
    found = {"category": "linear", "symbol": "BTCUSDT", "orderId": "" if refused else f"v-{n}"}
    return found | {"orderLinkId": IDS.text(FIRST + n) if named else ""}


def reply(codes: list[int], rows: list[dict]) -> bytes:
    verdicts = [{"code": code, "msg": "refused" if code else "OK"} for code in codes]
    parts = {"result": {"list": rows}, "retExtInfo": {"list": verdicts}, "time": 1700000000000}
    return json.dumps({"retCode": 0, "retMsg": "OK"} | parts).encode()


def whole(ret_code: int, result: dict) -> bytes:
    parts = {"retCode": ret_code, "retMsg": "text", "result": result, "retExtInfo": {}, "time": 1}
    return json.dumps(parts).encode()


def message(op: str, ret_code: int, codes: list[int], rows: list[dict]) -> bytes:
    """A batch's reply on the trade socket."""
    verdicts = [{"code": code, "msg": "refused" if code else "OK"} for code in codes]
    header = {"X-Bapi-Limit": "20", "X-Bapi-Limit-Status": "19", "Timenow": "1700000000000"}
    front = {"reqId": "r-1", "retCode": ret_code, "retMsg": "OK", "op": f"order.{op}"}
    parts = {"data": {"list": rows}, "retExtInfo": {"list": verdicts}, "header": header}
    return json.dumps(front | parts | {"connId": "c-1"}).encode()


def compact(tree: bytes) -> bytes:
    """The same without spaces and with every rate header, as the venue writes it and as it is
    read the short way."""
    parts = json.loads(tree)
    if "header" in parts:
        parts["header"]["X-Bapi-Limit-Reset-Timestamp"] = "1700000000000"
    return json.dumps(parts, separators=(",", ":")).encode()


class Replies(Target):
    """Which batch was sent, and with what status the reply came, follows from the reply."""

    trees = (
        reply([0], [row(0)]),
        reply([0, 0, 0], [row(0), row(1), row(2)]),
        reply([0, 110001, 0], [row(0), row(1, refused=True), row(2)]),
        reply([10006, 0], [row(0, refused=True, named=False), row(1)]),
        reply([0, 0, 0], [row(2), row(0), row(1)]),
        reply([0, 170213], [row(1), row(0, refused=True)]),
        reply([0] * 6, [row(n) for n in range(6)]),
        compact(reply([0] * 6, [row(n) for n in range(6)])),
        compact(reply([0, 0], [row(1), row(0)])),
        compact(reply([0, 110001], [row(0), row(1, refused=True)])),
        whole(0, row(0)),
        whole(10001, {}),
        whole(10006, {"list": []}),
        whole(110001, row(0)),
        whole(10016, {}),
    )
    tokens = (
        b'"retCode"', b'"list"', b'"orderLinkId"', b'"code"', b'"result"', b'"retExtInfo"',
        b'"orderId":""', b'"orderId":null', b"110001", b"10006", IDS.text(FIRST).encode(),
        IDS.text(FIRST + 1).encode(), b"<html>", b'{"code":0,"msg":"OK"},',
    )  # fmt: skip
    reaches = frozenset(
        {"+ACK", "+ACK,GONE", "+ACK,THROTTLED", "+ACK,REJECT"}
        | {"GONE", "REJECT", "THROTTLED", "UNKNOWN"}
    )

    def __init__(self) -> None:
        self._codec = TradeCodec((), IDS)

    def check(self, data: bytes) -> str:
        draw = crc32(data)
        sent = _sent(data, draw, Op(draw % 3))
        status = STATUSES[draw >> 16 & 31]
        found = self._codec.decode(sent, status, data, NO_RATE_INFO, Ns(10), Ns(20))
        verdicts = oracle_replies.judge_rest(sent, status, data, IDS.text)
        return _judged(found, sent, verdicts, data)


class SocketReplies(Target):
    """The same on the trade socket, whose replies name the operation they answer."""

    trees = (
        message("create-batch", 0, [0, 0, 0], [row(0), row(1), row(2)]),
        message("cancel-batch", 0, [0, 110001], [row(0), row(1, refused=True)]),
        message("amend-batch", 0, [10006, 0], [row(0, refused=True, named=False), row(1)]),
        message("create-batch", 0, [0, 10001], [row(0), row(1, refused=True)]),
        message("create-batch", 0, [0, 0], [row(1), row(0)]),
        compact(message("create-batch", 0, [0] * 4, [row(n) for n in range(4)])),
        compact(message("amend-batch", 0, [0, 10001], [row(0), row(1, refused=True)])),
        compact(message("cancel-batch", 0, [0, 0], [row(0), row(1)])),
        message("cancel-batch", 10429, [], []),
        message("cancel-batch", 10006, [], []),
        message("amend", 110001, [], []),
        message("create", 10001, [], []),
        whole(0, {}).replace(
            b'"result": {}', b'"op":"order.create","data":' + json.dumps(row(0)).encode()
        ),
        whole(0, {}).replace(
            b'"result": {}', b'"op":"order.cancel","data":' + json.dumps(row(0)).encode()
        ),
        whole(10003, {}),
        b'{"retCode":0,"op":"pong","args":["1"],"connId":"c","data":["1700000000000"]}',
    )
    tokens = (
        b'"reqId"', b'"op"', b'"data"', b'"header"', b'"order.create-batch"', b'"order.cancel"',
        b"-batch", *Replies.tokens,
    )  # fmt: skip
    reaches = Replies.reaches | {"no message"}

    def __init__(self) -> None:
        self._codec = TradeCodec((), IDS)

    def check(self, data: bytes) -> str:
        draw = crc32(data)
        # Mostly the operation that the reply names.
        named = Op.PLACE if b"create" in data else Op.AMEND if b"amend" in data else Op.CANCEL
        sent = _sent(data, draw, named if draw & 15 else Op(draw >> 4 & 1), named=b"-batch")
        verdicts = oracle_replies.judge_socket(sent, data, IDS.text)
        read = self._codec.socket_reply(data)
        if read is None:
            assert verdicts is None or oracle_replies.says_twice(data), "a message to the twin"
            return "no message"
        assert verdicts is not None, "no message to the twin"
        found = self._codec.decode_socket(sent, read, Ns(10), Ns(20))
        return _judged(found, sent, verdicts, data)


def _sent(data: bytes, draw: int, op: Op, *, named: bytes = b'"list"') -> Batch:
    """Mostly a batch of as many commands as the reply has rows; or one order alone."""
    rows = data.count(b"orderLinkId") + (0, 0, 0, 0, 0, 0, 1, -1)[draw >> 5 & 7]
    single = named not in data or draw >> 8 & 15 == 0
    return batch(op, 1 if single else min(max(rows, 1), LIMIT), single=single)


def _judged(found: BatchReply, sent: Batch, verdicts: list, data: bytes) -> str:
    assert found.batch is sent
    assert [item.client_id for item in found.items] == [c.client_id for c in sent.commands]
    said = [(item.outcome, item.venue_id) for item in found.items]
    if said != verdicts:
        assert {outcome for outcome, _ in said} == {Outcome.UNKNOWN}, (sent.op, verdicts)
        assert oracle_replies.says_twice(data), (sent.op, verdicts)
    assert all(type(number) is int for number in found.rate)
    for item in found.items:
        assert type(item.outcome) is Outcome
        assert type(item.ret_code) is int
        assert len(item.ret_msg) <= 200
        assert item.outcome != Outcome.ACK or item.ret_code == 0
    outcomes = sorted({item.outcome.name for item in found.items})
    return ("+" if "ACK" in outcomes else "") + ",".join(outcomes)
