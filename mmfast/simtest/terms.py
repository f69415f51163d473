"""What a seed's configuration promises, as the judges take it."""

from __future__ import annotations

from decimal import Decimal

from mmfast.config import Config
from mmfast.messages import Instrument
from mmfast.simtest.rate_judge import RateTerms
from mmfast.simtest.reckoning import CANCELS_WITHIN_NS
from mmfast.simtest.swarm import Plan
from mmfast.simtest.wire_checks import Bounds, Terms
from mmfast.units import E8, NS_PER_MS


def cancels_within_ns(plan: Plan, config: Config) -> int:
    """I10: the first cancel after a stop. One order per call, each awaited, means that calls
    which have begun are waited for."""
    if config.async_batch.enabled:
        return CANCELS_WITHIN_NS
    slowest_ms = plan.venue.latency_ms + 2 * plan.venue.latency_jitter_ms
    return CANCELS_WITHIN_NS + 3 * int(slowest_ms * NS_PER_MS)


def terms_of(config: Config, instruments: tuple[Instrument, ...]) -> Terms:
    """What the checks of the wire hold the engine to, by its configuration."""
    by_symbol = {row.symbol: row for row in config.symbols}
    bounds = []
    for one in instruments:
        row = by_symbol[one.symbol]
        step = Decimal(one.step_units).scaleb(-one.step_decimals)
        bounds.append(
            Bounds(
                max_position_lots=int(row.max_position_qty / step),
                max_order_lots=int(row.max_order_qty / step),
                max_value_e8=int(config.risk.max_order_value_quote * E8),
                max_distance=config.risk.max_distance_bps / 10_000,
            )
        )
    return Terms(
        bounds=tuple(bounds),
        stale_ns=config.risk.stale_book_ms * NS_PER_MS,
        rates=RateTerms(
            assumed=config.venue.assumed_orders_per_s,
            use_percent=config.risk.rate_use_percent,
            reserve_percent=config.risk.cancel_reserve_percent,
            spills=config.planner.policy == "planned" and config.async_batch.coalesce_cancel,
            reply_ns=config.venue.request_timeout_ms * NS_PER_MS,
        ),
        portfolio_e8=int(config.risk.max_portfolio_notional_quote * E8),
        open_notional_e8=int(config.risk.max_open_notional_quote * E8),
        reply_ns=config.venue.request_timeout_ms * NS_PER_MS,
    )
