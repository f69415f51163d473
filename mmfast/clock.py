"""The clock seam: the one module that reads time."""

from __future__ import annotations

import time
from typing import Protocol

from mmfast.units import NS_PER_MS


class Clock(Protocol):
    """What the shell needs of time. Tests and simulations bring their own."""

    def now_ns(self) -> int:
        """Monotonic nanoseconds; only differences mean anything."""
        ...

    def wall_ms(self) -> int:
        """Milliseconds since the Unix epoch, as this host believes."""
        ...


class SystemClock:
    """The host's clocks."""

    __slots__ = ()

    def now_ns(self) -> int:
        """Monotonic nanoseconds."""
        return time.monotonic_ns()

    def wall_ms(self) -> int:
        """Wall clock in milliseconds."""
        return time.time_ns() // NS_PER_MS


class VenueClock:
    """Venue time from the monotonic clock plus a measured offset.

    A step of the host's wall clock therefore cannot move a signature's timestamp. ``offset_ns``
    is venue time minus monotonic time; :meth:`observe` keeps the estimate whose round trip was
    the shortest among the last ones, since its error is bounded by half of that round trip.
    """

    __slots__ = ("_best_rtt_ns", "_clock", "_offset_ns", "synced")

    #: Each observation loosens the bar a little, so that an old lucky sample cannot rule for ever.
    _DECAY_NUM = 5
    _DECAY_DEN = 4

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ns = clock.wall_ms() * NS_PER_MS - clock.now_ns()
        self._best_rtt_ns = 1 << 62
        self.synced = False

    def observe(self, sent_ns: int, received_ns: int, venue_ns: int) -> None:
        """Take one sample: ``venue_ns`` was read between ``sent_ns`` and ``received_ns``."""
        rtt_ns = received_ns - sent_ns
        bar_ns = self._best_rtt_ns * self._DECAY_NUM // self._DECAY_DEN
        if self.synced and rtt_ns > bar_ns:
            self._best_rtt_ns = bar_ns
            return
        self._best_rtt_ns = max(rtt_ns, 1)
        self._offset_ns = venue_ns - (sent_ns + received_ns) // 2
        self.synced = True

    @property
    def uncertainty_ns(self) -> int:
        """Bound on the error of the offset: half of the best round trip."""
        return self._best_rtt_ns // 2

    def venue_ms(self) -> int:
        """The venue's time now, in milliseconds since the Unix epoch."""
        return (self._clock.now_ns() + self._offset_ns) // NS_PER_MS

    def skew_ms(self) -> int:
        """How far the host's wall clock is ahead of the venue's (negative: behind)."""
        return self._clock.wall_ms() - self.venue_ms()
