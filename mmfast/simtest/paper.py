"""I14: what stands in the journal is what the engine put there, up to where a crash cut it.

The journal of a simulated engine writes to a real file, with the loop in place of its thread. The
judge has its own reading of the file; the engine's own reader is shown beginnings and damaged
copies of it, and has to take the first for a beginning and to refuse the second.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import os
import random
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import orjson

from mmfast.engine.orders.order_states import State
from mmfast.errors import StateError
from mmfast.runtime import journal
from mmfast.runtime.journal import Journal
from mmfast.runtime.records import Entry
from mmfast.simtest.findings import Findings

TORN: Final = "journal torn"
_CUTS: Final = 3
"""Beginnings and damages tried at each end of an engine."""
_HEAD: Final = 9
_NO_LIMIT: Final = 1 << 40
_ODDS: Final = 0.5


class LoopJournal(Journal):
    """The engine's journal; what its thread does when it is woken is done in that turn of the
    loop. ``on_lines`` sees each write."""

    def __init__(
        self,
        path: Path,
        on_lines: Callable[[list[bytes]], None],
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(path, file_bytes=_NO_LIMIT, files=1, **options)
        self._on_lines = on_lines
        self._is_over = False

    def start(self) -> int:
        """See :class:`mmfast.runtime.journal.Journal`."""
        return self._disk.open()

    def put(self, entry: Entry, *, sync: bool = False) -> None:
        """See :class:`mmfast.runtime.journal.Journal`."""
        super().put(entry, sync=sync)
        if sync:
            self._write_all()

    def put_all(self, entries: Collection[Entry]) -> None:
        """See :class:`mmfast.runtime.journal.Journal`."""
        if not self._is_over:
            super().put_all(entries)

    def _call_writer(self) -> None:
        super()._call_writer()
        self._write_all()

    def _write_all(self) -> None:
        while self._waiting and not self._is_over:
            lines = self._take()
            self._disk.append(lines)
            self._on_lines(lines)

    def close(self) -> None:
        """The run has ended in order."""
        self._write_all()
        self.die()

    def die(self) -> None:
        """The process is gone, and what was not written with it."""
        if not self._is_over:
            self._is_over = True
            self._disk.close()


class Paper:
    """The journal of one seed over all lives of its engine. Its chances are its own: they move
    nothing else of the seed."""

    def __init__(self, seed: int, findings: Findings, broke: Callable[[str, str], None]) -> None:
        self._dice = random.Random(f"journal {seed}")  # noqa: S311 - repeatable is the point
        self._findings = findings
        self._broke = broke
        self._path = Path()
        self._rows: list[bytes] = []
        """All that was written and not torn off again."""
        self._ends: list[int] = []
        """Where each of them ends in the file."""
        self._size = 0
        self._last_write = 0
        self._torn = 0
        self._began = 0
        self._journal: LoopJournal | None = None

    def open(self, path: Path, **options: Any) -> LoopJournal:  # noqa: ANN401
        """The journal of the next life."""
        self._path = path
        self._began = len(self._rows)
        made = LoopJournal(path, self._wrote, **options)
        try:
            torn = made.start()
        except StateError as error:
            self._broke("I14", f"the journal is refused, and only its end was torn: {error}")
            raise
        self._journal = made
        if torn != self._torn:
            self._broke("I14", f"{self._torn} torn bytes were to be cut, and {torn} were")
        self._torn = 0
        return made

    def digest(self) -> bytes:
        """Of all that was written; a part of the seed's trace."""
        return hashlib.sha256(b"\n".join(self._rows)).digest()

    def end_of_life(self, *, killed: bool, ended: Mapping[str, State]) -> None:
        """The engine is gone; ``ended`` are the orders it has seen end, by link id."""
        made, self._journal = self._journal, None
        if made is None:
            return
        made.die()
        self._findings.checked["I14"] += 1
        if killed and self._last_write and self._dice.random() < _ODDS:
            self._tear()
        self._compare()
        if not killed:
            self._audit(ended)

    def _wrote(self, lines: list[bytes]) -> None:
        before = self._size
        for line in lines:
            self._size += _HEAD + len(line) + 1
            self._rows.append(line)
            self._ends.append(self._size)
        self._last_write = self._size - before

    def _tear(self) -> None:
        """The last write had not reached the file whole."""
        self._findings.marks[TORN] += 1
        size = self._size - self._dice.randint(1, self._last_write)
        os.truncate(self._path, size)
        whole = bisect.bisect_right(self._ends, size)
        del self._rows[whole:], self._ends[whole:]
        self._size = self._ends[-1] if self._ends else 0
        self._torn = size - self._size
        self._last_write = 0

    def _compare(self) -> None:
        data = self._path.read_bytes()
        if read_rows(data) != self._rows:
            self._broke("I14", f"the file of {len(data)} bytes is not what was put into it")
        for _ in range(_CUTS):
            self._try_beginning(data)
            self._try_damage(data)

    def _try_beginning(self, data: bytes) -> None:
        """Any beginning is read as the records that are whole in it."""
        size = self._dice.randint(0, len(data))
        whole = bisect.bisect_right(self._ends, size)
        try:
            tail = journal.intact(data[:size], "a beginning")
        except StateError as error:
            self._broke("I14", f"a beginning of {size} bytes is refused: {error}")
            return
        if (tail.records, tail.size) != (whole, self._ends[whole - 1] if whole else 0):
            self._broke("I14", f"{whole} records in {size} bytes, and {tail} was read")

    def _try_damage(self, data: bytes) -> None:
        """A changed bit is refused, or in the last record cut with it."""
        if len(self._ends) < 2:
            return
        place = self._dice.randrange(self._ends[-1])
        hurt = bytearray(data[: self._ends[-1]])
        hurt[place] ^= 1 << self._dice.randrange(8)
        # The line break before it belongs to the last line: without it that line begins earlier.
        in_last = place >= self._ends[-2] - 1
        try:
            tail = journal.intact(bytes(hurt), "a damaged copy")
        except StateError:
            if in_last and hurt.count(b"\n") <= len(self._ends):
                self._broke("I14", f"a damaged end (byte {place}) is refused, and not cut")
            return
        if not in_last or tail.records >= len(self._ends):
            self._broke("I14", f"damage at byte {place} was read as {tail}")

    def _audit(self, ended: Mapping[str, State]) -> None:
        """After an orderly end the journal names the end of every order, and rightly."""
        rows = [orjson.loads(row) for row in itertools.islice(self._rows, self._began, None)]
        told = {row["order"]: row["end"] for row in rows if row["kind"] == "ended"}
        seen = {name.rpartition("-")[2]: state.name for name, state in ended.items()}
        if told != seen:
            text = f"the journal tells {len(told)} ends, and {len(seen)} orders ended"
            wrong = sorted(set(told.items()) ^ set(seen.items()))[:4]
            self._broke("I14", f"{text}; among what differs: {wrong}")


def read_rows(data: bytes) -> list[bytes]:
    """The records of a file as anybody would read them by its description, up to the first one
    that is not whole."""
    rows: list[bytes] = []
    crc = 0
    for line in data.split(b"\n")[:-1]:
        crc = crc32(line[_HEAD:], crc)
        if line[:_HEAD] != b"%08x " % crc:
            break
        rows.append(line[_HEAD:])
    return rows
