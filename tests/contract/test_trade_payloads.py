"""The trade socket's codec against whole messages: our own, and the venue's own with
``--payloads DIR`` (files ``ws_trade_*``; see :mod:`test_codec_payloads`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from payload_files import fine_instrument, payloads

from mmfast.bybit.control import Kind, control_of
from mmfast.bybit.ret_codes import outcome_of
from mmfast.bybit.trade import TradeCodec
from mmfast.ids import ClientIds
from mmfast.messages import Batch, Category, Command, Flag, Op, Outcome, Side
from mmfast.units import InstrumentIndex, Lots, Ns, Ticks, slot_of

OPS = {"create": Op.PLACE, "amend": Op.AMEND, "cancel": Op.CANCEL}
FLAGS = {Op.PLACE: Flag.POST_ONLY, Op.AMEND: Flag.AMEND_PRICE, Op.CANCEL: Flag.NONE}
IDS = ClientIds("mmt1", 1)
CODEC = TradeCodec((fine_instrument("BTCUSDT", Category.LINEAR),), IDS)


def batch_of(op: str, count: int) -> Batch:
    """A batch that could have been answered by a message of this operation."""
    word, _, form = op.removeprefix("order.").partition("-")
    commands = tuple(
        Command(
            OPS[word],
            slot_of(0, 0, 0),
            InstrumentIndex(0),
            Side.BUY,
            FLAGS[OPS[word]],
            Ticks(1),
            Lots(1),
            IDS.next(),
        )
        for _ in range(count)
    )
    return Batch(
        batch_id=1,
        tick_id=1,
        op=OPS[word],
        category=Category.LINEAR,
        single=not form,
        commands=commands,
    )


def replies(config: pytest.Config) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every reply to an order request, with its file's name."""
    for name, data in payloads(config, "ws_trade_order_"):
        yield name, orjson.loads(data)


def test_logins_and_heartbeats(pytestconfig: pytest.Config) -> None:
    kinds = {"ws_trade_auth": Kind.AUTH, "ws_trade_pong": Kind.PONG}
    for prefix, kind in kinds.items():
        for name, data in payloads(pytestconfig, prefix):
            reply = CODEC.socket_reply(data)
            assert reply is not None, name
            said = control_of({"op": reply.op, "retCode": reply.ret_code})
            assert said.kind is kind, name
            assert said.success == ("error" not in name), name


def test_refusals_mean_what_their_code_means(pytestconfig: pytest.Config) -> None:
    seen = 0
    for name, message in replies(pytestconfig):
        code = re.search(r"error_(\d+)", Path(name).name)
        if code is None:
            continue
        seen += 1
        batch = batch_of(message["op"], 1)
        reply = CODEC.socket_reply(orjson.dumps(message))
        assert reply is not None, name
        items = CODEC.decode_socket(batch, reply, Ns(1), Ns(2)).items
        expected = outcome_of(int(code[1]), batch.op, trade_socket=True)
        assert [item.outcome for item in items] == [expected], name
        assert items[0].ret_code == int(code[1]), name
        assert items[0].outcome is not Outcome.ACK, name
    assert seen


def test_replies_of_the_venue_become_ours_by_their_ids_alone(pytestconfig: pytest.Config) -> None:
    """With our ids in place of those in the sample, every item says what its code says; with
    the ids of the sample, not one of them is believed."""
    accepted = 0
    for name, message in replies(pytestconfig):
        if message["retCode"]:
            continue
        rows = message["data"].get("list", [message["data"]])
        codes = [row["code"] for row in message["retExtInfo"].get("list", [{"code": 0}])]
        batch = batch_of(message["op"], len(rows))
        foreign = CODEC.socket_reply(orjson.dumps(message))
        assert foreign is not None, name
        found = CODEC.decode_socket(batch, foreign, Ns(1), Ns(2))
        assert {item.outcome for item in found.items} == {Outcome.UNKNOWN}, name
        for row, command in zip(rows, batch.commands, strict=True):
            row["orderLinkId"] = IDS.text(command.client_id)
        ours = CODEC.socket_reply(orjson.dumps(message))
        assert ours is not None, name
        found = CODEC.decode_socket(batch, ours, Ns(1), Ns(2))
        expected = [outcome_of(code, batch.op, trade_socket=True) for code in codes]
        assert [item.outcome for item in found.items] == expected, name
        header = message["header"]
        assert found.rate.limit == int(header["X-Bapi-Limit"]), name
        assert found.rate.remaining == int(header["X-Bapi-Limit-Status"]), name
        accepted += sum(outcome is Outcome.ACK for outcome in expected)
    assert accepted


def test_our_requests_have_the_shape_of_the_venues(pytestconfig: pytest.Config) -> None:
    for name, data in payloads(pytestconfig, "ws_trade_order_", without="response"):
        if "request" not in name:
            continue
        sample = orjson.loads(data)
        body = sample["args"][0]
        items = body.get("request", [body])
        batch = batch_of(sample["op"], len(items))
        ours = orjson.loads(CODEC.frame(batch, "1-1", 1_736_500_000_290, 2_000))
        assert set(sample) <= set(ours), name
        assert ours["op"] == sample["op"], name
        for key in ("X-BAPI-TIMESTAMP", "X-BAPI-RECV-WINDOW"):
            assert type(ours["header"][key]) is type(sample["header"].get(key, "")), (name, key)
        mine = ours["args"][0].get("request", [ours["args"][0]])
        assert len(mine) == len(items)
        for key, value in mine[0].items():
            assert type(value) is type(items[0].get(key, value)), (name, key)
