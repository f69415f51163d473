"""A clock that only tests move."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from runtime_bench import FakeClock

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
