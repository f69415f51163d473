"""What the engine shows of itself: frozen pictures for metrics, the live table and the summary."""

from __future__ import annotations

import msgspec

from mmfast.messages import Mode, Op


class InstrumentView(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument. Prices in ticks (0: none), sizes in lots, money in 1e-8 quote coins."""

    symbol: str
    quoting: bool
    pull_reason: str
    """Why nothing is quoted; empty while quoting."""
    mid_x2_ticks: int
    own_bid_ticks: int
    own_ask_ticks: int
    position_lots: int
    max_position_lots: int
    """The limit of either side."""
    working: int
    realized_e8: int
    unrealized_e8: int
    fees_e8: int
    book_age_ms: int
    """Since the last frame; -1 without a book."""
    acks: int
    """Commands the venue accepted."""


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """One rate bucket. ``left`` is what the planner would still send now."""

    op: Op
    single: bool
    limit: int
    used: int
    left: int


class EngineView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole engine. Pnl is ``realized_e8 + unrealized_e8 - fees_e8``."""

    mode: Mode
    mode_reason: str
    instruments: tuple[InstrumentView, ...]
    budgets: tuple[BudgetView, ...]
    working: int
    in_flight: int
    unknown: int
    realized_e8: int
    unrealized_e8: int
    fees_e8: int
    day_result_e8: int = 0
    """Since the UTC day began, earlier runs included."""
    day_drawdown_e8: int = 0
    """How far that is below the day's highest."""
