"""Files of whole payloads: our own, and a folder of the venue's own with ``--payloads DIR``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmfast.messages import Category, Instrument
from mmfast.units import InstrumentIndex, Lots, QuoteE8, Ticks

OWN = Path(__file__).resolve().parents[1] / "contract" / "payloads"


def folders(config: pytest.Config) -> list[Path]:
    given = config.getoption("--payloads", default=None)
    return [OWN, Path(given)] if given else [OWN]


def payloads(config: pytest.Config, prefix: str, *, without: str = "request") -> Iterator[Any]:
    """Payloads whose file name starts with ``prefix``, as (name, bytes)."""
    found = 0
    for folder in folders(config):
        for path in sorted(folder.glob(f"{prefix}*.json")):
            if without not in path.name:
                found += 1
                yield path.name, path.read_bytes()
    assert found, f"no payload starts with {prefix!r}: a test without cases proves nothing"


def fine_instrument(symbol: str, category: Category, index: int = 0) -> Instrument:
    """Filters fine enough for any figure in a payload."""
    return Instrument(
        index=InstrumentIndex(index),
        symbol=symbol,
        category=category,
        base_coin="",
        quote_coin="USDT",
        settle_coin="USDT",
        tick_decimals=8,
        tick_units=1,
        step_decimals=8,
        step_units=1,
        min_price_ticks=Ticks(1),
        max_price_ticks=Ticks(1 << 60),
        min_order_lots=Lots(1),
        max_order_lots=Lots(1 << 60),
        min_notional_e8=QuoteE8(0),
        tick_lot_value_e8=1,
    )
