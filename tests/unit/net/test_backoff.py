"""Waiting between attempts."""

from __future__ import annotations

import random

import pytest

from mmfast.net.backoff import Backoff, ConnectBudget


class HandClock:
    def __init__(self) -> None:
        self.ns = 0

    def now_ns(self) -> int:
        return self.ns

    def wall_ms(self) -> int:
        return 0


def test_delays_double_to_the_cap_and_start_again() -> None:
    backoff = Backoff(random.Random(1), first_s=1.0, cap_s=8.0)
    steps = [1, 2, 4, 8, 8, 8]
    for step in steps:
        assert step / 2 <= backoff.next_s() <= step
    backoff.reset()
    assert backoff.next_s() <= 1


def test_the_same_seed_waits_the_same_and_another_does_not() -> None:
    def delays(seed: int) -> list[float]:
        backoff = Backoff(random.Random(seed))
        return [backoff.next_s() for _ in range(20)]

    assert delays(7) == delays(7)
    assert delays(7) != delays(8)


@pytest.mark.parametrize(("first_s", "cap_s"), [(0, 1), (-1, 1), (2, 1)])
def test_senseless_delays_are_refused(first_s: float, cap_s: float) -> None:
    with pytest.raises(ValueError, match="first_s"):
        Backoff(random.Random(1), first_s, cap_s)


def test_connects_never_exceed_the_window() -> None:
    clock = HandClock()
    budget = ConnectBudget(clock, limit=3, window_s=10)
    stamps = []
    for _ in range(50):
        wait_s = budget.wait_s()
        clock.ns += int(wait_s * 1e9)
        assert budget.wait_s() == 0
        budget.take()
        stamps.append(clock.ns)
        clock.ns += 1_000_000_000
    for stamp in stamps:
        assert sum(stamp - 10_000_000_000 < other <= stamp for other in stamps) <= 3
    assert budget.used == 50
