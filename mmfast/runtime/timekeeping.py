"""What time it is at the venue, measured again and again, through sleep and set clocks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from mmfast.clock import HostClocks, VenueClock, until_beat_s
from mmfast.errors import MmfastError
from mmfast.runtime.logs import say
from mmfast.units import NS_PER_MS, NS_PER_S

MEASURE_EVERY_S: Final = 30.0
LOOK_EVERY_S: Final = 0.5
SLEEP_NS: Final = 100 * NS_PER_MS
"""A suspension this long makes everything known about the market and the account doubtful."""
STEP_NS: Final = NS_PER_S
"""A wall clock set by so much is worth a line in the log, nothing more."""
MAX_SKEW_MS: Final = 500
BURST: Final = 3
"""Samples taken when the clock is in doubt: the best of a few bounds the error well."""
_RETRY_S: Final = 0.2


class TimeSource(Protocol):
    """Who is asked for the venue's time."""

    async def server_time(self) -> int:
        """Ask once; the answer is fed to the venue clock."""
        ...


class TimeKeeper:
    """Keeps a venue clock right while :meth:`run` runs.

    ``on_leap`` is called when what was known of the present cannot be believed any more: the host
    slept, or the clocks have leapt against each other. ``hold`` and ``release`` keep quotes away
    while nobody knows the time well enough for a timestamp to be accepted.
    """

    def __init__(
        self,
        source: TimeSource,
        venue_clock: VenueClock,
        recv_window_ms: int,
        *,
        on_leap: Callable[[str], None],
        hold: Callable[[str, str], None],
        release: Callable[[str], None],
        host: HostClocks | None = None,
    ) -> None:
        self._source = source
        self._venue_clock = venue_clock
        self._most_ns = recv_window_ms * NS_PER_MS // 2
        self._on_leap = on_leap
        self._hold = hold
        self._release = release
        self._host = host or HostClocks()
        self._asleep_ns = self._host.asleep_ns()
        self._wall_ns = self._host.wall_offset_ns()
        self._leaps = venue_clock.leaps
        self._skewed = False
        self._in_doubt = False
        self._look = asyncio.Event()

    def doubt(self, sent_ns: int) -> None:
        """The venue refused the timestamp of a request that left at ``sent_ns``: measure at
        once, unless that was done since."""
        if self._venue_clock.doubt(sent_ns):
            self._in_doubt = True
            self._look.set()

    async def run(self) -> None:
        """For ever; an unanswered sample is simply taken again."""
        self._warn_of_skew()
        loop = asyncio.get_running_loop()
        due_s = loop.time() + MEASURE_EVERY_S
        while True:
            await self._until_look(loop)
            wanted = self._look_at_host() or self._venue_clock.is_suspected
            if not (self._in_doubt or wanted or loop.time() >= due_s):
                self._judge()
                continue
            self._in_doubt = False
            due_s = loop.time() + (MEASURE_EVERY_S if await self._measure() else _RETRY_S)
            self._judge()

    async def _until_look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Until the next beat, or a doubt before it. A wait that ends by an exception, as one with
        a timeout does, costs several times as much, and this one ends so day and night."""
        beat = loop.call_later(until_beat_s(loop.time(), LOOK_EVERY_S), self._look.set)
        try:
            await self._look.wait()
        finally:
            beat.cancel()
        self._look.clear()

    def _look_at_host(self) -> bool:
        """Whether the host has slept since the last look; says so, and what else was set."""
        asleep_ns, wall_ns = self._host.asleep_ns(), self._host.wall_offset_ns()
        slept_ns, stepped_ns = asleep_ns - self._asleep_ns, wall_ns - self._wall_ns
        self._asleep_ns, self._wall_ns = asleep_ns, wall_ns
        if slept_ns > SLEEP_NS:
            self._on_leap(f"the host slept for {slept_ns / NS_PER_S:.1f} s")
            return True
        if abs(stepped_ns) > STEP_NS:
            text = f"this host's clock was set by {stepped_ns / NS_PER_S:.1f} s: signing goes on"
            say(logging.WARNING, "clock", text)
        return False

    async def _measure(self) -> bool:
        answers = 0
        for _ in range(BURST):
            try:
                await self._source.server_time()
                answers += 1
            except MmfastError as error:
                say(logging.INFO, "clock", f"no clock sample: {error}")
        leaps = self._venue_clock.leaps
        if leaps != self._leaps:
            self._leaps = leaps
            self._on_leap("the venue's clock and this host's have leapt against each other")
        self._warn_of_skew()
        return answers > 0

    def _warn_of_skew(self) -> None:
        skew_ms = self._venue_clock.skew_ms()
        skewed = abs(skew_ms) > MAX_SKEW_MS
        if skewed and not self._skewed:
            say(logging.WARNING, "clock", f"this host's clock is off by {skew_ms} ms")
        self._skewed = skewed

    def _judge(self) -> None:
        """Nothing may be created while its timestamp could be outside the window."""
        doubt_ns = self._venue_clock.uncertainty_ns
        if doubt_ns > self._most_ns:
            text = f"the venue's time is known to {doubt_ns // NS_PER_MS} ms only"
            self._hold("clock", text)
        else:
            self._release("clock")
