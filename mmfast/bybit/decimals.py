"""Decimal text of any length to exact or rounded integers.

``_core.fixed`` reads what must lie on a grid; this reads the rest: balances, fees and average
prices, which come with as many digits as the venue likes.
"""

from __future__ import annotations

import re
from typing import Final

from mmfast.units import QuoteE8

_DECIMAL: Final = re.compile(r"(-?)([0-9]{1,40})(?:\.([0-9]{0,40}))?")
_E8_DECIMALS: Final = 8
_BEYOND: Final = 1 << 63


def exact(text: str) -> tuple[int, int]:
    """``"-1.50"`` -> (-150, 2): the number is ``units * 10**-decimals``. ValueError if it is
    not a plain decimal."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError("not a plain decimal")
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
    units = int(whole + fraction)
    return (-units if sign else units), len(fraction)


def pow10(exponent: int) -> int:
    """``10**exponent`` for an exponent that is not negative."""
    return int(10**exponent)


def shift(units: int, decimals: int, to_decimals: int) -> int:
    """``units * 10**-decimals`` as a count of ``10**-to_decimals``, halves away from zero."""
    if decimals <= to_decimals:
        return units * pow10(to_decimals - decimals)
    return round_div(units, pow10(decimals - to_decimals))


def round_div(value: int, divisor: int) -> int:
    """Quotient rounded to the nearest integer, halves away from zero (``divisor`` > 0)."""
    quotient, rest = divmod(abs(value), divisor)
    quotient += 2 * rest >= divisor
    return -quotient if value < 0 else quotient


def bounded(value: int) -> int:
    """The value, if 64 bits hold it, as whatever reckons with it expects; else ValueError."""
    if not -_BEYOND <= value < _BEYOND:
        raise ValueError("beyond 64 bits")
    return value


def e8(text: str | None) -> QuoteE8:
    """Money text in 1e-8; absent and empty mean 0. ValueError if it is not a plain decimal,
    or beyond 64 bits."""
    if not text:
        return QuoteE8(0)
    return QuoteE8(bounded(shift(*exact(text), _E8_DECIMALS)))


def product_e8(left: str | None, right: str | None) -> QuoteE8:
    """Exact product of two decimals in 1e-8, rounded once; 0 when either is absent.
    ValueError as for :func:`e8`."""
    if not left or not right:
        return QuoteE8(0)
    left_units, left_decimals = exact(left)
    right_units, right_decimals = exact(right)
    units, decimals = left_units * right_units, left_decimals + right_decimals
    return QuoteE8(bounded(shift(units, decimals, _E8_DECIMALS)))
