"""The limits in force, in units a human reads; `mmfast check` prints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from mmfast._core import fixed
from mmfast.config import BreakersConfig, Config, SymbolConfig, symbol_limit
from mmfast.messages import Instrument
from mmfast.units import E8


def effective_limits(config: Config, instruments: Sequence[Instrument]) -> list[str]:
    """A line for each limit. ``instruments`` are aligned with the symbols; empty where the venue's
    filters are not known without asking it."""
    return [*_account(config), *_each_symbol(config, instruments)]


def _account(config: Config) -> Iterator[str]:
    yield "account:"
    yield from _results(config)
    yield from _open_orders(config)
    yield from _budgets(config)
    yield from _prices(config)
    yield from _protection(config)
    rows = [row for row in config.symbols if row.enabled]
    yield f"  allow-list: {', '.join(row.symbol for row in rows) or 'nothing'}"
    yield from _breakers(config.breakers)


def _results(config: Config) -> Iterator[str]:
    risk = config.risk
    yield (
        f"  result of a day: a loss of more than {risk.max_daily_loss_quote} halts, and so does "
        f"{risk.max_drawdown_quote} off its peak"
    )
    yield (
        f"  fills: more than {risk.max_fills_per_side} of a side, or {risk.max_fills} in all, "
        f"within {risk.fills_window_ms} ms halt"
    )


def _open_orders(config: Config) -> Iterator[str]:
    risk = config.risk
    yield (
        f"  open orders: at most {risk.max_open_orders}, {risk.max_open_orders_per_symbol} of a "
        f"symbol, worth {risk.max_open_notional_quote}"
    )
    covered = f"{risk.margin_percent} % of it covered by equity"
    yield (
        f"  worst case of all: at most {risk.max_portfolio_notional_quote} at mids moved by "
        f"{risk.portfolio_shock_bps} bp, {covered if risk.margin_percent else 'margin not asked'}"
    )
    yield (
        f"  messages: at most {risk.max_messages_per_s} creates and amends a second, "
        f"{risk.max_messages_per_symbol_per_s} of a symbol"
    )


def _budgets(config: Config) -> Iterator[str]:
    risk, venue, planner = config.risk, config.venue, config.planner
    yield (
        f"  rate: {risk.rate_use_percent} % of the venue's limit, {risk.cancel_reserve_percent} % "
        f"of the cancels kept for reducing risk; {venue.max_batch_orders} orders a batch"
    )
    if not config.async_batch.enabled:
        yield "  spill: none, each order is a call of its own"
    elif planner.policy == "batched":
        yield "  spill: urgent cancels go on in single calls, nothing else does"
    else:
        yield (
            f"  spill: at most {planner.spill_requests_per_s} single calls a second of each "
            f"operation; {planner.reducing_reserve_percent} % of creates and amends kept for "
            "reducing positions"
        )
    most = venue.http_requests_per_5_s
    requests = f"{most} HTTP requests in 5 s" if most else "HTTP requests not counted"
    most = venue.trade_messages_per_s
    messages = f"{most} messages of trade sockets in 1 s" if most else "messages not counted"
    yield f"  address: {requests}, {messages}"


def _prices(config: Config) -> Iterator[str]:
    risk = config.risk
    yield (
        f"  drift: quotes stop for {risk.drift_pause_ms} ms when the mid moves more than "
        f"{risk.max_drift_bps} bp within {risk.drift_window_ms} ms"
    )
    yield (
        f"  doubt: an instrument opens nothing when an order or its position has been in doubt for "
        f"more than {risk.max_doubt_ms} ms"
    )
    which = config.strategy.second_reference
    second = f"and {which}, at most {risk.reference_stale_ms} ms old"
    yield f"  references: the mid of the book {'alone' if which == 'none' else second}"
    yield f"  book: at most {risk.stale_book_ms} ms old and {risk.max_feed_lag_ms} ms late"


def _protection(config: Config) -> Iterator[str]:
    venue, watchdog = config.venue, config.watchdog
    yield f"  self-match: refused by us; smp at the venue: {venue.smp}"
    watched = watchdog.enabled and venue.environment != "embedded"  # that dies with its engine
    alone = f"after {watchdog.progress_ms} ms" if watched else "off"
    window = f"after {venue.dcp_window_s} s" if venue.dcp_window_s else "off"
    yield f"  cancels without the engine: watchdog {alone}, the venue's own (DCP) {window}"


def _breakers(breakers: BreakersConfig) -> Iterator[str]:
    for what, name in (("acknowledgements", "ack"), ("turns of the loop", "lag")):
        steps = [
            f"{does} beyond {limit_ms} ms"
            for does, limit_ms in (
                (f"widen to {breakers.widen_percent} %", getattr(breakers, f"{name}_widen_ms")),
                ("withdraw", getattr(breakers, f"{name}_pull_ms")),
                ("halt", getattr(breakers, f"{name}_halt_ms")),
            )
            if limit_ms
        ]
        calm = f", back a step after {breakers.calm_ms} ms" * bool(steps)
        yield f"  breaker, {what}: {', '.join(steps) or 'off'}{calm}"
    pause = f"withdraws for {breakers.pull_first_ms} to {breakers.pull_cap_ms} ms"
    refused = (
        f"more than {breakers.reject_percent} % of {breakers.reject_min_orders} orders or more "
        f"within {breakers.reject_window_ms} ms {pause}"
    )
    yield f"  breaker, refused orders: {refused if breakers.reject_percent else 'off'}"
    storm = (
        f"more than {breakers.storm_refusals} of a symbol within {breakers.storm_window_ms} ms, or "
        f"one for want of margin, {pause}"
    )
    yield f"  breaker, storm of refusals: {storm if breakers.storm_refusals else 'off'}"


def _each_symbol(config: Config, instruments: Sequence[Instrument]) -> Iterator[str]:
    for index, row in enumerate(config.symbols):
        known = instruments[index] if instruments else None
        yield f"{row.symbol}:{'' if row.enabled else ' (off)'}"
        yield from _symbol(config, row, known)


def _symbol(config: Config, row: SymbolConfig, known: Instrument | None) -> Iterator[str]:
    risk = config.risk
    collar = risk.price_collar_bps
    if known is None:
        yield f"  order: at most {row.max_order_qty}, or less where the venue says so"
    else:
        most = min(row.max_order_qty, _lots(known.max_order_lots, known))
        least = _lots(known.min_order_lots, known)
        value = Decimal(known.min_notional_e8) / E8
        yield f"  order: {least} to {most} in steps of {_lots(1, known)}, worth {value} at least"
        low, high = (_ticks(n, known) for n in (known.min_price_ticks, known.max_price_ticks))
        yield f"  price: {low} to {high} in ticks of {_ticks(1, known)}"
        collar = min(collar, Decimal(known.price_limit_e8) / 10_000)
    yield f"  value: at most {risk.max_order_value_quote} an order"
    yield (
        f"  distance from the mid: {risk.max_distance_bps} bp, {collar} bp to the other side of it"
    )
    yield f"  position: {row.max_position_qty} each side, with everything open or in doubt"
    worth = symbol_limit(config, row, "max_open_notional_quote")
    yield f"  open orders: at most {risk.max_open_orders_per_symbol}, worth {worth}"
    lost, down = (
        symbol_limit(config, row, name) for name in ("max_daily_loss_quote", "max_drawdown_quote")
    )
    yield f"  result of a day: a loss of more than {lost} halts, and so does {down} off its peak"


def _lots(count: int, instrument: Instrument) -> Decimal:
    text = fixed.format_grid(count, instrument.step_decimals, instrument.step_units)
    return Decimal(text.decode())


def _ticks(count: int, instrument: Instrument) -> Decimal:
    text = fixed.format_grid(count, instrument.tick_decimals, instrument.tick_units)
    return Decimal(text.decode())
