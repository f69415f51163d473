"""Integers to the venue's text and back. Strings exist only in requests and rows."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mmfast._core.fixed import format_units, parse_grid

if TYPE_CHECKING:
    from mmfast.sim.catalogue import Listing

_E8_DECIMALS = 8


def grid_of(step: Decimal) -> tuple[int, int]:
    """A tick size or quantity step as ``(decimals, units)`` with ``units * 10**-decimals``."""
    shortest = step.normalize()
    exponent = int(shortest.as_tuple().exponent)
    if exponent >= 0:
        return 0, int(shortest)
    return -exponent, int(shortest.scaleb(-exponent))


def decimal_text(units: int, decimals: int) -> str:
    """``units * 10**-decimals`` without surplus zeros: ``(6500010, 2)`` -> ``"65000.1"``."""
    sign = "-" if units < 0 else ""
    whole, part = divmod(abs(units), 10**decimals)
    if not part:
        return f"{sign}{whole}" if whole else "0"
    return f"{sign}{whole}.{part:0{decimals}d}".rstrip("0")


def money(e8: int) -> str:
    """An amount in 1e-8 coins as text, without surplus zeros."""
    if not e8:
        return "0"
    return decimal_text(e8, _E8_DECIMALS)


class Figures:
    """Prices and sizes of one instrument as text."""

    __slots__ = (
        "_price_scale",
        "_price_unit",
        "_step_decimals",
        "_step_units",
        "_tick_decimals",
        "_tick_units",
        "category",
    )

    def __init__(self, listing: Listing) -> None:
        instrument = listing.instrument
        self.category = instrument.category.text
        """The venue's word for the category."""
        self._tick_decimals = instrument.tick_decimals
        self._tick_units = instrument.tick_units
        self._price_scale = listing.price_scale
        # Prices print with the venue's price scale, which may carry a zero the tick size does not.
        surplus = listing.price_scale - instrument.tick_decimals
        self._price_unit = instrument.tick_units * 10**surplus
        self._step_decimals = instrument.step_decimals
        self._step_units = instrument.step_units

    def price(self, ticks: int) -> str:
        """A price as the venue prints it, for example ``"65000.10"``."""
        return format_units(ticks * self._price_unit, self._price_scale).decode()

    def qty(self, lots: int) -> str:
        """A size with exactly the decimals of the quantity step."""
        return format_units(lots * self._step_units, self._step_decimals).decode()

    def average(self, value_e8: int, lots: int) -> str:
        """Value over size, rounded to 1e-8, as text; ``"0"`` when nothing was traded."""
        if not lots:
            return "0"
        units = lots * self._step_units
        return money((2 * value_e8 * 10**self._step_decimals + units) // (2 * units))

    def read_price(self, text: str) -> int:
        """Ticks of a price; ``ValueError`` unless it is a plain decimal on the grid."""
        return parse_grid(text, self._tick_decimals, self._tick_units)

    def read_qty(self, text: str) -> int:
        """Lots of a size; ``ValueError`` unless it is a plain decimal on the grid."""
        return parse_grid(text, self._step_decimals, self._step_units)
