"""A clock that only tests move."""

from __future__ import annotations

import pytest
from runtime_bench import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
