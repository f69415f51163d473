"""Books after a tick or a step has grown: orders placed before it rest where they are, off the new
grid, and the venue's frames tell of them.

Such frames are read on the old grid, which divides the new one, and what they add up to is told in
new ticks and lots: prices away from the middle, sizes down. That costs a whole book for each frame;
it is paid only for instruments that changed, until the engine is started again.
"""

from __future__ import annotations

from math import gcd
from typing import Final

from mmfast._core.book import TOP, Book
from mmfast._core.fixed import format_grid
from mmfast.messages import Instrument

Units = tuple[int, int, int, int]
"""Decimals and units of the tick, then of the step."""
_SIDES: Final = (0, 1)


def units_of(instrument: Instrument) -> Units:
    """What our integers of an instrument mean."""
    return (
        instrument.tick_decimals,
        instrument.tick_units,
        instrument.step_decimals,
        instrument.step_units,
    )


class Rough:
    """The deep book and its witness as the venue tells them, on the grid ``fine``, which divides
    ``units``."""

    def __init__(self, symbol: str, depth: int, fine: Units, units: Units) -> None:
        self._symbol = symbol
        self._units = units
        self._ticks = _ratio(fine[:2], units[:2])
        self._lots = _ratio(fine[2:], units[2:])
        self._depth = depth
        self._fine = Book(symbol, depth, *fine)
        self._top = Book(symbol, 1, *fine)

    def apply(self, book: Book, data: bytes) -> int:
        """Apply a frame of the deep book, and bring ``book``, which is in the units in force, up to
        it. Returns and raises what :meth:`Book.apply` does."""
        return self._apply(book, self._fine, self._depth, data)

    def apply_top(self, witness: Book, data: bytes) -> int:
        """The same of the level-1 stream."""
        return self._apply(witness, self._top, 1, data)

    def reset(self) -> None:
        """The streams begin anew."""
        self._fine.reset()
        self._top.reset()

    def _apply(self, book: Book, fine: Book, depth: int, data: bytes) -> int:
        changes = fine.apply(data)
        # What lies below the best fine level may be part of the best rough one.
        return changes & ~TOP | book.apply(self._frame(fine, depth)) & TOP

    def _frame(self, fine: Book, depth: int) -> bytes:
        bids, asks = (self._levels(fine, side, depth) for side in _SIDES)
        return (
            f'{{"topic":"orderbook.{depth}.{self._symbol}","type":"snapshot","ts":{fine.ts_ms},'
            f'"data":{{"s":"{self._symbol}","b":[{bids}],"a":[{asks}],"u":{fine.update_id},'
            f'"seq":{fine.seq}}},"cts":{fine.cts_ms}}}'
        ).encode()

    def _levels(self, fine: Book, side: int, depth: int) -> str:
        sums: dict[int, int] = {}
        for ticks, lots in fine.levels(side, depth):
            rough = -(-ticks // self._ticks) if side else ticks // self._ticks
            sums[rough] = sums.get(rough, 0) + lots
        tick_decimals, tick_units, step_decimals, step_units = self._units
        return ",".join(
            f'["{format_grid(ticks, tick_decimals, tick_units).decode()}",'
            f'"{format_grid(lots // self._lots, step_decimals, step_units).decode()}"]'
            for ticks, lots in sums.items()
            if ticks and lots >= self._lots
        )


def common(one: Units, other: Units) -> Units:
    """The coarsest units of which both are multiples."""
    return (*_common(one[:2], other[:2]), *_common(one[2:], other[2:]))


def divides(fine: Units, units: Units) -> bool:
    """Whether ``units`` are told apart by ``fine`` without being the same."""
    return (_ratio(fine[:2], units[:2]), _ratio(fine[2:], units[2:])) != (1, 1)


def _common(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    decimals = max(one[0], other[0])
    return decimals, gcd(one[1] * 10 ** (decimals - one[0]), other[1] * 10 ** (decimals - other[0]))


def _ratio(fine: tuple[int, int], coarse: tuple[int, int]) -> int:
    """So many of the one make the other."""
    return int(coarse[1] * 10 ** fine[0] // (fine[1] * 10 ** coarse[0]))
