"""An address ban outlives the process that met it: a new one must not knock again."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import msgspec

from mmfast.bybit.trade import IP_BAN_NS
from mmfast.clock import Clock
from mmfast.units import NS_PER_MS

_MAX_BYTES: Final = 256
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class _Note(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a ban by both clocks, and under which boot the monotonic one counts."""

    boot: str
    until_ns: int
    until_wall_ms: int


class BanNote:
    """When the venue lets this host in again, in a file beside the lock.

    Until the host is booted anew its monotonic clock decides, which nobody can set; after that
    the wall clock does. One that was set meanwhile can make a ban look longer than any ban is:
    then it lasts a whole one from now. Nothing here fails a run: without the file a ban is met
    anew.
    """

    def __init__(self, path: Path, clock: Clock, boot: str | None = None) -> None:
        self._path = path
        self._clock = clock
        self._boot = boot_id() if boot is None else boot

    def write(self, until_ns: int) -> None:
        """Remember a ban that ends at a monotonic instant."""
        left_ms = (until_ns - self._clock.now_ns()) // NS_PER_MS
        wall_ms = self._clock.wall_ms() + left_ms
        note = _Note(boot=self._boot, until_ns=until_ns, until_wall_ms=wall_ms)
        with contextlib.suppress(OSError):
            self._path.write_bytes(msgspec.json.encode(note))

    def until_ns(self) -> int:
        """The monotonic end of a ban that still holds; 0 for none."""
        try:
            with self._path.open("rb") as file:
                note = msgspec.json.decode(file.read(_MAX_BYTES), type=_Note)
        except (OSError, msgspec.DecodeError):
            return 0
        now_ns = self._clock.now_ns()
        left_ns = note.until_ns - now_ns
        if not self._boot or note.boot != self._boot:
            left_ns = (note.until_wall_ms - self._clock.wall_ms()) * NS_PER_MS
        return now_ns + min(left_ns, IP_BAN_NS) if left_ns > 0 else 0


def boot_id() -> str:
    """What tells one boot of this host from another; empty where the system does not say."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
