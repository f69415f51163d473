"""When the venue's filters of the instruments are to be read again, and who waits for that."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from mmfast.messages import Event, Instrument, InstrumentChange

DOUBTED_AGAIN_S: Final = 5.0
"""How soon they are read again when there is reason to believe that they change."""
IN_DOUBT: Final = "filters in doubt"
"""Status of an instrument that is not quoted before its filters have been read."""


class FilterDoubts:
    """One session's. ``instruments`` gives them as they are known, ``deliver`` tells the kernel."""

    def __init__(
        self, instruments: Callable[[], Sequence[Instrument]], deliver: Callable[[Event], None]
    ) -> None:
        self._instruments = instruments
        self._deliver = deliver
        self.is_changing: Callable[[int], bool] = _nothing_changes
        """Whether an instrument is on its way to new units, and so withdrawn until it is there."""
        self._waiting: dict[int, None] = {}
        self._wanted = asyncio.Event()

    async def wait(self, every_s: float) -> None:
        """Until the filters should be read: after so long, or soon when somebody doubts them."""
        await asyncio.sleep(DOUBTED_AGAIN_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(every_s - DOUBTED_AGAIN_S):
                await self._wanted.wait()
        self._wanted.clear()

    def read_soon(self) -> None:
        """An instrument may not be any more what we take it for."""
        self._wanted.set()

    def watch_idle(self) -> None:
        """One that does not trade now may do so soon, and one in doubt is withdrawn so long."""
        idle = any(instrument.status != Instrument.TRADING for instrument in self._instruments())
        if self._waiting or idle:
            self.read_soon()

    def refused(self, index: int) -> None:
        """The venue refused as malformed what its own filters allow: nothing more of this
        instrument leaves before they have been read. Where that is known to be so because its
        units change, the kernel is told nothing: the old units would seem to be back."""
        if self.is_changing(index):
            self.read_soon()
        elif index not in self._waiting:
            self._waiting[index] = None
            known = self._instruments()[index]
            self._deliver(InstrumentChange(msgspec.structs.replace(known, status=IN_DOUBT)))
            self.read_soon()

    def settle(self) -> None:
        """They have been read: what stayed as it was holds again. What changed is told after."""
        for index in self._waiting:
            self._deliver(InstrumentChange(self._instruments()[index]))
        self._waiting.clear()


def _nothing_changes(_index: int) -> bool:
    """Nobody changes units."""
    return False
