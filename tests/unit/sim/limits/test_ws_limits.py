"""Rolling counters: exact to the nanosecond, apart by key, bounded in memory."""

from __future__ import annotations

import random

from mmfast.sim.limits import connections as ws_limits
from mmfast.sim.limits.connections import RollingCount


def test_no_window_of_any_position_holds_more_than_the_limit() -> None:
    for seed in range(20):
        draw = random.Random(seed)
        limit, period_ns = draw.randrange(1, 8), draw.randrange(10, 60)
        count = RollingCount(limit, period_ns)
        passed: dict[str, list[int]] = {"a": [], "b": []}
        now_ns = 0
        for _ in range(400):
            now_ns += draw.randrange(0, 8)
            key = draw.choice("ab")
            # The plain rule: how many passed in the period that ends now, this instant included.
            recent = [one for one in passed[key] if one > now_ns - period_ns]
            assert count.admit(key, now_ns) == (len(recent) < limit), f"seed {seed}"
            if len(recent) < limit:
                passed[key].append(now_ns)


def test_keys_that_have_nothing_to_count_are_forgotten(monkeypatch) -> None:
    monkeypatch.setattr(ws_limits, "_MAX_KEYS", 50)
    count = RollingCount(3, 100)
    for number in range(1_000):
        assert count.admit(f"address {number}", number * 10)
        assert len(count._windows) <= 51
    # The forgotten ones had nothing left to count: the rule is the same as with memory.
    assert [count.admit("address 999", 9_990) for _ in range(3)] == [True, True, False]


def test_a_dropped_key_begins_anew() -> None:
    count = RollingCount(1, 100)
    assert [count.admit("k", 0), count.admit("k", 1)] == [True, False]
    count.drop("k")
    count.drop("nobody")
    assert count.admit("k", 2)
