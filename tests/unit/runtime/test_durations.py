"""Percentiles are those of a sorted list; buckets hold every value once."""

from __future__ import annotations

import math
import random

import pytest

from mmfast.runtime.durations import RING_SIZE, TICK_BOUNDS_MS, Durations
from mmfast.units import NS_PER_MS


def nearest_rank(values: list[int], percent: float) -> float:
    return sorted(values)[max(1, math.ceil(len(values) * percent / 100)) - 1] / NS_PER_MS


def draw(count: int, seed: int = 7) -> list[int]:
    rng = random.Random(seed)
    return [int(rng.lognormvariate(16, 1.5)) for _ in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 10, 99, 100, 101, 1000])
@pytest.mark.parametrize("percent", [50, 95, 99, 99.9, 100])
def test_percentiles_of_short_runs_are_exact(count: int, percent: float) -> None:
    values, durations = draw(count), Durations()
    for value in values:
        durations.record(value)
    assert durations.percentile_ms(percent) == nearest_rank(values, percent)
    assert durations.max_ns == max(values)
    assert durations.sum_ns == sum(values)


@pytest.mark.parametrize("percent", [50, 95, 99, 99.9])
def test_percentiles_of_long_runs_are_of_the_whole_run(percent: float) -> None:
    values, durations = draw(3 * RING_SIZE), Durations()
    for value in values:
        durations.record(value)
    true = nearest_rank(values, percent)
    assert true <= durations.percentile_ms(percent) * 1.0001
    assert durations.percentile_ms(percent) <= true * 1.017


def test_recent_percentiles_follow_the_newest_values() -> None:
    durations = Durations()
    for value in [5 * NS_PER_MS] * RING_SIZE + [50 * NS_PER_MS] * 100:
        durations.record(value)
    assert durations.recent_percentile_ms(50, last=100) == 50
    assert durations.percentile_ms(50) < 6


def test_scrape_buckets_are_cumulative_and_complete() -> None:
    durations = Durations()
    for ms in (0.5, 1, 1.5, 250, 250.001, 6000):
        durations.record(int(ms * NS_PER_MS))
    rows = dict(durations.cumulative())
    assert rows["1"] == 2, "a bound belongs to its bucket"
    assert rows["2"] == 3
    assert rows["250"] == 4
    assert rows["500"] == 5
    assert rows["5000"] == 5
    assert rows["+Inf"] == durations.count == 6
    assert len(rows) == len(TICK_BOUNDS_MS) + 1


def test_nothing_recorded_is_zero() -> None:
    assert Durations().percentile_ms(99) == 0
    assert Durations().recent_percentile_ms(99) == 0


def test_hostile_values_stay_inside() -> None:
    durations = Durations()
    for value in (-5, 0, 1 << 62):
        durations.record(value)
    assert durations.count == 3
    for _ in range(RING_SIZE):
        durations.record(1 << 62)
    assert durations.percentile_ms(99) > 0
