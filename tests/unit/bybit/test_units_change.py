"""Rows after an instrument's units have changed."""

from __future__ import annotations

import msgspec
import pytest

from mmfast.bybit.rows import ExecutionRow, RowReader
from mmfast.bybit.tickers import TickerReader
from mmfast.errors import RemoteProtocolError
from mmfast.ids import ClientIds
from mmfast.messages import ReferencePrice
from mmfast.sim.instruments.catalogue import listings

[LISTING] = listings(("BTCUSDT",))
OLD = msgspec.structs.replace(LISTING.instrument, index=0)
NEW = msgspec.structs.replace(OLD, step_decimals=2, step_units=1, tick_units=5)
CHANGED_MS = 1_700_000_000_000


def execution(qty: str, at_ms: int) -> ExecutionRow:
    row = {
        "symbol": "BTCUSDT",
        "category": "linear",
        "execId": "e1",
        "orderId": "o1",
        "side": "Buy",
        "execPrice": "65000.1",
        "execQty": qty,
        "execFee": "0.5",
        "execType": "Trade",
        "execTime": str(at_ms),
        "seq": 9,
    }
    return msgspec.convert(row, ExecutionRow)


@pytest.fixture
def reader() -> RowReader:
    made = RowReader((OLD,), ClientIds("mmt1", 3))
    assert (OLD.step_decimals, OLD.step_units) == (3, 1)
    made.replace(NEW, CHANGED_MS)
    return made


def test_what_traded_in_the_old_lots_costs_its_fee_and_moves_nothing(reader: RowReader) -> None:
    """A reading of the account goes back a minute and more: it must stay readable."""
    for qty in ("0.004", "0.04"):
        old = reader.execution(execution(qty, CHANGED_MS))
        assert old is not None
        assert (old.lots, old.value_e8, old.fee_e8) == (0, 0, 50_000_000)


def test_what_trades_afterwards_counts_in_the_new_lots(reader: RowReader) -> None:
    new = reader.execution(execution("0.04", CHANGED_MS + 1))
    assert new is not None
    assert (new.lots, new.value_e8) == (4, 260_000_400_000)
    with pytest.raises(RemoteProtocolError, match="whole number of quantity steps"):
        reader.execution(execution("0.004", CHANGED_MS + 1))


def test_other_filters_settle_nothing(reader: RowReader) -> None:
    reader.replace(msgspec.structs.replace(NEW, max_order_lots=7))
    old = reader.execution(execution("0.04", CHANGED_MS))
    assert old is not None
    assert old.lots == 0


def test_a_price_of_the_ticker_is_told_in_new_ticks_once_it_is_told() -> None:
    reader = TickerReader((OLD,), "mark")
    told = b'{"topic":"tickers.BTCUSDT","data":{"markPrice":"65000.70"}}'
    quiet = b'{"topic":"tickers.BTCUSDT","data":{}}'
    assert reader.read(0, told) == ReferencePrice(0, 650_007)
    reader.replace(NEW)
    assert reader.read(0, quiet) == ReferencePrice(0, 0)
    assert reader.read(0, told) == ReferencePrice(0, 130_001)
    assert reader.read(0, quiet) == ReferencePrice(0, 130_001)
