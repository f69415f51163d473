"""Fills and what the market did after them: the mark-outs that tell good quotes from bad luck."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final

from mmfast.messages import Instrument, Side
from mmfast.sim.instruments.decimals import decimal_text
from mmfast.sim.orders.orders import Fill
from mmfast.units import NEVER_NS, NS_PER_MS

HORIZONS_MS: Final = (100, 1_000, 5_000)
"""How long after a fill the mid price is looked at."""
FILLS_KEPT: Final = 10_000
"""Fills listed one by one; sums are over all."""
_E4: Final = 10_000
_BPS_DECIMALS: Final = 4


class _Marked:
    """One fill; a mark-out is in half ticks, positive when the market went the fill's way."""

    __slots__ = ("at_ns", "fill", "is_foreign", "marks_x2")

    def __init__(self, fill: Fill, at_ns: int, *, is_foreign: bool) -> None:
        self.fill = fill
        self.at_ns = at_ns
        self.is_foreign = is_foreign
        self.marks_x2: list[int | None] = [None] * len(HORIZONS_MS)


class _Sum:
    """Mark-outs of many fills at one horizon."""

    __slots__ = ("bps_e4", "count", "lots", "ticks_x2_lots")

    def __init__(self) -> None:
        self.count = 0
        self.lots = 0
        self.ticks_x2_lots = 0
        self.bps_e4 = 0


class MarkOuts:
    """All fills of one account. ``mid_x2`` gives best bid plus best ask of an instrument."""

    __slots__ = ("_fills", "_instruments", "_mid_x2", "_sums", "_waiting", "count", "due_ns")

    def __init__(self, instruments: Sequence[Instrument], mid_x2: Callable[[int], int]) -> None:
        self._instruments = instruments
        self._mid_x2 = mid_x2
        self._fills: deque[_Marked] = deque(maxlen=FILLS_KEPT)
        # One queue per horizon: fills come in time order, and so do their looks.
        self._waiting: tuple[deque[_Marked], ...] = tuple(deque() for _ in HORIZONS_MS)
        self._sums: dict[tuple[int, bool], list[_Sum]] = {}
        self.count = 0
        self.due_ns = NEVER_NS
        """When the next look is due (very large: never)."""

    def fill(self, fill: Fill, now_ns: int, *, is_foreign: bool) -> None:
        """Begin to watch a fill."""
        one = _Marked(fill, now_ns, is_foreign=is_foreign)
        self.count += 1
        self._fills.append(one)
        for queue in self._waiting:
            queue.append(one)
        self._plan()

    def _plan(self) -> None:
        self.due_ns = min(
            (
                queue[0].at_ns + horizon * NS_PER_MS
                for queue, horizon in zip(self._waiting, HORIZONS_MS, strict=True)
                if queue
            ),
            default=NEVER_NS,
        )

    def look(self, until_ns: int) -> None:
        """Do the looks due at or before ``until_ns``; books must be as they were since the
        earliest of them."""
        for place, horizon in enumerate(HORIZONS_MS):
            queue = self._waiting[place]
            while queue and queue[0].at_ns + horizon * NS_PER_MS <= until_ns:
                self._mark(queue.popleft(), place)
        self._plan()

    def _mark(self, one: _Marked, place: int) -> None:
        fill = one.fill
        moved = self._mid_x2(fill.instrument) - 2 * fill.ticks
        moved = moved if fill.side == Side.BUY else -moved
        one.marks_x2[place] = moved
        key = (fill.instrument, fill.is_maker)
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = [_Sum() for _ in HORIZONS_MS]
        total = sums[place]
        total.count += 1
        total.lots += fill.lots
        total.ticks_x2_lots += moved * fill.lots
        total.bps_e4 += _bps_e4(moved, fill.ticks)

    def report(self) -> dict[str, object]:
        """Sums by instrument and role, and the newest fills, oldest first.

        Mark-outs are in ticks and in basis points of the fill price, positive when the mid moved
        in favour of the fill; null while the time is not yet over.
        """
        return {
            "count": self.count,
            "markouts": [
                self._sum_row(index, sums, is_maker=is_maker)
                for (index, is_maker), sums in sorted(self._sums.items(), key=itemgetter(0))
            ],
            "fills": [self._fill_row(one) for one in self._fills],
        }

    def _sum_row(self, index: int, sums: list[_Sum], *, is_maker: bool) -> dict[str, object]:
        item = self._instruments[index]
        row: dict[str, object] = {
            "category": item.category.text,
            "symbol": item.symbol,
            "role": "maker" if is_maker else "taker",
        }
        for horizon, one in zip(HORIZONS_MS, sums, strict=True):
            row[f"{horizon}_ms"] = {
                "fills": one.count,
                "mean_ticks": _mean(one.ticks_x2_lots * _E4, 2 * one.lots),
                "mean_bps": _mean(one.bps_e4, one.count),
            }
        return row

    def _fill_row(self, one: _Marked) -> dict[str, object]:
        fill, item = one.fill, self._instruments[one.fill.instrument]
        row: dict[str, object] = {
            "category": item.category.text,
            "symbol": item.symbol,
            "side": "Buy" if fill.side == Side.BUY else "Sell",
            "role": "maker" if fill.is_maker else "taker",
            "ticks": fill.ticks,
            "lots": fill.lots,
            "exec_ms": int(fill.exec_ms),
            "order_id": fill.order_id,
            "link_id": fill.link_id,
            "is_foreign": one.is_foreign,
        }
        for horizon, moved in zip(HORIZONS_MS, one.marks_x2, strict=True):
            row[f"{horizon}_ms"] = None if moved is None else {
                "ticks": decimal_text(moved * 5, 1),
                "bps": decimal_text(_bps_e4(moved, fill.ticks), _BPS_DECIMALS),
            }  # fmt: skip
        return row


def _bps_e4(moved_x2: int, ticks: int) -> int:
    """Half ticks as 1e-4 basis points of a price, rounded towards zero."""
    size = abs(moved_x2) * _E4 * _E4 // (2 * ticks)
    return size if moved_x2 >= 0 else -size


def _mean(total_e4: int, count: int) -> str | None:
    """A mean with four decimals, rounded towards zero; None over nothing."""
    if not count:
        return None
    size = abs(total_e4) // count
    return decimal_text(size if total_e4 >= 0 else -size, _BPS_DECIMALS)
