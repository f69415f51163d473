"""Emptying the venue from outside the engine, with proof: for the watchdog and ``mmfast kill``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from mmfast.clock import Clock
from mmfast.errors import AuthError, MmfastError
from mmfast.runtime.logs import say
from mmfast.units import NS_PER_S

READINGS_NEEDED: Final = 2
_AGAIN_S: Final = 0.02
_QUIET_POLL_S: Final = 0.25
_RETRY_S: Final = 0.1
_RETRY_MAX_S: Final = 2.0


class Sweeping(Protocol):
    """What a sweep needs of the venue."""

    async def sweep_once(self, wanted: Callable[[str], bool]) -> int:
        """Cancel what is wanted among the open orders; how many there were."""
        ...


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """How a sweep ended: orders open at the first reading, and at the last one (-1: the venue
    never answered)."""

    proven: bool
    found_first: int
    left: int
    fault: str = ""

    @property
    def left_text(self) -> str:
        """How many may still be open, for a sentence."""
        return "an unknown number of" if self.left < 0 else str(self.left)


async def sweep(
    side: Sweeping,
    clock: Clock,
    wanted: Callable[[str], bool],
    *,
    quiet_after_ns: int,
    limit_ns: int,
) -> Swept:
    """Cancel until two readings in a row show nothing of what is ``wanted``.

    Only readings begun after ``quiet_after_ns`` (monotonic) prove anything: until then a request
    that left earlier may still be accepted. Never raises; after ``limit_ns`` it gives up.
    """
    end_ns = clock.now_ns() + limit_ns
    found_first = left = -1
    empty, retry_s, fault = 0, _RETRY_S, ""
    while clock.now_ns() < end_ns:
        asked_ns = clock.now_ns()
        try:
            async with asyncio.timeout((end_ns - asked_ns) / NS_PER_S):
                left = await side.sweep_once(wanted)
        except (MmfastError, TimeoutError) as error:
            empty, fault = 0, str(error) or "no answer in time"
            say(logging.WARNING, "sweep", f"a reading of the open orders failed: {fault}")
            if isinstance(error, AuthError):
                break
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, _RETRY_MAX_S)
            continue
        retry_s, fault = _RETRY_S, ""
        if found_first < 0:
            found_first = left
            say(logging.INFO, "sweep", f"{left} own orders were open and are cancelled")
        empty = 0 if left or asked_ns < quiet_after_ns else empty + 1
        if empty == READINGS_NEEDED:
            return Swept(proven=True, found_first=found_first, left=0)
        await asyncio.sleep(_AGAIN_S if left or empty else _QUIET_POLL_S)
    return Swept(proven=False, found_first=max(found_first, 0), left=left, fault=fault)
