"""The figures that a tick in process must keep, scaled to this machine by its own C limit.

The aims are microseconds of a machine whose C limit for a request of 20 orders is 2.2 us: 150 for
ten books and 80 commands, 15 (median) and 40 (p99) for one book and two quotes. Here each is a
multiple of the limit that this very run measures, round by round. Times are processor times of
the thread, with the collector out of the way, as the runtime keeps it.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import stages
import whole_ticks
from in_process import InProcess
from race import LIMIT

from mmfast.engine.params import RequoteBy
from mmfast.messages import Op

ROOT = Path(__file__).resolve().parents[2]
LIMIT_US = 2.2
"""What the C limit takes for a request of 20 orders where the aims were set."""
TICK_US, QUOTE_P50_US, QUOTE_P99_US = 150.0, 15.0, 40.0
ROUNDS = 12
TICKS, QUOTES = 15, 400


@pytest.fixture
def quiet() -> Iterator[None]:
    """No collection in between."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


def times_of_the_limit(one_ns, count: int, shares: tuple[float, ...]) -> list[float]:
    """The best of the rounds at each share of the sorted times (0: the fastest), in multiples of
    the fastest limit of all rounds."""
    limit = stages.request_stage(Op.PLACE).lanes[LIMIT]
    least, found = float("inf"), [float("inf")] * len(shares)
    for _ in range(ROUNDS):
        least = min(least, limit(200))
        took = sorted(one_ns() for _ in range(count))
        found = [min(a, took[int(b * (count - 1))]) for a, b in zip(found, shares, strict=True)]
    return [one / least for one in found]


def tick_ratio() -> float:
    """Ten books moved, 40 cancels and 40 places, frame bytes to signed requests."""
    ticks = whole_ticks.Ticks(InProcess(), 80, time.thread_time_ns)
    [ratio] = times_of_the_limit(ticks.one_ns, TICKS, (0.0,))
    return ratio


@pytest.mark.usefixtures("quiet")
def test_a_tick_of_eighty_commands(benchmark):
    ratio = benchmark.pedantic(tick_ratio, rounds=1)
    benchmark.extra_info["times_the_limit"] = round(ratio, 1)
    assert ratio <= TICK_US / LIMIT_US


@pytest.mark.usefixtures("quiet")
def test_two_quotes_of_one_instrument(benchmark):
    engine = InProcess(whole_ticks.ONE, levels=1, requote_by=RequoteBy.AMEND)
    ticks = whole_ticks.Ticks(engine, 2, time.thread_time_ns)
    found = benchmark.pedantic(
        times_of_the_limit, args=(ticks.one_ns, QUOTES, (0.5, 0.99)), rounds=1
    )
    benchmark.extra_info["p50_and_p99_times_the_limit"] = [round(one, 1) for one in found]
    assert found[0] <= QUOTE_P50_US / LIMIT_US
    assert found[1] <= QUOTE_P99_US / LIMIT_US


def test_the_same_engine_interpreted_misses_the_aim():
    """The gate bites: what it would let pass if nothing were compiled, it does not."""
    folders = ("", "tests/harness", "tests/oracle", "benchmarks/limits", "benchmarks/path")
    program = "import test_bench_tick; print(test_bench_tick.tick_ratio())"
    done = subprocess.run(
        [sys.executable, "-X", "mmfast_engine=interpreted", "-c", program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(str(ROOT / one) for one in folders)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > TICK_US / LIMIT_US
