"""The operator's levers: signals, and the configuration file that is watched for change."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mmfast.clock import until_beat_s

POLL_S: Final = 1.0

Stamp = tuple[int, int, int]


class Signals:
    """SIGINT and SIGTERM ask for a stop, SIGHUP for a reload."""

    _WATCHED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self, on_stop: Callable[[str], None], on_reload: Callable[[], None]) -> None:
        self._on_stop = on_stop
        self._on_reload = on_reload

    def install(self) -> None:
        """Take the signals over; needs a running loop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_stop, number.name)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload)

    def remove(self) -> None:
        """Give them back."""
        loop = asyncio.get_running_loop()
        for number in self._WATCHED:
            loop.remove_signal_handler(number)


class FileWatch:
    """Tells when a file changed and then held still for one poll, so no half file is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._settled = stamp(path)
        self._seen = self._settled

    def changed(self, now: Stamp | None) -> bool:
        """Take one look's result; True once per change, when it repeats unchanged."""
        held_still = now == self._seen
        self._seen = now
        if now is None or not held_still or now == self._settled:
            return False
        self._settled = now
        return True

    async def run(self, on_change: Callable[[], None]) -> None:
        """Poll for ever; the look itself runs in a thread, a slow disk must not hold the loop."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(until_beat_s(loop.time(), POLL_S))
            if self.changed(await asyncio.to_thread(stamp, self._path)):
                on_change()


def stamp(path: Path) -> Stamp | None:
    """What changes with a file's content: modification time, inode, size; None if unreadable."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
