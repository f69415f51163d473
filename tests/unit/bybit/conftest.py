"""Two instruments, our ids, and replies as the venue writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson
import pytest

from mmfast.bybit.trade import TradeCodec
from mmfast.ids import ClientIds
from mmfast.messages import Batch, Category, Command, Flag, Instrument, Op, Side
from mmfast.units import (
    ClientId,
    InstrumentIndex,
    Lots,
    QuoteE8,
    Ticks,
    slot_of,
)

MakeBatch = Callable[..., Batch]
MakeReply = Callable[..., bytes]


def instrument(index: int, symbol: str, tick_decimals: int, step_decimals: int) -> Instrument:
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


@pytest.fixture
def instruments() -> tuple[Instrument, ...]:
    return (instrument(0, "BTCUSDT", 1, 3), instrument(1, "ETHUSDT", 2, 2))


@pytest.fixture
def ids() -> ClientIds:
    return ClientIds("mmt1", epoch=3)


@pytest.fixture
def codec(instruments: tuple[Instrument, ...], ids: ClientIds) -> TradeCodec:
    return TradeCodec(instruments, ids, Category.LINEAR)


@pytest.fixture
def make_batch(ids: ClientIds) -> MakeBatch:
    def make(op: Op = Op.PLACE, count: int = 3, *, single: bool = False) -> Batch:
        flags = {Op.PLACE: Flag.POST_ONLY, Op.AMEND: Flag.AMEND_PRICE, Op.CANCEL: Flag.NONE}[op]
        commands = tuple(
            Command(
                op,
                slot_of(n % 2, n & 1, 0),
                InstrumentIndex(n % 2),
                Side(n & 1),
                flags,
                Ticks(650_000 + n),
                Lots(10),
                ids.next(),
            )
            for n in range(count)
        )
        return Batch(
            batch_id=1,
            tick_id=1,
            op=op,
            category=Category.LINEAR,
            single=single,
            commands=commands,
        )

    return make


@pytest.fixture
def make_reply(ids: ClientIds) -> MakeReply:
    """A reply to a batch with these item codes, as the venue writes it."""

    def make(batch: Batch, codes: Sequence[int]) -> bytes:
        rows, verdicts = [], []
        for command, code in zip(batch.commands, codes, strict=True):
            acked = code == 0
            rows.append(
                {
                    "category": "linear",
                    "symbol": "BTCUSDT",
                    "orderId": venue_id(command.client_id) if acked else "",
                    "orderLinkId": ids.text(command.client_id),
                    "createAt": "1740453408555" if acked else "",
                }
            )
            verdicts.append({"code": code, "msg": "OK" if acked else "refused"})
        return orjson.dumps(
            {
                "retCode": 0,
                "retMsg": "OK",
                "result": {"list": rows},
                "retExtInfo": {"list": verdicts},
                "time": 1740453408556,
            }
        )

    return make


def venue_id(client_id: ClientId) -> str:
    return f"6afd7e83-7176-4f73-93e0-{client_id:012x}"
