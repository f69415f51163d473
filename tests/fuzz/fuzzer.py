"""A small mutational fuzzer: seeds in, near misses out, the same ones for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

#: Pieces that matter to a parser of numbers, JSON or book frames.
TOKENS = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b".", b"-", b"+", b"0", b"1", b"e", b" ",
    b"\n", b"\x00", b"\x7f", b"\xff", b'""', b"[]", b"{}", b"null", b"true", b"NaN", b"-0", b"1e9",
    b"0.0",
    b'"b"', b'"a"', b'"u"', b'"s"', b'"seq"', b'"ts"', b'"cts"', b'"type"', b'"data"', b'"topic"',
    b"snapshot", b"delta", b"9223372036854775807", b"9223372036854775808", b"18446744073709551616",
    b"9007199254740992", b"9007199254740993", b"999999999999999999", b"1000000000000000000",
    b"0" * 30, b"9" * 25, b"\\u0041", b'["1","1"],',
]  # fmt: skip


class Fuzzer:
    """Mutates seeds; ``pool`` grows with inputs that the caller found worth keeping."""

    def __init__(self, seeds: list[bytes], seed: int) -> None:
        self.pool = list(seeds)
        self.random = random.Random(seed)
        self._mutators: list[Callable[[bytearray], None]] = [
            self._flip,
            self._insert,
            self._delete,
            self._repeat,
            self._overwrite,
            self._splice,
            self._swap,
        ]

    def inputs(self, count: int) -> Iterator[bytes]:
        """``count`` mutated inputs."""
        for _ in range(count):
            data = bytearray(self.random.choice(self.pool))
            for _ in range(self.random.choice((1, 1, 1, 2, 3, 6))):
                self.random.choice(self._mutators)(data)
            yield bytes(data)

    def keep(self, data: bytes) -> None:
        """Mutate this one further, too; the pool is bounded."""
        if len(self.pool) < 500:
            self.pool.append(data)

    def _span(self, data: bytearray) -> tuple[int, int]:
        start = self.random.randint(0, len(data))
        return start, min(len(data), start + self.random.choice((1, 1, 2, 4, 8, 30)))

    def _flip(self, data: bytearray) -> None:
        if data:
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)

    def _insert(self, data: bytearray) -> None:
        at = self.random.randint(0, len(data))
        data[at:at] = self.random.choice(TOKENS)

    def _delete(self, data: bytearray) -> None:
        start, end = self._span(data)
        del data[start:end]

    def _repeat(self, data: bytearray) -> None:
        start, end = self._span(data)
        data[end:end] = data[start:end] * self.random.choice((1, 1, 2, 40))

    def _overwrite(self, data: bytearray) -> None:
        token = self.random.choice(TOKENS)
        start, _ = self._span(data)
        data[start : start + len(token)] = token

    def _splice(self, data: bytearray) -> None:
        other = self.random.choice(self.pool)
        if other:
            start = self.random.randrange(len(other))
            at = self.random.randint(0, len(data))
            data[at:] = other[start:]

    def _swap(self, data: bytearray) -> None:
        start, end = self._span(data)
        piece = data[start:end]
        del data[start:end]
        at = self.random.randint(0, len(data))
        data[at:at] = piece
