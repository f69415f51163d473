"""The test of the tests: every planted bug breaks some promise within 200 seeds."""

from __future__ import annotations

from pathlib import Path

import interpreted
import pytest
from planted import BUGS

SEEDS = 200
QUICK = (
    "timeout_means_never_sent",
    "the_epoch_is_not_written",
    "late_executions_are_dropped",
    "quotes_stay_when_the_private_stream_is_lost",
    "the_gate_stays_open",
    "an_amend_is_sent_twice",
    "another_hand_is_ignored",
    "another_hand_asks_for_no_operator",
)
"""Caught by their first seeds; they keep the others honest in every run of the tests."""
HUNT = Path(__file__).with_name("hunt.py")


def hunt(name: str) -> dict[str, object]:
    """Which seed catches a bug. What is compiled cannot be patched, so the engine is interpreted;
    that it is the same engine is shown elsewhere."""
    return interpreted.json_of(str(HUNT), name, "--seeds", str(SEEDS), codes=(0, 1))


def test_there_are_enough_of_them() -> None:
    names = [bug.name for bug in BUGS]
    assert len(set(names)) == len(names) >= 25
    assert set(names) >= set(QUICK)


def test_each_can_still_be_planted() -> None:
    """What a bug replaces has to be there: else the hunt for it ends before it has begun."""
    program = (
        f"import sys; sys.path.insert(0, {str(HUNT.parent)!r}); import planted\n"
        "for bug in planted.BUGS:\n with bug.plant(): pass\n"
        "print(len(planted.BUGS))"
    )
    assert interpreted.json_of("-c", program) == len(BUGS)


@pytest.mark.parametrize("name", QUICK)
def test_a_planted_bug_is_caught(name: str) -> None:
    assert hunt(name)["seed"] is not None


@pytest.mark.long
@pytest.mark.simtest
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [bug.name for bug in BUGS if bug.name not in QUICK])
def test_every_planted_bug_is_caught(name: str) -> None:
    assert hunt(name)["seed"] is not None, f"{name} was not caught by {SEEDS} seeds"
