"""One budget of the venue: so many orders in a rolling second, by our count and by its own."""

from __future__ import annotations

from collections import deque
from typing import Final

from mmfast.messages import RateInfo
from mmfast.units import NEVER_NS, NS_PER_S

WINDOW_NS: Final = NS_PER_S
MOST_ORDERS: Final = 1 << 40
"""A limit beyond this is none: no header may lead our sums out of 64 bits."""
OTHERS_NS: Final = 10 * NS_PER_S
"""So long another client is expected to send again as much a second as it did at its worst."""
DOUBT_NS: Final = 5 * NS_PER_S
"""After a request without a reply the venue may count what we have forgotten: for so long what
it counts beyond us proves nobody else."""
FADED: Final = 64
PROVEN_WINDOWS: Final = 2
"""So many windows must tell of another client before it is believed in."""
_NEVER_NS: Final = NEVER_NS
_WINDOW_NS: Final = WINDOW_NS
_OTHERS_NS: Final = OTHERS_NS
_PROVEN_WINDOWS: Final = PROVEN_WINDOWS


class Bucket:
    """One rolling-second budget, in orders.

    An order counts from the moment it is sent until one second after its reply: the venue
    counted it somewhere between, so whatever the delays were, our window contains the venue's.
    Without a reply it counts until one second after it could last be accepted.
    """

    __slots__ = (
        "_assumed_most",
        "_cooling",
        "_cooling_sum",
        "_doubt_until_ns",
        "_faded",
        "_first_limit",
        "_lost",
        "_lowered_ns",
        "_others_most",
        "_others_now",
        "_others_since_ns",
        "_others_until_ns",
        "_void_ns",
        "closed_until_ns",
        "in_flight",
        "limit",
        "others_windows",
        "percent",
        "told",
    )

    def __init__(self, limit: int, percent: int) -> None:
        self.limit = limit
        self.percent = percent
        self.in_flight = 0
        self.closed_until_ns = 0
        self.told = False
        """The venue has named this limit itself."""
        self._first_limit = limit
        self._assumed_most = MOST_ORDERS
        self._cooling: deque[tuple[int, int]] = deque()
        self._cooling_sum = 0
        self._lowered_ns = 0
        self._lost: deque[tuple[int, int]] = deque()
        """Orders in flight that no reply will come to, after when they are void."""
        self._void_ns = _NEVER_NS
        """When the first of them are."""
        self._faded: deque[tuple[int, int]] = deque(maxlen=FADED)
        """The last that ceased to count, and when: the venue may have counted them in a reply
        that was on its way then."""
        self._doubt_until_ns = 0
        self._others_most = 0
        self._others_now = 0
        self._others_since_ns = -_OTHERS_NS
        self._others_until_ns = 0
        self.others_windows = 0
        """In so many seconds, each soon after the one before, the venue counted beyond us."""

    def usable(self) -> int:
        """The share of the limit that we use; at least one order, or nothing would move."""
        return max(self.limit * self.percent // 100, 1)

    def used(self, now_ns: int) -> int:
        """Orders that the venue may still be counting."""
        while now_ns >= self._void_ns:
            self.settle(self._lost.popleft()[1], 0, now_ns)
            self._void_ns = self._lost[0][0] if self._lost else _NEVER_NS
        while self._cooling_sum and self._cooling[0][0] <= now_ns:
            ended = self._cooling.popleft()
            self._cooling_sum -= ended[1]
            self._faded.append(ended)
        return self.in_flight + self._cooling_sum

    def left(self, now_ns: int) -> int:
        """Orders that may leave now."""
        if now_ns < self.closed_until_ns:
            return 0
        usable = self.usable()
        if now_ns < self._others_until_ns:
            usable -= self._expected(usable, now_ns)
        return max(usable - self.used(now_ns), 0)

    def spend(self, orders: int) -> None:
        """They leave."""
        self.in_flight += orders

    def settle(self, orders: int, unspent: int, now_ns: int) -> None:
        """Their reply is here; ``unspent`` of them never reached the venue."""
        self.in_flight -= orders
        if orders > unspent:
            self._cool(orders - unspent, now_ns)

    def assume(self, limit: int) -> None:
        """The venue named this limit for another operation: the best guess until it names ours."""
        if not self.told:
            self.limit = min(limit, self._assumed_most)

    def lose(self, orders: int, void_ns: int) -> None:
        """No reply will come to these: on its way somewhere the request may reach the venue, and
        count, as long as it is not void."""
        if self._lost:
            void_ns = max(void_ns, self._lost[-1][0])
        self._lost.append((void_ns, orders))
        self._void_ns = self._lost[0][0]

    def learn(self, rate: RateInfo, sent_ns: int, now_ns: int) -> int:
        """Take the venue's own figures; where it counts more than we do, it is right. Returns
        the orders that must be another client's, once that has been seen in two windows: a
        single reply may say that nothing is left though nobody has used it.

        Replies overtake each other: what was asked before the reply that lowered the limit had
        come may tell the limit from before that, and does not raise it again.
        """
        if rate.limit > 0:
            limit = min(rate.limit, MOST_ORDERS)
            if limit < self.limit:
                self._lowered_ns = now_ns
            if limit < self.limit or sent_ns >= self._lowered_ns:
                self.limit = limit
            self.told = True
        if rate.remaining >= 0:
            unseen = self.limit - min(rate.remaining, MOST_ORDERS) - self.used(now_ns)
            if unseen > 0:
                return self._others(unseen, sent_ns, now_ns)
        return 0

    def doubt(self, now_ns: int) -> None:
        """Nobody knows when, or whether, the venue counts a request that we count no more."""
        self._doubt_until_ns = now_ns + DOUBT_NS

    def close(self, now_ns: int) -> None:
        """The venue said too many: a whole window later it has forgotten everything. A limit that
        was only assumed was wrong then, and no other one is assumed."""
        self.closed_until_ns = now_ns + _WINDOW_NS
        if not self.told:
            self._assumed_most = self.limit = min(self.limit, self._first_limit)

    def opens_ns(self, now_ns: int) -> int:
        """When more may leave than now, as far as that is known."""
        if now_ns < self.closed_until_ns:
            return self.closed_until_ns
        self.used(now_ns)
        opens_ns = self._cooling[0][0] if self._cooling else now_ns + _WINDOW_NS
        return min(opens_ns, self._void_ns)

    def _cool(self, orders: int, now_ns: int) -> None:
        self._cooling.append((now_ns + _WINDOW_NS, orders))
        self._cooling_sum += orders

    def _others(self, unseen: int, sent_ns: int, now_ns: int) -> int:
        """The venue counts ``unseen`` orders more. Those that ceased to count with us while its
        reply was on its way are our own, and over; all else is kept for a second."""
        for until_ns, orders in self._faded:
            if until_ns > sent_ns:
                unseen -= orders
        if unseen <= 0:
            return 0
        self._cool(unseen, now_ns)
        if now_ns < self._doubt_until_ns:
            return 0
        if now_ns - self._others_since_ns >= _WINDOW_NS:
            if now_ns - self._others_since_ns >= _OTHERS_NS:
                self.others_windows = 0
            self.others_windows += 1
            self._others_since_ns = now_ns
            self._others_now = 0
        if now_ns >= self._others_until_ns:
            self._others_most = 0
        self._others_now += unseen
        self._others_most = max(self._others_most, self._others_now)
        if self.others_windows < _PROVEN_WINDOWS:
            # Its share is left alone for one more second: if it is somebody, it shows again.
            self._others_until_ns = now_ns + 2 * _WINDOW_NS
            return 0
        self._others_until_ns = now_ns + _OTHERS_NS
        return unseen

    def _expected(self, usable: int, now_ns: int) -> int:
        """What another client may still send in this second; half of all at the most, or two of
        our kind would give way to each other for ever."""
        seen = self._others_now if now_ns - self._others_since_ns < _WINDOW_NS else 0
        return min(max(self._others_most - seen, 0), usable // 2)
