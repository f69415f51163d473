"""Request budgets: one rolling second per account and endpoint, one unit per order.

``TABLE`` maps an endpoint to its budget; endpoints that are not in it have none.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from mmfast.errors import ConfigError
from mmfast.sim.params import TIER_LIMITS
from mmfast.units import NS_PER_MS, NS_PER_S

TIERED: Final = 0
"""Stands for "as the account's tier says"."""

_CHANGES: Final = {
    "/v5/order/create": TIERED,
    "/v5/order/amend": TIERED,
    "/v5/order/cancel": TIERED,
    "/v5/order/cancel-all": TIERED,
    "/v5/order/create-batch": TIERED,
    "/v5/order/amend-batch": TIERED,
    "/v5/order/cancel-batch": TIERED,
    "/v5/order/disconnected-cancel-all": 5,
    "/v5/position/set-leverage": 10,
    "/v5/position/switch-mode": 10,
    "/v5/account/set-limit-px-action": 10,
}
_QUERIES: Final = {
    "/v5/order/realtime": 50,
    "/v5/order/history": 50,
    "/v5/execution/list": 50,
    "/v5/position/list": 50,
    "/v5/account/wallet-balance": 50,
    "/v5/account/info": 50,
    "/v5/account/user-setting-config": 50,
    "/v5/account/fee-rate": 5,
    "/v5/account/query-dcp-info": 5,
    "/v5/account/smp-group": 5,
    "/v5/user/query-api": 10,
}
TABLE: Final = {**_CHANGES, **_QUERIES}


class Grant(NamedTuple):
    """What a budget said: how many units may pass, and what the reply headers tell."""

    units: int
    limit: int
    left: int
    reset_ms: int

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The three rate headers of a signed reply."""
        return (
            ("X-Bapi-Limit", str(self.limit)),
            ("X-Bapi-Limit-Status", str(self.left)),
            ("X-Bapi-Limit-Reset-Timestamp", str(self.reset_ms)),
        )


class Window:
    """One rolling second: a unit taken at ``t`` is free again at exactly ``t + 1 s``."""

    __slots__ = ("_taken", "_used", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._taken: deque[tuple[int, int]] = deque()
        self._used = 0

    def take(self, units: int, now_ns: int, wall_ms: int) -> Grant:
        """Take up to ``units``; the first that fit pass, the rest are refused and cost nothing.

        ``wall_ms`` is the venue's time at ``now_ns``, for the reset header: when everything
        passed it is that time, else the time at which the next unit comes free.
        """
        taken = self._taken
        while taken and taken[0][0] <= now_ns - NS_PER_S:
            self._used -= taken.popleft()[1]
        granted = min(units, self.limit - self._used)
        if granted:
            taken.append((now_ns, granted))
            self._used += granted
        reset_ms = wall_ms
        if granted < units:
            wait_ns = taken[0][0] + NS_PER_S - now_ns
            reset_ms += -(-wait_ns // NS_PER_MS)
        return Grant(granted, self.limit, self.limit - self._used, reset_ms)


class Limits:
    """All budgets of all accounts."""

    __slots__ = ("_tier_limit", "_windows")

    def __init__(self, tier: str) -> None:
        if tier not in TIER_LIMITS:
            known = ", ".join(TIER_LIMITS)
            raise ConfigError([("$.tier", f"expected one of {known}, found {tier!r}")])
        self._tier_limit = TIER_LIMITS[tier]
        self._windows: dict[tuple[int, str], Window] = {}

    def take(self, uid: int, path: str, units: int, now_ns: int, wall_ms: int) -> Grant | None:
        """Units of an endpoint's budget; None when the endpoint has none."""
        limit = TABLE.get(path)
        if limit is None:
            return None
        window = self._windows.get((uid, path))
        if window is None:
            window = self._windows[uid, path] = Window(limit or self._tier_limit)
        return window.take(units, now_ns, wall_ms)
