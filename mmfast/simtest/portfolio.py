"""I4 for all instruments together: what leaves brings the worst case of none above the limit.

Recomputed whole from what the venue truly holds whenever something leaves; the engine's own sums
are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mmfast.simtest.truth import Truth


class Coming(NamedTuple):
    """A request on its way that may still add to what is open."""

    instrument: int
    side: int
    lots: int
    until_ns: int


class Portfolio:
    """``limit_e8`` is what the configuration allows, valued at the mid without any shock: that is
    less than what the engine reckons with, and leaves room for prices that it has not read yet."""

    def __init__(self, truth: Truth, limit_e8: int) -> None:
        self._truth = truth
        self._limit_e8 = limit_e8

    def fault(self, name: str, coming: Mapping[str, Coming], mids_x2: Iterable[int | None]) -> str:
        """Why the request ``name``, already among those on their way, should not have left;
        ``mids_x2`` holds twice the lowest mid of late of each instrument, in ticks."""
        row = coming[name]
        rows = list(coming.values())
        if self._may_reduce(row.instrument, row.side, rows):
            return ""
        total_e8 = 0
        for instrument, mid_x2 in enumerate(mids_x2):
            unit_e8 = self._truth.instruments[instrument].tick_lot_value_e8
            total_e8 += self._worst_lots(instrument, rows) * (mid_x2 or 0) * unit_e8 // 2
        if total_e8 <= self._limit_e8:
            return ""
        return f"the worst case of all instruments is {total_e8}, at most {self._limit_e8} (1e-8)"

    def _may_reduce(self, instrument: int, side: int, coming: list[Coming]) -> bool:
        """With all of its side filled there is no larger position than the engine may believe to
        be there: such a request may always leave. Orders of the other side excuse nothing."""
        truth, sign = self._truth, 1 - 2 * side
        theirs = truth.foreign_drift(instrument, sign)
        held = theirs + truth.own_unheard(instrument, sign) - sign * truth.positions[instrument]
        return self._side_lots(instrument, side, coming) - theirs <= held

    def _worst_lots(self, instrument: int, coming: list[Coming]) -> int:
        """The larger position that one side, all filled, would leave; what others traded so
        lately that the engine may not know is left out."""
        return max(
            0,
            *(
                self._side_lots(instrument, side, coming)
                - self._truth.foreign_drift(instrument, 1 - 2 * side)
                for side in (0, 1)
            ),
        )

    def _side_lots(self, instrument: int, side: int, coming: list[Coming]) -> int:
        """The position in the direction of a side, with all filled that is or may become open."""
        truth = self._truth
        lots = (1 - 2 * side) * truth.positions[instrument] + truth.open_lots[instrument][side]
        return lots + sum(
            row.lots for row in coming if (row.instrument, row.side) == (instrument, side)
        )


class OpenNotional:
    """I4: what truly rests, at its prices, of all instruments together. The engine counts what is
    on its way as well, so its limit holds for the venue's book at every instant."""

    def __init__(self, truth: Truth, limit_e8: int) -> None:
        self._truth = truth
        self._limit_e8 = limit_e8

    def fault(self) -> str:
        """What is too much; empty when nothing is."""
        instruments = self._truth.instruments
        total_e8 = sum(
            order.leaves * order.ticks * instruments[order.instrument].tick_lot_value_e8
            for order in self._truth.open.values()
            if not self._truth.is_news(order)
        )
        if total_e8 <= self._limit_e8:
            return ""
        return f"orders worth {total_e8} are open, at most {self._limit_e8} (1e-8)"
