"""The obvious twin of mmfast._core.wide: Python's integers have no end."""

from __future__ import annotations


def _integers(*values):
    for value in values:
        if not -(2**63) <= value < 2**63:
            raise OverflowError("not a 64-bit integer")


def mul_div(a, b, divisor):
    _integers(a, b, divisor)
    if divisor <= 0:
        raise ValueError("divisor")
    result = a * b // divisor
    _integers(result)
    return result


def product_greater(a, b, c, d):
    _integers(a, b, c, d)
    return a * b > c * d
