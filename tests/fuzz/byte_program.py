"""Bytes read as a program: each draw takes what it needs, and past the end all is zero.

So a byte mutated is a decision mutated, and whatever breaks a promise can be shortened and kept
in a file like any other input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

#: Integers at which something may end, and what is no integer of 64 bits.
EDGES = (
    0, -1, 2**15, 2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**32, 2**53, 2**62, 2**63 - 1, 2**63,
    -(2**63), -(2**63) - 1, 2**64, 10**30, 1.0, "1", None, b"1", True,
)  # fmt: skip


class Draws:
    """Decisions drawn from bytes, in their order."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def left(self) -> int:
        return len(self._data) - self._at

    def byte(self) -> int:
        at = self._at
        self._at = at + 1
        return self._data[at] if at < len(self._data) else 0

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.byte() % len(choices)]

    def number(self, size: int) -> int:
        """An unsigned integer of so many bytes."""
        at = self._at
        self._at = at + size
        return int.from_bytes(self._data[at : at + size], "big")

    def doubtful(self, usual: int) -> object:
        """``usual``, or now and then something at or over an edge."""
        kind = self.byte()
        return usual if kind < 248 else self.pick(EDGES)

    def rest(self) -> bytes:
        at = self._at
        self._at = len(self._data)
        return self._data[at:]
