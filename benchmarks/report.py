"""The rows that a run measured: printed at its end, and written to build/bench.json.

The file holds a list of {stage, contender, value, unit, ratio_to_limit}.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from race import Row

TARGET = Path(__file__).resolve().parents[1] / "build" / "bench.json"


def table(rows: Iterable[Row]) -> str:
    """The rows as aligned text."""
    lines = [f"{'stage':<30}{'contender':<32}{'value':>12} {'unit':<8}{'x limit':>9}"]
    for row in rows:
        ratio = "" if row.ratio_to_limit is None else f"{row.ratio_to_limit:.2f}"
        lines.append(
            f"{row.stage:<30}{row.contender:<32}{row.value:>12,.1f} {row.unit:<8}{ratio:>9}"
        )
    return "\n".join(lines)


def write(rows: Iterable[Row], target: Path = TARGET) -> None:
    """Replace the file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    found = [row._asdict() for row in rows]
    target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
