"""What an account and an address may send: tiers, budgets of endpoints, limits of connections.

Figures are the venue's published ones (rate limit documents); where it publishes none the field
says so.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

FUTURES: Final = "futures"
"""Linear and inverse draw from one budget."""
OPTION: Final = "option"
SPOT: Final = "spot"
BUCKETS: Final[dict[str, str]] = {
    "linear": FUTURES,
    "inverse": FUTURES,
    "option": OPTION,
    "spot": SPOT,
}
"""Category to the budget it draws from."""


class Rate(NamedTuple):
    """Units per rolling second, by bucket."""

    futures: int
    option: int
    spot: int

    def of(self, bucket: str) -> int:
        """The figure of one bucket; of no known bucket: the futures figure."""
        return self.option if bucket == OPTION else self.spot if bucket == SPOT else self.futures


LEVELS: Final[dict[str, Rate | None]] = {
    "default": None,
    "vip1": Rate(20, 20, 25),
    "vip2": Rate(40, 40, 30),
    "vip3": Rate(60, 60, 40),
    "vip4": Rate(60, 60, 40),
    "vip5": Rate(60, 60, 40),
    "supreme": Rate(60, 60, 40),
    "pro1": Rate(200, 200, 200),
    "pro2": Rate(400, 400, 400),
    "pro3": Rate(600, 600, 600),
    "pro4": Rate(800, 800, 800),
    "pro5": Rate(1000, 1000, 1000),
    "pro6": Rate(1200, 1200, 1200),
    "mm1": Rate(600, 600, 600),
    "mm2": Rate(800, 800, 800),
    "mm3": Rate(1000, 1000, 1000),
}
"""What each tier raises the order endpoints to; None: the endpoint's own figure stands."""


class Budget(NamedTuple):
    """One endpoint's budget. ``rises`` with the tier; ``is_split`` by bucket or one for all."""

    base: Rate
    rises: bool = False
    is_split: bool = True

    def limit(self, bucket: str, level: Rate | None) -> int:
        """Units per second of an account whose tier gives ``level``."""
        rate = level if self.rises and level is not None else self.base
        return rate.of(bucket)


def _raised(futures: int, option: int, spot: int) -> Budget:
    return Budget(Rate(futures, option, spot), rises=True)


def _whole(figure: int) -> Budget:
    """One budget for the whole account, whatever the category."""
    return Budget(Rate(figure, figure, figure), is_split=False)


def _each(figure: int) -> Budget:
    return Budget(Rate(figure, figure, figure))


BUDGETS: Final[dict[str, Budget]] = {
    "/v5/order/create": _raised(10, 10, 20),
    "/v5/order/amend": _raised(10, 10, 10),
    "/v5/order/cancel": _raised(10, 10, 20),
    "/v5/order/cancel-all": _raised(10, 1, 20),
    "/v5/order/create-batch": _raised(10, 10, 20),
    "/v5/order/amend-batch": _raised(10, 10, 20),
    "/v5/order/cancel-batch": _raised(10, 10, 20),
    "/v5/order/pre-check": _raised(10, 10, 20),
    "/v5/order/disconnected-cancel-all": _whole(5),
    "/v5/order/realtime": _each(50),
    "/v5/order/history": _each(50),
    "/v5/execution/list": _each(50),
    "/v5/position/list": _each(50),
    "/v5/position/set-leverage": _each(10),
    "/v5/position/switch-mode": _each(10),
    "/v5/position/trading-stop": _each(10),
    "/v5/account/wallet-balance": _whole(50),
    "/v5/account/info": _whole(50),
    "/v5/account/user-setting-config": _whole(50),
    "/v5/account/fee-rate": _whole(5),
    "/v5/account/query-dcp-info": _whole(5),
    "/v5/account/smp-group": _whole(5),
    "/v5/account/instruments-info": _whole(10),
    "/v5/account/set-margin-mode": _whole(5),
    "/v5/account/mmp-modify": _whole(5),
    "/v5/account/mmp-reset": _whole(5),
    "/v5/account/set-limit-px-action": _whole(10),
    "/v5/user/query-api": _whole(10),
    "/v5/apilimit/query": _whole(50),
    "/v5/apilimit/query-cap": _whole(50),
    "/v5/apilimit/set": _whole(50),
}
"""Endpoints that are not here have no budget of their own, only the address limit."""


PUBLIC_HTTP_PER_5S: Final = 600
"""HTTP requests of one address in any five seconds, on the hosts everybody uses."""
_OWN_HOST: Final = ("pro", "mm")
"""Tiers that have a gateway of their own. That the address limit is the public hosts' is our
reading: the venue says nothing of these."""


class LimitParams(msgspec.Struct, frozen=True, kw_only=True):
    """The HTTP limit of an address."""

    http_per_5s: int | None = None
    """Requests of one address in any five seconds; one more and it is banned. 0: no limit; None:
    600, but none for the tiers that have a gateway of their own."""
    http_ban_ms: int = 600_000
    """How long such an address is answered 403. The venue says "at least 10 minutes"."""

    def http_limit(self, tier: str) -> int:
        """Requests in five seconds for an account of this tier; 0: no limit."""
        if self.http_per_5s is not None:
            return self.http_per_5s
        return 0 if tier.startswith(_OWN_HOST) else PUBLIC_HTTP_PER_5S
