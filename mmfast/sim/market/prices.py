"""Prices of all instruments as accounts need them: marks, and what a coin is worth in dollars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mmfast.messages import Category, Instrument
from mmfast.sim.instruments.worth import COIN_DECIMALS, DOLLAR_COINS
from mmfast.sim.market.bands import Reference
from mmfast.units import E8

#: Whose index prices a coin, best first.
_SOURCES: Final = (Category.SPOT, Category.INVERSE, Category.LINEAR)


class _Source(NamedTuple):
    """An index price, and what turns its ticks times atoms into 1e-8 dollars."""

    reference: Reference
    numerator: int
    denominator: int


class Prices:
    """Mark prices by instrument (``marks``, in ticks) and dollar values of coins.

    Dollar coins count as one dollar; a coin no instrument is based on counts nothing.
    """

    __slots__ = ("_sources", "marks")

    def __init__(self, instruments: Sequence[Instrument], references: Sequence[Reference]) -> None:
        self.marks: list[int] = [reference.mark_ticks for reference in references]
        self._sources: dict[str, _Source] = {}
        for category in _SOURCES:
            for instrument, reference in zip(instruments, references, strict=True):
                if instrument.category is category:
                    self._sources.setdefault(instrument.base_coin, _source(instrument, reference))

    def usd_e8(self, coin: str, atoms: int) -> int:
        """Value of an amount of a coin in 1e-8 dollars at the index price, rounded down."""
        if coin in DOLLAR_COINS:
            return atoms
        source = self._sources.get(coin)
        if source is None:
            return 0
        return atoms * source.reference.index_ticks * source.numerator // source.denominator


def _source(instrument: Instrument, reference: Reference) -> _Source:
    scale = COIN_DECIMALS + instrument.tick_decimals
    return _Source(reference, instrument.tick_units * E8, 10**scale)
