"""The embedded venue as a program of its own for the loopback measurements.

A still market unless told otherwise, the highest tier, no limit of HTTP requests per address (a
client that sends 80 single calls a tick would be banned for it, and its cost could not be
measured). Serves until its standard input closes; the first line tells where it is. Arguments:
the latency in milliseconds, and optionally ladder updates per second and instrument of a lively
market.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop
from venue_load import KEY, SECRET, SYMBOLS

from mmfast.sim.limits.tiers import LimitParams
from mmfast.sim.params import FlowParams, VenueParams
from mmfast.sim.server import VenueServer

STREAM_LAG_MS = 1.0


async def _serve(latency_ms: float, updates_hz: float) -> None:
    params = VenueParams(
        symbols=SYMBOLS,
        api_key=KEY,
        api_secret=SECRET.decode(),
        latency_ms=latency_ms,
        stream_lag_ms=STREAM_LAG_MS,
        tier="pro6",
        flow=FlowParams(activity=1.0 if updates_hz else 0.0, provider_rate_hz=updates_hz),
        limits=LimitParams(http_per_5s=0),
    )
    server = VenueServer(params)
    port = await server.start()
    told = {
        "rest_url": f"http://127.0.0.1:{port}",
        "ws_url": f"ws://127.0.0.1:{port}",
        "api_key": KEY,
        "api_secret": SECRET.decode(),
    }
    print(json.dumps(told), flush=True)
    await asyncio.to_thread(sys.stdin.buffer.read)
    await server.stop()


if __name__ == "__main__":
    uvloop.run(_serve(float(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))
