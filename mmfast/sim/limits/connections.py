"""How many websocket connections and trade requests there may be, and counters that know."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Final

import msgspec

from mmfast.units import NS_PER_S

CONNECT_PERIOD_NS: Final = 300 * NS_PER_S
REQUEST_PERIOD_NS: Final = NS_PER_S
_MAX_KEYS: Final = 4096
"""Counters kept; beyond this, those with nothing to count are forgotten first."""


class WsLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Per address unless a field says otherwise."""

    connects_per_5_min: int = 500
    """New connections in five rolling minutes."""
    public_connections: int = 1000
    """Open public connections; every category counts apart."""
    trade_requests_per_s: int = 3000
    """Order operations in one rolling second over all trade sockets (10403)."""
    trade_requests_per_session_s: int = 2000
    """The same of one connection (20003). Our own figure: the venue publishes none."""
    trade_sessions: int = 100
    """Authenticated trade connections of one account (10003). Our own figure as well."""


class _Window:
    """Instants of what passed in one rolling period."""

    __slots__ = ("passed_ns",)

    def __init__(self) -> None:
        self.passed_ns: deque[int] = deque()

    def forget(self, before_ns: int) -> None:
        while self.passed_ns and self.passed_ns[0] <= before_ns:
            self.passed_ns.popleft()


class RollingCount:
    """At most ``limit`` passes per key in any ``period_ns``; what is refused does not count."""

    __slots__ = ("_limit", "_period_ns", "_windows")

    def __init__(self, limit: int, period_ns: int) -> None:
        self._limit = limit
        self._period_ns = period_ns
        self._windows: dict[Hashable, _Window] = {}

    def admit(self, key: Hashable, now_ns: int) -> bool:
        """Count one more in; False when there were enough."""
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= _MAX_KEYS:
                self._prune(now_ns)
            window = self._windows[key] = _Window()
        passed_ns, before_ns = window.passed_ns, now_ns - self._period_ns
        if passed_ns and passed_ns[0] <= before_ns:
            window.forget(before_ns)
        if len(passed_ns) >= self._limit:
            return False
        passed_ns.append(now_ns)
        return True

    def drop(self, key: Hashable) -> None:
        """Forget a key that will not come again."""
        self._windows.pop(key, None)

    def _prune(self, now_ns: int) -> None:
        for window in self._windows.values():
            window.forget(now_ns - self._period_ns)
        self._windows = {key: one for key, one in self._windows.items() if one.passed_ns}
