"""A loop with nothing to do but watch its own lag: what this machine lets any loop expect.

Argument: the seconds to measure. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop
from client import LagProbe

from mmfast.clock import SystemClock
from mmfast.runtime.durations import Durations

LAG_EVERY_S = 0.02
"""Oftener than the engine looks by itself, so that a short measurement has samples enough."""


async def _run(seconds: float) -> dict[str, float]:
    lag = Durations()
    watch = LagProbe(SystemClock(), lag)
    watch.INTERVAL_S = LAG_EVERY_S
    watch.start()
    await asyncio.sleep(seconds)
    watch.stop()
    return {"lag_p99_ms": lag.percentile_ms(99), "lag_p999_ms": lag.percentile_ms(99.9)}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(_run(float(sys.argv[1])))), flush=True)
