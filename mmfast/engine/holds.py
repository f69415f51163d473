"""Holds: after refusals an instrument places nothing for a while, longer each time."""

from __future__ import annotations

from typing import Final

from mmfast.engine.order import NEVER_NS
from mmfast.units import NS_PER_MS, NS_PER_S

FREE_REFUSALS: Final = 1
"""A single refusal (a post-only quote that would have crossed) is part of the trade."""
FIRST_HOLD_NS: Final = 100 * NS_PER_MS
LONGEST_HOLD_NS: Final = 10 * NS_PER_S


class Holds:
    """Exponential back-off per instrument, ended by the first order that is seen resting."""

    __slots__ = ("_next_ns", "_refusals", "_until_ns")

    def __init__(self, instruments: int) -> None:
        self._refusals = [0] * instruments
        self._until_ns: dict[int, int] = {}
        self._next_ns = NEVER_NS

    def refuse(self, instrument: int, now_ns: int) -> None:
        """The venue refused an order of this instrument."""
        self._refusals[instrument] += 1
        beyond = self._refusals[instrument] - FREE_REFUSALS
        if beyond > 0:
            hold_ns = min(FIRST_HOLD_NS << min(beyond - 1, 20), LONGEST_HOLD_NS)
            self._until_ns[instrument] = now_ns + hold_ns
            self._next_ns = min(self._until_ns.values())

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
