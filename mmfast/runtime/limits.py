"""The limits in force, in units a human reads; `mmfast check` prints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from mmfast._core import fixed
from mmfast.config import Config, SymbolConfig
from mmfast.messages import Instrument
from mmfast.units import E8


def effective_limits(config: Config, instruments: Sequence[Instrument]) -> list[str]:
    """A line for each limit. ``instruments`` are aligned with the symbols; empty where the venue's
    filters are not known without asking it."""
    return [*_account(config), *_each_symbol(config, instruments)]


def _account(config: Config) -> Iterator[str]:
    risk, venue = config.risk, config.venue
    yield "account:"
    yield (
        f"  result of a day: a loss of more than {risk.max_daily_loss_quote} halts, and so does "
        f"{risk.max_drawdown_quote} off its peak"
    )
    yield (
        f"  fills: more than {risk.max_fills_per_side} of a side, or {risk.max_fills} in all, "
        f"within {risk.fills_window_ms} ms halt"
    )
    yield (
        f"  rate: {risk.rate_use_percent} % of the venue's limit, {risk.cancel_reserve_percent} % "
        f"of the cancels kept for reducing risk; {venue.max_batch_orders} orders a batch"
    )
    yield (
        f"  drift: quotes stop for {risk.drift_pause_ms} ms when the mid moves more than "
        f"{risk.max_drift_bps} bp within {risk.drift_window_ms} ms"
    )
    which = config.strategy.second_reference
    age = "" if which == "none" else f", at most {risk.reference_stale_ms} ms old"
    yield f"  references: the mid of the book and {which}{age}"
    yield f"  book: at most {risk.stale_book_ms} ms old and {risk.max_feed_lag_ms} ms late"
    rows = [row for row in config.symbols if row.enabled]
    yield f"  allow-list: {', '.join(row.symbol for row in rows) or 'nothing'}"


def _each_symbol(config: Config, instruments: Sequence[Instrument]) -> Iterator[str]:
    for index, row in enumerate(config.symbols):
        known = instruments[index] if instruments else None
        yield f"{row.symbol}:{'' if row.enabled else ' (off)'}"
        yield from _symbol(config, row, known)


def _symbol(config: Config, row: SymbolConfig, known: Instrument | None) -> Iterator[str]:
    risk = config.risk
    if known is None:
        yield f"  order: at most {row.max_order_qty}, or less where the venue says so"
    else:
        most = min(row.max_order_qty, _lots(known.max_order_lots, known))
        least = _lots(known.min_order_lots, known)
        value = Decimal(known.min_notional_e8) / E8
        yield f"  order: {least} to {most} in steps of {_lots(1, known)}, worth {value} at least"
        low, high = (_ticks(n, known) for n in (known.min_price_ticks, known.max_price_ticks))
        yield f"  price: {low} to {high} in ticks of {_ticks(1, known)}"
    yield f"  value: at most {risk.max_order_value_quote} an order"
    yield (
        f"  distance from the mid: {risk.max_distance_bps} bp, {risk.price_collar_bps} bp to the "
        "other side of it"
    )
    yield f"  position: {row.max_position_qty} each side, with everything open or in doubt"


def _lots(count: int, instrument: Instrument) -> Decimal:
    text = fixed.format_grid(count, instrument.step_decimals, instrument.step_units)
    return Decimal(text.decode())


def _ticks(count: int, instrument: Instrument) -> Decimal:
    text = fixed.format_grid(count, instrument.tick_decimals, instrument.tick_units)
    return Decimal(text.decode())
