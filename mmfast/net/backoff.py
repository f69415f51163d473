"""Waiting between attempts: exponential with jitter, and never more connects than allowed."""

from __future__ import annotations

import random
from collections import deque

from mmfast.clock import Clock
from mmfast.units import NS_PER_S


class Backoff:
    """Delays that double from ``first_s`` up to ``cap_s``, each drawn from the upper half of
    its step, so that many clients that fell together do not come back together."""

    __slots__ = ("_cap_s", "_first_s", "_rng", "_step_s")

    def __init__(self, rng: random.Random, first_s: float = 0.2, cap_s: float = 10.0) -> None:
        if not 0 < first_s <= cap_s:
            raise ValueError(f"expected 0 < first_s <= cap_s, found {first_s} and {cap_s}")
        self._rng = rng
        self._first_s = first_s
        self._cap_s = cap_s
        self._step_s = first_s

    def next_s(self) -> float:
        """Seconds to wait before the next attempt."""
        step_s = self._step_s
        self._step_s = min(step_s * 2, self._cap_s)
        return step_s * (0.5 + 0.5 * self._rng.random())

    def reset(self) -> None:
        """Start again from the shortest delay."""
        self._step_s = self._first_s


class ConnectBudget:
    """At most ``limit`` connects in ``window_s``, shared by all streams of one process.

    The venue allows 500 in five minutes per address; the default leaves room for others.
    """

    __slots__ = ("_clock", "_limit", "_stamps", "_window_ns", "used")

    def __init__(self, clock: Clock, limit: int = 400, window_s: int = 300) -> None:
        self._clock = clock
        self._limit = limit
        self._window_ns = window_s * NS_PER_S
        self._stamps: deque[int] = deque()
        self.used = 0

    def wait_s(self) -> float:
        """Seconds until one more connect is allowed; 0 when it is allowed now."""
        now_ns = self._clock.now_ns()
        while self._stamps and self._stamps[0] <= now_ns - self._window_ns:
            self._stamps.popleft()
        if len(self._stamps) < self._limit:
            return 0.0
        return (self._stamps[0] + self._window_ns - now_ns) / NS_PER_S

    def take(self) -> None:
        """Count one connect."""
        self._stamps.append(self._clock.now_ns())
        self.used += 1
