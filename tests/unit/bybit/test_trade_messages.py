"""Messages of the trade socket: the REST body in another envelope, read with the same care."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmfast.bybit.auth import Credentials, Window
from mmfast.bybit.trade import TradeCodec
from mmfast.errors import LocalProtocolError
from mmfast.messages import NO_RATE_INFO, Batch, BatchReply, Op, Outcome, RateInfo
from mmfast.units import Ns

MakeBatch = Callable[..., Batch]
MakeReply = Callable[..., bytes]
OPS = {Op.PLACE: "create", Op.AMEND: "amend", Op.CANCEL: "cancel"}
HEADER = {
    "Timenow": "1711001595209",
    "X-Bapi-Limit": "150",
    "X-Bapi-Limit-Status": "148",
    "X-Bapi-Limit-Reset-Timestamp": "1711001595208",
    "Traceid": "38b7977b430f9bd228f4b19724794dfd",
}


def message(rest: bytes, batch: Batch, **changes: Any) -> bytes:
    """A REST reply as the trade socket says it."""
    reply = orjson.loads(rest)
    said = {
        "reqId": "1-1",
        "retCode": reply["retCode"],
        "retMsg": reply["retMsg"],
        "op": f"order.{OPS[batch.op]}{'' if batch.single else '-batch'}",
        "data": reply.get("result"),
        "retExtInfo": reply.get("retExtInfo"),
        "header": HEADER,
        "connId": "cnt5leec0hvan15eukcg-2v",
    }
    return orjson.dumps(said | changes)


def read(codec: TradeCodec, batch: Batch, data: bytes) -> BatchReply:
    reply = codec.socket_reply(data)
    assert reply is not None
    return codec.decode_socket(batch, reply, Ns(10), Ns(20))


@pytest.mark.parametrize("op", list(Op))
@pytest.mark.parametrize("single", [False, True])
def test_a_request_carries_the_rest_body(
    codec: TradeCodec, make_batch: MakeBatch, op: Op, single: bool
) -> None:
    batch = make_batch(op, 1 if single else 5, single=single)
    frame = orjson.loads(codec.frame(batch, "3-17", 1_711_001_595_207, 1_000))
    assert frame == {
        "reqId": "3-17",
        "header": {"X-BAPI-TIMESTAMP": "1711001595207", "X-BAPI-RECV-WINDOW": "1000"},
        "op": f"order.{OPS[op]}{'' if single else '-batch'}",
        "args": [orjson.loads(codec.encode(batch)[1])],
    }


def test_what_rest_refuses_to_write_is_refused_here(
    codec: TradeCodec, make_batch: MakeBatch
) -> None:
    for batch in (
        make_batch(Op.PLACE, 0),
        make_batch(Op.PLACE, 21),
        make_batch(count=2, single=True),
    ):
        for write in (codec.encode, lambda b: codec.frame(b, "1", 1, 1)):
            with pytest.raises(LocalProtocolError):
                write(batch)
    with pytest.raises(LocalProtocolError):
        codec.frame(make_batch(), "x" * 37, 1, 1)


@pytest.mark.parametrize("op", list(Op))
def test_every_subset_of_failures_reads_as_it_does_over_rest(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply, op: Op
) -> None:
    batch = make_batch(op, 4)
    for codes in itertools.product((0, 10001, 110001, 10006), repeat=4):
        rest = make_reply(batch, codes)
        expected = codec.decode(batch, 200, rest, NO_RATE_INFO, Ns(1), Ns(2)).items
        found = read(codec, batch, message(rest, batch))
        assert found.items == expected
        assert found.rate == RateInfo(150, 148, 1711001595208)
        assert (found.sent_ns, found.received_ns, found.blocked_until_ns) == (10, 20, 0)


@pytest.mark.parametrize("size", [1, 2, 19, 20])
def test_a_full_acknowledgement_is_the_same_however_it_is_written(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply, size: int
) -> None:
    """The usual text is compared as a whole; other spaces and other words take the long way."""
    batch = make_batch(Op.PLACE, size)
    rest = make_reply(batch, (0,) * size)
    usual = read(codec, batch, message(rest, batch))
    assert {item.outcome for item in usual.items} == {Outcome.ACK}
    said = orjson.loads(message(rest, batch))
    for verdict in said["retExtInfo"]["list"]:
        verdict["msg"] = "Success"
    assert read(codec, batch, orjson.dumps(said)).items == usual.items
    spaced = orjson.dumps(orjson.loads(message(rest, batch)), option=orjson.OPT_INDENT_2)
    assert read(codec, batch, spaced).items == usual.items


def test_one_done_too_few_or_too_many_proves_nothing(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply
) -> None:
    batch = make_batch(Op.CANCEL, 3)
    for count in (0, 1, 2, 4, 20):
        ext = {"list": [{"code": 0, "msg": "OK"}] * count}
        data = message(make_reply(batch, (0, 0, 0)), batch, retExtInfo=ext)
        outcomes = {item.outcome for item in read(codec, batch, data).items}
        assert outcomes == {Outcome.UNKNOWN}, count


def test_an_id_with_a_line_break_does_not_pass_for_two(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply
) -> None:
    batch = make_batch(Op.CANCEL, 3)
    said = orjson.loads(message(make_reply(batch, (0, 0, 0)), batch))
    rows = said["data"]["list"]
    rows[0]["orderLinkId"] += "\n" + rows[1]["orderLinkId"]
    rows[1]["orderLinkId"] = rows[2]["orderLinkId"]
    assert {i.outcome for i in read(codec, batch, orjson.dumps(said)).items} == {Outcome.UNKNOWN}
    del rows[2], said["retExtInfo"]["list"][2]
    assert {i.outcome for i in read(codec, batch, orjson.dumps(said)).items} == {Outcome.UNKNOWN}


@pytest.mark.parametrize("code", [10404, 20006, 10019, 10003, 10006])
def test_a_refusal_may_leave_the_operation_out_but_not_swap_it(
    codec: TradeCodec, make_batch: MakeBatch, code: int
) -> None:
    batch = make_batch(Op.PLACE, 2)
    refusal = orjson.dumps({"retCode": code, "retMsg": "no", "result": {}, "retExtInfo": {}})
    plain = read(codec, batch, message(refusal, batch)).items
    assert {item.ret_code for item in plain} == {code}
    assert read(codec, batch, message(refusal, batch, op="")).items == plain
    swapped = read(codec, batch, message(refusal, batch, op="order.cancel-batch")).items
    assert {item.outcome for item in swapped} == {Outcome.UNKNOWN}


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"1", b'"x"', b"\xff", b'{"op":"pong"}', b'{"retCode":"0"}']
)
def test_what_is_no_message_is_none(codec: TradeCodec, data: bytes) -> None:
    assert codec.socket_reply(data) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_mutation_of_a_reply_makes_an_ack_of_a_foreign_order(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply, data: st.DataObject
) -> None:
    batch = make_batch(Op.PLACE, 3)
    said = bytearray(message(make_reply(batch, (0, 10001, 0)), batch))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(said) - 1))
        said[at] = data.draw(st.integers(0, 255))
    reply = codec.socket_reply(bytes(said))
    if reply is None:
        return
    items = codec.decode_socket(batch, reply, Ns(1), Ns(2)).items
    assert [item.client_id for item in items] == [c.client_id for c in batch.commands]
    refused = {item.outcome for item in items}
    assert refused <= set(Outcome) - {Outcome.NOT_SENT, Outcome.LOCAL_REJECT}


@pytest.mark.parametrize("window", list(Window))
@pytest.mark.parametrize(("first", "second"), [(b"", b"x"), (b"a" * 900, b"b" * 901)])
def test_two_signatures_at_once_are_the_two_signatures(
    window: Window, first: bytes, second: bytes
) -> None:
    credentials = Credentials.hmac("key", "secret", short_window_ms=700, long_window_ms=9_000)
    assert credentials.signs_in_pairs
    alone = [credentials.lines(5, body, window) for body in (first, second)]
    assert list(credentials.lines_of_pair(5, first, second, window)) == alone
