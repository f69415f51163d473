"""Two instruments, our ids, and replies as the venue writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from batches import batch_of, linear_instrument, rest_reply

from mmfast.bybit.trade import TradeCodec
from mmfast.ids import ClientIds
from mmfast.messages import Batch, Category, Instrument, Op

MakeBatch = Callable[..., Batch]
MakeReply = Callable[..., bytes]


@pytest.fixture
def instruments() -> tuple[Instrument, ...]:
    return (linear_instrument(), linear_instrument(1, "ETHUSDT", 2, 2))


@pytest.fixture
def ids() -> ClientIds:
    return ClientIds("mmt1", epoch=3)


@pytest.fixture
def codec(instruments: tuple[Instrument, ...], ids: ClientIds) -> TradeCodec:
    return TradeCodec(instruments, ids, Category.LINEAR)


@pytest.fixture
def make_batch(ids: ClientIds) -> MakeBatch:
    def make(op: Op = Op.PLACE, count: int = 3, *, single: bool = False) -> Batch:
        return batch_of(ids, op, count, single=single, instruments=2)

    return make


@pytest.fixture
def make_reply(ids: ClientIds) -> MakeReply:
    """A reply to a batch with these item codes, as the venue writes it."""

    def make(batch: Batch, codes: Sequence[int]) -> bytes:
        return rest_reply(ids, batch, codes)

    return make
