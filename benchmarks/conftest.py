"""The benchmarks use the tests' twins as yardsticks."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS / "oracle"), str(TESTS / "harness")]
