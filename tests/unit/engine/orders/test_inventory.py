"""Inventory: each execution counts once, to the last unit, whatever order it comes in."""

from __future__ import annotations

import random

import pytest
from engine_world import SECOND, execution, make_instrument, position

from mmfast.engine.orders import inventory as module
from mmfast.engine.orders.inventory import DISAGREE_NS, Inventory, Position
from mmfast.engine.orders.memory import BoundedMemory
from mmfast.messages import Side

LOT_VALUE = 100_000 * 10_000
"""Value of one lot at 100000 ticks."""


@pytest.fixture
def inventory() -> Inventory:
    return Inventory((make_instrument(0), make_instrument(1)))


def book(inventory: Inventory, *executions) -> None:
    for row in executions:
        if inventory.is_new(row):
            inventory.book(row)


def test_a_round_trip_realises_its_profit(inventory: Inventory) -> None:
    book(
        inventory,
        execution(1, "a", 10),
        execution(2, "b", 4, side=Side.SELL, price_ticks=100_050),
    )
    held = inventory.positions[0]
    assert held.lots == 6
    assert held.realized_e8 == 4 * 50 * 10_000
    assert held.cost_e8 == 6 * LOT_VALUE
    assert held.fees_e8 == 14
    assert held.unrealized_e8(2 * 100_010, 10_000) == 6 * 10 * 10_000
    assert held.unrealized_e8(0, 10_000) == 0


def test_a_fill_that_turns_the_position_closes_and_opens(inventory: Inventory) -> None:
    book(inventory, execution(1, "a", 3), execution(2, "b", 5, side=Side.SELL, price_ticks=100_100))
    held = inventory.positions[0]
    assert held.lots == -2
    assert held.realized_e8 == 3 * 100 * 10_000
    assert held.cost_e8 == -2 * 100_100 * 10_000


def test_pnl_is_conserved_exactly_over_any_sequence_of_trades() -> None:
    """Realised plus unrealised must equal the cash flow plus the marked position."""
    rng = random.Random(4)
    held, cash = Position(), 0
    for _ in range(5000):
        lots = rng.randint(1, 9) * rng.choice((1, -1))
        value = rng.randint(1, 10**15)
        held.trade(lots, value)
        cash -= value if lots > 0 else -value
        mid_x2, tick_value = rng.randint(1, 10**6) * 2, rng.randint(1, 10**6)
        marked = held.lots * mid_x2 * tick_value // 2
        assert held.realized_e8 + held.unrealized_e8(mid_x2, tick_value) == cash + marked
        assert held.lots != 0 or held.cost_e8 == 0


def test_an_execution_counts_once(inventory: Inventory) -> None:
    row = execution(1, "a", 10)
    book(inventory, row, row, row)
    assert inventory.positions[0].lots == 10
    assert inventory.positions[0].fees_e8 == 10


def test_executions_older_than_the_memory_are_taken_for_repeats(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "EXECUTIONS_REMEMBERED", 3)
    inventory = Inventory((make_instrument(0),))
    for n in range(10):
        book(inventory, execution(1, f"e{n}", 1, exec_ms=1000 + n))
    for n in range(10):
        book(inventory, execution(1, f"e{n}", 1, exec_ms=1000 + n))
    assert inventory.positions[0].lots == 10


def test_funding_moves_money_and_no_position(inventory: Inventory) -> None:
    book(inventory, execution(0, "f", 0, exec_type="Funding", fee_e8=-7, value_e8=0))
    book(inventory, execution(0, "g", 5, exec_type="NeverHeardOf"))
    assert inventory.positions[0].fees_e8 == -2
    assert inventory.positions[0].lots == 5, "an unknown kind of trade still moves the position"


def test_the_first_snapshot_contains_the_executions_before_it(inventory: Inventory) -> None:
    inventory.adopt(position(8, seq=50, entry_value_e8=8 * LOT_VALUE))
    inventory.synced = True
    book(inventory, execution(1, "old", 8, seq=50), execution(2, "new", 2, seq=51))
    assert inventory.positions[0].lots == 10
    assert inventory.positions[0].cost_e8 == 10 * LOT_VALUE


def test_a_fill_that_crosses_a_snapshot_on_the_way_is_neither_lost_nor_doubled(
    inventory: Inventory,
) -> None:
    inventory.adopt(position(0, seq=10))
    inventory.synced = True
    book(inventory, execution(1, "a", 5, seq=11), execution(1, "b", 3, seq=13))
    assert not inventory.adopt(position(5, seq=12)), "read before the second fill: agrees"
    assert inventory.positions[0].lots == 8
    assert inventory.adopt(position(9, seq=12)), "a fill of 4 lots was missed"
    assert inventory.positions[0].lots == 12
    book(inventory, execution(1, "missed", 4, seq=12))
    assert inventory.positions[0].lots == 12, "the position taken over contains it"


def test_an_older_reading_does_not_roll_the_position_back(inventory: Inventory) -> None:
    inventory.adopt(position(7, seq=20))
    assert not inventory.adopt(position(3, seq=15))
    assert inventory.positions[0].lots == 7


def test_never_traded_means_before_every_fill_of_ours(inventory: Inventory) -> None:
    inventory.synced = True
    book(inventory, execution(1, "a", 5, seq=11))
    assert not inventory.adopt(position(0, seq=-1))
    assert inventory.positions[0].lots == 5


def test_a_lasting_difference_from_the_venue_is_named(inventory: Inventory) -> None:
    book(inventory, execution(1, "a", 5, seq=11))
    inventory.on_claim(position(5, seq=11), SECOND)
    assert inventory.disagreements(10 * SECOND) == []
    inventory.on_claim(position(9, seq=12), 10 * SECOND)
    assert inventory.disagreements(10 * SECOND + DISAGREE_NS - 1) == []
    assert inventory.disagreements(10 * SECOND + DISAGREE_NS) == [0]
    assert inventory.disagreements(10 * SECOND + DISAGREE_NS + 1) == [], "not every second"
    book(inventory, execution(1, "b", 4, seq=12))
    assert inventory.disagreements(60 * SECOND) == []


def test_a_claim_is_compared_as_of_its_own_sequence(inventory: Inventory) -> None:
    book(inventory, execution(1, "a", 5, seq=11), execution(1, "b", 2, seq=12))
    inventory.on_claim(position(5, seq=11), 0)
    assert inventory.disagreements(60 * SECOND) == []


def test_a_claim_from_before_the_last_reading_says_nothing(inventory: Inventory) -> None:
    inventory.adopt(position(7, seq=20))
    inventory.on_claim(position(3, seq=15), 0)
    assert inventory.disagreements(60 * SECOND) == []


def test_memory_keeps_the_newest_and_says_what_it_forgot() -> None:
    memory = BoundedMemory([("x", -1), ("y", -2)])
    assert memory.put("a", 1) == -1
    assert memory.put("b", 2) == -2
    assert memory.put("a", 3) is None
    assert memory.put("c", 4) == 3
    assert ("a" in memory, memory.get("b"), len(memory)) == (False, 2, 2)
