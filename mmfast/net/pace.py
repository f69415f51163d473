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

    A question counts from when it leaves until one second after its answer: the venue counted
    it somewhere between, so whatever the delays were, our window contains the venue's.
    """

    __slots__ = ("_answered_ns", "_in_flight", "_limit", "_lowered_ns", "_taken")

    def __init__(self) -> None:
        self._limit = 0
        self._lowered_ns = 0
        self._taken = 0
        """Turns of questions that have not left yet."""
        self._in_flight = 0
        self._answered_ns: deque[int] = deque()

    def wait_ns(self, now_ns: int) -> int:
        """How long until one more may be asked, as far as that is known; 0 if now."""
        if self._has_room(now_ns, self._taken + self._in_flight):
            return 0
        answered_ns = self._answered_ns
        return answered_ns[0] + WINDOW_NS - now_ns if answered_ns else _LOOK_AGAIN_NS

    def ask(self) -> None:
        """One has its turn."""
        self._taken += 1

    def leave(self, now_ns: int) -> bool:
        """One that had its turn is about to leave. False, and the turn is over, where the limit
        was lowered while it waited for a connection: those that left before it fill it."""
        self._taken -= 1
        return self._goes(now_ns)

    def leave_again(self, now_ns: int) -> bool:
        """One that has left was lost with its connection, and is about to be asked once more. The
        venue may have counted it, and counts this one too; False as :meth:`leave`."""
        self._in_flight -= 1
        self._answered_ns.append(now_ns)
        return self._goes(now_ns)

    def give_back(self) -> None:
        """One that had its turn will not leave."""
        self._taken -= 1

    def settle(self, rate: RateInfo | None, sent_ns: int, now_ns: int) -> None:
        """The answer to one that left is here, or will never come (None: then the venue may have
        counted it).

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

    def _has_room(self, now_ns: int, under_way: int) -> bool:
        answered_ns = self._answered_ns
        while answered_ns and answered_ns[0] <= now_ns - WINDOW_NS:
            answered_ns.popleft()
        return not self._limit or under_way + len(answered_ns) < self._limit

    def _goes(self, now_ns: int) -> bool:
        goes = self._has_room(now_ns, self._in_flight)
        self._in_flight += goes
        return goes


class Turn:
    """One question's place in a budget, from its turn to its end."""

    __slots__ = ("_clock", "_pace", "_under_way", "held_back")

    def __init__(self, pace: Pace, clock: Clock) -> None:
        self._pace = pace
        self._clock = clock
        self._under_way = False
        self.held_back = False
        """It was not let go, and must wait for another turn."""
        pace.ask()

    def leave(self) -> str:
        """The last look before its bytes leave, each time they do: why they must not."""
        now_ns = self._clock.now_ns()
        goes = self._pace.leave_again(now_ns) if self._under_way else self._pace.leave(now_ns)
        self._under_way, self.held_back = goes, not goes
        return "" if goes else "what left before fills the limit, which the venue has lowered"

    def end(self, rate: RateInfo | None, sent_ns: int) -> None:
        """It was answered; or not (None), whether it left or not."""
        if self._under_way:
            self._pace.settle(rate, sent_ns, self._clock.now_ns())
        elif not self.held_back:
            self._pace.give_back()


class Paces:
    """The budgets of all endpoints that are asked, by path."""

    __slots__ = ("_clock", "_paces")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._paces: dict[str, Pace] = {}

    async def turn(self, path: str) -> Turn:
        """Wait until one more question may go to ``path``, and count it in; the turn must be
        told when it leaves and how it ended."""
        pace = self._paces.get(path)
        if pace is None:
            pace = self._paces[path] = Pace()
        while wait_ns := pace.wait_ns(self._clock.now_ns()):  # noqa: ASYNC110 - time tells
            await asyncio.sleep(wait_ns / NS_PER_S)
        return Turn(pace, self._clock)
