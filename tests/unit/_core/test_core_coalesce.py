"""The merging rules, one by one, and what a drain gives."""

from __future__ import annotations

import tracemalloc

import pytest

CANCEL, AMEND, PLACE = 0, 1, 2
POST_ONLY, REDUCE_ONLY, IOC, URGENT, PRICE, QTY = 1, 2, 4, 8, 16, 32
BOTH = PRICE | QTY

OLD, NEW = 501, 502  # client ids: the order that may rest, the one that would be new

HELD = {
    "nothing": [],
    "place": [(PLACE, 3, POST_ONLY, 100, 10, OLD)],
    "amend": [(AMEND, 3, PRICE, 100, 10, OLD)],
    "cancel": [(CANCEL, 3, 0, 7, 8, OLD)],
    "replace": [(CANCEL, 3, 0, 7, 8, OLD), (PLACE, 3, POST_ONLY, 100, 10, NEW)],
}
NEWER = {
    "place": (PLACE, 3, POST_ONLY, 200, 20, 900),
    "reduce": (PLACE, 3, REDUCE_ONLY, 200, 20, 900),
    "amend": (AMEND, 3, QTY, 200, 20, 901),
    "cancel": (CANCEL, 3, 0, 0, 0, 902),
}
REPLACED = [(CANCEL, 3, 0, 0, 0, OLD), (PLACE, 3, POST_ONLY, 200, 20, 900)]
REDUCED = [(CANCEL, 3, 0, 0, 0, OLD), (PLACE, 3, REDUCE_ONLY, 200, 20, 900)]

# held, newer, amend_replaces, what the slot then holds, commands saved
RULES = [
    ("nothing", "place", False, [NEWER["place"]], 0),
    ("nothing", "amend", False, [NEWER["amend"]], 0),
    ("nothing", "cancel", False, [NEWER["cancel"]], 0),
    ("place", "place", False, [NEWER["place"]], 1),
    ("place", "amend", False, [(PLACE, 3, POST_ONLY, 200, 20, OLD)], 1),
    ("place", "cancel", False, [], 2),
    ("amend", "amend", False, [(AMEND, 3, BOTH, 200, 20, 901)], 1),
    ("amend", "place", False, [(AMEND, 3, BOTH, 200, 20, OLD)], 1),
    ("amend", "reduce", True, REDUCED, 0),
    ("amend", "cancel", False, [NEWER["cancel"]], 1),
    ("cancel", "cancel", False, [(CANCEL, 3, 0, 7, 8, OLD)], 1),
    ("cancel", "place", False, REPLACED, 0),
    ("cancel", "place", True, [(AMEND, 3, BOTH, 200, 20, OLD)], 1),
    ("cancel", "reduce", True, REDUCED, 0),
    ("cancel", "amend", False, [NEWER["amend"]], 1),
    ("replace", "place", False, REPLACED, 1),
    ("replace", "place", True, REPLACED, 1),
    (
        "replace",
        "amend",
        False,
        [(CANCEL, 3, 0, 0, 0, OLD), (PLACE, 3, POST_ONLY, 200, 20, NEW)],
        1,
    ),
    ("replace", "cancel", False, [(CANCEL, 3, 0, 0, 0, OLD)], 2),
]


@pytest.mark.parametrize(("held", "newer", "amend_replaces", "result", "saved"), RULES)
def test_merging_rule(coalesce, held, newer, amend_replaces, result, saved):
    table = coalesce.IntentTable(8)
    for command in HELD[held]:
        table.put(*command)
    assert len(table) == len(HELD[held])
    table.set_amend_replaces(amend_replaces)
    assert table.put(*NEWER[newer]) == saved
    assert list(table.peek(3)) == result
    assert table.saved == saved
    assert len(table) == len(result)
    for op in (CANCEL, AMEND, PLACE):
        assert table.count(op) == sum(command[0] == op for command in result)
    assert sorted(table.drain(9, 9, 9)) == sorted(result)
    assert len(table) == 0


