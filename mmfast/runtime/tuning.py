"""What is asked of the interpreter and the loop, once, before trading."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import uvloop

from mmfast.clock import until_beat_s

T = TypeVar("T")

YOUNG_EVERY_S: Final = 1.0
FULL_EVERY: Final = 30
"""Passes over the young objects between two over all that is not frozen."""
_PATIENCE: Final = 20
_MOMENT_S: Final = 0.002


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` to its end on a fresh uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def settle_memory() -> None:
    """After warm-up: collect once, then keep all that lives out of every later pass.

    A full pass over a trading process takes tens of milliseconds; over what came after the
    freeze, a fraction of one. From here on passes happen only when :class:`QuietCollector` says so.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


class QuietCollector:
    """Passes of the garbage collector, in moments when no decision waits.

    Left to itself the collector starts in the middle of whatever allocates most, which here is
    a tick; and cycles that wait for its rarer passes make a long run look like a leak. ``busy``
    is asked before each pass; after some moments of it the pass is made all the same.
    """

    def __init__(self, busy: Callable[[], bool]) -> None:
        self._busy = busy
        self._passes = 0
        self._waited = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin; needs a running loop."""
        self._arm()

    def stop(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()

    def _moment(self) -> None:
        if self._busy() and self._waited < _PATIENCE:
            self._waited += 1
            self._arm_after(_MOMENT_S)
            return
        self._waited = 0
        self._passes += 1
        gc.collect(2 if self._passes % FULL_EVERY == 0 else 1)
        self._arm()

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._arm_after(until_beat_s(loop.time(), YOUNG_EVERY_S))

    def _arm_after(self, delay_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._moment)
