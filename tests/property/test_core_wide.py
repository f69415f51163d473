"""Products that leave 64 bits: exact, or refused, never wrapped round."""

from __future__ import annotations

import oracle_wide
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfast._core import wide as core

LARGEST = 2**63 - 1
EDGES = [0, 1, -1, 2, 2**31, 2**53, LARGEST, -LARGEST, -LARGEST - 1]
ANY = st.integers(-LARGEST - 1, LARGEST) | st.sampled_from(EDGES)


def answer(function, *arguments):
    try:
        return function(*arguments)
    except (OverflowError, ValueError) as error:
        return type(error)


@given(a=ANY, b=ANY, divisor=ANY)
def test_mul_div_is_exact_or_refused(a: int, b: int, divisor: int) -> None:
    expected = answer(oracle_wide.mul_div, a, b, divisor)
    assert answer(core.mul_div, a, b, divisor) == expected


@given(a=ANY, b=ANY, c=ANY, d=ANY)
def test_product_greater_is_exact(a: int, b: int, c: int, d: int) -> None:
    assert core.product_greater(a, b, c, d) == oracle_wide.product_greater(a, b, c, d)
    assert not core.product_greater(a, b, b, a)


@pytest.mark.parametrize("call", [core.mul_div, lambda a, b, c: core.product_greater(a, b, c, 1)])
def test_what_does_not_fit_is_refused(call) -> None:
    with pytest.raises(OverflowError):
        call(LARGEST + 1, 1, 1)


def test_rounding_is_downwards_on_both_sides_of_zero() -> None:
    assert core.mul_div(7, 1, 2) == 3
    assert core.mul_div(-7, 1, 2) == -4
    assert core.mul_div(-(2**62), 6, 4) == -(2**62) * 6 // 4
    assert core.mul_div(LARGEST, LARGEST, LARGEST) == LARGEST
