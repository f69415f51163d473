"""An address ban outlives the process that met it: a new one must not knock again."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

from mmfast.bybit.trade import IP_BAN_NS
from mmfast.clock import Clock
from mmfast.units import NS_PER_MS

_MAX_BYTES: Final = 32


class BanNote:
    """When the venue lets this host in again, in a file beside the lock; by the host's wall clock.

    A clock that was set meanwhile can make the ban look longer than any ban is: then it lasts a
    whole one from now. Nothing here fails a run: without the file a ban is met anew.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def write(self, until_ns: int) -> None:
        """Remember a ban that ends at a monotonic instant."""
        left_ms = (until_ns - self._clock.now_ns()) // NS_PER_MS
        with contextlib.suppress(OSError):
            self._path.write_text(f"{self._clock.wall_ms() + left_ms}\n")

    def until_ns(self) -> int:
        """The monotonic end of a ban that still holds; 0 for none."""
        try:
            with self._path.open("rb") as file:
                until_ms = int(file.read(_MAX_BYTES))
        except (OSError, ValueError):
            return 0
        left_ns = (until_ms - self._clock.wall_ms()) * NS_PER_MS
        return self._clock.now_ns() + min(left_ns, IP_BAN_NS) if left_ns > 0 else 0
