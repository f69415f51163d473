"""The clock seam: the one module that reads time."""

from __future__ import annotations

import time
from typing import Protocol

from mmfast.units import NS_PER_MS, NS_PER_S


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

    now_ns = staticmethod(time.monotonic_ns)
    """Monotonic nanoseconds. The function itself: it is asked forty times a tick."""

    def wall_ms(self) -> int:
        """Wall clock in milliseconds."""
        return time.time_ns() // NS_PER_MS


def until_beat_s(loop_s: float, every_s: float) -> float:
    """How long to wait, at this time of a loop, for the next multiple of ``every_s``.

    All that looks around now and then does so on these beats, and thereby in the same turns of
    the loop: waking an idle process costs more than most looks do. The wait is at least a tenth
    of ``every_s``, so a timer that fires a little early is not followed by a second look.
    """
    wait_s = every_s - loop_s % every_s
    return wait_s if wait_s >= every_s / 10 else wait_s + every_s


class HostClocks:
    """What tells that the host slept or was set: the distances between its clocks."""

    __slots__ = ()

    def asleep_ns(self) -> int:
        """Time the host has spent suspended, in all: the monotonic clock does not count it."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()

    def wall_offset_ns(self) -> int:
        """Wall clock less monotonic clock: moves when somebody sets the wall clock."""
        return time.time_ns() - time.monotonic_ns()


class VenueClock:
    """Venue time from the monotonic clock plus a measured offset.

    A step of the host's wall clock therefore cannot move a signature's timestamp. The offset is
    venue time minus monotonic time. A sample bounds its error by half of its round trip, and that
    bound loosens with age, since the clocks drift; :meth:`observe` keeps the sample with the
    tightest bound, unless a later one contradicts it: then one of the clocks has leapt.
    """

    __slots__ = (
        "_clock",
        "_doubted_ns",
        "_measured_ns",
        "_offset_ns",
        "_sampled_ns",
        "_suspected_ns",
        "_trip_ns",
        "doubted_until_ns",
        "leaps",
        "synced",
    )

    #: How fast two disciplined clocks may drift apart: 500 parts in a million.
    _DRIFT_PER_NS = 2_000
    #: A cancel waits so long at most for a sample, then it leaves with the time as it is.
    LONGEST_DOUBT_NS = NS_PER_S

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ns = clock.wall_ms() * NS_PER_MS - clock.now_ns()
        self._trip_ns = 1 << 62
        self._measured_ns = 0
        self._sampled_ns = self._doubted_ns = self._suspected_ns = -1
        self.synced = False
        self.leaps = 0
        """How often a sample contradicted what was known."""
        self.doubted_until_ns = 0
        """Nothing should be signed before this monotonic instant."""

    def observe(self, sent_ns: int, received_ns: int, venue_ns: int) -> None:
        """Take one sample: ``venue_ns`` was read between ``sent_ns`` and ``received_ns``."""
        trip_ns = max(received_ns - sent_ns, 1)
        offset_ns = venue_ns - (sent_ns + received_ns) // 2
        known_ns = self.uncertainty_ns
        self._sampled_ns = received_ns
        if sent_ns >= self._doubted_ns:
            self.doubted_until_ns = 0
        if sent_ns >= self._suspected_ns:
            self._suspected_ns = -1
        leapt = self.synced and abs(offset_ns - self._offset_ns) > known_ns + trip_ns // 2 + 1
        if self.synced and not leapt and trip_ns // 2 > known_ns:
            return
        self.leaps += leapt
        self._trip_ns = trip_ns
        self._offset_ns = offset_ns
        self._measured_ns = received_ns
        self.synced = True

    def doubt(self, sent_ns: int) -> bool:
        """The venue refused the timestamp of a request that left at ``sent_ns``: until the next
        sample no other would be accepted. False for old news: a sample was taken since."""
        if sent_ns < self._sampled_ns:
            return False
        if not self.in_doubt:
            self._doubted_ns = self._clock.now_ns()
            self.doubted_until_ns = self._doubted_ns + self.LONGEST_DOUBT_NS
        return True

    @property
    def in_doubt(self) -> bool:
        """Whether a timestamp was refused and no sample has been taken since."""
        return self._clock.now_ns() < self.doubted_until_ns

    def suspect(self) -> None:
        """Something was refused for what may have been its time: a sample is wanted, and nothing
        that can wait should name a time before it. Orders need not wait for a mere suspicion."""
        if self.synced and not self.is_suspected:
            self._suspected_ns = self._clock.now_ns()

    @property
    def is_suspected(self) -> bool:
        """Whether the clock is in doubt, or was suspected and no sample has been taken since; for
        as long as a doubt lasts at most, since samples may be out of reach."""
        if self._suspected_ns < 0:
            return self.in_doubt
        lasts = self._clock.now_ns() < self._suspected_ns + self.LONGEST_DOUBT_NS
        return lasts or self.in_doubt

    @property
    def uncertainty_ns(self) -> int:
        """Bound on the error of the offset: half of the round trip it was measured with, and what
        the clocks may have drifted apart since."""
        age_ns = max(self._clock.now_ns() - self._measured_ns, 0)
        return self._trip_ns // 2 + age_ns // self._DRIFT_PER_NS

    @property
    def offset_ns(self) -> int:
        """Venue time less monotonic time: the best guess."""
        return self._offset_ns

    def venue_ms(self) -> int:
        """The venue's time now, in milliseconds since the Unix epoch: the best guess."""
        return (self._clock.now_ns() + self._offset_ns) // NS_PER_MS

    def stamp_ms(self) -> int:
        """The time to sign with: not ahead of the venue's, whatever the error of the guess.

        The venue takes timestamps up to a whole receive window old, but none a second ahead.
        """
        if not self.synced:
            return self.venue_ms()
        return (self._clock.now_ns() + self._offset_ns - self.uncertainty_ns) // NS_PER_MS

    def skew_ms(self) -> int:
        """How far the host's wall clock is ahead of the venue's (negative: behind)."""
        return self._clock.wall_ms() - self.venue_ms()
