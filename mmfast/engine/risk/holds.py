"""Holds: after refusals an instrument places nothing for a while, or is withdrawn, longer each
time."""

from __future__ import annotations

from collections import deque
from typing import Final

from mmfast.engine.params import BreakerParams
from mmfast.units import NEVER_NS, NS_PER_MS, NS_PER_S

FREE_REFUSALS: Final = 1
"""A single refusal (a post-only quote that would have crossed) is part of the trade."""
FIRST_HOLD_NS: Final = 100 * NS_PER_MS
LONGEST_HOLD_NS: Final = 10 * NS_PER_S
NO_MARGIN: Final = frozenset(
    (110004, 110006, 110007, 110012, 110044, 110045, 110051, 110052, 110053)
)
"""Return codes for a want of balance or margin: asking again soon is of no use."""


class Holds:
    """Exponential back-off per instrument. A hold, after few refusals, keeps what rests and is
    ended by the first order that is seen resting. A pull, after a storm of refusals or one for
    want of margin, withdraws the quotes and only time ends it."""

    __slots__ = (
        "_next_ns",
        "_params",
        "_pulled_until_ns",
        "_pulls",
        "_refusals",
        "_storms",
        "_until_ns",
        "news",
    )

    def __init__(self, instruments: int) -> None:
        self._refusals = [0] * instruments
        self._until_ns: dict[int, int] = {}
        self._next_ns = NEVER_NS
        self._params = BreakerParams()
        self._storms: list[deque[int]] = [deque() for _ in range(instruments)]
        self._pulls = [0] * instruments
        self._pulled_until_ns = [0] * instruments
        self.news: list[tuple[int, str]] = []
        """Instruments pulled since this was last emptied, and why."""

    def set_limits(self, params: BreakerParams) -> None:
        """When to pull, and for how long."""
        self._params = params

    def refuse(self, instrument: int, now_ns: int, no_margin: bool = False) -> None:
        """The venue refused an order of this instrument."""
        self._refusals[instrument] += 1
        beyond = self._refusals[instrument] - FREE_REFUSALS
        if beyond > 0:
            hold_ns = min(FIRST_HOLD_NS << min(beyond - 1, 20), LONGEST_HOLD_NS)
            until_ns = max(now_ns + hold_ns, self._pulled_until_ns[instrument])
            self._until_ns[instrument] = until_ns
            self._next_ns = min(self._until_ns.values())
        if not self._params.storm_refusals or now_ns < self._pulled_until_ns[instrument]:
            return
        times_ns = self._storms[instrument]
        while times_ns and now_ns - times_ns[0] >= self._params.storm_window_ms * NS_PER_MS:
            times_ns.popleft()
        times_ns.append(now_ns)
        if no_margin:
            self._pull(instrument, "the venue refuses for want of margin", now_ns)
        elif len(times_ns) > self._params.storm_refusals:
            self._pull(instrument, "the venue refuses one order after the other", now_ns)

    def pulled(self, instrument: int, now_ns: int) -> bool:
        """Its quotes are to be withdrawn."""
        until_ns: int = self._pulled_until_ns[instrument]
        return now_ns < until_ns

    def _pull(self, instrument: int, why: str, now_ns: int) -> None:
        params = self._params
        if now_ns - self._pulled_until_ns[instrument] >= params.pull_cap_ms * NS_PER_MS:
            self._pulls[instrument] = 0
        until_ns = now_ns + params.pull_ms(self._pulls[instrument]) * NS_PER_MS
        self._pulls[instrument] += 1
        self._pulled_until_ns[instrument] = until_ns
        self._until_ns[instrument] = until_ns
        self._next_ns = min(self._until_ns.values())
        self._storms[instrument].clear()
        self.news.append((instrument, why))

    def accept(self, instrument: int) -> None:
        """An order of this instrument rests: whatever was wrong is over."""
        self._refusals[instrument] = 0

    def holds(self, instrument: int, now_ns: int) -> bool:
        """True while nothing may be placed."""
        return now_ns < self._until_ns.get(instrument, 0)

    def over(self, now_ns: int) -> list[int]:
        """Instruments whose hold has just ended; each is named once."""
        if now_ns < self._next_ns:
            return []
        ended = [index for index, until_ns in self._until_ns.items() if until_ns <= now_ns]
        for index in ended:
            del self._until_ns[index]
        self._next_ns = min(self._until_ns.values(), default=NEVER_NS)
        return ended

    def next_ns(self) -> int:
        """When the next hold ends."""
        return self._next_ns
