"""Order entry: an ACK only where the reply proves it, and a reply for everything."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmfast.bybit.trade import IP_BAN_NS, TradeCodec, uniform_reply
from mmfast.errors import LocalProtocolError
from mmfast.ids import ClientIds
from mmfast.messages import NO_RATE_INFO, Batch, BatchReply, Category, Op, Outcome, RateInfo
from mmfast.units import Ns

MakeBatch = Callable[..., Batch]
MakeReply = Callable[..., bytes]


def decode(codec: TradeCodec, batch: Batch, status: int, body: bytes) -> BatchReply:
    reply = codec.decode(batch, status, body, NO_RATE_INFO, Ns(10), Ns(20))
    assert [item.client_id for item in reply.items] == [c.client_id for c in batch.commands]
    return reply


def outcomes(codec: TradeCodec, batch: Batch, status: int, body: bytes) -> list[Outcome]:
    return [item.outcome for item in decode(codec, batch, status, body).items]


def envelope(code: int, result: object = None, ext: object = None) -> bytes:
    return orjson.dumps(
        {"retCode": code, "retMsg": "text", "result": result or {}, "retExtInfo": ext or {}}
    )


# Requests.


@pytest.mark.parametrize(
    ("op", "word"), [(Op.PLACE, "create"), (Op.AMEND, "amend"), (Op.CANCEL, "cancel")]
)
def test_paths_and_bodies(
    codec: TradeCodec, make_batch: MakeBatch, ids: ClientIds, op: Op, word: str
) -> None:
    batch = make_batch(op, 2)
    path, body = codec.encode(batch)
    assert path == f"/v5/order/{word}-batch"
    parsed = orjson.loads(body)
    assert parsed["category"] == "linear"
    links = [item["orderLinkId"] for item in parsed["request"]]
    assert links == [ids.text(c.client_id) for c in batch.commands]
    single = make_batch(op, 1, single=True)
    path, body = codec.encode(single)
    assert path == f"/v5/order/{word}"
    assert orjson.loads(body)["orderLinkId"] == ids.text(single.commands[0].client_id)


def test_a_batch_that_must_not_leave_is_refused(codec: TradeCodec, make_batch: MakeBatch) -> None:
    other = Batch(
        batch_id=1, tick_id=1, op=Op.PLACE, category=Category.SPOT, single=False, commands=()
    )
    with pytest.raises(LocalProtocolError, match="category linear, found spot"):
        codec.encode(other)
    with pytest.raises(LocalProtocolError, match="one command, found 2"):
        codec.encode(make_batch(Op.PLACE, 2, single=True))
    with pytest.raises(LocalProtocolError):
        codec.encode(make_batch(Op.PLACE, 0))
    with pytest.raises(LocalProtocolError):
        codec.encode(make_batch(Op.PLACE, 21))


# Replies that add up.


@pytest.mark.parametrize("op", list(Op))
def test_every_subset_of_failures_is_told_item_by_item(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply, op: Op
) -> None:
    batch = make_batch(op, 6)
    for codes in itertools.product((0, 10001), repeat=6):
        expected = [Outcome.REJECT if code else Outcome.ACK for code in codes]
        assert outcomes(codec, batch, 200, make_reply(batch, codes)) == expected


def test_the_tail_of_a_batch_over_budget_is_throttled(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply
) -> None:
    batch = make_batch(Op.PLACE, 3)
    body = make_reply(batch, (0, 10006, 10006))
    assert outcomes(codec, batch, 200, body) == [
        Outcome.ACK,
        Outcome.THROTTLED,
        Outcome.THROTTLED,
    ]


def test_an_ack_carries_the_venue_id_and_the_rate(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply
) -> None:
    batch = make_batch(Op.PLACE, 1)
    rate = RateInfo(100, 99, 1)
    reply = codec.decode(batch, 200, make_reply(batch, (0,)), rate, Ns(1), Ns(2))
    assert reply.items[0].venue_id.startswith("6afd7e83")
    assert (reply.rate, reply.sent_ns, reply.received_ns) == (rate, 1, 2)
    assert reply.blocked_until_ns == 0


def test_rows_out_of_order_are_matched_by_id_when_their_codes_agree(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply
) -> None:
    batch = make_batch(Op.PLACE, 4)
    straight = decode(codec, batch, 200, make_reply(batch, (0, 0, 0, 0)))
    parsed = orjson.loads(make_reply(batch, (0, 0, 0, 0)))
    parsed["result"]["list"].reverse()
    assert decode(codec, batch, 200, orjson.dumps(parsed)).items == straight.items


def test_single_replies(codec: TradeCodec, make_batch: MakeBatch, ids: ClientIds) -> None:
    batch = make_batch(Op.CANCEL, 1, single=True)
    link_id = ids.text(batch.commands[0].client_id)
    body = envelope(0, {"orderId": "v-1", "orderLinkId": link_id})
    item = decode(codec, batch, 200, body).items[0]
    assert (item.outcome, item.venue_id) == (Outcome.ACK, "v-1")
    assert outcomes(codec, batch, 200, envelope(110001)) == [Outcome.GONE]
    foreign = envelope(0, {"orderId": "v-1", "orderLinkId": "somebody-else"})
    assert outcomes(codec, batch, 200, foreign) == [Outcome.UNKNOWN]
    create = make_batch(Op.PLACE, 1, single=True)
    nameless = envelope(0, {"orderLinkId": ids.text(create.commands[0].client_id)})
    assert outcomes(codec, create, 200, nameless) == [Outcome.UNKNOWN]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (10001, Outcome.REJECT),
        (10002, Outcome.REJECT),
        (10004, Outcome.REJECT),
        (10006, Outcome.THROTTLED),
        (10016, Outcome.UNKNOWN),
        (10000, Outcome.UNKNOWN),
        (987654, Outcome.UNKNOWN),
    ],
)
def test_a_refused_request_is_refused_for_all(
    codec: TradeCodec, make_batch: MakeBatch, code: int, outcome: Outcome
) -> None:
    batch = make_batch(Op.PLACE, 3)
    reply = decode(codec, batch, 200, envelope(code))
    assert {(item.outcome, item.ret_code, item.ret_msg) for item in reply.items} == {
        (outcome, code, "text")
    }
    assert outcomes(codec, batch, 200, orjson.dumps({"retCode": code})) == [outcome] * 3


# Replies that do not.


def rows(parsed: Any) -> Any:
    return parsed["result"]["list"]


def verdicts(parsed: Any) -> Any:
    return parsed["retExtInfo"]["list"]


def swap(items: list[Any]) -> None:
    items[0], items[2] = items[2], items[0]


CORRUPTIONS: dict[str, Callable[[Any], object]] = {
    "row missing": lambda p: rows(p).pop(),
    "verdict missing": lambda p: verdicts(p).pop(),
    "row extra": lambda p: rows(p).append(dict(rows(p)[0])),
    "both empty": lambda p: (rows(p).clear(), verdicts(p).clear()),
    "row twice": lambda p: rows(p).__setitem__(1, dict(rows(p)[0])),
    "foreign id": lambda p: rows(p)[1].update(orderLinkId="mmt1-00000009ffffffff"),
    "ack without id": lambda p: rows(p)[0].update(orderLinkId=""),
    "ack without venue id": lambda p: rows(p)[0].update(orderId=""),
    "rows swapped": lambda p: swap(rows(p)),
    "verdicts swapped": lambda p: swap(verdicts(p)),
    "code as text": lambda p: verdicts(p)[0].update(code="0"),
    "code as flag": lambda p: verdicts(p)[0].update(code=False),
    "code missing": lambda p: verdicts(p)[0].pop("code"),
    "list is an object": lambda p: p["result"].update(list={}),
    "result null": lambda p: p.update(result=None),
    "no ext info": lambda p: p.pop("retExtInfo"),
    "retCode text": lambda p: p.update(retCode="0"),
    "retCode missing": lambda p: p.pop("retCode"),
    "refused with items": lambda p: p.update(retCode=10001),
}


@pytest.mark.parametrize("how", sorted(CORRUPTIONS))
def test_a_reply_that_contradicts_itself_proves_nothing(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply, how: str
) -> None:
    batch = make_batch(Op.PLACE, 3)
    # Rows that change places mean nothing while all codes are the same.
    uniform = () if "swapped" in how else ((0, 0, 0),)
    for codes in ((0, 10001, 10006), *uniform):
        parsed = orjson.loads(make_reply(batch, codes))
        CORRUPTIONS[how](parsed)
        assert outcomes(codec, batch, 200, orjson.dumps(parsed)) == [Outcome.UNKNOWN] * 3


@pytest.mark.parametrize("op", [Op.AMEND, Op.CANCEL])
def test_codes_are_not_guessed_onto_rows_out_of_order(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply, op: Op
) -> None:
    """Only creates prove an ack by a new venue id; here the order of the rows is all there is."""
    batch = make_batch(op, 3)
    parsed = orjson.loads(make_reply(batch, (0, 110001, 110001)))
    swap(rows(parsed))
    assert outcomes(codec, batch, 200, orjson.dumps(parsed)) == [Outcome.UNKNOWN] * 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502</html>",
        b"null",
        b"[]",
        b"0",
        b"{",
        b'{"retCode":NaN}',
        b"\xff\xfe",
        b'{"retCode":0,"result":' + b"[" * 100_000,
        b'{"retCode":10001,"result":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_what_is_no_reply_proves_nothing(
    codec: TradeCodec, make_batch: MakeBatch, body: bytes
) -> None:
    batch = make_batch(Op.CANCEL, 2)
    assert outcomes(codec, batch, 200, body) == [Outcome.UNKNOWN] * 2


@pytest.mark.parametrize("status", [201, 204, 302, 307, 408, 413, 418, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("good", [True, False])
def test_other_http_answers_prove_nothing_whatever_they_say(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply, status: int, good: bool
) -> None:
    batch = make_batch(Op.PLACE, 2)
    body = make_reply(batch, (0, 0)) if good else envelope(10001)
    assert outcomes(codec, batch, status, body) == [Outcome.UNKNOWN] * 2


@pytest.mark.parametrize("status", [400, 401, 404])
def test_documented_http_refusals(codec: TradeCodec, make_batch: MakeBatch, status: int) -> None:
    reply = decode(codec, make_batch(Op.PLACE, 2), status, b"<html>")
    assert [(item.outcome, item.ret_code) for item in reply.items] == [(Outcome.REJECT, status)] * 2


def test_403_shuts_the_door_for_ten_minutes(codec: TradeCodec, make_batch: MakeBatch) -> None:
    reply = decode(codec, make_batch(Op.PLACE, 2), 403, b"access too frequent")
    assert [item.outcome for item in reply.items] == [Outcome.THROTTLED] * 2
    assert reply.blocked_until_ns == 20 + IP_BAN_NS
    assert IP_BAN_NS >= 600 * 10**9


def test_429_is_a_refusal_only_in_the_venues_own_words(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply
) -> None:
    batch = make_batch(Op.PLACE, 2)
    assert outcomes(codec, batch, 429, b"") == [Outcome.UNKNOWN] * 2
    assert outcomes(codec, batch, 429, make_reply(batch, (0, 0))) == [Outcome.UNKNOWN] * 2
    assert outcomes(codec, batch, 429, envelope(10006)) == [Outcome.THROTTLED] * 2


# Whatever comes.

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70).filter(bool),
    st.floats(allow_nan=False).filter(bool),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
)


def places_of(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(node, dict):
        for key in node:
            found += places_of(node[key], (*path, key))
    elif isinstance(node, list):
        for index in range(len(node)):
            found += places_of(node[index], (*path, index))
    return found


def mutate(parsed: Any, data: st.DataObject) -> None:
    """One small damage somewhere in the tree. It never forges what only the venue can say: a
    code 0, or a venue id."""
    path = data.draw(st.sampled_from(places_of(parsed)))
    node = parsed
    for key in path[:-1]:
        node = node[key]
    last = path[-1]
    kind = data.draw(st.sampled_from(["junk", "drop", "double", "swap"]))
    if kind == "junk":
        junk = data.draw(JUNK)
        if last == "orderId" and isinstance(junk, str):
            junk = None
        node[last] = junk
    elif kind == "drop":
        del node[last]
    elif isinstance(node, list):
        other = data.draw(st.integers(0, len(node) - 1))
        if kind == "double":
            node.insert(other, node[last])
        else:
            node[last], node[other] = node[other], node[last]


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_damage_makes_an_ack_that_the_venue_did_not_give(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply, data: st.DataObject
) -> None:
    codes = data.draw(st.lists(st.sampled_from([0, 0, 10001, 10006]), min_size=1, max_size=5))
    batch = make_batch(Op.PLACE, len(codes))
    parsed = orjson.loads(make_reply(batch, codes))
    for _ in range(data.draw(st.integers(1, 3))):
        if places_of(parsed):
            mutate(parsed, data)
    try:
        body = orjson.dumps(parsed)
    except TypeError:  # integers beyond 64 bits have no JSON here
        return
    body = body[: data.draw(st.integers(0, len(body)))] if data.draw(st.booleans()) else body
    for item, code in zip(decode(codec, batch, 200, body).items, codes, strict=True):
        assert item.outcome is not Outcome.ACK or code == 0


@given(body=st.binary(max_size=200), status=st.integers(100, 599))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_make_it_raise_or_acknowledge(
    codec: TradeCodec, make_batch: MakeBatch, body: bytes, status: int
) -> None:
    assert Outcome.ACK not in outcomes(codec, make_batch(Op.PLACE, 2), status, body)


def test_every_cut_of_a_reply_leaves_the_batch_unknown(
    codec: TradeCodec, make_batch: MakeBatch, make_reply: MakeReply
) -> None:
    batch = make_batch(Op.PLACE, 2)
    body = make_reply(batch, (0, 0))
    for length in range(len(body)):
        assert outcomes(codec, batch, 200, body[:length]) == [Outcome.UNKNOWN] * 2


def test_a_reply_without_the_venue_says_the_same_of_all(make_batch: MakeBatch) -> None:
    batch = make_batch(Op.PLACE, 2)
    reply = uniform_reply(batch, Outcome.NOT_SENT, 0, "x" * 999, Ns(0), Ns(5))
    assert [item.client_id for item in reply.items] == [c.client_id for c in batch.commands]
    assert {item.outcome for item in reply.items} == {Outcome.NOT_SENT}
    assert len(reply.items[0].ret_msg) == 200
