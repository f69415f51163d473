"""Request budgets: rolling windows per account and endpoint, and per address over HTTP.

One unit per order; REST and the trade socket draw from the same account budgets. Limits of
sockets themselves are :mod:`mmfast.sim.limits.connections`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from mmfast.errors import ConfigError
from mmfast.sim.known import OVER_LIMIT, Known
from mmfast.sim.limits.tiers import BUCKETS, BUDGETS, FUTURES, LEVELS, OPTION, LimitParams
from mmfast.units import NS_PER_MS, NS_PER_S

HTTP_SPAN_NS: Final = 5 * NS_PER_S
MAX_ADDRESSES: Final = 1024
"""Addresses remembered at one time; the one that came first leaves first."""
_ALL: Final = "all"


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
    """A rolling span of time: a unit taken at ``t`` is free again at exactly ``t + span``.

    ``limit`` may be changed at any time; what was taken before stays taken.
    """

    __slots__ = (
        "_forgiven",
        "_span_ns",
        "_taken",
        "_used",
        "least_left",
        "limit",
        "passed",
        "refused",
    )

    def __init__(self, limit: int, span_ns: int = NS_PER_S) -> None:
        self.limit = limit
        self.least_left = limit
        self.passed = 0
        self.refused = 0
        self._span_ns = span_ns
        self._taken: deque[tuple[int, int]] = deque()
        self._used = 0
        self._forgiven: deque[tuple[int, int]] = deque()

    def take(self, units: int, now_ns: int, wall_ms: int) -> Grant:
        """Take up to ``units``; the first that fit pass, the rest are refused and cost nothing.

        ``wall_ms`` is the venue's time at ``now_ns``, for the reset header: when everything
        passed it is that time, else the time at which the next unit comes free.
        """
        taken = self._taken
        while taken and taken[0][0] <= now_ns - self._span_ns:
            self._used -= taken.popleft()[1]
        granted = max(0, min(units, self.limit - self._used))
        if granted:
            taken.append((now_ns, granted))
            self._used += granted
            self.passed += granted
        left = max(0, self.limit - self._used)
        self.least_left = min(self.least_left, left)
        reset_ms = wall_ms
        if granted < units:
            self.refused += units - granted
            reset_ms += -(-self._wait_ns(now_ns) // NS_PER_MS)
        return Grant(granted, self.limit, left, reset_ms)

    def would_pass(self, units: int, limit: int, now_ns: int) -> bool:
        """True if so many refused units would have passed by another limit, together with all
        that passed or would have in the same span."""
        forgiven = self._forgiven
        while forgiven and forgiven[0][0] <= now_ns - self._span_ns:
            forgiven.popleft()
        if self._used + sum(more for _, more in forgiven) + units > limit:
            return False
        forgiven.append((now_ns, units))
        return True

    def _wait_ns(self, now_ns: int) -> int:
        """Time until a unit is free; the span itself when no waiting would help (limit 0)."""
        used = self._used
        for at_ns, units in self._taken:
            used -= units
            if used < self.limit:
                return at_ns + self._span_ns - now_ns
        return self._span_ns


class Limits:
    """All budgets of all accounts. ``known`` hears of limits that answers show, and what is over
    a limit that the client could not know."""

    __slots__ = ("_cap", "_known", "_level", "_windows")

    def __init__(self, tier: str, known: Known | None = None) -> None:
        if tier not in LEVELS:
            tiers = ", ".join(LEVELS)
            raise ConfigError([("$.tier", f"expected one of {tiers}, found {tier!r}")])
        self._level = LEVELS[tier]
        self._known = known or Known()
        self._windows: dict[tuple[int, str, str], Window] = {}
        self._cap: Callable[[str], int | None] = _no_cap

    def take(
        self, uid: int, path: str, category: str, units: int, now_ns: int, wall_ms: int
    ) -> Grant | None:
        """Units of an endpoint's budget; None when the endpoint has none."""
        budget = BUDGETS.get(path)
        if budget is None:
            return None
        bucket = BUCKETS.get(category, FUTURES) if budget.is_split else _ALL
        rule = (uid, path, bucket)
        window = self._windows.get(rule)
        if window is None:
            window = self._windows[rule] = Window(self._limit(path, bucket))
        grant = window.take(units, now_ns, wall_ms)
        ordinary = budget.limit(bucket, self._level)
        if grant.units < units:
            believed = self._known.value(rule, ordinary)
            if window.would_pass(units - grant.units, believed, now_ns):
                self._known.excuse(OVER_LIMIT)
        self._known.show(rule, grant.limit, ordinary)
        return grant

    def cap(self, cap: Callable[[str], int | None]) -> None:
        """Lower budgets from now on: ``cap`` gives the most a path may have, None for no cap."""
        self._cap = cap
        for (_, path, bucket), window in self._windows.items():
            window.limit = self._limit(path, bucket)

    def report(self, uid: int) -> dict[str, dict[str, int]]:
        """Every bucket an account used: its limit, the least that was ever left, units passed
        and refused."""
        return {
            f"{path} {bucket}": {
                "limit": window.limit,
                "least_left": window.least_left,
                "passed": window.passed,
                "refused": window.refused,
            }
            for (owner, path, bucket), window in self._windows.items()
            if owner == uid
        }

    def _limit(self, path: str, bucket: str) -> int:
        limit = BUDGETS[path].limit(bucket, self._level)
        cap = self._cap(path)
        return limit if cap is None else min(limit, cap)


