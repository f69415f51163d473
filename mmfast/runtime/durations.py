"""Durations counted in plain integers: scrape buckets, fine buckets, and the last exact ones."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from mmfast.units import NS_PER_MS

TICK_BOUNDS_MS: Final = (1, 2, 5, 10, 20, 30, 40, 50, 60, 75, 100, 150, 200, 250, 500, 1000, 5000)
"""Upper bounds of the scrape buckets; those around the deadline and common latencies are close."""

RING_SIZE: Final = 8_192
_FINE_BITS: Final = 7
_FINE_HALF: Final = 1 << (_FINE_BITS - 1)
_FINE_TOP: Final = 1 << _FINE_BITS
_MAX_US: Final = (1 << 36) - 1
_US: Final = 1_000
_SIZE: Final = RING_SIZE
_FINE_BUCKETS: Final = (36 - _FINE_BITS + 2) * _FINE_HALF + _FINE_HALF


class Durations:
    """A histogram that can also give percentiles.

    Percentiles are exact while at most :data:`RING_SIZE` values were recorded; beyond that they
    come from fine buckets over the whole run, at most 1.6 % too high.
    """

    __slots__ = (
        "_bounds_ns",
        "_fine",
        "_ring",
        "bounds_ms",
        "buckets",
        "count",
        "max_ns",
        "sum_ns",
    )

    def __init__(self, bounds_ms: Sequence[int] = TICK_BOUNDS_MS) -> None:
        self.bounds_ms = tuple(bounds_ms)
        self._bounds_ns = [bound_ms * NS_PER_MS for bound_ms in bounds_ms]
        self.buckets = [0] * (len(self.bounds_ms) + 1)
        self.count = 0
        self.sum_ns = 0
        self.max_ns = 0
        self._fine = [0] * _FINE_BUCKETS
        # Raw integers, all of them from the start: a long run must not look like a leak.
        self._ring = array("q", bytes(8 * RING_SIZE))

    def record(self, duration_ns: int) -> None:
        """Count one duration of less than 2**63; negative ones count as zero."""
        duration_ns = max(duration_ns, 0)
        self.buckets[bisect_left(self._bounds_ns, duration_ns)] += 1
        self._fine[_fine_index(min(duration_ns // _US, _MAX_US))] += 1
        self.sum_ns += duration_ns
        self.max_ns = max(self.max_ns, duration_ns)
        self._ring[self.count % _SIZE] = duration_ns
        self.count += 1

    def percentile_ms(self, percent: float) -> float:
        """The smallest recorded value that ``percent`` of all values do not exceed; 0 if none."""
        if not self.count:
            return 0.0
        rank = max(1, -(-self.count * percent // 100))
        if self.count <= RING_SIZE:
            return sorted(self._ring[: self.count])[int(rank) - 1] / NS_PER_MS
        seen = 0
        for index, number in enumerate(self._fine):
            seen += number
            if seen >= rank:
                return min(_fine_top_us(index) * 1000, self.max_ns) / NS_PER_MS
        return self.max_ns / NS_PER_MS

    def recent_percentile_ms(self, percent: float, last: int = 1024) -> float:
        """As :meth:`percentile_ms`, over at most the ``last`` newest values (live display)."""
        if not self.count:
            return 0.0
        at = self.count if self.count <= RING_SIZE else self.count % RING_SIZE
        newest = self._ring[max(0, at - last) : at] or self._ring[-last:]
        return sorted(newest)[max(0, int(-(-len(newest) * percent // 100)) - 1)] / NS_PER_MS

    def cumulative(self) -> list[tuple[str, int]]:
        """Scrape buckets as (upper bound in ms, values at or below it), ``+Inf`` last."""
        rows, seen = [], 0
        for bound, number in zip([*map(str, self.bounds_ms), "+Inf"], self.buckets, strict=True):
            seen += number
            rows.append((bound, seen))
        return rows


def _fine_index(value_us: int) -> int:
    """Values below 128 us have their own bucket; above, 64 buckets per doubling."""
    shift = 0
    while value_us >> shift >= _FINE_TOP:
        shift += 1
    return shift * _FINE_HALF + (value_us >> shift)


def _fine_top_us(index: int) -> int:
    """Largest value that falls into a fine bucket."""
    if index < 2 * _FINE_HALF:
        return index
    shift = index // _FINE_HALF - 1
    return ((index - shift * _FINE_HALF + 1) << shift) - 1
