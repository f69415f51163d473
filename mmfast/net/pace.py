"""How fast questions may be asked: a rolling second for each endpoint, by the venue's figures."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from mmfast.clock import Clock
from mmfast.messages import RateInfo
from mmfast.units import NS_PER_MS, NS_PER_S

WINDOW_NS: Final = NS_PER_S
MOST: Final = 1000
"""A limit beyond this is none: nobody here asks so much, and no header may fill our memory."""
_LOOK_AGAIN_NS: Final = 10 * NS_PER_MS
"""How soon to look again where only questions without an answer yet stand in the way."""


class Pace:
    """One endpoint's budget. There is no limit until the first answer names one.

    A question counts from when it is asked until one second after its answer: the venue counted
    it somewhere between, so whatever the delays were, our window contains the venue's.
    """

    __slots__ = ("_answered_ns", "_in_flight", "_limit", "_lowered_ns")

    def __init__(self) -> None:
        self._limit = 0
        self._lowered_ns = 0
        self._in_flight = 0
        self._answered_ns: deque[int] = deque()

    def wait_ns(self, now_ns: int) -> int:
        """How long until one more may be asked, as far as that is known; 0 if now."""
        answered_ns = self._answered_ns
        while answered_ns and answered_ns[0] <= now_ns - WINDOW_NS:
            answered_ns.popleft()
        if not self._limit or self._in_flight + len(answered_ns) < self._limit:
            return 0
        return answered_ns[0] + WINDOW_NS - now_ns if answered_ns else _LOOK_AGAIN_NS

    def ask(self) -> None:
        """One leaves."""
        self._in_flight += 1

    def settle(self, rate: RateInfo | None, sent_ns: int, now_ns: int) -> None:
        """Its answer is here, or will never come (None: then the venue may have counted it).

        Where the venue counts more than we do, others ask with the same account: it is right.
        An answer to what left before a lower limit was known does not raise it again: answers
        overtake each other.
        """
        self._in_flight -= 1
        self._answered_ns.append(now_ns)
        if rate is None or rate.limit <= 0:
            return
        limit = min(rate.limit, MOST)
        if limit < self._limit:
            self._lowered_ns = now_ns
        elif sent_ns < self._lowered_ns:
            return
        self._limit = limit
        left = rate.remaining if rate.remaining >= 0 else self._limit
        unseen = self._limit - left - self._in_flight - len(self._answered_ns)
        self._answered_ns.extend([now_ns] * max(unseen, 0))


class Paces:
    """The budgets of all endpoints that are asked, by path."""

    __slots__ = ("_clock", "_paces")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._paces: dict[str, Pace] = {}

    async def turn(self, path: str) -> Pace:
        """Wait until one more question may go to ``path``, and count it in; its pace must be
        told how it ended."""
        pace = self._paces.get(path)
        if pace is None:
            pace = self._paces[path] = Pace()
        while wait_ns := pace.wait_ns(self._clock.now_ns()):  # noqa: ASYNC110 - time tells
            await asyncio.sleep(wait_ns / NS_PER_S)
        pace.ask()
        return pace
