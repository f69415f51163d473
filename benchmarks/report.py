"""The rows that a run measured: printed at its end, and written to build/bench.json.

The file holds a list of {stage, contender, value, unit, ratio_to_limit}; the ratio is null where
there is no limit to compare with.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from race import LIMIT, Row

TARGET = Path(__file__).resolve().parents[1] / "build" / "bench.json"
#: Stages of the short table, and the ones in which the same was done by a Python program.
STAGES = {
    "sign_1k": "python_sign_1024",
    "sign_200": "python_sign_200",
    "request_20": "python_request_20",
    "book_16": "python_book_50",
    "coalesce_put": "",
    "coalesce_drain": "",
    "tick_in_process": "",
    "quote_in_process": "",
    "tick_cpu_50ms": "",
    "tick_p50_50ms": "",
    "tick_p99_50ms": "",
    "tick_calls_50ms": "",
}
TWIN = "Python"
OURS = ("mmfast", "mmfast ws", "mmfast rest")


def everything(rows: Iterable[Row]) -> str:
    """All rows as aligned text."""
    lines = [f"{'stage':<30}{'contender':<34}{'value':>12} {'unit':<5}{'x limit':>10}"]
    for row in rows:
        ratio = "" if row.ratio_to_limit is None else f"{row.ratio_to_limit:,.2f}"
        lines.append(
            f"{row.stage:<30}{row.contender:<34}{row.value:>12,.1f} {row.unit:<5}{ratio:>10}"
        )
    return "\n".join(lines)


def _cell(row: Row) -> str:
    ratio = row.ratio_to_limit
    times = f" ({ratio:,.{2 if ratio < 100 else 0}f}x)" if ratio else ""
    return f"{row.value:,.{0 if row.value >= 100 else 1}f}{times}"


def summary(rows: Sequence[Row]) -> str:
    """One line per stage: the limit, ours, what a Python program needs, and everybody else."""
    by_stage: dict[str, list[Row]] = {}
    for row in rows:
        by_stage.setdefault(row.stage, []).append(row)
    lines = ["| stage | C limit | mmfast | pure Python | others |", "|---|---|---|---|---|"]
    for stage, python in STAGES.items():
        found = by_stage.get(stage, [])
        if not found:
            continue
        twins = [row for row in by_stage.get(python, []) if row.contender == TWIN]
        limit = next((row for row in found if row.contender == LIMIT), None)
        rest = [row for row in found if row.contender not in (*OURS, LIMIT)]
        cells = (
            f"{stage}, {found[0].unit or 'calls'}",
            f"{limit.value:,.1f}" if limit else "",
            "; ".join(f"{row.contender} {_cell(row)}" for row in found if row.contender in OURS),
            "; ".join(_cell(row._replace(ratio_to_limit=None)) for row in twins),
            "; ".join(f"{row.contender} {_cell(row)}" for row in rest),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write(rows: Iterable[Row], target: Path = TARGET) -> None:
    """Put the rows into the file; rows of other stages and contenders stay."""
    target.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(target.read_text(encoding="utf-8")) if target.exists() else []
    found = {(row["stage"], row["contender"]): row for row in before}
    found |= {(row.stage, row.contender): row._asdict() for row in rows}
    target.write_text(json.dumps(list(found.values()), indent=1) + "\n", encoding="utf-8")
