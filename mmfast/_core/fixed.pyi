"""Exact decimal text to and from 64-bit integers."""

from typing import Final

MAX_DIGITS: Final[int]
"""Largest number of decimals (18)."""

class FixedError(ValueError):
    """Text is not a plain decimal, or does not fit the grid or 64 bits."""

def parse_units(text: str | bytes, decimals: int) -> int:
    """``"65000.10"`` at 1 decimal -> 650001. Exact.

    Accepts an optional sign, digits, at most one point, surplus zeros. Refuses (FixedError)
    empty text, exponents, spaces, signs inside, non-zero digits beyond ``decimals``, overflow.
    ``decimals`` is 0 to 18.
    """

def parse_grid(text: str | bytes, decimals: int, unit: int) -> int:
    """``parse_units`` divided by ``unit``; FixedError when it is not a whole multiple."""

def format_units(units: int, decimals: int) -> bytes:
    """650001 at 1 decimal -> ``b"65000.1"``; always exactly ``decimals`` fractional digits."""

def format_grid(count: int, decimals: int, unit: int) -> bytes:
    """``format_units(count * unit, decimals)`` with a checked multiply (OverflowError)."""

def split_step(text: str | bytes) -> tuple[int, int]:
    """A tick size or quantity step as (decimals, units): ``"0.10"`` -> (1, 1), ``"0.5"`` -> (1, 5),
    ``"10"`` -> (0, 10). Trailing zeros drop out. FixedError unless positive."""

def floor_to(value: int, step: int) -> int:
    """Largest multiple of ``step`` not above ``value`` (``step`` > 0)."""

def ceil_to(value: int, step: int) -> int:
    """Smallest multiple of ``step`` not below ``value`` (``step`` > 0)."""

def mul(a: int, b: int) -> int:
    """Product of two int64; OverflowError when it does not fit."""
