"""The same seed and the same intents, three times: the same batches, the same venue at the end.

On virtual time the comparison is to the byte, in three processes that hash differently; over
real sockets it is request by request. And a flush that is repeated sends nothing twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
import uvloop
import virtual
from scenario import QUOTES, Recorder, scenario
from virtual import VirtualRun

RUNS = 3
SEED = 11


def in_a_process(hash_seed: int, *options: str) -> dict[str, Any]:
    """One virtual run in a process of its own; its report."""
    done = subprocess.run(
        [sys.executable, str(Path(virtual.__file__)), "--seed", str(SEED), *options],
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("policy", [(), ("--sequential",)], ids=["batched", "sequential"])
def test_three_processes_send_the_same_bytes(policy: tuple[str, ...]) -> None:
    reports = [in_a_process(hash_seed, *policy) for hash_seed in range(RUNS)]
    assert reports[0]["fills"] > 0, "nobody traded: nothing was compared"
    assert reports[0]["requests"] > 100
    assert reports[1:] == reports[:1] * (RUNS - 1)


def test_another_seed_is_another_run() -> None:
    """The comparison can fail."""
    first = in_a_process(0)
    other = VirtualRun(SEED + 1)
    other.run(20.0)
    assert other.report()["requests_sha256"] != first["requests_sha256"]


def flipped(seed: int) -> VirtualRun:
    """A run whose flag is turned every second."""
    run = VirtualRun(seed)
    for second in range(10):
        run.run(1.0)
        run.switch(enabled=second % 2 == 1)
    run.drain()
    return run


def test_turning_the_flag_in_mid_run_repeats_as_well_and_doubles_nothing() -> None:
    runs = [flipped(SEED) for _ in range(RUNS)]
    assert runs[0].requests == runs[1].requests == runs[2].requests
    assert len({run.venue.state_digest() for run in runs}) == 1
    for run in runs:
        created = created_ids(run.requests)
        assert len(created) == len(set(created)), "an order id was used for two creates"
        assert run.venue.open_orders() == []
        assert run.kernel.open_orders() == 0


def created_ids(requests: list[tuple[str, bytes]]) -> list[str]:
    """Order ids of all creates that were sent."""
    found = []
    for path, body in requests:
        if "/create" in path:
            parsed = orjson.loads(body)
            found += [item["orderLinkId"] for item in parsed.get("request", [parsed])]
    return found


def test_a_replayed_flush_sends_nothing_twice() -> None:
    run = VirtualRun(SEED, activity=0.0)
    run.run(2.0)
    sent = len(run.requests)
    assert len(run.venue.open_orders()) == len(virtual.SYMBOLS) * 4
    for _ in range(RUNS):
        replay(run)
        assert run.flush() == []
        run.run(0.5)
    assert len(run.requests) == sent
    assert len(run.venue.open_orders()) == len(virtual.SYMBOLS) * 4


def replay(run: VirtualRun) -> None:
    """Say everything again that the private stream has said, and ask for all decisions anew."""
    for frame in run.private_frames:
        for event in run.decoder.decode(frame).events:
            run.kernel.on_event(event, run.now_ns)
    run.kernel.reconfigure(run.params, run.now_ns)


class LoopbackRun:
    """What one run over real sockets sent and left."""

    def __init__(self, requests: list[tuple[str, bytes]], state: dict[str, Any]) -> None:
        self.requests = requests
        self.digest = state["digest"]
        self.resting = sorted(
            (o["orderLinkId"], o["symbol"], o["side"], o["price"], o["qty"])
            for o in state["open_orders"]
        )
        self.repeated = state["repeated_link_ids"]


async def over_loopback(folder: Path, order_entry: str) -> LoopbackRun:
    async with scenario(folder, latency_ms=5, seed=SEED, order_entry=order_entry) as live:
        recorder = Recorder(live.session)
        for shift_bps in (12, -4, 5, -6):
            await live.tick(shift_bps)
        return LoopbackRun(recorder.requests, await live.venue.state())


@pytest.mark.parametrize("transports", [("ws",) * RUNS, ("rest",) * RUNS, ("ws", "rest")])
def test_runs_over_real_sockets_end_alike(tmp_path: Path, transports: tuple[str, ...]) -> None:
    """Also across the two ways out: they carry the same orders."""
    runs = []
    for number, order_entry in enumerate(transports):
        folder = tmp_path / str(number)
        folder.mkdir()
        runs.append(uvloop.run(over_loopback(folder, order_entry)))
    for run in runs:
        assert len(run.resting) == QUOTES
        assert run.repeated == 0
        assert run.digest == runs[0].digest
        assert run.resting == runs[0].resting
        assert run.requests == runs[0].requests


@pytest.mark.parametrize("order_entry", ["ws", "rest"])
def test_waking_the_engine_again_and_again_sends_nothing_twice(
    tmp_path: Path, order_entry: str
) -> None:
    async def run() -> None:
        async with scenario(tmp_path, latency_ms=5, order_entry=order_entry) as live:
            counters = live.session.kernel.counters
            await live.tick(12)
            sent = list(counters.sent)
            for _ in range(20):
                live.market.move(12)
                live.session.pump.wake()
                await asyncio.sleep(0.01)
            await live.settle()
            assert counters.sent == sent

    uvloop.run(run())
