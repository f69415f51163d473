"""Tables by id against dictionaries, through any sequence of what can be done to them."""

from __future__ import annotations

import gc
import sys
import weakref

import oracle_by_id
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfast._core.by_id import IdMemory, IdTable

EPOCH = 7 << 32
#: Multiplied by the constant of the hash, these all point to the same place.
INVERSE = pow(0x9E3779B97F4A7C15, -1, 1 << 64)
CROWDED = [
    (number * INVERSE & (1 << 64) - 1) - (1 << 64) * (number * INVERSE >> 63 & 1)
    for number in range(12)
]
IDS = st.one_of(
    st.integers(EPOCH, EPOCH + 40),
    st.sampled_from(CROWDED),
    st.sampled_from([0, -1, (1 << 63) - 1, -(1 << 63)]),
    st.integers(-(1 << 63), (1 << 63) - 1),
)
ABSENT = -3


@given(st.lists(st.tuples(st.sampled_from(["put", "put", "pop", "get"]), IDS), max_size=300))
def test_a_table_is_what_a_dictionary_is(steps):
    made, twin = IdTable(), oracle_by_id.IdTable()
    for number, (what, id_) in enumerate(steps):
        given_ = (id_, str(number)) if what == "put" else (id_,)
        assert getattr(made, what)(*given_) == getattr(twin, what)(*given_)
        assert made.holds(id_) is twin.holds(id_)
        assert len(made) == len(twin)
    assert made.values() == twin.values()


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.sampled_from(["put", "put", "put", "forget", "get"]), IDS), max_size=300),
)
def test_a_memory_forgets_what_its_twin_forgets(limit, steps):
    made, twin = IdMemory(limit), oracle_by_id.IdMemory(limit)
    for number, (what, id_) in enumerate(steps):
        given_ = {"put": (id_, number), "get": (id_, ABSENT), "forget": (id_,)}[what]
        assert getattr(made, what)(*given_) == getattr(twin, what)(*given_)
        assert made.holds(id_) is twin.holds(id_)
        assert len(made) == len(twin) <= limit
    assert all(made.get(id_, ABSENT) == twin.get(id_, ABSENT) for _, id_ in steps)


def test_thousands_of_ids_that_come_and_go():
    made, twin = IdTable(), oracle_by_id.IdTable()
    for number in range(20_000):
        for table in (made, twin):
            table.put(EPOCH + number, number)
            table.pop(EPOCH + number - 3_000 - number % 7)
        assert len(made) == len(twin)
    assert made.values() == twin.values()


def test_what_is_held_is_held_once():
    """A reference too few would free an order that is still looked at, one too many keeps it."""
    table, value = IdTable(), object()
    before = sys.getrefcount(value)
    for id_ in (1, 2, 1):
        table.put(id_, value)
    assert sys.getrefcount(value) == before + 2
    assert table.pop(1) is value
    assert sys.getrefcount(value) == before + 1
    table.put(2, None)
    assert sys.getrefcount(value) == before
    table.put(3, value)
    del table
    assert sys.getrefcount(value) == before


class Kept:
    """Something whose end can be heard of."""


def test_whatever_the_end_of_a_value_sets_off_finds_a_whole_table():
    table, heard = IdTable(), []
    weakref.finalize(first := Kept(), lambda: heard.append((len(table), table.get(1))))
    table.put(1, first)
    del first
    gc.collect()
    table.put(1, "second")
    assert heard == [(1, "second")]


@pytest.mark.parametrize("limit", [0, -1, 1 << 29])
def test_a_memory_has_a_limit(limit):
    with pytest.raises(ValueError, match=f"limit: expected .*, found {limit}"):
        IdMemory(limit)


@pytest.mark.parametrize("id_", [1 << 63, -(1 << 63) - 1])
def test_ids_have_64_bits(id_):
    with pytest.raises(OverflowError):
        IdTable().put(id_, None)
    with pytest.raises(OverflowError):
        IdMemory(1).put(id_, 0)
