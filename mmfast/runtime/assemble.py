"""From the configuration's decimals to the integers the engine and the venue work with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from mmfast._core import fixed
from mmfast.bybit.hosts import Endpoints, check_endpoints, endpoints_for
from mmfast.config import Config, RiskConfig, SymbolConfig, strategy_value, symbol_limit
from mmfast.engine.params import (
    BP_E4,
    ONE_E4,
    AccountLimits,
    BatchParams,
    BreakerParams,
    EngineParams,
    FairPrice,
    PlannerParams,
    RequoteBy,
    RollbackParams,
    SymbolParams,
)
from mmfast.errors import ConfigError
from mmfast.messages import Category, Instrument
from mmfast.sim.limits.tiers import LimitParams
from mmfast.sim.params import TIER_LIMITS, FlowParams, VenueParams
from mmfast.typed_yaml import Faults
from mmfast.units import E8, Lots, Ms, QuoteE8


def config_for_instruments(config: Config, instruments: Sequence[Instrument]) -> EngineParams:
    """Engine parameters; ``instruments`` are aligned with ``config.symbols``.

    Raises :class:`ConfigError` for sizes off the quantity step or outside the venue's bounds.
    """
    faults: Faults = []
    rows = tuple(
        _symbol_params(config, i, row, instrument, faults)
        for i, (row, instrument) in enumerate(zip(config.symbols, instruments, strict=True))
    )
    if faults:
        raise ConfigError(faults)
    batch = config.async_batch
    return EngineParams(
        symbols=rows,
        batch=BatchParams(
            enabled=batch.enabled,
            max_parallel_symbols=batch.max_parallel_symbols,
            coalesce_cancel=batch.coalesce_cancel,
            coalesce_place=batch.coalesce_place,
            tick_deadline_ms=Ms(batch.tick_deadline_ms),
            planned=config.planner.policy == "planned",
            shadow=batch.shadow,
            rollback=RollbackParams(
                enabled=batch.rollback.enabled,
                max_error_percent=batch.rollback.max_error_percent,
                max_latency_ms=Ms(batch.rollback.max_latency_ms),
                window_ms=Ms(batch.rollback.window_ms),
                min_calls=batch.rollback.min_calls,
            ),
        ),
        planner=PlannerParams(
            max_batch_orders=config.venue.max_batch_orders,
            initial_limit=config.venue.assumed_orders_per_s,
            safety_percent=config.risk.rate_use_percent,
            cancel_reserve_percent=config.risk.cancel_reserve_percent,
            spill_requests_per_s=config.planner.spill_requests_per_s,
            reducing_reserve_percent=config.planner.reducing_reserve_percent,
        ),
        fair_price=FairPrice[config.strategy.fair_price.upper()],
        requote_by=RequoteBy[config.strategy.requote_by.upper()],
        stale_book_ms=Ms(config.risk.stale_book_ms),
        recv_window_ms=Ms(config.venue.recv_window_ms),
        book_depth=config.strategy.book_depth,
        max_feed_lag_ms=Ms(config.risk.max_feed_lag_ms),
        cross_check_level1=config.strategy.cross_check_level1,
        max_fills_per_side=config.risk.max_fills_per_side,
        fills_window_ms=Ms(config.risk.fills_window_ms),
        max_drift_e4=_bps(config.risk.max_drift_bps),
        drift_window_ms=Ms(config.risk.drift_window_ms),
        drift_pause_ms=Ms(config.risk.drift_pause_ms),
        max_doubt_ms=Ms(config.risk.max_doubt_ms),
        reference_stale_ms=Ms(
            0 if config.strategy.second_reference == "none" else config.risk.reference_stale_ms
        ),
        account=_account_limits(config.risk),
        breakers=BreakerParams(**msgspec.to_builtins(config.breakers)),
    )


def _account_limits(risk: RiskConfig) -> AccountLimits:
    return AccountLimits(
        max_daily_loss_e8=_scaled(risk.max_daily_loss_quote, E8),
        max_drawdown_e8=_scaled(risk.max_drawdown_quote, E8),
        max_fills=risk.max_fills,
        max_open_notional_e8=_scaled(risk.max_open_notional_quote, E8),
        max_open_orders=risk.max_open_orders,
        max_messages_per_s=risk.max_messages_per_s,
        max_portfolio_notional_e8=_scaled(risk.max_portfolio_notional_quote, E8),
        portfolio_shock_e4=_bps(risk.portfolio_shock_bps),
        margin_e4=risk.margin_percent * ONE_E4 // 100,
    )


def without(params: EngineParams, instrument: Instrument) -> EngineParams:
    """The same parameters with one instrument switched off."""
    rows = list(params.symbols)
    rows[instrument.index] = msgspec.structs.replace(rows[instrument.index], enabled=False)
    return msgspec.structs.replace(params, symbols=tuple(rows))


def venue_params(config: Config) -> VenueParams:
    """What the embedded venue is told.

    Its key is derived from the seed: play money on loopback, and a venue started anew knows the
    same account. Raises :class:`ConfigError` for an unknown tier.
    """
    section = config.embedded_venue
    if section.tier not in TIER_LIMITS:
        known = ", ".join(TIER_LIMITS)
        text = f"expected one of {known}, found {section.tier!r}"
        raise ConfigError([("$.embedded_venue.tier", text)])
    return VenueParams(
        symbols=tuple(row.symbol for row in config.symbols),
        api_key=f"embedded{section.seed}",
        api_secret=hashlib.sha256(b"mmfast embedded venue %d" % section.seed).hexdigest()[:36],
        seed=section.seed,
        tier=section.tier,
        latency_ms=float(section.latency_ms),
        latency_jitter_ms=float(section.latency_jitter_ms),
        stream_lag_ms=float(section.stream_lag_ms),
        max_batch_orders=config.venue.max_batch_orders,
        balance_e8=QuoteE8(_scaled(section.balance_quote, E8)),
        flow=FlowParams(
            activity=float(section.activity),
            volatility_bps_per_sqrt_s=float(section.volatility_bps_per_sqrt_s),
            taker_rate_hz=float(section.taker_rate_hz),
        ),
    )


def endpoints(config: Config) -> Endpoints:
    """Addresses of a real or custom venue; raises :class:`ConfigError` for unusable ones."""
    venue = config.venue
    if venue.environment != "custom":
        return endpoints_for(venue.environment, Category[venue.category.upper()])
    return check_endpoints(
        Endpoints(
            rest_url=venue.rest_url or "",
            ws_public_url=venue.ws_public_url or "",
            ws_private_url=venue.ws_private_url or "",
            ws_trade_url=venue.ws_trade_url or "",
        )
    )


def state_dir(config: Config, config_path: Path) -> Path:
    """The state directory; a relative one lies beside the configuration file."""
    return config_path.resolve().parent / config.venue.state_dir


def _symbol_params(
    config: Config, i: int, row: SymbolConfig, instrument: Instrument, faults: Faults
) -> SymbolParams:
    lots = {
        name: _lots(getattr(row, name), instrument, f"$.symbols[{i}].{name}", faults)
        for name in ("order_qty", "max_order_qty", "max_position_qty")
    }
    for name in ("order_qty", "max_order_qty"):
        low, high = instrument.min_order_lots, instrument.max_order_lots
        if lots[name] and not low <= lots[name] <= high:
            limits = f"{_quantity(low, instrument)} to {_quantity(high, instrument)}"
            text = f"the venue takes {limits} of {row.symbol}, found {getattr(row, name)}"
            faults.append((f"$.symbols[{i}].{name}", text))
    return SymbolParams(
        levels=int(strategy_value(config, row, "levels")),
        order_lots=lots["order_qty"],
        half_spread_e4=_bps(strategy_value(config, row, "half_spread_bps")),
        level_step_e4=_bps(strategy_value(config, row, "level_step_bps")),
        skew_e4=_bps(strategy_value(config, row, "inventory_skew_bps")),
        requote_tolerance_e4=_bps(strategy_value(config, row, "requote_tolerance_bps")),
        max_position_lots=lots["max_position_qty"],
        max_order_lots=lots["max_order_qty"],
        max_order_value_e8=QuoteE8(_scaled(config.risk.max_order_value_quote, E8)),
        price_collar_e4=_bps(config.risk.price_collar_bps),
        max_distance_e4=_bps(config.risk.max_distance_bps),
        max_daily_loss_e8=_scaled(symbol_limit(config, row, "max_daily_loss_quote"), E8),
        max_drawdown_e8=_scaled(symbol_limit(config, row, "max_drawdown_quote"), E8),
        max_open_notional_e8=_scaled(symbol_limit(config, row, "max_open_notional_quote"), E8),
        max_open_orders=config.risk.max_open_orders_per_symbol,
        max_messages_per_s=config.risk.max_messages_per_symbol_per_s,
        enabled=row.enabled,
    )


def _lots(quantity: Decimal, instrument: Instrument, path: str, faults: Faults) -> Lots:
    text = format(quantity, "f")
    try:
        units = fixed.parse_grid(text, instrument.step_decimals, instrument.step_units)
    except fixed.FixedError:
        step = _quantity(1, instrument)
        faults.append((path, f"expected a multiple of the quantity step {step}, found {text}"))
        return Lots(0)
    return Lots(units)


def _quantity(lots: int, instrument: Instrument) -> str:
    text = fixed.format_grid(lots, instrument.step_decimals, instrument.step_units)
    return text.decode()


def _bps(value: Decimal | int) -> int:
    """Basis points in 1e-4 bp; the file's bounds keep this far from 64 bits."""
    return _scaled(Decimal(value), BP_E4)


def _scaled(value: Decimal, scale: int) -> int:
    return int(value * scale)


def http_limit(config: Config) -> int:
    """HTTP requests of one address in five seconds; 0 where there is no limit, as for the tiers
    of the embedded venue that stand for a host of one's own."""
    limit = config.venue.http_requests_per_5_s
    if config.venue.environment == "embedded" and not LimitParams().http_limit(
        config.embedded_venue.tier
    ):
        return 0
    return limit
