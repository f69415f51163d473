"""What the engine is told: parameters in integers, made from the configuration by the shell.

Basis points are carried as 1e-4 bp (``_e4``: 2.5 bp = 25_000), so no float enters a price.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec

from mmfast.units import Lots, Ms, QuoteE8

BP_E4 = 10_000
"""One basis point in ``_e4`` units."""
ONE_E4 = 10_000 * BP_E4
"""The whole (100 %) in ``_e4`` units."""


NO_LIMIT: Final = 1 << 62
"""Larger than anything that is compared with it."""
_MOST_DOUBLINGS: Final = 20


class FairPrice(IntEnum):
    """Centre of the quotes."""

    MID = 0
    MICROPRICE = 1


class RequoteBy(IntEnum):
    """How a resting quote is moved."""

    AMEND = 0
    """One amend: half the commands, keeps the id; the default."""
    REPLACE = 1
    """Cancel plus place: two commands, from two budgets."""


class SymbolParams(msgspec.Struct, frozen=True, kw_only=True):
    """Quoting and limits of one instrument; index-aligned with the instruments."""

    levels: int
    order_lots: Lots
    half_spread_e4: int
    """Distance of level 0 from the fair price, each side."""
    level_step_e4: int
    """Extra distance per further level."""
    skew_e4: int
    """Shift of both sides against a full position; scales with position / max_position."""
    requote_tolerance_e4: int
    """A resting quote this near to the wanted price stays, and keeps its queue position."""
    max_position_lots: Lots
    """Per side: position plus everything open or able to become open."""
    max_order_lots: Lots
    max_order_value_e8: QuoteE8
    price_collar_e4: int
    """A buy above mid or a sell below it by more than this, or any price further away from
    the book's mid than ``max_distance_e4``, is refused."""
    max_distance_e4: int
    max_daily_loss_e8: int = NO_LIMIT
    max_drawdown_e8: int = NO_LIMIT
    max_open_notional_e8: int = NO_LIMIT
    max_open_orders: int = NO_LIMIT
    max_messages_per_s: int = 0
    """As :class:`AccountLimits`, of this instrument alone."""
    enabled: bool = True


class RollbackParams(msgspec.Struct, frozen=True, kw_only=True):
    """Section ``async_batch.rollback``: when batching is given up for single calls."""

    enabled: bool = False
    max_error_percent: int = 20
    """Share of the orders in the window that may fail."""
    max_latency_ms: Ms = Ms(1_000)
    """For the 95th percentile of the round trips in the window."""
    window_ms: Ms = Ms(10_000)
    min_calls: int = 20
    """With fewer calls in the window nothing is concluded."""


class AccountLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of the account as a whole, in 1e-8 quote coins unless the name says otherwise."""

    max_daily_loss_e8: int = NO_LIMIT
    """One unit more lost on a UTC day asks for a halt that only a human ends."""
    max_drawdown_e8: int = NO_LIMIT
    """The same for what is lost from the highest result of the day."""
    max_fills: int = 0
    """As ``max_fills_per_side`` of all instruments and both sides together; 0: never."""
    max_open_notional_e8: int = NO_LIMIT
    """Value of all open orders at their prices, in flight and unknown ones included."""
    max_open_orders: int = NO_LIMIT
    """How many orders may be open."""
    max_messages_per_s: int = 0
    """Creates and amends in any second; 0: any number."""
    max_portfolio_notional_e8: int = NO_LIMIT
    """Worst case of all instruments together: each with the orders of its bad side filled."""
    portfolio_shock_e4: int = 0
    """How far from the mid that worst case is valued, in 1e-4 bp."""
    margin_e4: int = 0
    """Share of the worst case that the account's equity must cover; 0: not looked at."""


