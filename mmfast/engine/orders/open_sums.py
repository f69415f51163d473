"""What all open orders come to: number and value, of each instrument and of the account.

Kept order by order as things happen, never added up. An order counts by its worst size at its
price, an amend in flight at the higher of its two prices.
"""

from __future__ import annotations

from typing import Final

from mmfast._core.wide import product_greater
from mmfast.engine.orders.order import NOT_COUNTED, Order
from mmfast.engine.rotation import Rotation
from mmfast.units import E8

MOST_E8: Final = 10**9 * E8
"""The highest limit that can be configured. Nothing counts for more, so that sums stay within 64
bits; beyond it every limit is passed anyway."""
_MOST_E8: Final = MOST_E8
_NOT_COUNTED: Final = NOT_COUNTED


class OpenSum:
    """The open orders of one instrument."""

    __slots__ = ("count", "open_e8", "unit_e8")

    def __init__(self) -> None:
        self.unit_e8 = 0
        """The value of one lot moved by one tick; 0 where values do not matter."""
        self.count = 0
        self.open_e8 = 0


class OpenSums:
    """All of them. ``moved`` marks the instruments whose orders have changed."""

    __slots__ = ("_sums", "moved", "open_e8")

    def __init__(self, instruments: int) -> None:
        self._sums = [OpenSum() for _ in range(instruments)]
        self.moved = Rotation(instruments)
        self.open_e8 = 0

    def of(self, instrument: int) -> OpenSum:
        """One instrument's."""
        return self._sums[instrument]

    def drop(self, order: Order) -> None:
        """It has ended."""
        one = self.of(order.instrument)
        one.count -= 1

    def count(self, order: Order) -> None:
        """It is new, or its size or its price may have changed."""
        one = self.of(order.instrument)
        if order.counted_e8 == _NOT_COUNTED:
            one.count += 1
            order.counted_e8 = 0
        price = max(order.price_ticks, order.pending_price_ticks)
        worth_e8 = value_e8(order.counted_lots, price, one.unit_e8)
        one.open_e8 += worth_e8 - order.counted_e8
        self.open_e8 += worth_e8 - order.counted_e8
        order.counted_e8 = worth_e8
        self.moved.mark(order.instrument)


def value_e8(lots: int, price_ticks: int, unit_e8: int) -> int:
    """``lots * price_ticks * unit_e8``: not below 0, and not above ``MOST_E8``."""
    if lots <= 0 or unit_e8 <= 0:
        return 0
    if product_greater(lots, price_ticks, _MOST_E8 // unit_e8, 1):
        return _MOST_E8
    return lots * price_ticks * unit_e8
