"""What the day has cost, kept on disk: a restart forgets no loss."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from typing import Final

import msgspec

from mmfast.clock import until_beat_s
from mmfast.engine.risk.losses import DayLedger, LossStop
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
    """Writes the day whenever it has changed, in a thread: a slow disk holds no loop.

    Without a path nothing is kept. Raises what :func:`read` raises.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._written = None if path is None else read(path)
        self._losses: LossStop | None = None
        self._in_trouble = False
        self._one_writer = threading.Lock()

    def open(self, losses: LossStop) -> None:
        """Go on with the day that was read, before anything of this run is booked."""
        self._losses = losses
        if self._written is not None:
            losses.restore(self._written)

    async def keep(self) -> None:
        """For ever; what a crash can forget is what the last second brought."""
        loop = asyncio.get_running_loop()
        while self._path is not None:
            await asyncio.sleep(until_beat_s(loop.time(), WRITE_EVERY_S))
            if (ledger := self._news()) is not None:
                await asyncio.to_thread(self._save, self._path, ledger)

    def close(self) -> None:
        """The last word of a run."""
        if self._path is not None and (ledger := self._news()) is not None:
            self._save(self._path, ledger)

    def _news(self) -> DayLedger | None:
        """The day, where it differs from what is written."""
        ledger = None if self._losses is None else self._losses.ledger()
        return None if ledger == self._written else ledger

    def _save(self, path: Path, ledger: DayLedger) -> None:
        with self._one_writer:
            try:
                state.write_durably(path, msgspec.json.encode(ledger))
            except OSError as error:
                if not self._in_trouble:
                    text = f"cannot write {path}: {error.strerror}; a restart forgets losses"
                    say(logging.ERROR, "day_book", text)
                self._in_trouble = True
                return
            self._written = ledger
            self._in_trouble = False
