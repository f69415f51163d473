"""Waking up on time: the venue's latencies are real only if its replies leave when they are due.

Timers of an event loop count whole milliseconds, so they ring half a millisecond late on average
and one at worst. The timer descriptor of Linux rings within tens of microseconds, costs one
system call to set and nothing while it waits; elsewhere the loop's timer has to do.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from typing import Final, Protocol

from mmfast.units import NS_PER_MS, NS_PER_S

_CLOCK_MONOTONIC: Final = 1
_NON_BLOCKING: Final = 0o4000
_CLOSE_ON_EXEC: Final = 0o2000000
#: ``struct itimerspec``: interval and first expiry, seconds and nanoseconds each.
_TimerSpec: Final = ctypes.c_long * 4
_EXPIRIES_SIZE: Final = 8


class Alarm(Protocol):
    """Rings once, a while after it was set; setting it again forgets the earlier time."""

    def set(self, delay_ns: int) -> None:
        """Ring in so many nanoseconds; at once for 0 and less, but never within this call."""
        ...

    def close(self) -> None:
        """Never ring again."""
        ...


class TimerFdAlarm:
    """The alarm of Linux. Raises ``OSError`` where the system refuses a timer descriptor."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._loop = loop
        self._ring = ring
        self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NON_BLOCKING | _CLOSE_ON_EXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = _TimerSpec()
        loop.add_reader(self._fd, self._expired)

    def set(self, delay_ns: int) -> None:
        """See :class:`Alarm`."""
        # A delay of nothing would disarm the timer.
        self._spec[2], self._spec[3] = divmod(max(delay_ns, 1), NS_PER_S)
        if self._libc.timerfd_settime(self._fd, 0, self._spec, None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        """See :class:`Alarm`."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _expired(self) -> None:
        try:
            os.read(self._fd, _EXPIRIES_SIZE)
        except BlockingIOError:
            return  # it was set anew between its ringing and our hearing it
        self._ring()


class LoopAlarm:
    """The alarm of any loop, in whole milliseconds, rounded to the nearest.

    So it may ring half a millisecond early; whoever is woken looks at the clock.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    def set(self, delay_ns: int) -> None:
        """See :class:`Alarm`."""
        self.close()
        # At least one: a timer of nothing, set again and again, would be a spin.
        delay_ms = max(round(delay_ns / NS_PER_MS), 1)
        self._timer = self._loop.call_later(delay_ms / 1000, self._ring)

    def close(self) -> None:
        """See :class:`Alarm`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def alarm(loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> Alarm:
    """The best alarm this system has; ``ring`` is called on the loop."""
    return TimerFdAlarm(loop, ring) if sys.platform == "linux" else LoopAlarm(loop, ring)
