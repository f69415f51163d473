"""What the day has cost, kept on disk: a restart forgets no loss."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from mmfast.engine.losses import DayLedger
from mmfast.errors import StateError
from mmfast.runtime import state
from mmfast.runtime.logs import say

WRITE_EVERY_S: Final = 1.0
_MAX_BYTES: Final = 1 << 20


def read(path: Path) -> DayLedger | None:
    """The day as an earlier run left it; None where there is none.

    Raises :class:`StateError` for a file that cannot be understood: taking it for an empty day
    would forget what was lost.
    """
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_BYTES), type=DayLedger)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StateError(
            f"{path}: expected the day's result as an earlier run wrote it, found "
            f"{type(error).__name__}: {error}; the loss stop needs it, so nothing is traded: "
            "restore the file, or delete it to begin with nothing lost today"
        ) from None


class DayBook:
    """Writes the day whenever it has changed, in a thread: a slow disk holds no loop."""

    def __init__(self, path: Path, ledger: DayLedger | None) -> None:
        self.ledger = ledger
        """What was read at the start."""
        self._path = path
        self._written = ledger
        self._in_trouble = False
        self._one_writer = threading.Lock()

    async def keep(self, current: Callable[[], DayLedger]) -> None:
        """For ever; what a crash can forget is what the last second brought."""
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            await self._write(current())

    def close(self, last: DayLedger) -> None:
        """The last word of a run."""
        if last != self._written:
            self._save(last)

    async def _write(self, ledger: DayLedger) -> None:
        if ledger != self._written:
            await asyncio.to_thread(self._save, ledger)

    def _save(self, ledger: DayLedger) -> None:
        with self._one_writer:
            try:
                state.write_durably(self._path, msgspec.json.encode(ledger))
            except OSError as error:
                if not self._in_trouble:
                    text = f"cannot write {self._path}: {error.strerror}; a restart forgets losses"
                    say(logging.ERROR, "day_book", text)
                self._in_trouble = True
                return
            self._written = ledger
            self._in_trouble = False
