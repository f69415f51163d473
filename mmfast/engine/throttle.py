"""The repeated-execution throttle: too many fills on one side in a short while are no trade."""

from __future__ import annotations

from collections import deque

from mmfast.units import NS_PER_MS


class FillThrottle:
    """Counts fills of own orders by instrument and side over a rolling window.

    A fill counts when we hear of it: what arrives at once after a silence was not watched.
    """

    __slots__ = ("_limit", "_times_ns", "_window_ns")

    def __init__(self, instruments: int) -> None:
        self._limit = 0
        self._window_ns = 0
        self._times_ns: list[deque[int]] = [deque() for _ in range(instruments * 2)]

    def set_limit(self, fills: int, window_ms: int) -> None:
        """So many fills are allowed within a window; 0 allows any number."""
        self._limit = fills
        self._window_ns = window_ms * NS_PER_MS

    def exceeded(self, instrument: int, side: int, now_ns: int) -> bool:
        """Count one fill; True when it is one more than allowed. Then counting begins anew."""
        if not self._limit:
            return False
        times_ns = self._times_ns[instrument * 2 + side]
        while times_ns and now_ns - times_ns[0] >= self._window_ns:
            times_ns.popleft()
        times_ns.append(now_ns)
        if len(times_ns) <= self._limit:
            return False
        times_ns.clear()
        return True
