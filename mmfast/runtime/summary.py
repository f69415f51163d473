"""The run in one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from mmfast.engine.counters import Counters
from mmfast.engine.view import EngineView
from mmfast.messages import Op
from mmfast.runtime.stats import RunStats
from mmfast.units import E8, NS_PER_MS


def calls_saved_percent(counters: Counters) -> float:
    """Share of order calls not made, against one call for each command that was sent."""
    sent = sum(counters.sent)
    if not sent:
        return 0.0
    return round(100.0 * (1 - sum(counters.calls) / sent), 2)


def summary(
    *,
    view: EngineView,
    counters: Counters,
    stats: RunStats,
    open_orders: int,
    errors: Sequence[str],
) -> dict[str, object]:
    """What happened between start and exit, as plain data.

    ``open_orders`` is what the venue showed last, -1 if it could not be asked. Money is in quote
    coins, ``pnl`` is realised plus unrealised minus fees.
    """
    ticks = stats.ticks
    return {
        "ticks": ticks.count,
        "tick_ms": {
            "p50": round(ticks.percentile_ms(50), 3),
            "p95": round(ticks.percentile_ms(95), 3),
            "p99": round(ticks.percentile_ms(99), 3),
            "max": round(ticks.max_ns / NS_PER_MS, 3),
        },
        "commands": {
            "wanted": {op.name.lower(): counters.wanted[op] for op in Op},
            "sent": {op.name.lower(): counters.sent[op] for op in Op},
        },
        "requests": stats.requests_by_api(),
        "calls_saved_pct": calls_saved_percent(counters),
        "orders": {
            "placed": counters.orders_placed,
            "amended": counters.orders_amended,
            "cancelled": counters.orders_cancelled,
            "filled": counters.orders_filled,
            "rejected": counters.orders_rejected,
        },
        "fills": counters.fills,
        "pnl": round((view.realized_e8 + view.unrealized_e8 - view.fees_e8) / E8, 8),
        "open_orders_at_exit": open_orders,
        "mode_changes": [
            {"at_s": round(s.at_ns / NS_PER_MS / 1000, 3), "mode": s.mode.name, "reason": s.reason}
            for s in stats.mode_switches
        ],
        "errors": list(errors),
    }


def write(path: Path, document: dict[str, object]) -> None:
    """Write the document whole or not at all; raises OSError."""
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(
        orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )
    draft.replace(path)
