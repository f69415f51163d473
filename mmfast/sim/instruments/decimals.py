"""Decimals as whole numbers and back: a step of a grid, and text without surplus zeros."""

from __future__ import annotations

from decimal import Decimal


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
