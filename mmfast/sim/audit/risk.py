"""What an account stood to lose, at its worst instant: positions and all that could fill.

The audit keeps its own books from the orders and fills it is shown, so that an error in the
venue's accounts does not hide itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmfast.messages import Category, Instrument, Side
from mmfast.sim.instruments.figures import money
from mmfast.sim.orders.orders import Fill, Order
from mmfast.units import E8


def dollars_e8(instrument: Instrument, ticks: int, lots: int) -> int:
    """Value of a size in 1e-8 dollars (dollar coins): of inverse contracts, their face value."""
    if instrument.category is Category.INVERSE:
        return lots * instrument.step_units * E8 // int(10**instrument.step_decimals)
    return int(instrument.notional_e8(ticks, lots))


class Exposure:
    """One account's position and open orders in every instrument, and the worst they could be.

    The worst of one instrument is the larger of: position and all open buys filled, position and
    all open sells filled. Reduce-only orders are left out: they never grow a position. The worst
    of all instruments is the sum of their values, as if everything filled against the account.
    Fills start from a flat position; a spot position is what was bought less what was sold.
    """

    __slots__ = (
        "_instruments",
        "_leaves",
        "_marks",
        "_max_lots",
        "_max_total_e8",
        "_max_value_e8",
        "_open",
        "_total_e8",
        "_values_e8",
        "positions",
    )

    def __init__(self, instruments: Sequence[Instrument], marks: Sequence[int]) -> None:
        """``marks`` is the live list of mark prices by instrument."""
        count = len(instruments)
        self._instruments = instruments
        self._marks = marks
        self.positions = [0] * count
        """Signed lots, by instrument."""
        self._open = [[0, 0] for _ in range(count)]
        # Order id to its lots in ``_open``.
        self._leaves: dict[str, int] = {}
        self._values_e8 = [0] * count
        self._total_e8 = 0
        self._max_lots = [0] * count
        self._max_value_e8 = [0] * count
        self._max_total_e8 = 0

    def order(self, order: Order) -> None:
        """An order is as it is now: more, less, or nothing of it could fill."""
        lots = order.leaves if order.is_open and not order.reduce_only else 0
        before = self._leaves.pop(order.order_id, 0)
        if lots:
            self._leaves[order.order_id] = lots
        if lots != before:
            self._open[order.instrument][order.side] += lots - before
            self.weigh(order.instrument)

    def fill(self, fill: Fill) -> None:
        """A fill moves lots from open orders to the position, in one instant."""
        self.positions[fill.instrument] += fill.lots if fill.side == Side.BUY else -fill.lots
        lots = self._leaves.get(fill.order_id, 0)
        if lots:
            left = max(0, lots - fill.lots)
            self._leaves[fill.order_id] = left
            self._open[fill.instrument][fill.side] += left - lots
        self.weigh(fill.instrument)

    def weigh(self, instrument: int) -> None:
        """Take the worst anew after a change of orders, position or mark price."""
        lots = self.worst_lots(instrument)
        if not lots and not self._values_e8[instrument]:
            return
        value = dollars_e8(self._instruments[instrument], self._marks[instrument], lots)
        self._total_e8 += value - self._values_e8[instrument]
        self._values_e8[instrument] = value
        self._max_lots[instrument] = max(self._max_lots[instrument], lots)
        self._max_value_e8[instrument] = max(self._max_value_e8[instrument], value)
        self._max_total_e8 = max(self._max_total_e8, self._total_e8)

    def worst_lots(self, instrument: int) -> int:
        """The largest position, either way, that fills of open orders could lead to now."""
        position = self.positions[instrument]
        buys, sells = self._open[instrument]
        return max(position + buys, sells - position, 0)

    def report(self) -> dict[str, object]:
        """The worst that ever was, values in dollars; instruments that never had any left out."""
        rows = [
            {
                "category": item.category.text,
                "symbol": item.symbol,
                "max_lots": self._max_lots[i],
                "max_value": money(self._max_value_e8[i]),
                "lots_now": self.worst_lots(i),
            }
            for i, item in enumerate(self._instruments)
            if self._max_lots[i]
        ]
        return {
            "instruments": rows,
            "max_total_value": money(self._max_total_e8),
            "total_value_now": money(self._total_e8),
        }
