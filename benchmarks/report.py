"""Prints the stages of the hot path against their C limits and writes build/bench.json.

`make bench` runs it, with the limits and the tests' twins on the module path. The file holds a
list of {stage, contender, value, unit, ratio_to_limit}.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import frames
import stages
from stages import Row

from mmfast import _core
from mmfast._core import sign
from mmfast.messages import Op

ROOT = Path(__file__).resolve().parents[1]


def _named(rows: list[Row], suffix: str) -> list[Row]:
    return [row._replace(contender=f"{row.contender} {suffix}") for row in rows]


def core_rows() -> list[Row]:
    """Every stage that lies inside the compiled core."""
    rows = [*stages.sign_stage("sign_1k", 1024), *stages.sign_stage("sign_200", 200)]
    rows += stages.request_stage(Op.PLACE)
    for op in (Op.AMEND, Op.CANCEL):
        rows += _named(stages.request_stage(op), op.name.lower())
    rows += stages.book_stage("book_16", 50, frames.steady(50), ring=True)
    rows += _named(stages.book_stage("book_16", 1, frames.single_level(), ring=True), "depth 1")
    rows += _named(stages.book_stage("book_16", 200, frames.steady(200), ring=True), "depth 200")
    rows += stages.book_stage("book_level_1", 1, frames.steady(1), ring=True)
    for name, made in frames.ADVERSARIAL.items():
        rows += _named(stages.book_stage("book_adversarial", 50, made(50), ring=False), name)
    for count in (80, 8000):
        for part in stages.coalesce_stages(count):
            rows += part if count == 80 else _named(part, str(count))
    return rows


def table(rows: list[Row]) -> str:
    """The rows as aligned text."""
    lines = [f"{'stage':<18}{'contender':<32}{'value':>10} {'unit':<5}{'x limit':>8}"]
    lines += [
        f"{row.stage:<18}{row.contender:<32}{row.value:>10.1f} {row.unit:<5}"
        f"{row.ratio_to_limit:>8.2f}"
        for row in rows
    ]
    return "\n".join(lines)


def main(target: Path) -> None:
    """Measure, print, write."""
    if _core.BUILD != "release":
        sys.exit(f"benchmarks need the release build of the core, found {_core.BUILD}")
    rows = core_rows()
    print(f"core: {_core.BUILD}, signatures by {sign.BACKEND}; fastest of {stages.ROUNDS} rounds")
    print(table(rows))
    target.parent.mkdir(parents=True, exist_ok=True)
    found = [row._asdict() for row in rows]
    target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"written to {target}")


if __name__ == "__main__":
    main(ROOT / "build" / "bench.json")