class BreakerParams(msgspec.Struct, frozen=True, kw_only=True):
    """Section ``breakers`` of the configuration. A limit of 0 is never reached."""

    widen_percent: int = 200
    """Of the half spread, while the quotes are widened."""
    ack_widen_ms: int = 0
    ack_pull_ms: int = 0
    ack_halt_ms: int = 0
    lag_widen_ms: int = 0
    lag_pull_ms: int = 0
    lag_halt_ms: int = 0
    calm_ms: int = 5_000
    """So long without another such measure, and the breaker steps back by one."""
    reject_percent: int = 0
    """Share of the orders in the window that may be refused; 0: any."""
    reject_min_orders: int = 20
    reject_window_ms: int = 10_000
    storm_refusals: int = 0
    """One refusal of an instrument more within the window withdraws it; 0: never."""
    storm_window_ms: int = 5_000
    pull_first_ms: int = 1_000
    pull_cap_ms: int = 60_000
    """How long what was refused stays withdrawn: doubled each time up to the cap, and short again
    after as long as the cap without."""

    def pull_ms(self, before: int) -> int:
        """How long a pull lasts that follows so many others."""
        return min(self.pull_first_ms << min(before, _MOST_DOUBLINGS), self.pull_cap_ms)


class BatchParams(msgspec.Struct, frozen=True, kw_only=True):
    """Section ``async_batch`` of the configuration."""

    enabled: bool = True
    max_parallel_symbols: int = 64
    coalesce_cancel: bool = True
    coalesce_place: bool = True
    tick_deadline_ms: Ms = Ms(200)
    planned: bool = True
    """An operation whose batch budget is spent goes on in single requests."""
    shadow: bool = False
    """Whether the cost of the other policy is reckoned beside."""
    rollback: RollbackParams = RollbackParams()


class PlannerParams(msgspec.Struct, frozen=True, kw_only=True):
    """Packing and budgets. Limits are orders per rolling second and endpoint."""

    max_batch_orders: int = 20
    initial_limit: int = 10
    """Assumed until the first reply header tells the real one."""
    safety_percent: int = 90
    """Share of the limit that is used."""
    cancel_reserve_percent: int = 20
    """Share of the cancel budgets only URGENT cancels may use."""
    reducing_reserve_percent: int = 10
    """Share of the budgets for amends and for new orders that only those may use that shrink a
    position."""
    spill_requests_per_s: int = 20
    """Single requests a second, for each operation, beyond a spent batch budget. The venue
    allows an address 600 requests in 5 s: three operations at the default take half of them.
    Urgent cancels are counted and not held back."""


class EngineParams(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the kernel needs to know; replaced whole on a reload."""

    symbols: tuple[SymbolParams, ...]
    batch: BatchParams
    planner: PlannerParams
    fair_price: FairPrice
    requote_by: RequoteBy
    stale_book_ms: Ms
    """A book without a frame for so long is not quoted on."""
    recv_window_ms: Ms
    book_depth: int
    max_feed_lag_ms: Ms = Ms(0)
    """A book whose frames arrive so long after the venue made them is not quoted on; 0: never
    looked at."""
    cross_check_level1: bool = False
    """The best prices of the level-1 stream must agree with those of the deep book."""
    max_fills_per_side: int = 0
    """One fill more of an instrument and side within ``fills_window_ms`` asks for a halt that
    only a human ends; 0: never."""
    fills_window_ms: Ms = Ms(10_000)
    max_drift_e4: int = 0
    """A mid that moves further within ``drift_window_ms`` stops the quotes of its instrument for
    ``drift_pause_ms``; 0: never."""
    drift_window_ms: Ms = Ms(1_000)
    drift_pause_ms: Ms = Ms(5_000)
    max_doubt_ms: Ms = Ms(0)
    """An instrument of which something has been in doubt for longer opens nothing; 0: never."""
    reference_stale_ms: Ms = Ms(0)
    """Without a second reference younger than this nothing is created or amended; 0: none is
    asked for."""
    account: AccountLimits = AccountLimits()
    breakers: BreakerParams = BreakerParams()
