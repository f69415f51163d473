"""Named tuples made from their values are those that Python makes of them."""

from __future__ import annotations

import gc
import sys
from typing import NamedTuple

import oracle_tuples
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfast._core.tuples import named


class Pair(NamedTuple):
    left: object
    right: object = None


@given(st.lists(st.one_of(st.integers(), st.text(), st.none(), st.lists(st.integers()))))
def test_it_is_what_the_twin_makes(values):
    made = named(Pair, tuple(values))
    twin = oracle_tuples.named(Pair, tuple(values))
    assert type(made) is type(twin) is Pair
    assert made == twin
    assert all(one is other for one, other in zip(made, values, strict=True))


def test_every_value_is_held_as_often_as_it_stands_there():
    """A reference too few would free a value that is still looked at, one too many keeps it."""
    value = object()
    before = sys.getrefcount(value)
    made = named(Pair, (value, value))
    assert sys.getrefcount(value) == before + 2
    assert gc.is_tracked(made)
    del made
    assert sys.getrefcount(value) == before


def test_no_kind_of_tuple():
    with pytest.raises(TypeError, match="a kind of tuple, found list"):
        named(list, (1,))
