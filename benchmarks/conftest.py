"""The benchmarks use the tests' twins and the C limits as yardsticks."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent / "tests"
sys.path[:0] = [str(TESTS / "oracle"), str(TESTS / "harness"), str(HERE / "limits")]
