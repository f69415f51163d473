"""What must survive a crash: the epoch of our order ids, and the lock of the one writer.

Inside the lock file stands who holds it, for ``mmfast kill``. All are named by the order prefix
and a hash of the API key, so that two keys, or two prefixes on one key, can share a directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import zlib
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from mmfast.errors import StateError

MAX_EPOCH: Final = (1 << 31) - 1
_YEAR_2020_MS: Final = 1_577_836_800_000
_RECORD: Final = re.compile(rb"mmfast-epoch 1 ([0-9]{1,10}) ([0-9a-f]{8})\n")


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds the lock, or held it last. ``verdict`` is empty while a run lasts, then tells how
    it ended: ``proven_empty`` or ``not_proven``."""

    pid: int
    epoch: int = 0
    verdict: str = ""


PROVEN: Final = "proven_empty"
NOT_PROVEN: Final = "not_proven"
_MAX_HOLDER_BYTES: Final = 4096


class StateDir:
    """The state of one writer (key and prefix) on this host; a context manager.

    Entering takes the host lock and raises :class:`StateError` if another process holds it.
    """

    def __init__(self, directory: Path, stem: str, api_key: str) -> None:
        name = f"{stem}-{hashlib.sha256(api_key.encode()).hexdigest()[:12]}"
        self._directory = directory
        self._lock_path = directory / f"{name}.lock"
        self._epoch_path = directory / f"{name}.epoch"
        self.journal_path = directory / f"{name}.journal"
        self.ban_path = directory / f"{name}.ban"
        self.day_path = directory / f"{name}.day"
        self.standing_path = standing_path(self._lock_path)
        self._lock_fd = -1
        self._holder = Holder(pid=os.getpid())
        self.cut_short = False
        """The run before this one did not prove that it left nothing: it was killed, or failed."""

    def __enter__(self) -> Self:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._lock_fd = os.open(self._lock_path, flags, 0o600)
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._close()
            raise StateError(
                f"another mmfast runs with this key and order prefix (lock {self._lock_path}): "
                "stop it first, or give this one its own venue.order_prefix or venue.instance"
            ) from None
        except OSError as error:
            self._close()
            raise StateError(
                f"expected a writable state directory, found {error.strerror}: "
                f"{error.filename or self._directory}; set venue.state_dir"
            ) from None
        before = read_holder(self._lock_path)
        self.cut_short = before is not None and before.verdict != PROVEN
        self._note(self._holder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def next_epoch(self, wall_ms: int) -> int:
        """Take the next epoch and make it durable before returning it.

        Without a file the epoch is the seconds since 2020 at ``wall_ms``: should the state ever
        be lost, that is still beyond every epoch given before. A file that cannot be understood
        is refused: guessing could give an id twice. Raises :class:`StateError`.
        """
        if self._lock_fd < 0:
            raise StateError("the state directory must be locked before an epoch is taken")
        stored = self._read_epoch()
        epoch = first_epoch(wall_ms) if stored is None else stored + 1
        if epoch > MAX_EPOCH:
            raise StateError(f"{self._epoch_path}: all epochs are used, choose a new order prefix")
        try:
            self._write_epoch(epoch)
        except OSError as error:
            raise StateError(
                f"cannot make the order id epoch durable in {self._epoch_path}: {error.strerror}; "
                "without it an order id could repeat, so nothing is traded"
            ) from None
        return epoch

    def note_epoch(self, epoch: int) -> None:
        """Write beside the lock which epoch runs."""
        self._note(msgspec.structs.replace(self._holder, epoch=epoch))

    def note_end(self, *, proven_empty: bool) -> None:
        """Write beside the lock how the run ended."""
        verdict = PROVEN if proven_empty else NOT_PROVEN
        self._note(msgspec.structs.replace(self._holder, verdict=verdict))

    def _note(self, holder: Holder) -> None:
        """Best effort: a full disk must keep no run from ending, and the lock holds without it."""
        self._holder = holder
        with contextlib.suppress(OSError):
            data = msgspec.json.encode(holder)
            os.pwrite(self._lock_fd, data, 0)
            os.ftruncate(self._lock_fd, len(data))

    def _read_epoch(self) -> int | None:
        try:
            data = self._epoch_path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"cannot read {self._epoch_path}: {error.strerror}") from None
        match = _RECORD.fullmatch(data)
        if match is None or _crc(match[1]) != match[2]:
            raise StateError(
                f"{self._epoch_path} is damaged: expected one intact epoch record. Order ids could "
                "repeat, so nothing is traded; restore the file, or set a new venue.order_prefix"
            )
        return int(match[1])

    def _write_epoch(self, epoch: int) -> None:
        digits = str(epoch).encode()
        write_durably(self._epoch_path, b"mmfast-epoch 1 %s %s\n" % (digits, _crc(digits)))

    def _close(self) -> None:
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1


def write_durably(path: Path, data: bytes) -> None:
    """New file, flushed, renamed over the old, directory flushed: old or new, never half.

    Raises OSError; then the old file still stands.
    """
    draft = path.with_suffix(f"{path.suffix}-new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(draft, flags, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def standing_path(lock: Path) -> Path:
    """Where the operator's standing order for the holder of a lock lies."""
    return lock.with_suffix(".standing")


def lock_paths(directory: Path, stem: str) -> list[Path]:
    """Locks of all keys that ever traded with this order prefix and instance here."""
    return sorted(directory.glob(f"{stem}-*.lock"))


def try_lock(path: Path) -> int:
    """Take a lock that nobody holds; the descriptor that holds it now, or -1 where a run lives.

    Raises :class:`StateError` for a lock that cannot be opened.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise StateError(f"cannot open the lock {path}: {error.strerror}") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return -1
    return fd


def read_holder(path: Path) -> Holder | None:
    """What the holder of a lock wrote into it; None where that cannot be read."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_HOLDER_BYTES), type=Holder)
    except (OSError, msgspec.MsgspecError):
        return None


def first_epoch(wall_ms: int) -> int:
    """The epoch of a first run; raises :class:`StateError` where the clock cannot be right."""
    epoch = (wall_ms - _YEAR_2020_MS) // 1000
    if not 0 < epoch <= MAX_EPOCH:
        raise StateError(f"expected the host's clock after 2020, found Unix time {wall_ms} ms")
    return epoch


def _crc(digits: bytes) -> bytes:
    return b"%08x" % zlib.crc32(b"epoch " + digits)
