"""Named tuples made from their values are those that Python makes of them."""

from __future__ import annotations

import gc
import sys
from typing import NamedTuple

import oracle_tuples
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfast._core.tuples import command, named
from mmfast.messages import Command, Op, Side


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


NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1)


@given(st.sampled_from(Op), st.sampled_from(Side), st.lists(NUMBERS, min_size=6, max_size=6))
def test_a_command_is_what_the_twin_makes(op, side, numbers):
    slot, instrument, *rest = numbers
    values = (op, slot, instrument, side, *rest)
    made = command(Command, *values)
    assert type(made) is Command
    assert made == oracle_tuples.command(Command, *values)
    assert made.op is op
    assert made.side is side


def test_the_values_of_a_command_are_held_once():
    price_ticks, side = 1 << 40, object()
    before = sys.getrefcount(side)
    made = command(Command, Op.PLACE, 1, 2, side, 3, price_ticks, 5, 6)
    assert sys.getrefcount(side) == before + 1
    held = sys.getrefcount(made.price_ticks)  # by the command, and by the call itself
    assert held == 2
    del made
    assert sys.getrefcount(side) == before


def test_no_kind_of_tuple():
    with pytest.raises(TypeError, match="a kind of tuple, found list"):
        named(list, (1,))
    with pytest.raises(TypeError, match="a kind of tuple, found dict"):
        command(dict, Op.PLACE, 1, 2, Side.BUY, 3, 4, 5, 6)
