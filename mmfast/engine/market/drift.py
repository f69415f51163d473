"""Drift: how far the mid of a book has moved within a window, and whether that is too far.

A market that leaps is not one to make quotes in, and a feed gone wrong may look like one. Lows and
highs are kept of two halves of the window, so that no more is remembered than four integers: a
move within half a window is always seen, one within a whole window sometimes.
"""

from __future__ import annotations

from typing import Final

from mmfast._core.wide import product_greater
from mmfast.engine.params import ONE_E4, EngineParams
from mmfast.units import NS_PER_MS

_ONE_E4: Final = ONE_E4


class DriftLimit:
    """What counts as too far for all instruments, and for how long quoting stops then."""

    __slots__ = ("half_ns", "most_e4", "pause_ns")

    def __init__(self, params: EngineParams) -> None:
        self.set_limits(params)

    def set_limits(self, params: EngineParams) -> None:
        """New limits; the next frame of each book is judged by them."""
        self.most_e4 = params.max_drift_e4
        self.half_ns = params.drift_window_ms * NS_PER_MS // 2
        self.pause_ns = params.drift_pause_ms * NS_PER_MS


class Drift:
    """One instrument's. Prices are twice the mid, in ticks."""

    __slots__ = ("_high", "_low", "_old_high", "_old_low", "_since_ns", "paused_until_ns")

    def __init__(self) -> None:
        self.paused_until_ns = 0
        self.forget()

    def forget(self) -> None:
        """The book begins anew; a pause that has begun goes on."""
        self._since_ns = 0
        self._low = self._high = self._old_low = self._old_high = 0

    def too_far(self, mid_x2: int, now_ns: int, limit: DriftLimit) -> bool:
        """Take the mid of a sound book; True when a pause begins."""
        if self._low == 0 or now_ns - self._since_ns >= 2 * limit.half_ns:
            self._begin(mid_x2, now_ns)
            return False
        if now_ns - self._since_ns >= limit.half_ns:
            self._old_low, self._old_high = self._low, self._high
            self._low = self._high = mid_x2
            self._since_ns = now_ns
        self._low = min(self._low, mid_x2)
        self._high = max(self._high, mid_x2)
        low = min(self._low, self._old_low)
        high = max(self._high, self._old_high)
        if limit.most_e4 == 0 or not product_greater(high - low, _ONE_E4, low, limit.most_e4):
            return False
        self._begin(mid_x2, now_ns)
        self.paused_until_ns = now_ns + limit.pause_ns
        return True

    def _begin(self, mid_x2: int, now_ns: int) -> None:
        self._since_ns = now_ns
        self._low = self._high = self._old_low = self._old_high = mid_x2