@pytest.mark.parametrize("where", ["held", "newer"])
@pytest.mark.parametrize(("held", "newer"), [(h, n) for h in HELD if h != "nothing" for n in NEWER])
def test_urgency_stays_while_the_cell_lives(coalesce, held, newer, where):
    table = coalesce.IntentTable(8)
    for command in HELD[held]:
        table.put(*command[:2], command[2] | (URGENT if where == "held" else 0), *command[3:])
    command = NEWER[newer]
    table.put(*command[:2], command[2] | (URGENT if where == "newer" else 0), *command[3:])
    assert all(command[2] & URGENT for command in table.peek(3))
    # A slot that was emptied starts anew.
    table.clear(3)
    table.put(PLACE, 3, 0, 1, 1, 1)
    assert table.peek(3) == ((PLACE, 3, 0, 1, 1, 1),)


def test_an_urgent_cell_that_vanishes_leaves_no_urgency(coalesce):
    table = coalesce.IntentTable(4)
    table.put(PLACE, 0, URGENT, 1, 1, 1)
    table.put(CANCEL, 0, 0, 0, 0, 1)
    table.put(PLACE, 1, 0, 1, 1, 2)
    table.put(PLACE, 0, 0, 1, 1, 3)
    assert [command[5] for command in table.drain(0, 0, 9)] == [2, 3]


def test_drain_order_is_cancels_amends_places_urgent_first_then_oldest(coalesce):
    table = coalesce.IntentTable(16)
    table.put(PLACE, 9, 0, 1, 1, 90)
    table.put(CANCEL, 8, 0, 0, 0, 80)
    table.put(AMEND, 7, PRICE, 1, 1, 70)
    table.put(PLACE, 6, URGENT, 1, 1, 60)
    table.put(CANCEL, 5, 0, 0, 0, 50)
    table.put(CANCEL, 4, URGENT, 0, 0, 40)
    # Slot 7 was wanted before slot 5, and keeps its place when the amend becomes a cancel.
    table.put(CANCEL, 7, 0, 0, 0, 70)
    drained = table.drain(9, 9, 9)
    assert [command[1] for command in drained] == [4, 8, 7, 5, 6, 9]
    assert [command[0] for command in drained] == [CANCEL] * 4 + [PLACE] * 2


def test_limits_leave_the_rest_in_order(coalesce):
    table = coalesce.IntentTable(16)
    for slot in range(10):
        table.put(PLACE, slot, URGENT if slot % 3 == 0 else 0, 1, 1, slot + 1)
    assert table.drain(5, 5, -1) == []
    assert [command[1] for command in table.drain(0, 0, 3)] == [0, 3, 6]
    assert [command[1] for command in table.drain(0, 0, 3)] == [9, 1, 2]
    assert table.count(PLACE) == len(table) == 4
    assert [command[1] for command in table.drain(0, 0, 99)] == [4, 5, 7, 8]


def test_a_place_never_goes_without_its_cancel(coalesce):
    table = coalesce.IntentTable(4)
    table.put(CANCEL, 2, 0, 0, 0, 5)
    table.put(PLACE, 2, POST_ONLY, 10, 1, 6)
    assert table.drain(0, 9, 9) == []
    assert len(table) == 2
    assert table.drain(1, 0, 0) == [(CANCEL, 2, 0, 0, 0, 5)]
    # The cancel has gone, so now this is an unsent place like any other.
    assert table.peek(2) == ((PLACE, 2, POST_ONLY, 10, 1, 6),)
    assert table.put(CANCEL, 2, 0, 0, 0, 6) == 2
    assert len(table) == 0
    table.put(CANCEL, 2, 0, 0, 0, 5)
    table.put(PLACE, 2, 0, 10, 1, 6)
    assert [command[0] for command in table.drain(1, 0, 1)] == [CANCEL, PLACE]


def test_a_command_is_taken_by_its_slot(coalesce):
    table = coalesce.IntentTable(8)
    for slot in (3, 1, 2):
        table.put(AMEND, slot, PRICE, 10 + slot, 4, 100 + slot)
    assert not table.take_at(PLACE, 1)
    assert table.take_at(AMEND, 1)
    assert (table.taken_slot, table.taken_price_ticks, table.taken_lots) == (1, 11, 4)
    assert (table.taken_op, table.taken_flags, table.taken_client_id) == (AMEND, PRICE, 101)
    assert not table.take_at(AMEND, 1), "it is gone"
    assert table.held_slots() == [3, 2]


