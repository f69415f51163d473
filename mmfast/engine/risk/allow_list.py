"""What the check of the leaving bytes is told: the symbols that may be traded, and their limits."""

from __future__ import annotations

from collections.abc import Sequence

from mmfast._core.leaving import LeavingCheck
from mmfast.engine.params import SymbolParams
from mmfast.engine.quoting.terms import MOST_TICK_LOTS
from mmfast.messages import Instrument


def allow(
    check: LeavingCheck, instruments: Sequence[Instrument], symbols: Sequence[SymbolParams]
) -> None:
    """Our own limits, taken from where they are configured and not from what the engine made of
    them; what the venue bounds beside them it sees to itself."""
    for known, params in zip(instruments, symbols, strict=True):
        check.allow(
            known.index,
            known.symbol,
            known.tick_decimals,
            known.tick_units,
            known.step_decimals,
            known.step_units,
            params.max_order_lots,
            min(params.max_order_value_e8 // known.tick_lot_value_e8, MOST_TICK_LOTS),
            params.price_collar_e4,
            params.max_distance_e4,
        )
