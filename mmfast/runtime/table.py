"""The live table on a terminal: pure text from a view, and the thread that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mmfast._core.fixed import format_grid, format_units
from mmfast.engine.counters import Counters
from mmfast.engine.view import BudgetView, EngineView, InstrumentView
from mmfast.messages import Instrument, Op
from mmfast.runtime.stats import RunStats
from mmfast.runtime.summary import calls_saved_percent
from mmfast.units import E8, NS_PER_S

REFRESH_S: Final = 0.33
LOG_LINES: Final = 4
_WIDTHS: Final = (12, 14, 14, 14, 13, 12, 9, 10)
_HEAD: Final = ("instrument", "mid", "own bid", "own ask", "position", "pnl", "acks", "")
_HOME_AND_CLEAR: Final = "\x1b[H\x1b[J"
ENTER: Final = b"\x1b[?1049h\x1b[?25l"
"""Own screen, no cursor: what stood on the terminal comes back afterwards."""
LEAVE: Final = b"\x1b[?25h\x1b[?1049l"


def render(
    *,
    title: str,
    instruments: Sequence[Instrument],
    view: EngineView,
    counters: Counters,
    stats: RunStats,
    now_ns: int,
    errors: int,
    log_lines: Sequence[str],
    columns: int = 120,
) -> str:
    """The table as text, lines cut to the terminal's width."""
    rows = [_row(_HEAD)]
    rows += [
        _row(_instrument_cells(row, instrument))
        for row, instrument in zip(view.instruments, instruments, strict=True)
    ]
    reason = f" ({view.mode_reason})" if view.mode_reason else ""
    minutes, seconds = divmod((now_ns - stats.started_ns) // NS_PER_S, 60)
    up = f"up {minutes // 60}:{minutes % 60:02}:{seconds:02}"
    head = f"{title}   {view.mode.name}{reason}   {up}"
    lines = [head, "", *rows, "", *_engine_lines(view, counters, stats, errors), ""]
    lines += list(log_lines)[-LOG_LINES:]
    return "\n".join(line[:columns] for line in lines)


def frame(text: str) -> bytes:
    """One screen: home, clear, text."""
    return (_HOME_AND_CLEAR + text.replace("\n", "\r\n")).encode("utf-8", "replace")


def money(value_e8: int) -> str:
    """Quote coins with two decimals, rounded half away from zero."""
    cents = (abs(value_e8) * 100 + E8 // 2) // E8
    sign = "-" if value_e8 < 0 and cents else ""
    return f"{sign}{cents // 100}.{cents % 100:02}"


def _instrument_cells(row: InstrumentView, instrument: Instrument) -> tuple[str, ...]:
    lots = abs(row.position_lots)
    size = format_grid(lots, instrument.step_decimals, instrument.step_units).decode()
    pnl_e8 = row.realized_e8 + row.unrealized_e8 - row.fees_e8
    return (
        row.symbol,
        # Twice the mid in ticks, times five, is the mid with one more decimal.
        _price(row.mid_x2_ticks * instrument.tick_units * 5, instrument.tick_decimals + 1),
        _price(row.own_bid_ticks * instrument.tick_units, instrument.tick_decimals),
        _price(row.own_ask_ticks * instrument.tick_units, instrument.tick_decimals),
        f"-{size}" if row.position_lots < 0 else size,
        money(pnl_e8),
        str(row.acks),
        "" if row.quoting else f"off: {row.pull_reason}",
    )


def _price(units: int, decimals: int) -> str:
    return format_units(units, decimals).decode() if units else "-"


def _engine_lines(
    view: EngineView, counters: Counters, stats: RunStats, errors: int
) -> tuple[str, ...]:
    ticks = stats.ticks
    p50, p99 = ticks.recent_percentile_ms(50), ticks.recent_percentile_ms(99)
    saved = calls_saved_percent(counters)
    tick = f"p50 {p50:.2f} ms   p99 {p99:.2f} ms   calls saved {saved:.1f} %"
    pnl = money(view.realized_e8 + view.unrealized_e8 - view.fees_e8)
    orders = f"{view.working} working   {view.in_flight} in flight   {view.unknown} unknown"
    budgets = (_budget(row) for row in view.budgets if row.used or not row.single)
    rejects = f"rejects {counters.orders_rejected}   throttled {counters.throttled}"
    return (
        f"tick     {ticks.count} done   {tick}",
        f"orders   {orders}   {counters.fills} fills   pnl {pnl}",
        f"budget   {'   '.join(budgets)}",
        f"errors   {errors}   {rejects}",
    )


def _budget(row: BudgetView) -> str:
    name = {Op.CANCEL: "cancel", Op.AMEND: "amend", Op.PLACE: "create"}[row.op]
    return f"{name}{' single' if row.single else ''} {row.left}/{row.limit}"


def _row(cells: Sequence[str]) -> str:
    first = f"{cells[0]:<{_WIDTHS[0]}}"
    numbers = (f"{cell:>{width}}" for cell, width in zip(cells[1:7], _WIDTHS[1:7], strict=True))
    return f"{first}{''.join(numbers)}  {cells[7]}".rstrip()
