"""The venue's limits by address: HTTP requests in five seconds, of whatever kind, and messages of
all trade sockets together in one.

Whoever passes the first is banned from REST for ten minutes, cancels and all; whoever passes the
second is refused (10403), cancels and all. So what is sent is counted here and kept below: the last
of it is left to cancels, and a little to others at this address.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from mmfast.units import NS_PER_S

USE_PERCENT: Final = 80
"""Share of the limit for all requests."""
CANCELS_PERCENT: Final = 95
"""Share of it that cancels may reach."""


class Bound(NamedTuple):
    """What is counted, and over how long."""

    window_ns: int
    text: str
    """What stands between the number that has left and the limit."""


HTTP: Final = Bound(
    5 * NS_PER_S, "HTTP requests have left in 5 s, and the venue bans an address beyond"
)
TRADE: Final = Bound(
    NS_PER_S,
    "messages have left by trade sockets in a second, and the venue refuses an address beyond",
)


class AddressPace:
    """One address. Requests count from when they leave; on their way they may come to lie closer
    together, for which the rest of the limit is."""

    __slots__ = ("_bound", "_left_ns", "_limit")

    def __init__(self, limit: int, bound: Bound = HTTP) -> None:
        self._limit = limit
        """In a window; 0: there is none."""
        self._bound = bound
        self._left_ns: deque[int] = deque()

    def refusal(self, now_ns: int, *, cancels: bool) -> str:
        """Why a request must not leave now; empty when it may, and then it is counted."""
        if not self._limit:
            return ""
        left_ns = self._left_ns
        while left_ns and left_ns[0] <= now_ns - self._bound.window_ns:
            left_ns.popleft()
        percent = CANCELS_PERCENT if cancels else USE_PERCENT
        if len(left_ns) >= self._limit * percent // 100:
            return f"{len(left_ns)} {self._bound.text} {self._limit}"
        left_ns.append(now_ns)
        return ""
