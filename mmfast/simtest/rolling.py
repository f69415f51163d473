"""How many orders an endpoint had within the last second: what the venue's limits are about."""

from __future__ import annotations

from collections import deque

from mmfast.units import NS_PER_S


class RollingSecond:
    """Orders with the instants they were counted at; instants never decrease."""

    __slots__ = ("_counted",)

    def __init__(self) -> None:
        self._counted: deque[tuple[int, int]] = deque()

    def add(self, orders: int, now_ns: int) -> None:
        """Count so many."""
        self._counted.append((now_ns, orders))

    def total(self, now_ns: int) -> int:
        """So many within the last second."""
        while self._counted and self._counted[0][0] <= now_ns - NS_PER_S:
            self._counted.popleft()
        return sum(orders for _, orders in self._counted)
