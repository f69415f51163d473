"""Instructions per operation against the baseline, where valgrind is present."""

from __future__ import annotations

import compare
import counts
import operations
import pytest

pytestmark = pytest.mark.timeout(600)
COUNTED = "body_20_place"


def counted(names, notes):
    """Counts; a skip that the end of the run repeats, where nothing can be counted."""
    try:
        return counts.count(names)
    except counts.NotCountable as reason:
        notes.append(f"INSTRUCTION COUNTS WERE NOT COMPARED: {reason}")
        pytest.skip(str(reason))


def test_instructions_per_operation(notes, pytestconfig):
    """At most three in a hundred more than recorded."""
    found = counted([], notes)
    if pytestconfig.getoption("--refresh-baseline"):
        compare.write_instructions(found._asdict())
        return
    recorded = counts.Counts(**compare.read()["instructions"])
    assert found.per_operation.keys() == recorded.per_operation.keys()
    if differences := found.comparable(recorded):
        notes.append(f"INSTRUCTION COUNTS WERE NOT COMPARED, made differently: {differences}")
        pytest.skip(f"not comparable with the baseline: {differences}")
    assert not found.worse(recorded), f"at most {counts.WORSE} times what is recorded"


def test_a_planted_slowdown_of_one_order_in_twenty_is_found(notes):
    found = counted([operations.FEWER, COUNTED], notes)
    few, all_twenty = (found.per_operation[name] for name in (operations.FEWER, COUNTED))
    recorded = found._replace(per_operation={COUNTED: few})
    assert recorded.worse(recorded) == {}
    slower = found._replace(per_operation={COUNTED: all_twenty})
    assert slower.worse(recorded).keys() == {COUNTED}


def test_counts_made_differently_are_not_compared(notes):
    found = counted([COUNTED], notes)
    assert found.comparable(found) == []
    other = found._replace(made_with=found.made_with | {"signatures": "another"})
    [difference] = found.comparable(other)
    assert "signatures" in difference
