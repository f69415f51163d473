"""Memory with a limit: what is remembered of things that are over."""

from __future__ import annotations

from collections.abc import Hashable, Iterable


class BoundedMemory:
    """A mapping to numbers that always holds ``len(fillers)`` keys; the one put in first is
    forgotten first.

    It is full from the start, with ``fillers`` that nobody asks for: what the process holds is
    then settled when it starts, and growth over hours can only be a fault. A ring of keys beside
    the dictionary, because taking the oldest key out of a dictionary again and again walks over
    the holes the earlier ones left.
    """

    __slots__ = ("_keys", "_oldest", "_values")

    def __init__(self, fillers: Iterable[tuple[Hashable, int]]) -> None:
        self._values: dict[Hashable, int] = dict(fillers)
        self._keys: list[Hashable] = list(self._values)
        self._oldest = 0

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def get(self, key: Hashable) -> int | None:
        """What is remembered of ``key``; None when it is not."""
        return self._values.get(key)

    def put(self, key: Hashable, value: int) -> int | None:
        """Remember; returns the value that had to be forgotten for it."""
        if key in self._values:
            self._values[key] = value
            return None
        self._values[key] = value
        place = self._oldest
        forgotten = self._keys[place]
        self._keys[place] = key
        self._oldest = place + 1 if place + 1 < len(self._keys) else 0
        return self._values.pop(forgotten)
