"""What the embedded venue is told. The shell makes this from the configuration."""

from __future__ import annotations

from typing import Final

import msgspec

from mmfast.messages import Category
from mmfast.sim.crowd.params import FlowParams as FlowParams  # noqa: PLC0414 - part of what is told
from mmfast.sim.limits.connections import WsLimits
from mmfast.sim.limits.tiers import BUDGETS, FUTURES, LEVELS, LimitParams
from mmfast.sim.switches import VenueSwitches
from mmfast.units import E8, Ms, QuoteE8

STRICT_BATCH: Final = 10
"""Orders in a batch by the strictest reading of the documents."""

TIER_LIMITS: Final[dict[str, int]] = {
    name: BUDGETS["/v5/order/create"].limit(FUTURES, level) for name, level in LEVELS.items()
}
"""Orders per rolling second for each order endpoint, futures."""


class VenueParams(msgspec.Struct, frozen=True, kw_only=True):
    """One embedded venue. Same parameters and same requests, same bytes."""

    symbols: tuple[str, ...]
    """Linear contracts. A category whose list is empty is unknown to the venue."""
    inverse_symbols: tuple[str, ...] = ()
    spot_symbols: tuple[str, ...] = ()
    option_symbols: tuple[str, ...] = ()
    api_key: str
    api_secret: str = msgspec.field(default="")
    seed: int = 1
    tier: str = "mm1"
    latency_ms: float = 5.0
    """Round trip of a request inside the venue: half before it is applied, half after."""
    latency_jitter_ms: float = 0.0
    """Uniform extra on each half, drawn from the seed."""
    stream_lag_ms: float = 1.0
    """How long after the ack leaves the private stream tells what happened."""
    max_batch_orders: int = 20
    """Of linear, inverse and option."""
    max_batch_orders_spot: int = 10
    max_active_orders: int = 500
    """Per account, and per instrument on futures; in total on spot."""
    max_active_orders_option: int = 50
    """Per account and base coin."""
    balance_e8: QuoteE8 = QuoteE8(1_000_000 * E8)
    """What the account holds of USDT."""
    coins_e8: tuple[tuple[str, int], ...] = ()
    """What it holds of other coins, in 1e-8 of each: ``(("BTC", 10 * E8),)``."""
    maker_fee_e8: int = 20_000
    """Fee rate of futures and options times 1e8 (0.0002); negative is a rebate."""
    taker_fee_e8: int = 55_000
    spot_maker_fee_e8: int = 100_000
    spot_taker_fee_e8: int = 100_000
    default_recv_window_ms: Ms = Ms(5000)
    flow: FlowParams = FlowParams()
    flow_by_symbol: dict[str, FlowParams] = msgspec.field(default_factory=dict)
    """Market life of single symbols, in place of ``flow``."""
    start_wall_ms: Ms = Ms(1_700_000_000_000)
    """Venue time (Unix ms) at venue clock 0, so that virtual-time runs repeat exactly."""
    switches: VenueSwitches = VenueSwitches()
    limits: LimitParams = LimitParams()
    ws_limits: WsLimits = WsLimits()

    def listed(self) -> dict[Category, tuple[str, ...]]:
        """The symbols of every category."""
        return {
            Category.LINEAR: self.symbols,
            Category.INVERSE: self.inverse_symbols,
            Category.SPOT: self.spot_symbols,
            Category.OPTION: self.option_symbols,
        }

    def max_batch(self, category: Category) -> int:
        """The most orders one batch request of a category may hold."""
        is_spot = category is Category.SPOT
        most = self.max_batch_orders_spot if is_spot else self.max_batch_orders
        return min(most, STRICT_BATCH) if self.switches.strict_batch_of_10 else most

    def flow_of(self, symbol: str) -> FlowParams:
        """Market life of one symbol; a name listed in several categories has one for all."""
        return self.flow_by_symbol.get(symbol, self.flow)

    def __repr__(self) -> str:
        return f"VenueParams(seed={self.seed}, tier={self.tier!r}, symbols={self.symbols!r})"
