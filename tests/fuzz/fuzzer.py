"""A small mutational fuzzer: seeds in, near misses out, the same ones for the same seed.

A target says in one word what each input brought about. An input that brought about something
new is kept and mutated further, so the fuzzer works its way into a parser.
"""

from __future__ import annotations

import hashlib
import mmap
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from json_mutations import TreeMutator

#: Pieces that matter to a parser of numbers or JSON.
TOKENS = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b".", b"-", b"+", b"0", b"1", b"e", b" ",
    b"\n", b"\x00", b"\x7f", b"\xff", b"\xc3", b"\xc3\xa9", b"\xed\xa0\x80", b'""', b"[]", b"{}",
    b"null", b"true", b"NaN", b"-0", b"1e9", b"0.0", b"9223372036854775807",
    b"9223372036854775808", b"18446744073709551616", b"9007199254740992", b"9007199254740993",
    b"999999999999999999", b"1000000000000000000", b"0" * 30, b"9" * 25, b"\\u0041", b"\\ud800",
]  # fmt: skip
POOL_LIMIT = 500
LAST_LIMIT = 1 << 20
SHRINK_CALLS = 3000


class Target:
    """One thing to fuzz. Subclasses hold the thing and its twin."""

    #: Inputs to begin with: bytes to be mutated as bytes.
    seeds: tuple[bytes, ...] = ()
    #: JSON texts to be mutated as trees.
    trees: tuple[bytes, ...] = ()
    tokens: tuple[bytes, ...] = ()
    #: Longer inputs are tried but not kept: their offspring would be slow and say little more.
    kept_size = 2000
    #: Words that a run of some ten thousand inputs has to bring about: a fuzzer whose inputs are
    #: all refused in the first line would test nothing.
    reaches: frozenset[str] = frozenset()

    def check(self, data: bytes) -> str:
        """What the input brought about; it starts with ``+`` when it was accepted. Raises, with
        whatever exception, when a promise was broken. Must not depend on earlier inputs."""
        raise NotImplementedError


class FuzzFailure(AssertionError):
    """A broken promise, with the input that breaks it and how to see it again."""


class Fuzzer:
    """Mutates what the target starts from, and what was kept since."""

    def __init__(self, target: Target, seed: int) -> None:
        self.pool = [*target.seeds, *target.trees]
        self.random = random.Random(seed)
        self._kept_size = target.kept_size
        self._tokens = [*TOKENS, *target.tokens]
        self._trees = TreeMutator(self.random, target.trees) if target.trees else None
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
        """``count`` mutated inputs; where there are trees, two in three began as one."""
        choice = self.random.choice
        for _ in range(count):
            if self._trees is not None and self.random.random() < 0.67:
                data = bytearray(self._trees.next())
                times = choice((0, 0, 0, 1))
            else:
                data = bytearray(choice(self.pool))
                times = choice((1, 1, 1, 2, 3, 6))
            for _ in range(times):
                choice(self._mutators)(data)
            yield bytes(data)

    def keep(self, data: bytes) -> None:
        """Mutate this one further, too; in a full pool it takes the place of another."""
        if len(data) > self._kept_size:
            return
        if len(self.pool) < POOL_LIMIT:
            self.pool.append(data)
        else:
            self.pool[self.random.randrange(POOL_LIMIT)] = data

    def _span(self, data: bytearray) -> tuple[int, int]:
        start = self.random.randint(0, len(data))
        return start, min(len(data), start + self.random.choice((1, 1, 2, 4, 8, 30)))

    def _flip(self, data: bytearray) -> None:
        if data:
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)

    def _insert(self, data: bytearray) -> None:
        at = self.random.randint(0, len(data))
        data[at:at] = self.random.choice(self._tokens)

    def _delete(self, data: bytearray) -> None:
        start, end = self._span(data)
        del data[start:end]

    def _repeat(self, data: bytearray) -> None:
        start, end = self._span(data)
        data[end:end] = data[start:end] * self.random.choice((1, 1, 2, 40))

    def _overwrite(self, data: bytearray) -> None:
        token = self.random.choice(self._tokens)
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


class LastInput:
    """A file that holds the input being checked, whatever becomes of the process: a crash, or a
    sanitizer that ends it, leaves no time to save anything."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w+b") as file:
            file.truncate(LAST_LIMIT)
            self._memory = mmap.mmap(file.fileno(), LAST_LIMIT)

    def hold(self, data: bytes) -> None:
        data = data[: LAST_LIMIT - 8]
        self._memory[:8] = len(data).to_bytes(8, "big")
        self._memory[8 : 8 + len(data)] = data


def saved_input(path: Path) -> bytes:
    """An input from a file that a failure or a crash left."""
    data = path.read_bytes()
    if path.suffix != ".last":
        return data
    return data[8 : 8 + int.from_bytes(data[:8], "big")]


def run(make: Callable[[], Target], count: int, seed: int, folder: Path) -> Counter[str]:
    """Check ``count`` inputs; returns how often each word was said.

    Raises :class:`FuzzFailure` at the first broken promise, after it wrote the input, made as
    short as it could, into ``folder``."""
    target = make()
    fuzzer = Fuzzer(target, seed)
    said: Counter[str] = Counter()
    last = LastInput(folder / f"{make.__name__}.last")
    for index, data in enumerate(fuzzer.inputs(count)):
        last.hold(data)
        try:
            word = target.check(data)
        except Exception as error:
            raise _failure(make, data, error, f"input {index} of seed {seed}", folder) from error
        if word not in said or (word[0] == "+" and fuzzer.random.random() < 0.02):
            fuzzer.keep(data)
        said[word] += 1
    return said


def shrink(data: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """A shorter input that still fails: whatever can go without mending it, goes."""
    size, calls = max(len(data) // 2, 1), 0
    while size and calls < SHRINK_CALLS:
        at = 0
        while at < len(data) and calls < SHRINK_CALLS:
            shorter = data[:at] + data[at + size :]
            calls += 1
            if fails(shorter):
                data = shorter
            else:
                at += size
        size //= 2
    return data


def _failure(
    make: Callable[[], Target], data: bytes, error: Exception, where: str, folder: Path
) -> FuzzFailure:
    target = make()

    def fails(shorter: bytes) -> bool:
        try:
            target.check(shorter)
        except Exception as other:  # noqa: BLE001 - a target may raise whatever it meets
            return type(other) is type(error)
        return False

    alone = fails(data)
    if alone:
        data = shrink(data, fails)
    name = make.__name__
    path = folder / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    how = f"again: --fuzz-input {path}" if alone else "fails only after the inputs before it"
    return FuzzFailure(f"{name}, {where}: {data!r}\n{how}\n{type(error).__name__}: {error}")
