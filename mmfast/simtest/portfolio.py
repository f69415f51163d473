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
        ``mids_x2`` holds twice the lowest mid of late of each instrument, in ticks. It may leave
        if it makes its instrument no worse, be it by what others traded of late or without."""
        others = [row for key, row in coming.items() if key != name]
        index = coming[name].instrument
        rows = list(coming.values())
        if not all(
            self._worst_lots(index, rows, heard=heard)
            > self._worst_lots(index, others, heard=heard)
            for heard in (False, True)
        ):
            return ""
        total_e8 = 0
        for instrument, mid_x2 in enumerate(mids_x2):
            unit_e8 = self._truth.instruments[instrument].tick_lot_value_e8
            total_e8 += (
                self._worst_lots(instrument, rows, heard=False) * (mid_x2 or 0) * unit_e8 // 2
            )
        if total_e8 <= self._limit_e8:
            return ""
        return f"the worst case of all instruments is {total_e8}, at most {self._limit_e8} (1e-8)"

    def _worst_lots(self, instrument: int, coming: list[Coming], *, heard: bool) -> int:
        """The larger position that one side, all filled, would leave; what others traded so
        lately that the engine may not know is left out, unless it has ``heard`` of it."""
        truth = self._truth
        position = truth.positions[instrument]
        worst = 0
        for side, sign in ((0, 1), (1, -1)):
            open_lots = truth.open_lots[instrument][side]
            open_lots += sum(
                row.lots for row in coming if (row.instrument, row.side) == (instrument, side)
            )
            unheard = 0 if heard else truth.foreign_drift(instrument, sign)
            worst = max(worst, sign * position + open_lots - unheard)
        return worst


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
        )
        if total_e8 <= self._limit_e8:
            return ""
        return f"orders worth {total_e8} are open, at most {self._limit_e8} (1e-8)"
