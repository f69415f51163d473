"""The repeated-execution throttle: too many fills on one side in a short while are no trade."""

from __future__ import annotations

from collections import deque

from mmfast.messages import Side
from mmfast.units import NS_PER_MS


class FillThrottle:
    """Counts fills of own orders over a rolling window, by instrument and side and all together.

    A fill counts when we hear of it: what arrives at once after a silence was not watched.
    """

    __slots__ = ("_account_limit", "_account_times_ns", "_limit", "_times_ns", "_window_ns")

    def __init__(self, instruments: int) -> None:
        self._limit = 0
        self._account_limit = 0
        self._window_ns = 0
        self._times_ns: list[deque[int]] = [deque() for _ in range(instruments * 2)]
        self._account_times_ns: deque[int] = deque()

    def set_limit(self, fills: int, window_ms: int, *, account: int = 0) -> None:
        """So many fills of one instrument and side, and so many of the account, are allowed
        within a window; 0 allows any number."""
        self._limit = fills
        self._account_limit = account
        self._window_ns = window_ms * NS_PER_MS

    def passed(self, symbol: str, instrument: int, side: Side, now_ns: int) -> str:
        """Count one fill; the limit that it is one more than, else an empty string. Then
        counting begins anew."""
        reason = ""
        if self._is_one_more(self._times_ns[instrument * 2 + side], self._limit, now_ns):
            reason = (
                f"{symbol}: more {side.name.lower()} fills than risk.max_fills_per_side "
                "within risk.fills_window_ms"
            )
        if self._is_one_more(self._account_times_ns, self._account_limit, now_ns):
            reason = "the account: more fills than risk.max_fills within risk.fills_window_ms"
        return reason

    def _is_one_more(self, times_ns: deque[int], limit: int, now_ns: int) -> bool:
        if not limit:
            return False
        while times_ns and now_ns - times_ns[0] >= self._window_ns:
            times_ns.popleft()
        times_ns.append(now_ns)
        if len(times_ns) <= limit:
            return False
        times_ns.clear()
        return True
