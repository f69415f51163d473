"""When batching does harm: too many failed orders, or too slow replies, in a rolling window."""

from __future__ import annotations

from collections import deque
from typing import Final

from mmfast._core.acks import Accepted
from mmfast.engine.params import RollbackParams
from mmfast.messages import BatchReply, Outcome
from mmfast.units import NS_PER_MS

SLOW_PERCENT: Final = 5
"""So many calls may take longer than the limit of latency: it is a limit of the 95th percentile."""
MOST_CALLS: Final = 4_096
"""Calls remembered; in a longer window the oldest ones no longer count."""
_FAILED: Final = (Outcome.REJECT, Outcome.THROTTLED, Outcome.UNKNOWN)


class RollbackJudge:
    """Hears of every batched call, and says when it is enough.

    An order has failed when it was refused, throttled or left in doubt. That an order to be
    cancelled was gone already is a race, and what no connection took says nothing of batching.
    """

    __slots__ = ("_calls", "_failed", "_orders", "_params", "_slow")

    def __init__(self, params: RollbackParams) -> None:
        self._calls: deque[tuple[int, int, int, bool]] = deque()
        self._params = params
        self.forget()

    def reconfigure(self, params: RollbackParams) -> None:
        """New thresholds; they are judged with the next reply."""
        self._params = params

    def forget(self) -> None:
        """Begin anew: what was seen belongs to a time that is over."""
        self._calls.clear()
        self._orders = self._failed = self._slow = 0

    def judge(self, reply: BatchReply, now_ns: int) -> str:
        """Count one reply; why batching should end, or an empty string."""
        params = self._params
        failed = 0
        if not isinstance(reply.items, Accepted):
            failed = sum([item.outcome in _FAILED for item in reply.items])
        slow = reply.received_ns - reply.sent_ns > params.max_latency_ms * NS_PER_MS
        self._add(now_ns, len(reply.items), failed, slow)
        while self._calls[0][0] <= now_ns - params.window_ms * NS_PER_MS:
            self._drop_oldest()
        calls = len(self._calls)
        if not params.enabled or calls < params.min_calls:
            return ""
        seen = f"in the last {calls} batched calls ({params.window_ms} ms)"
        if self._failed * 100 > self._orders * params.max_error_percent:
            limit = f"more than {params.max_error_percent} %"
            return f"{self._failed} of {self._orders} orders failed {seen}, {limit}"
        if self._slow * 100 > calls * SLOW_PERCENT:
            limit = f"more than {SLOW_PERCENT} %"
            return f"{self._slow} took longer than {params.max_latency_ms} ms {seen}, {limit}"
        return ""

    def _add(self, now_ns: int, orders: int, failed: int, slow: bool) -> None:
        if len(self._calls) == MOST_CALLS:
            self._drop_oldest()
        self._calls.append((now_ns, orders, failed, slow))
        self._orders += orders
        self._failed += failed
        self._slow += slow

    def _drop_oldest(self) -> None:
        _, orders, failed, slow = self._calls.popleft()
        self._orders -= orders
        self._failed -= failed
        self._slow -= slow
