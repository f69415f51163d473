"""Starts the venue and one client after the other, moves the market, and gathers what they saw."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from client import WARM_UP, Measured, Task
from orders import COMMANDS
from scenario import ScriptedMarket, config_text, still_mids

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAUSES_S = (0.05, 0.1, 0.2)
"""From the end of the venue's latency to the next tick. Where the venue and its private stream are
not done by then, because the machine is busy, the next longer one is tried."""
CLIENT_LIMIT_S = 170.0

LIMIT, PYBIT = "C limit", "pybit singles in a row"
WHOLE_LIMIT = "C limit, all read"
"""The limit of an engine's sockets: books and the private stream are read as well."""
ENGINES = {"mmfast ws": "ws", "mmfast rest": "rest"}
WAYS = {
    "singles in a row": "sequential",
    "singles at once": "gathered",
    "batches by symbol": "by symbol",
}
PEERS = {
    PYBIT: "pybit_client",
    "ccxt singles at once": "ccxt_client",
    "nautilus_trader batches by symbol": "nautilus_client",
    "nautilus_trader node": "nautilus_node",
}
"""Clients of other libraries; the first word names the package."""
NODE = "nautilus_trader node"
"""The one whole engine among them: driven by a market that moves, as ours is."""
DRIVEN = {NODE: PEERS[NODE], WHOLE_LIMIT: "limit_engine"}
"""Contenders that act when the market has moved, beside our engine."""
IN_A_ROW = (PYBIT, "singles in a row")
"""Contenders whose tick lasts 80 times the latency."""


class Cost(NamedTuple):
    """One contender at one latency."""

    contender: str
    latency_ms: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_us: float
    """Of the client's whole process, per tick."""
    calls: float


def cost(contender: str, latency_ms: int, seen: Measured) -> Cost:
    """Percentiles and means of a run."""
    wall = sorted(seen.wall_s)

    def percentile(percent: int) -> float:
        return wall[max(-(-len(wall) * percent // 100) - 1, 0)] * 1e3

    ticks = len(wall)
    return Cost(contender, latency_ms, percentile(50), percentile(95), percentile(99),
                seen.cpu_s / ticks * 1e6, seen.calls / ticks)  # fmt: skip


def _environment() -> dict[str, str]:
    benchmarks = HERE.parent
    folders = (ROOT, HERE, benchmarks / "limits", benchmarks / "peers", ROOT / "tests" / "harness")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}


@contextlib.asynccontextmanager
async def program(name: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """One of the programs beside this file; ended when the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / f"{name}.py"), *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=_environment(),
        cwd=ROOT,
    )  # fmt: skip
    try:
        yield process
        process.stdin.close()
        async with asyncio.timeout(30):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _line(process: asyncio.subprocess.Process, limit_s: float = CLIENT_LIMIT_S) -> str:
    async with asyncio.timeout(limit_s):
        line = await process.stdout.readline()
    assert line, "the program ended before it said what it should; its own message stands above"
    return line.decode()


async def measure(folder: Path, contender: str, latency_ms: int, ticks: int) -> Cost:
    """Let one contender work for so many ticks, on a venue of its own process and with this
    latency. AssertionError unless the venue took every single command."""
    for pause_s in PAUSES_S:
        seen = await _attempt(folder, contender, latency_ms, ticks, latency_ms / 1e3 + pause_s)
        if not seen.refused and len(seen.wall_s) == ticks:
            return cost(contender, latency_ms, seen)
    raise AssertionError(
        f"{contender}: expected {ticks} whole ticks of {COMMANDS} commands, found "
        f"{len(seen.wall_s)} ticks, {seen.refused} commands refused or missing"
    )


async def _attempt(
    folder: Path, contender: str, latency_ms: int, ticks: int, period_s: float
) -> Measured:
    async with program("venue_host", str(latency_ms)) as venue:
        given = Task(**json.loads(await _line(venue)), ticks=ticks, period_s=period_s, extra={})
        if contender in ENGINES:
            config = folder / f"{ENGINES[contender]}.yaml"
            text = config_text(latency_ms=latency_ms, order_entry=ENGINES[contender])
            config.write_text(text, encoding="utf-8")
            return await _engine("engine", given, {"config": str(config)})
        if contender in DRIVEN:
            return await _engine(DRIVEN[contender], given, {})
        return await _client(given, contender)


async def _client(given: Task, contender: str) -> Measured:
    """A client that drives itself."""
    extra = {"way": WAYS[contender]} if contender in WAYS else {}
    name = {LIMIT: "limit", **PEERS}.get(contender, "ways")
    async with program(name, json.dumps(given._replace(extra=extra))) as client:
        return Measured(*json.loads(await _line(client)))


async def _engine(name: str, given: Task, known: dict[str, str]) -> Measured:
    """An engine, driven by a market that moves."""
    mids = await still_mids(given.rest_url)
    market = ScriptedMarket(mids)
    extra = {**known, "public_url": await market.start(), "symbols": list(mids)}
    try:
        async with program(name, json.dumps(given._replace(extra=extra))) as client:
            assert await _line(client) == "settled\n"
            await _move(market, given.period_s, range(WARM_UP))
            client.stdin.write(b"count\n")
            assert await _line(client) == "counting\n"
            await _move(market, given.period_s, range(WARM_UP, WARM_UP + given.ticks))
            client.stdin.write(b"stop\n")
            return Measured(*json.loads(await _line(client)))
    finally:
        await market.stop()


async def _move(market: ScriptedMarket, period_s: float, numbers: range) -> None:
    """Up and down, each time far enough that every quote has to follow."""
    clock = asyncio.get_running_loop()
    due = clock.time()
    for number in numbers:
        due += period_s
        market.move((-1) ** number * (3 + number % 5))
        await asyncio.sleep(due - clock.time())


LIVELY_HZ = 150.0
"""Ladder updates of the lively market: enough for a new book frame every 20 ms."""


async def steady(folder: Path, seconds: float) -> tuple[dict[str, float], dict[str, float]]:
    """The engine on a lively market, and an idle loop beside it over the same time."""
    async with program("venue_host", "5", str(LIVELY_HZ)) as venue:
        given = Task(**json.loads(await _line(venue)), ticks=0, period_s=0.0, extra={})
        config = folder / "steady.yaml"
        text = config_text(latency_ms=5, order_entry="ws").replace("replace", "amend")
        config.write_text(text, encoding="utf-8")
        extra = {
            "config": str(config),
            "public_url": f"{given.ws_url}/v5/public/linear",
            "seconds": seconds,
        }
        async with program("steady", json.dumps(given._replace(extra=extra))) as engine:
            assert await _line(engine) == "measuring\n"
            async with program("idle", str(seconds)) as idle:
                limit_s = seconds + 30
                ours = json.loads(await _line(engine, limit_s))
                return ours, json.loads(await _line(idle, limit_s))
