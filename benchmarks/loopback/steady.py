"""mmfast in steady state on a lively market: how late its loop is, and whether it grows.

``extra``: the configuration and the seconds to measure after the warm-up. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import uvloop
from client import LagProbe, Task, cpu_s, task
from engine import TickTimes, engine_at, trading
from idle import LAG_EVERY_S

from mmfast.clock import SystemClock
from mmfast.runtime.durations import Durations

WARM_UP_S = 3.0


def resident_bytes() -> int:
    """What this process holds of the machine's memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def _run(given: Task) -> dict[str, float]:
    stats = TickTimes(SystemClock().now_ns())
    loop = engine_at(given, stats)
    run = asyncio.create_task(loop.run())
    try:
        async with asyncio.timeout(60):
            await trading(loop, run)
        await asyncio.sleep(WARM_UP_S)
        print("measuring", flush=True)
        lag = Durations()
        LagProbe(SystemClock(), lag).start()
        loop.session.lag_watch.INTERVAL_S = LAG_EVERY_S
        [public] = (one for one in loop.session.streams if one.name == "public")
        frames, ticks = public.frames, len(stats.took_ns)
        cpu, memory = cpu_s(), resident_bytes()
        await asyncio.sleep(given.extra["seconds"])
        return {
            "lag_p99_ms": lag.percentile_ms(99),
            "lag_p999_ms": lag.percentile_ms(99.9),
            "lag_max_ms": lag.percentile_ms(100),
            "frames": public.frames - frames,
            "ticks": len(stats.took_ns) - ticks,
            "cpu_s": cpu_s() - cpu,
            "grown_bytes": resident_bytes() - memory,
        }
    finally:
        loop.ask_stop("end of the measurement")
        await run


if __name__ == "__main__":
    print(json.dumps(uvloop.run(_run(task()))), flush=True)
