"""The core is what it says it is, and means what the messages mean."""

from __future__ import annotations

import mmfast
import mmfast._core as core
from mmfast._core import coalesce, encode
from mmfast.messages import Command, Flag, Op, Side


def test_the_core_names_its_build_and_version():
    assert core.BUILD in ("release", "debug", "trace", "sanitize")
    assert mmfast.__version__ == core.VERSION


def test_operations_agree_with_the_messages():
    assert (coalesce.CANCEL, coalesce.AMEND, coalesce.PLACE) == (Op.CANCEL, Op.AMEND, Op.PLACE)


def command(**changes):
    fields = {
        "op": Op.PLACE,
        "slot": 3,
        "instrument": 0,
        "side": Side.BUY,
        "flags": Flag.NONE,
        "price_ticks": 15,
        "lots": 7,
        "client_id": 0xABC,
    }
    return Command(**(fields | changes))


def encoder():
    made = encode.OrderEncoder("linear", "h-")
    made.add_instrument(0, "BTCUSDT", 1, 1, 0, 1)
    return made


def test_the_encoder_reads_a_command_by_its_fields():
    """Each field, and each flag, shows where it belongs: so positions and bits agree."""
    import json

    def body(op, **changes):
        return json.loads(encoder().single(op, command(op=op, **changes)))

    base = body(Op.PLACE)
    assert (base["side"], base["timeInForce"], base["qty"], base["price"], base["orderLinkId"]) == (
        "Buy",
        "GTC",
        "7",
        "1.5",
        "h-0000000000000abc",
    )
    assert body(Op.PLACE, side=Side.SELL)["side"] == "Sell"
    assert body(Op.PLACE, flags=Flag.POST_ONLY)["timeInForce"] == "PostOnly"
    assert body(Op.PLACE, flags=Flag.IOC)["timeInForce"] == "IOC"
    assert body(Op.PLACE, flags=Flag.REDUCE_ONLY)["reduceOnly"] is True
    assert body(Op.PLACE, flags=Flag.URGENT) == base
    assert set(body(Op.AMEND, flags=Flag.AMEND_PRICE)) - {"category", "symbol"} == {
        "orderLinkId",
        "price",
    }
    assert set(body(Op.AMEND, flags=Flag.AMEND_QTY)) - {"category", "symbol"} == {
        "orderLinkId",
        "qty",
    }
    assert body(Op.CANCEL) == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "orderLinkId": "h-0000000000000abc",
    }


def test_the_coalescer_knows_the_flags():
    table = coalesce.IntentTable(2, amend_replaces=True)
    table.put(Op.CANCEL, 0, Flag.URGENT, 0, 0, 5)
    table.put(Op.PLACE, 0, Flag.POST_ONLY, 10, 1, 6)
    wanted = Flag.AMEND_PRICE | Flag.AMEND_QTY | Flag.URGENT
    assert table.peek(0) == ((Op.AMEND, 0, wanted, 10, 1, 5),)
    for flag in (Flag.IOC, Flag.REDUCE_ONLY):
        table.clear(1)
        table.put(Op.CANCEL, 1, 0, 0, 0, 5)
        table.put(Op.PLACE, 1, flag, 10, 1, 6)
        assert [held[0] for held in table.peek(1)] == [Op.CANCEL, Op.PLACE]
