"""An instrument, batches of commands on it, and the venue's REST replies to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from mmfast.ids import ClientIds
from mmfast.messages import Batch, Category, Command, Flag, Instrument, Op, Side
from mmfast.units import InstrumentIndex, Lots, QuoteE8, Ticks, slot_of

_FLAGS = {Op.PLACE: Flag.POST_ONLY, Op.AMEND: Flag.AMEND_PRICE, Op.CANCEL: Flag.NONE}


def linear_instrument(
    index: int = 0, symbol: str = "BTCUSDT", tick_decimals: int = 1, step_decimals: int = 3
) -> Instrument:
    return Instrument(
        index=InstrumentIndex(index),
        symbol=symbol,
        category=Category.LINEAR,
        base_coin=symbol.removesuffix("USDT"),
        quote_coin="USDT",
        settle_coin="USDT",
        tick_decimals=tick_decimals,
        tick_units=1,
        step_decimals=step_decimals,
        step_units=1,
        min_price_ticks=Ticks(1),
        max_price_ticks=Ticks(20_000_000),
        min_order_lots=Lots(1),
        max_order_lots=Lots(1_000_000),
        min_notional_e8=QuoteE8(5 * 10**8),
        tick_lot_value_e8=10 ** (8 - tick_decimals - step_decimals),
    )


def batch_of(
    ids: ClientIds, op: Op, count: int, *, single: bool = False, instruments: int = 1
) -> Batch:
    """Commands with fresh ids, going round the instruments and the sides."""
    commands = tuple(
        Command(
            op,
            slot_of(n % instruments, n & 1, 0),
            InstrumentIndex(n % instruments),
            Side(n & 1),
            _FLAGS[op],
            Ticks(650_000 + n),
            Lots(10),
            ids.next(),
        )
        for n in range(count)
    )
    return Batch(
        batch_id=1, tick_id=1, op=op, category=Category.LINEAR, single=single, commands=commands
    )


def venue_id(client_id: int) -> str:
    return f"6afd7e83-7176-4f73-93e0-{client_id:012x}"


def rest_reply(ids: ClientIds, batch: Batch, codes: Sequence[int] = ()) -> bytes:
    """The reply to a batch whose items end with ``codes`` (all 0 where not told), as the venue
    writes it; a single order has no code of its own and was accepted."""
    rows: list[dict[str, Any]] = []
    verdicts: list[dict[str, Any]] = []
    for command, code in zip(batch.commands, codes or (0,) * len(batch.commands), strict=True):
        row = {"category": "linear", "symbol": "BTCUSDT"}
        row["orderId"] = "" if code else venue_id(command.client_id)
        row |= {"orderLinkId": ids.text(command.client_id)}
        rows.append(row | {"createAt": "" if code else "1740453408555"})
        verdicts.append({"code": code, "msg": "refused" if code else "OK"})
    return orjson.dumps(
        {
            "retCode": 0,
            "retMsg": "OK",
            "result": rows[0] if batch.single else {"list": rows},
            "retExtInfo": {} if batch.single else {"list": verdicts},
            "time": 1740453408556,
        }
    )
