"""The venue's own dead man's switch (DCP): set, read back, and watched while we trade.

It is armed by the subscription of the private stream, and acts when the venue has heard nothing of
any armed connection for the window. Only institutions have it; everybody has the watchdog.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

from mmfast.errors import MmfastError, VenueError
from mmfast.runtime.logs import say

CHECK_EVERY_S: Final = 60.0
APPLIES_WITHIN_S: Final = 15.0
"""The venue takes about ten seconds to put a setting into force."""
_POLL_S: Final = 1.0


class Protector(Protocol):
    """What the protection needs of the venue."""

    async def set_dcp_window(self, window_s: int) -> None:
        """Ask for a window."""
        ...

    async def dcp_window_s(self) -> int:
        """The window in force, 0 for none."""
        ...


async def ask_for_protection(venue: Protector, window_s: int) -> bool:
    """Set the window; False, and said, where the account has no such protection."""
    if not window_s:
        return False
    try:
        await venue.set_dcp_window(window_s)
    except VenueError as error:
        text = f"the venue does not cancel for us when we fall silent: {error}"
        say(logging.WARNING, "dcp", f"{text}; the watchdog has to do")
        return False
    return True


async def keep_protection(
    venue: Protector, window_s: int, *, check_every_s: float = CHECK_EVERY_S
) -> None:
    """Read the window back until it is in force, then again and again; set anew what is lost."""
    in_force = False
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + APPLIES_WITHIN_S
    while True:
        try:
            found_s = await venue.dcp_window_s()
        except MmfastError as error:
            say(logging.WARNING, "dcp", f"cannot read the disconnect protection: {error}")
            await asyncio.sleep(check_every_s)
            continue
        if found_s == window_s:
            if not in_force:
                in_force = True
                text = f"the venue cancels our orders when it hears nothing of us for {found_s} s"
                say(logging.INFO, "dcp", text)
            await asyncio.sleep(check_every_s)
            continue
        if in_force or loop.time() > deadline_s:
            in_force = False
            expected = f"expected a disconnect protection of {window_s} s, found {found_s} s"
            say(logging.ERROR, "dcp", f"{expected}: it is set anew")
            await ask_for_protection(venue, window_s)
            deadline_s = loop.time() + APPLIES_WITHIN_S
        await asyncio.sleep(_POLL_S)
