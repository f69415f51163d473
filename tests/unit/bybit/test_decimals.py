"""Decimal text against Python's own decimals."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmfast.bybit.decimals import e8, exact, product_e8

plain = st.from_regex(r"-?[0-9]{1,25}(\.[0-9]{0,25})?", fullmatch=True)


def reference_e8(value: Decimal) -> int:
    with localcontext() as context:
        context.prec = 200
        return int((value * 10**8).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def is_as_wanted(found: Callable[[], int], wanted: int) -> None:
    """The wanted number, or refused because 64 bits cannot hold it."""
    if -(2**63) <= wanted < 2**63:
        assert found() == wanted
        return
    with pytest.raises(ValueError, match="beyond 64 bits"):
        found()


@given(plain)
@example("92233720368.54775807")
@example("92233720368.54775808")
@example("-92233720368.54775808")
def test_money_is_the_nearest_1e8(text: str) -> None:
    is_as_wanted(lambda: e8(text), reference_e8(Decimal(text)))


@given(plain, plain)
@example("92233720368", "1")
@example("-92233720369", "1")
def test_products_are_rounded_once(left: str, right: str) -> None:
    with localcontext() as context:
        context.prec = 200
        wanted = reference_e8(Decimal(left) * Decimal(right))
    is_as_wanted(lambda: product_e8(left, right), wanted)


@pytest.mark.parametrize("text", [None, ""])
def test_nothing_is_zero(text: str | None) -> None:
    assert e8(text) == 0
    assert product_e8(text, "5") == product_e8("5", text) == 0


@pytest.mark.parametrize(
    "text", ["NaN", "1e5", "Infinity", "1_0", " 1", "1 ", "+1", "--1", ".5", "0x1", "\u0661", "1,5"]
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="plain decimal"):
        exact(text)
