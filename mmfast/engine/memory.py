"""Memory with a limit: what is remembered of things that are over."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedMemory(Generic[K, V]):
    """A mapping of at most ``cap`` keys; the key put in first is forgotten first.

    A deque beside the dictionary, because taking the oldest key out of a dictionary again and
    again walks over the holes the earlier ones left.
    """

    __slots__ = ("_cap", "_order", "_values")

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._values: dict[K, V] = {}
        self._order: deque[K] = deque()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def get(self, key: K) -> V | None:
        """What is remembered of ``key``; None when it is not."""
        return self._values.get(key)

    def put(self, key: K, value: V) -> tuple[K, V] | None:
        """Remember; returns what had to be forgotten for it."""
        if key in self._values:
            self._values[key] = value
            return None
        self._values[key] = value
        self._order.append(key)
        if len(self._values) <= self._cap:
            return None
        oldest = self._order.popleft()
        return oldest, self._values.pop(oldest)