def test_a_place_is_not_taken_by_its_slot_before_its_cancel(coalesce):
    table = coalesce.IntentTable(4)
    table.put(CANCEL, 2, 0, 0, 0, 5)
    table.put(PLACE, 2, POST_ONLY, 10, 1, 6)
    assert not table.take_at(PLACE, 2)
    assert table.take_at(CANCEL, 2)
    assert table.taken_client_id == 5
    assert table.take_at(PLACE, 2)
    assert table.taken_client_id == 6


def test_an_amend_is_split_into_a_cancel_and_a_place(coalesce):
    table = coalesce.IntentTable(4, True)
    table.put(AMEND, 1, PRICE, 10, 7, 5)
    assert table.split(1, POST_ONLY, 6)
    assert table.peek(1) == ((CANCEL, 1, 0, 0, 0, 5), (PLACE, 1, POST_ONLY, 10, 7, 6))
    assert [table.count(op) for op in (CANCEL, AMEND, PLACE)] == [1, 0, 1]
    assert not table.split(1, POST_ONLY, 8), "only an amend can be split"
    assert not table.split(0, POST_ONLY, 8)


def test_clear_forgets(coalesce):
    table = coalesce.IntentTable(4)
    table.put(CANCEL, 0, URGENT, 0, 0, 5)
    table.put(PLACE, 0, 0, 10, 1, 6)
    table.put(AMEND, 1, PRICE, 10, 1, 7)
    assert table.clear(0) == 2
    assert table.clear(0) == table.clear(3) == 0
    assert len(table) == 1
    table.put(PLACE, 3, 0, 1, 1, 8)
    assert table.clear_all() == 2
    assert table.clear_all() == len(table) == 0
    assert table.drain(9, 9, 9) == []
    assert table.saved == 0


def test_nonsense_is_refused(coalesce):
    table = coalesce.IntentTable(4)
    for op, slot in ((-1, 0), (3, 0), (0, -1), (0, 4), (0, 2**40)):
        with pytest.raises(ValueError, match=r"op|slot"):
            table.put(op, slot, 0, 1, 1, 1)
    for call in (table.peek, table.clear):
        with pytest.raises(ValueError, match="slot"):
            call(4)
    with pytest.raises(ValueError, match="op"):
        table.count(3)
    for slots in (0, -1, 2**40):
        with pytest.raises(ValueError, match="slots"):
            coalesce.IntentTable(slots)
    assert len(table) == 0


def test_puts_and_drains_leave_no_memory_behind():
    from mmfast._core import coalesce

    table = coalesce.IntentTable(8)
    commands = [(op, slot, 9, 10, 1, 2**60 + slot) for slot in range(8) for op in (0, 2, 1)]

    def rounds(count):
        for turn in range(count):
            table.set_amend_replaces(turn % 2 == 0)
            for command in commands:
                table.put(*command)
            table.drain(turn % 4, turn % 3, turn % 5)
            table.clear(turn % 8)
        table.clear_all()

    tracemalloc.start()
    try:
        rounds(200)
        before, _ = tracemalloc.get_traced_memory()
        rounds(5000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The counter of what was saved is one integer; a leak of one tuple would show as 300 kB.
    assert after - before < 1000


def test_a_put_or_a_clear_ends_an_open_drain_and_loses_nothing(coalesce):
    core = coalesce.__name__.startswith("mmfast.")
    if not core:
        return  # the twin takes all at once; what must not happen in between it does not show
    for meddle in (
        lambda table: table.put(PLACE, 5, 0, 1, 1, 5),
        lambda table: table.put_fields(PLACE, 5, 0, 1, 1, 5),
        lambda table: table.clear(2),
    ):
        table = coalesce.IntentTable(8)
        for slot in range(3):
            table.put(CANCEL, slot, 0, 0, 0, slot + 1)
        table.open_drain(CANCEL, 9)
        assert table.take()
        meddle(table)
        held = len(table)
        assert not table.take()
        assert len(table) == held
        assert len(table.drain(9, 9, 9)) == held


@pytest.mark.parametrize("fields", [(3, 0, 0), (0, 8, 0), (0, -1, 0), (0, 0, -1), (0, 0, 65_536)])
def test_compiled_callers_are_refused_by_the_same_bounds(coalesce, fields):
    table = coalesce.IntentTable(8)
    with pytest.raises(ValueError, match=r"op|slot|flags"):
        table.put_fields(*fields, 1, 1, 1)
    assert len(table) == 0
