"""The obvious twin of mmfast._core.fixed: exact fractions and a regular expression."""

from __future__ import annotations

import re
from fractions import Fraction

MAX_DIGITS = 18
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")


class FixedError(ValueError):
    """Text or an argument that the twin refuses."""


def _number(text: str | bytes) -> Fraction:
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    if not _PLAIN.fullmatch(text):
        raise FixedError(f"not a plain decimal: {text!r}")
    if "." in text:
        text = text.rstrip("0")
    # Hundreds of digits with one that counts at each end fit no grid and are too much to compute.
    if len(text.lstrip("+-0")) > 400:
        raise FixedError("too long")
    return Fraction(f"{text}0" if text.endswith(".") else text)


def parse_units(text: str | bytes, decimals: int) -> int:
    if not 0 <= decimals <= MAX_DIGITS:
        raise FixedError("decimals")
    scaled = _number(text) * 10**decimals
    if scaled.denominator != 1:
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
    whole, fraction = divmod(abs(units), 10**decimals)
    digits = f"{whole}.{fraction:0{decimals}d}" if decimals else str(whole)
    return (b"-" if units < 0 else b"") + digits.encode()


def mul(a: int, b: int) -> int:
    if not INT64_MIN <= a * b <= INT64_MAX:
        raise OverflowError
    return a * b


def format_grid(count: int, decimals: int, unit: int) -> bytes:
    return format_units(mul(count, unit), decimals)


def split_step(text: str | bytes) -> tuple[int, int]:
    value = _number(text)
    for decimals in range(MAX_DIGITS + 1):
        scaled = value * 10**decimals
        if scaled.denominator == 1:
            if not 0 < scaled <= INT64_MAX:
                break
            return decimals, int(scaled)
    raise FixedError("not a step")


def floor_to(value: int, step: int) -> int:
    if step <= 0:
        raise ValueError("step")
    return mul(value // step, step)


def ceil_to(value: int, step: int) -> int:
    if step <= 0:
        raise ValueError("step")
    return mul(-(-value // step), step)
