"""The obvious twin of mmfast._core.fixed: Decimal arithmetic and regular expressions."""

from __future__ import annotations

import re
from decimal import Context, Decimal

MAX_DIGITS = 18
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")
_EXACT = Context(prec=400)


class FixedError(ValueError):
    """Text or an argument that the twin refuses."""


def _number(text: str | bytes) -> Decimal:
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    if not _PLAIN.fullmatch(text):
        raise FixedError(f"not a plain decimal: {text!r}")
    return Decimal(text)


def parse_units(text: str | bytes, decimals: int) -> int:
    if not 0 <= decimals <= MAX_DIGITS:
        raise FixedError("decimals")
    scaled = _number(text).scaleb(decimals, _EXACT)
    if scaled != scaled.to_integral_value():
        raise FixedError("more decimals than allowed")
    if not INT64_MIN <= scaled <= INT64_MAX:
        raise FixedError("does not fit 64 bits")
    return int(scaled)


def parse_grid(text: str | bytes, decimals: int, unit: int) -> int:
    if unit <= 0:
        raise FixedError("unit")
    units = parse_units(text, decimals)
    if units % unit:
        raise FixedError("off the grid")
    return units // unit


def format_units(units: int, decimals: int) -> bytes:
    if not 0 <= decimals <= MAX_DIGITS:
        raise FixedError("decimals")
    return f"{Decimal(units).scaleb(-decimals, _EXACT):.{decimals}f}".encode()


def mul(a: int, b: int) -> int:
    if not INT64_MIN <= a * b <= INT64_MAX:
        raise OverflowError
    return a * b


def format_grid(count: int, decimals: int, unit: int) -> bytes:
    return format_units(mul(count, unit), decimals)


def split_step(text: str | bytes) -> tuple[int, int]:
    value = _number(text)
    for decimals in range(MAX_DIGITS + 1):
        scaled = value.scaleb(decimals, _EXACT)
        if scaled == scaled.to_integral_value():
            if not 0 < scaled <= INT64_MAX:
                break
            return decimals, int(scaled)
    raise FixedError("not a step")


def floor_to(value: int, step: int) -> int:
    if step <= 0:
        raise ValueError
    return mul(value // step, step)


def ceil_to(value: int, step: int) -> int:
    if step <= 0:
        raise ValueError
    return mul(-(-value // step), step)
