"""The terms on which one instrument is quoted: its filters and our limits, in plain integers.

Copied once when either changes, so that a decision about an order reads integers and nothing
else. Prices and sizes are bounded by what the book itself can hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mmfast._core.wide import product_greater
from mmfast.engine.params import SymbolParams
from mmfast.errors import InvariantError
from mmfast.messages import Instrument

WIDEST: Final = 1 << 53
"""No price in ticks and no size in lots is larger; a higher limit limits nothing more."""
MOST_TICK_LOTS: Final = (1 << 63) - 1
"""Price times size beyond which values are not told apart."""


class Terms:
    """One instrument's. Values are compared in tick-lots, price in ticks times size in lots:
    dividing a limit once is exact, and spares a product for each order."""

    __slots__ = (
        "half_spread_e4",
        "least_lots",
        "least_tick_lots",
        "level_step_e4",
        "levels",
        "max_distance_e4",
        "max_order_lots",
        "max_position_lots",
        "max_price_ticks",
        "min_price_ticks",
        "most_lots",
        "most_tick_lots",
        "order_lots",
        "price_collar_e4",
        "skew_e4",
        "symbol",
        "tolerance_e4",
    )

    def __init__(self, instrument: Instrument, params: SymbolParams) -> None:
        value_e8 = instrument.tick_lot_value_e8
        self.symbol = instrument.symbol
        self.levels = params.levels
        self.half_spread_e4 = params.half_spread_e4
        self.level_step_e4 = params.level_step_e4
        self.skew_e4 = params.skew_e4
        self.tolerance_e4 = params.requote_tolerance_e4
        # Beyond its own bound the venue would change our price, or refuse it.
        self.price_collar_e4 = min(params.price_collar_e4, instrument.price_limit_e8)
        self.max_distance_e4 = params.max_distance_e4
        self.order_lots = _bounded(params.order_lots)
        self.max_order_lots = _bounded(params.max_order_lots)
        self.max_position_lots = _bounded(params.max_position_lots)
        self.min_price_ticks = max(_bounded(instrument.min_price_ticks), 1)
        self.max_price_ticks = _bounded(instrument.max_price_ticks)
        self.least_lots = max(_bounded(instrument.min_order_lots), 1)
        self.most_lots = _bounded(instrument.max_order_lots)
        """The venue's own limit of an order's size."""
        self.least_tick_lots = _tick_lots(-(-instrument.min_notional_e8 // value_e8))
        self.most_tick_lots = _tick_lots(params.max_order_value_e8 // value_e8)

    def below_minimum(self, price_ticks: int, lots: int) -> bool:
        """Less than the venue's smallest order, in size or in value."""
        return lots < self.least_lots or product_greater(self.least_tick_lots, 1, price_ticks, lots)

    def too_valuable(self, price_ticks: int, lots: int) -> bool:
        """Worth more than one order of ours may be."""
        return product_greater(price_ticks, lots, self.most_tick_lots, 1)

    def outside_range(self, price_ticks: int) -> bool:
        """No price of the venue's grid."""
        return not self.min_price_ticks <= price_ticks <= self.max_price_ticks


def _bounded(count: int) -> int:
    return max(-WIDEST, min(count, WIDEST))


def _tick_lots(count: int) -> int:
    return max(-MOST_TICK_LOTS, min(count, MOST_TICK_LOTS))


def match_up(instruments: Sequence[Instrument], symbols: Sequence[SymbolParams]) -> None:
    """InvariantError unless the instruments of a kernel are numbered as they stand, of one
    category, and each has its parameters."""
    if len(instruments) != len(symbols) or not instruments:
        raise InvariantError(
            f"expected parameters for each of {len(instruments)} instruments, found {len(symbols)}"
        )
    if [instrument.index for instrument in instruments] != list(range(len(instruments))):
        raise InvariantError("instruments must be numbered 0, 1, 2 ... in their order")
    if len({instrument.category for instrument in instruments}) != 1:
        raise InvariantError("all instruments of one kernel must be of one category")
