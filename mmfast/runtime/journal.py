"""The journal: what was sent and how it ended, on disk, in an order nobody can change unnoticed.

Recovery does not need it: after a crash the venue is asked, and ids carry the epoch. It is for the
operator who must tell afterwards what happened, and it is a brake: an engine whose acts leave no
record withdraws its quotes.

A record is one line, ``<crc32 in hex> <JSON>``. The checksum covers the JSON and the checksum of
the record before it, so a line that is changed, lost or moved is noticed. A file that ends in the
middle of its last record was cut by a crash and is cut to the last whole one; damage anywhere
else is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from itertools import repeat
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from mmfast.clock import Clock
from mmfast.errors import StateError
from mmfast.runtime.records import Entry, line_of
from mmfast.units import NS_PER_S

MAX_WAITING: Final = 20_000
"""Records that may wait for the disk. More are lost, counted, and told in a record of their own."""
SLOW_WAITING: Final = MAX_WAITING // 2
SYNC_EVERY_NS: Final = NS_PER_S
"""What a power failure may take. What ends a run is synced at once."""
_GATHER_S: Final = 0.02
"""What a crash of the process may take."""
_RETRY_S: Final = 0.5
_STOP_WAIT_S: Final = 2.0
_CHUNK: Final = 256
_AT_ONCE: Final = 16
"""Records made without a break: some tens of microseconds."""
_HEAD: Final = 9
"""Eight hexadecimal digits and a blank."""


class Tail(NamedTuple):
    """Where the intact part of a journal ends, and the checksum there."""

    size: int
    crc: int
    records: int


class Trouble(NamedTuple):
    """The disk does not take records. ``is_final``: what was said to be safe may not be."""

    text: str
    is_final: bool


class Journal:
    """Appends records from a thread of its own; :meth:`put` never waits.

    ``on_trouble`` and ``on_well`` are called in the loop's thread when the disk stops and when it
    begins again to take records.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        file_bytes: int,
        files: int,
        on_trouble: Callable[[Trouble], None],
        on_well: Callable[[], None],
    ) -> None:
        self.dropped = 0
        self._clock = clock
        self._disk = _Files(path, file_bytes, files)
        self._on_trouble = on_trouble
        self._on_well = on_well
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[int, Entry]] = deque(maxlen=MAX_WAITING)
        self._wake = threading.Event()
        self._sync_wanted = False
        self._is_called = False
        self._stopping = False
        self._in_trouble = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> int:
        """Open the file, cut a torn end, begin to write; how many bytes were cut.

        Raises :class:`StateError` for a damaged file, and one that cannot be opened.
        """
        torn = self._disk.open()
        self._thread.start()
        return torn

    def put(self, entry: Entry, *, sync: bool = False) -> None:
        """Hand over one record. ``sync``: it shall be on the disk itself soon."""
        self.put_all((entry,))
        if sync:
            self._sync_wanted = True
            self._wake.set()

    def put_all(self, entries: Collection[Entry]) -> None:
        """Hand over records of the same moment, in order."""
        waiting = self._waiting
        self.dropped += max(len(waiting) + len(entries) - MAX_WAITING, 0)
        waiting.extend(zip(repeat(self._clock.wall_ms()), entries, strict=False))
        if not self._is_called:
            # Waking a thread costs more than all else here: once for many records.
            self._is_called = True
            self._loop.call_later(_GATHER_S, self._call_writer)

    def _call_writer(self) -> None:
        self._is_called = False
        self._wake.set()

    def close(self) -> None:
        """Write what waits, for at most two seconds: a dead disk must not hold up the exit."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_WAIT_S)

    # In the thread.

    def _run(self) -> None:
        synced_ns = self._clock.now_ns()
        dropped = 0
        while True:
            self._wake.wait(SYNC_EVERY_NS / NS_PER_S)
            self._wake.clear()
            is_last = self._stopping
            slow = len(self._waiting) > SLOW_WAITING
            lines: list[bytes] = []
            if self.dropped > dropped:
                lost, dropped = self.dropped - dropped, self.dropped
                lines.append(line_of(self._clock.wall_ms(), {"kind": "lost", "records": lost}))
            lines += self._take()
            is_due = (
                self._sync_wanted or is_last or self._clock.now_ns() - synced_ns > SYNC_EVERY_NS
            )
            if not self._write(lines, slow=slow):
                return
            if is_due and self._disk.dirty:
                self._sync_wanted = False
                synced_ns = self._clock.now_ns()
                if not self._sync():
                    return
            if self._waiting:
                self._wake.set()
            elif is_last:
                self._disk.close()
                return

    def _take(self) -> list[bytes]:
        """Some of what waits, as JSON. The loop gets its turn every few records: the interpreter
        would let it wait for milliseconds."""
        lines: list[bytes] = []
        while self._waiting and len(lines) < _CHUNK:
            wall_ms, entry = self._waiting.popleft()
            lines.append(line_of(wall_ms, entry))
            if len(lines) % _AT_ONCE == 0:
                time.sleep(0)
        return lines

    def _write(self, lines: list[bytes], *, slow: bool) -> bool:
        """Append until it succeeds; False when there is no use any more."""
        while True:
            try:
                self._disk.append(lines)
            except OSError as error:
                self._tell(Trouble(f"{error.strerror}", is_final=False))
            else:
                if slow and not self._in_trouble:
                    self._tell(Trouble("the disk is too slow for the records", is_final=False))
                elif self._in_trouble and not slow:
                    self._in_trouble = False
                    self._call(self._on_well)
                return True
            if self._stopping:
                return False
            self._wake.wait(_RETRY_S)
            self._wake.clear()
            time.sleep(_RETRY_S / 10)

    def _sync(self) -> bool:
        try:
            self._disk.sync()
        except OSError as error:
            # The kernel has forgotten what it could not write: trying again would prove nothing.
            self._tell(Trouble(f"{error.strerror} while syncing", is_final=True))
            return False
        return True

    def _tell(self, trouble: Trouble) -> None:
        if not self._in_trouble or trouble.is_final:
            self._in_trouble = True
            self._call(lambda: self._on_trouble(trouble))

    def _call(self, function: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended before us
            self._loop.call_soon_threadsafe(function)


class _Files:
    """The current file and the older ones, ``.1`` the newest of them."""

    def __init__(self, path: Path, file_bytes: int, files: int) -> None:
        self.dirty = False
        self._path = path
        self._limit = file_bytes
        self._files = files
        self._fd = -1
        self._size = 0
        self._crc = 0

    def open(self) -> int:
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._fd = os.open(self._path, flags, 0o600)
            with os.fdopen(os.dup(self._fd), "rb") as file:
                data = file.read()
            tail = intact(data, str(self._path))
            if tail.size < len(data):
                os.ftruncate(self._fd, tail.size)
        except OSError as error:
            raise StateError(f"cannot open the journal {self._path}: {error.strerror}") from None
        self._size, self._crc = tail.size, tail.crc
        os.lseek(self._fd, tail.size, os.SEEK_SET)
        return len(data) - tail.size

    def append(self, lines: list[bytes]) -> None:
        """All or nothing; OSError leaves the file as it was, as far as the disk allows."""
        if not lines:
            return
        if self._size >= self._limit:
            self._rotate()
        crc, block = self._crc, bytearray()
        for line in lines:
            record, crc = chained(line, crc)
            block += record
        try:
            _write_all(self._fd, block)
        except OSError:
            os.ftruncate(self._fd, self._size)
            os.lseek(self._fd, self._size, os.SEEK_SET)
            raise
        self._size += len(block)
        self._crc = crc
        self.dirty = True

    def sync(self) -> None:
        os.fdatasync(self._fd)
        self.dirty = False

    def close(self) -> None:
        os.close(self._fd)

    def _rotate(self) -> None:
        """Begin a new file; the first record of it names the last one of the file before."""
        os.fdatasync(self._fd)
        # The new file is opened first: on a full disk the old ones stay where they are.
        draft = self._path.with_name(f"{self._path.name}.new")
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(draft, flags, 0o600)
        for number in range(self._files - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = self._path.with_name(f"{self._path.name}.{number - 1}")
            with contextlib.suppress(FileNotFoundError):
                (newer if number > 1 else self._path).rename(older)
        draft.rename(self._path)
        os.close(self._fd)
        last = self._crc
        self._fd, self._size, self._crc = fd, 0, 0
        self.append([b'{"kind":"follows","crc":"%08x"}' % last])


def chained(line: bytes, crc: int) -> tuple[bytes, int]:
    """One record after the one with checksum ``crc``, and its own checksum."""
    own = crc32(line, crc)
    return b"%08x %b\n" % (own, line), own


def intact(data: bytes, name: str) -> Tail:
    """How far a journal is whole. Only its very last line may be damaged, as a crash leaves it;
    raises :class:`StateError` for damage anywhere else."""
    crc = size = records = 0
    while (end := data.find(b"\n", size)) >= 0:
        line = data[size : end + 1]
        stated = _stated(line)
        if stated is None or crc32(line[_HEAD:-1], crc) != stated:
            if end + 1 == len(data):
                break
            raise StateError(
                f"{name} is damaged at byte {size}, with records behind: expected each record to "
                "carry its checksum. Keep a copy and move it away to start again; nothing that "
                "trading needs is in it"
            )
        crc, size, records = stated, end + 1, records + 1
    return Tail(size, crc, records)


def _stated(line: bytes) -> int | None:
    """The checksum a line carries; None for one that is not whole."""
    if len(line) <= _HEAD or not line.endswith(b"\n") or line[_HEAD - 1 : _HEAD] != b" ":
        return None
    digits = line[: _HEAD - 1]
    try:
        stated = int(digits, 16)
    except ValueError:
        return None
    return stated if b"%08x" % stated == digits else None


def _write_all(fd: int, block: bytearray) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(fd, view) :]
