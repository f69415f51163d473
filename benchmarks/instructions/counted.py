"""Runs under ``valgrind --tool=callgrind``: counts each operation twice, once as often.

The difference of the two is what the additional runs cost, without the cost of the counting.
Arguments: the compiled marks, and optionally the names of operations.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [
    str(ROOT),
    str(HERE),
    *(str(ROOT / "benchmarks" / name) for name in ("", "limits")),
    *(str(ROOT / "tests" / name) for name in ("oracle", "harness")),
]

import operations  # noqa: E402 - found on the path made above

from mmfast._core import sign  # noqa: E402

RUNS = 3
WARM_UP = 3


def main(marks_path: str, names: list[str]) -> None:
    marks = ctypes.CDLL(marks_path)
    if not marks.under_valgrind():
        sys.exit("to be run under valgrind: see counts.py")
    found = operations.all_operations()
    wanted = names or list(found)
    found |= operations.fewer()
    preparations = operations.preparations()
    gc.collect()
    gc.disable()
    for name in wanted:
        call = found[name]
        prepare = preparations.get(name)
        for _ in range(WARM_UP):
            if prepare is not None:
                prepare()
            call()
        for runs in (RUNS, 2 * RUNS):
            marks.count_from_here()
            for _ in range(runs):
                if prepare is not None:
                    marks.count_or_not()
                    prepare()
                    marks.count_or_not()
                call()
            marks.count_to_here(f"{name} {runs}".encode())
    print(sign.BACKEND)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
