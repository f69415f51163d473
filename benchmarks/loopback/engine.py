"""mmfast itself as a client: engine, streams and order entry, as `mmfast run` has them.

The conductor moves the market; standard input says when to begin counting and when to stop.
``extra``: the configuration, the public stream's address, the way in (ws or rest).
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvloop
from client import Measured, Task, cpu_s, task, tell

from mmfast import config as configuration
from mmfast.bybit.auth import Credentials
from mmfast.bybit.hosts import Endpoints
from mmfast.clock import SystemClock
from mmfast.messages import Mode
from mmfast.runtime.quote_loop import AsyncQuoteLoop
from mmfast.runtime.session import Contact, Session
from mmfast.runtime.stats import RunStats

POLL_S = 0.01
QUOTES = 40


class TickTimes(RunStats):
    """Keeps each tick's duration, in order."""

    __slots__ = ("took_ns",)

    def __init__(self, now_ns: int) -> None:
        super().__init__(now_ns)
        self.took_ns: list[int] = []

    def tick(self, label: str, duration_ns: int) -> None:
        super().tick(label, duration_ns)
        self.took_ns.append(duration_ns)


def engine_at(given: Task, stats: TickTimes) -> AsyncQuoteLoop:
    """The engine at the venue of the task; ``run()`` it."""
    path = Path(given.extra["config"])
    config = configuration.load(path)
    contact = Contact(
        config=config,
        endpoints=Endpoints(
            rest_url=given.rest_url,
            ws_public_url=given.extra["public_url"],
            ws_private_url=f"{given.ws_url}/v5/private",
            ws_trade_url=f"{given.ws_url}/v5/trade",
        ),
        credentials=Credentials.hmac(
            given.api_key, given.api_secret, short_window_ms=5_000, long_window_ms=10_000
        ),
        epoch=1,
        clock=SystemClock(),
        stats=stats,
    )
    return AsyncQuoteLoop(config=config, config_path=path, contact=contact)


async def trading(loop: AsyncQuoteLoop, run: asyncio.Task[object]) -> Session:
    """Wait until it trades."""
    while not run.done():
        await asyncio.sleep(POLL_S)
        if loop.session is not None and loop.session.kernel.mode is Mode.TRADING:
            return loop.session
    run.result()
    raise AssertionError("the run ended before it traded")


async def _settled(loop: AsyncQuoteLoop, run: asyncio.Task[object]) -> None:
    """All quotes rest, and nothing is in flight."""
    session = await trading(loop, run)
    while True:
        await asyncio.sleep(POLL_S)
        working = session.kernel.view(session.clock.now_ns()).working
        if not session.orchestrator.in_flight and working == QUOTES:
            return


async def _run(given: Task) -> Measured:
    stats = TickTimes(SystemClock().now_ns())
    loop = engine_at(given, stats)
    run = asyncio.create_task(loop.run())
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    try:
        async with asyncio.timeout(60):
            await _settled(loop, run)
        print("settled", flush=True)
        await lines.readline()
        counters = loop.session.kernel.counters
        before = sum(counters.calls), len(stats.took_ns), sum(counters.sent)
        print("counting", flush=True)
        cpu = cpu_s()
        await lines.readline()
        cpu = cpu_s() - cpu
        wall = [took / 1e9 for took in stats.took_ns[before[1] :]]
        missing = len(wall) * 80 - (sum(counters.sent) - before[2])
        refused = abs(missing) + sum(counters.reject_codes.values())
        return Measured(wall, cpu, sum(counters.calls) - before[0], refused)
    finally:
        loop.ask_stop("end of the measurement")
        await run


if __name__ == "__main__":
    tell(uvloop.run(_run(task())))
