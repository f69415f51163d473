"""A whole tick of 80 commands over loopback: ours by both ways in, and the ways of others.

The venue has a process of its own and so has each client, which measures its processor time and
the wall time of its ticks. ``make bench-loopback`` is the long form, at all latencies.
"""

from __future__ import annotations

import importlib.util

import compare
import conductor
import pytest
import uvloop
from conductor import IN_A_ROW, LIMIT, NODE, PEERS, WAYS, WHOLE_LIMIT
from race import Row

pytestmark = pytest.mark.timeout(600)
ENGINES = tuple(conductor.ENGINES)
ALIKE = "batches by symbol"
"""An interpreter's work like ours: the yardstick that a busy machine slows as much as us."""
STAGE = "tick_cpu_50ms"
INSTALLED = [name for name in PEERS if importlib.util.find_spec(name.split()[0])]
OTHERS = (LIMIT, WHOLE_LIMIT, *WAYS, *INSTALLED)
ATTEMPTS = 3
LIGHTER = 6
"""How many times less our engine costs than theirs, both whole."""


def measure(folder, contender, latency_ms, ticks):
    # One after the other, a tick lasts four seconds and is the same each time.
    ticks = 1 + ticks // 100 if contender in IN_A_ROW else ticks
    return uvloop.run(conductor.measure(folder, contender, latency_ms, ticks))


def rows_of(costs):
    """Rows of the report, against the C limit of the same latency."""
    limits = {cost.latency_ms: cost for cost in costs if cost.contender == LIMIT}
    made = []
    for name, unit in (("cpu", "us"), ("p50", "ms"), ("p95", "ms"), ("p99", "ms"), ("calls", "")):
        field = name if name == "calls" else f"{name}_{unit}"
        for cost in costs:
            value, limit = getattr(cost, field), getattr(limits[cost.latency_ms], field)
            stage = f"tick_{name}_{cost.latency_ms}ms"
            made.append(Row(stage, cost.contender, value, unit, value / limit))
    return made


@pytest.fixture(scope="module")
def short(tmp_path_factory, rows):
    """Everybody once, at 50 ms."""
    folder = tmp_path_factory.mktemp("loopback")
    costs = {name: measure(folder, name, 50, 30) for name in (*OTHERS, *ENGINES)}
    rows.extend(rows_of(list(costs.values())))
    return costs


def test_four_calls_whichever_the_way_in(short):
    assert {name: short[name].calls for name in ENGINES} == dict.fromkeys(ENGINES, 4.0)
    assert short[ALIKE].calls == 20
    assert short["singles at once"].calls == short["singles in a row"].calls == 80


def test_an_engine_costs_more_than_reading_and_writing_all_of_it_in_c(short):
    """Else the limit has left something out, or read nothing."""
    assert short[WHOLE_LIMIT].cpu_us < short["mmfast ws"].cpu_us
    assert short[WHOLE_LIMIT].calls == 4


def test_a_tick_lasts_one_latency_not_eighty(short):
    for name in ENGINES:
        assert short[name].p50_ms >= 50, "faster than the venue: the tick was not awaited"
        assert short[name].p50_ms * 20 < short["singles in a row"].p50_ms


@pytest.mark.parametrize("name", ENGINES)
def test_processor_time_of_a_tick(short, name, tmp_path, fresh_entries, baseline):
    """Against clients of the same kind in the same run, by the baseline's measure."""
    ours, yardstick = short[name], short[ALIKE]
    entry = compare.Entry(
        round(ours.cpu_us / short[LIMIT].cpu_us, 2), round(ours.cpu_us / yardstick.cpu_us, 3), 0.0
    )
    if fresh_entries is not None:
        fresh_entries.setdefault(STAGE, {})[name] = entry
        return
    at_most = baseline[STAGE][name].ratio * compare.WORSE
    seen = [entry.ratio]
    while seen[-1] > at_most and len(seen) < ATTEMPTS:
        ours, yardstick = (measure(tmp_path, one, 50, 30) for one in (name, ALIKE))
        seen.append(ours.cpu_us / yardstick.cpu_us)
    assert seen[-1] <= at_most, f"times the cost of {ALIKE}: {seen}, at most {at_most:.2f}"


@pytest.mark.skipif(NODE not in INSTALLED, reason="installed by `make bench-peers`")
def test_a_whole_engine_against_a_whole_engine(short, tmp_path):
    """Streams, book, decision, risk, orders and the account, in one process each."""
    ours, theirs = short["mmfast ws"], short[NODE]
    seen = [theirs.cpu_us / ours.cpu_us]
    while seen[-1] < LIGHTER and len(seen) < ATTEMPTS:
        ours, theirs = (measure(tmp_path, one, 50, 30) for one in ("mmfast ws", NODE))
        seen.append(theirs.cpu_us / ours.cpu_us)
    assert seen[-1] >= LIGHTER, f"their cost in times of ours: {seen}, at least {LIGHTER}"


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("latency_ms", [0, 20, 50])
def test_table_of_all_ways(rows, tmp_path, latency_ms):
    """Prints; what it says of us is gated by the short form."""
    costs = [measure(tmp_path, name, latency_ms, 100) for name in (*OTHERS, *ENGINES)]
    rows.extend(rows_of(costs))
    assert {cost.calls for cost in costs if cost.contender in ENGINES} == {4.0}
