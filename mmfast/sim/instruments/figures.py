"""Integers to the venue's text and back. Strings exist only in requests and rows."""

from __future__ import annotations

from typing import Final

from mmfast._core.fixed import format_units, parse_grid
from mmfast.messages import Category
from mmfast.sim.instruments.catalogue import Listing
from mmfast.sim.instruments.decimals import decimal_text
from mmfast.sim.instruments.worth import DOLLAR_DECIMALS, decimals_of

_AVERAGE_DECIMALS: Final = 8
#: An inverse average is as exact as the rounded values it comes from.
_INVERSE_EXTRA_DECIMALS: Final = 4


def money(atoms: int, coin: str = "USDT") -> str:
    """An amount of a coin as text, without surplus zeros."""
    if not atoms:
        return "0"
    return decimal_text(atoms, decimals_of(coin))


class Figures:
    """Prices and sizes of one instrument as text."""

    __slots__ = (
        "_coin_decimals",
        "_price_scale",
        "_price_unit",
        "_step_decimals",
        "_step_units",
        "_tick_decimals",
        "_tick_units",
        "category",
        "nothing",
    )

    def __init__(self, listing: Listing) -> None:
        instrument = listing.instrument
        self.category = instrument.category.text
        """The venue's word for the category."""
        self._coin_decimals = decimals_of(instrument.settle_coin)
        self._tick_decimals = instrument.tick_decimals
        self._tick_units = instrument.tick_units
        self._price_scale = listing.price_scale
        # Prices print with the venue's price scale, which may carry a zero the tick size does not.
        surplus = listing.price_scale - instrument.tick_decimals
        self._price_unit = instrument.tick_units * 10**surplus
        self._step_decimals = instrument.step_decimals
        self._step_units = instrument.step_units
        self.nothing = self.qty(0)
        """A size of nothing, with the decimals of the quantity step."""

    def price(self, ticks: int) -> str:
        """A price as the venue prints it, for example ``"65000.10"``."""
        return format_units(ticks * self._price_unit, self._price_scale).decode()

    def qty(self, lots: int) -> str:
        """A size with exactly the decimals of the quantity step."""
        return format_units(lots * self._step_units, self._step_decimals).decode()

    def amount(self, atoms: int) -> str:
        """An amount of the coin this instrument's values are in, as text."""
        if not atoms:
            return "0"
        return decimal_text(atoms, self._coin_decimals)

    def average(self, value: int, lots: int) -> str:
        """Average price of a value and a size, rounded to 1e-8, as text; ``"0"`` for nothing."""
        if not lots:
            return "0"
        units = lots * self._step_units
        numerator = 2 * value * 10 ** (self._step_decimals + _AVERAGE_DECIMALS - DOLLAR_DECIMALS)
        return decimal_text((numerator + units) // (2 * units), _AVERAGE_DECIMALS)

    def read_price(self, text: str) -> int:
        """Ticks of a price; ``ValueError`` unless it is a plain decimal on the grid."""
        return parse_grid(text, self._tick_decimals, self._tick_units)

    def read_qty(self, text: str) -> int:
        """Lots of a size; ``ValueError`` unless it is a plain decimal on the grid."""
        return parse_grid(text, self._step_decimals, self._step_units)


class InverseFigures(Figures):
    """Prices and sizes of a coin-margined contract: the average price is the harmonic one."""

    __slots__ = ()

    def average(self, value: int, lots: int) -> str:
        """Size over value: the price at which one trade would have had this value."""
        if not lots or not value:
            return "0"
        decimals = self._price_scale + _INVERSE_EXTRA_DECIMALS
        scale = self._coin_decimals + decimals - self._step_decimals
        dollars = 2 * lots * self._step_units * 10**scale
        return decimal_text((dollars + value) // (2 * value), decimals)


def figures_of(listing: Listing) -> Figures:
    """The figures of a listing's category."""
    is_inverse = listing.instrument.category is Category.INVERSE
    return InverseFigures(listing) if is_inverse else Figures(listing)