def _no_cap(_path: str) -> None:
    return None


class Cost(NamedTuple):
    """What a request takes from its budget, and how many of its items a grant lets pass."""

    units: int
    items: int

    def granted(self, units: int) -> int:
        """Items that pass when the budget gave ``units``: all or nothing for a flat cost."""
        return units if self.units == self.items else self.items if units else 0


def cost_of(params: Mapping[str, object], max_items: int, *, is_batch: bool) -> Cost:
    """A batch costs its orders, also those that will fail, but an option batch costs 1.

    So does what is no batch or one of a wrong size, of which nothing will be done.
    """
    items = params.get("request") if is_batch else None
    if not isinstance(items, list) or not 1 <= len(items) <= max_items:
        return Cost(1, 1)
    if BUCKETS.get(str(params.get("category"))) == OPTION:
        return Cost(1, len(items))
    return Cost(len(items), len(items))


class AddressLimit:
    """The HTTP limit of an address and the ban that follows. Banned requests cost nothing."""

    __slots__ = ("_addresses", "_ban_ns", "_limit", "bans")

    def __init__(self, params: LimitParams, tier: str) -> None:
        self._limit = params.http_limit(tier)
        self._ban_ns = params.http_ban_ms * NS_PER_MS
        # Address to its window and the end of its ban.
        self._addresses: dict[str, tuple[Window, int]] = {}
        self.bans = 0

    def admits(self, address: str, now_ns: int) -> bool:
        """Count one request; False while the address is banned or when this one was too many."""
        if not self._limit:
            return True
        window, banned_until_ns = self._entry(address)
        if now_ns < banned_until_ns:
            return False
        if window.take(1, now_ns, 0).units:
            return True
        self.bans += 1
        # After the ban the address starts anew.
        fresh = Window(self._limit, HTTP_SPAN_NS)
        fresh.least_left = 0
        self._addresses[address] = (fresh, now_ns + self._ban_ns)
        return False

    def least_left(self) -> int | None:
        """The least any address had left; None when there is no limit or no request yet."""
        return min((window.least_left for window, _ in self._addresses.values()), default=None)

    def _entry(self, address: str) -> tuple[Window, int]:
        entry = self._addresses.get(address)
        if entry is None:
            if len(self._addresses) >= MAX_ADDRESSES:
                del self._addresses[next(iter(self._addresses))]
            entry = self._addresses[address] = (Window(self._limit, HTTP_SPAN_NS), 0)
        return entry
