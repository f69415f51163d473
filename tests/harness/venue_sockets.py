"""The embedded venue as a process of its own, and a trader on it over real sockets.

Run as a program it serves until its standard input closes; its first line tells the port.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import aiohttp
import orjson
import psutil
import uvloop
from venue_load import KEY, SECRET, SYMBOLS, OrderFlow, signed_headers, stream_auth

from mmfast.sim.limits.tiers import LimitParams
from mmfast.sim.params import VenueParams
from mmfast.sim.server import VenueServer

_BATCH = 20


class Traded(NamedTuple):
    """What a run sent, what was refused, and what it cost the venue's process."""

    commands: int
    refused: int
    cpu_s: float
    wall_s: float
    reply_ms: list[float]
    """Of each batch, sorted."""


async def _serve() -> None:
    params = VenueParams(
        symbols=SYMBOLS,
        api_key=KEY,
        api_secret=SECRET.decode(),
        latency_ms=0.0,
        tier="pro6",
        limits=LimitParams(http_per_5s=0),
    )
    server = VenueServer(params)
    sys.stdout.write(f"{await server.start()}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.buffer.read)
    await server.stop()


def trade_over_sockets(seconds: float, commands_per_s: int) -> Traded:
    """Replace orders by batches at this rate, with every stream of all books listened to."""
    child = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        port = int(child.stdout.readline())
        return uvloop.run(_trade(psutil.Process(child.pid), port, seconds, commands_per_s))
    finally:
        child.stdin.close()
        child.wait(10)
        child.stdout.close()


async def _trade(venue: psutil.Process, port: int, seconds: float, commands_per_s: int) -> Traded:
    root = f"http://127.0.0.1:{port}"
    kinds = ("orderbook.50", "publicTrade", "tickers")
    topics = [f"{kind}.{symbol}" for symbol in SYMBOLS for kind in kinds]
    roots = ["order", "execution", "position", "wallet"]
    commands = refused = 0
    replies: list[float] = []

    async with aiohttp.ClientSession() as http:
        public = await http.ws_connect(f"{root}/v5/public/linear")
        await public.send_json({"op": "subscribe", "args": topics})
        private = await http.ws_connect(f"{root}/v5/private")
        await private.send_json(stream_auth(time.time_ns() // 1_000_000))
        await private.send_json({"op": "subscribe", "args": roots})
        listeners = [asyncio.ensure_future(_drain(one)) for one in (public, private)]

        async def post(op: str, items: list[dict[str, str]]) -> None:
            nonlocal commands, refused
            body = orjson.dumps({"category": "linear", "request": items})
            headers = signed_headers(body, time.time_ns() // 1_000_000)
            begin = time.perf_counter()
            async with http.post(f"{root}/v5/order/{op}-batch", data=body, headers=headers) as got:
                reply = orjson.loads(await got.read())
            replies.append((time.perf_counter() - begin) * 1000)
            commands += len(items)
            if reply["retCode"]:
                refused += len(items)
            else:
                refused += sum(row["code"] != 0 for row in reply["retExtInfo"]["list"])

        flow = OrderFlow(await _references(http, root))
        resting: list[dict[str, str]] = []
        gap_s = 2 * _BATCH / commands_per_s
        start, cpu = time.perf_counter(), sum(venue.cpu_times()[:2])
        turn = 0
        while (now := time.perf_counter()) < start + seconds:
            orders = flow.orders(_BATCH)
            jobs = [post("create", orders)]
            if resting:
                jobs.append(post("cancel", [flow.cancel_of(order) for order in resting]))
            await asyncio.gather(*jobs)
            resting = orders
            turn += 1
            await asyncio.sleep(max(0.0, start + turn * gap_s - time.perf_counter()))
        wall, cpu = now - start, sum(venue.cpu_times()[:2]) - cpu
        for listener, stream in zip(listeners, (public, private), strict=True):
            listener.cancel()
            await stream.close()
    return Traded(commands, refused, cpu, wall, sorted(replies))


async def _drain(stream: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in stream:
        pass


async def _references(http: aiohttp.ClientSession, root: str) -> list[int]:
    """Index prices in ticks: orders are placed well away from them, so that they rest."""
    instruments = (await _get(http, f"{root}/v5/market/instruments-info?category=linear"))["list"]
    ticks = {row["symbol"]: float(row["priceFilter"]["tickSize"]) for row in instruments}
    rows = (await _get(http, f"{root}/v5/market/tickers?category=linear"))["list"]
    prices = {row["symbol"]: float(row["indexPrice"]) for row in rows}
    return [round(prices[symbol] / ticks[symbol]) for symbol in SYMBOLS]


async def _get(http: aiohttp.ClientSession, url: str) -> dict:
    async with http.get(url) as reply:
        return orjson.loads(await reply.read())["result"]


if __name__ == "__main__":
    uvloop.run(_serve())
