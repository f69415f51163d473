"""Batching that fails on a live venue is given up, and comes back when a human says so."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import uvloop
from live_faults import arm, disarm, until
from scenario import COMMANDS_PER_TICK, Scenario, scenario

from mmfast.runtime.metrics import EngineCollector, render
from mmfast.runtime.stats import BATCHED, SEQUENTIAL

FAILS = "{enabled: true, max_error_percent: 5, min_calls: 2, window_ms: 60000}"
SLOW = "{enabled: true, max_latency_ms: 150, min_calls: 2, window_ms: 60000}"


def rejected(path: str) -> dict[str, object]:
    items = list(range(20))
    return {"kind": "batch_items", "path": path, "items": items, "code": 110007, "at_most": 2}


def forms(calls: list[int]) -> tuple[int, int]:
    """Calls with many orders, and with one."""
    return sum(calls[::2]), sum(calls[1::2])


async def page(live: Scenario) -> str:
    class Source:
        stats = live.stats

        def engine(self) -> None:
            return None

        alerts = None

        def error_count(self) -> int:
            return 0

        def dropped_log_lines(self) -> int:
            return 0

    return (await render(EngineCollector(Source()))).decode()


def test_too_many_failed_orders_end_batching_until_a_reload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with scenario(tmp_path, latency_ms=1, rollback=FAILS) as live:
            await live.tick(12)
            assert live.session.orchestrator.label == BATCHED
            assert not live.stats.rolled_back
            await arm(live, rejected("/v5/order/create-batch"))
            live.market.move(24)
            await until(lambda: live.stats.rolled_back, "the rollback")
            await disarm(live)
            await live.settle()
            assert live.session.orchestrator.label == SEQUENTIAL
            [told] = [one for one in caplog.records if getattr(one, "event", "") == "rolled_back"]
            assert told.levelno == logging.ERROR, "so it is an alert as well"
            assert "orders failed in the last" in told.message
            batches, singles = forms(await live.tick(6))
            assert (batches, singles) == (0, COMMANDS_PER_TICK)
            text = await page(live)
            assert "mm_rollbacks_total 1.0" in text
            assert "mm_rolled_back 1.0" in text
            live.session.take_params(live.session.params)
            await live.tick(18)
            assert live.session.orchestrator.label == SEQUENTIAL, "nobody has said otherwise"
            await live.loop.reload()
            assert forms(await live.tick(0))[1] == 0
            assert live.stats.rollbacks == 1
            assert "mm_rolled_back 0.0" in await page(live)

    uvloop.run(run())


def test_too_slow_replies_end_batching_until_a_human_resumes(tmp_path: Path) -> None:
    async def run() -> None:
        async with scenario(tmp_path, latency_ms=1, rollback=SLOW) as live:
            await arm(live, {"kind": "latency_fixed", "path": "/v5/order/", "ms": 200})
            live.market.move(12)
            await until(lambda: live.stats.rolled_back, "the rollback")
            await disarm(live)
            await live.settle()
            live.session.restore_batching("trading ordered by a human")
            assert forms(await live.tick(24))[1] == 0

    uvloop.run(run())


def test_the_shadow_counts_both_ways_beside_each_other(tmp_path: Path) -> None:
    async def run() -> None:
        async with scenario(tmp_path, latency_ms=1) as live:
            assert live.stats.shadow is not None
            await live.tick(6)  # the venue's limits are known from now on
            before = {key: sum(cost.calls) for key, cost in live.stats.shadow.totals.items()}
            sent = await live.tick(12)
            after = {key: sum(cost.calls) for key, cost in live.stats.shadow.totals.items()}
            assert after[True] - before[True] == sum(sent)
            assert after[False] - before[False] == COMMANDS_PER_TICK
            text = await page(live)
            for policy, calls in ((BATCHED, after[True]), (SEQUENTIAL, after[False])):
                assert f'mm_shadow_calls_total{{policy="{policy}"}} {float(calls)}' in text
            assert 'mm_shadow_orders_total{form="batch",op="place",policy="batched"}' in text

    uvloop.run(run())
