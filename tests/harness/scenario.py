"""The seed scenario: ten instruments whose books all move at once, over real sockets.

The engine is the real one from socket to socket, the venue a real process on loopback. Only the
public stream is scripted, because a tick of exactly 40 cancels and 40 places needs a market that
moves exactly when it is told to: two levels a side, moved by cancel and place.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from mmfast import config as configuration
from mmfast.bybit.auth import Credentials
from mmfast.bybit.hosts import Endpoints
from mmfast.clock import SystemClock
from mmfast.messages import Batch
from mmfast.runtime.quote_loop import AsyncQuoteLoop
from mmfast.runtime.session import Contact, Session
from mmfast.runtime.stats import RunStats

SYMBOLS = {
    "BTCUSDT": "0.010",
    "ETHUSDT": "0.20",
    "SOLUSDT": "4.0",
    "XRPUSDT": "1200",
    "DOGEUSDT": "4000",
    "ADAUSDT": "1400",
    "AVAXUSDT": "22",
    "LINKUSDT": "45",
    "LTCUSDT": "8.0",
    "BNBUSDT": "1.10",
}
COMMANDS_PER_TICK = 80
QUOTES = 40
SETTLE_LIMIT_S = 60.0
POLL_S = 0.01  # rarely enough to leave the measured loop alone


def config_text(
    *,
    latency_ms: int = 50,
    enabled: bool = True,
    deadline_ms: int = 1_000,
    seed: int = 7,
    order_entry: str = "ws",
    request_timeout_ms: int = 5_000,
    trade_sockets: int = 2,
    trade_messages_per_s: int = 3_000,
    rollback: str = "{enabled: false}",
    assumed_orders_per_s: int = 10,
) -> str:
    """Configuration of the scenario: a still market, and the highest market-maker tier.
    ``rollback`` is what ``async_batch`` says of it."""
    rows = "\n".join(
        f'  - {{symbol: {symbol}, order_qty: "{qty}", max_order_qty: "{qty}", '
        f'max_position_qty: "{float(qty) * 100:.3f}"}}'
        for symbol, qty in SYMBOLS.items()
    )
    return f"""
venue:
  environment: embedded
  order_entry: {order_entry}
  trade_sockets: {trade_sockets}
  trade_messages_per_s: {trade_messages_per_s}
  instance: "s"
  request_timeout_ms: {request_timeout_ms}
  assumed_orders_per_s: {assumed_orders_per_s}
async_batch:
  enabled: {str(enabled).lower()}
  tick_deadline_ms: {deadline_ms}
  shadow: true
  rollback: {rollback}
symbols:
{rows}
strategy:
  fair_price: mid
  levels: 2
  half_spread_bps: "30"
  level_step_bps: "10"
  inventory_skew_bps: "0"
  requote_tolerance_bps: "0.5"
  requote_by: replace
risk:
  max_order_value_quote: "5000"
  price_collar_bps: "10"
  max_distance_bps: "200"
  stale_book_ms: 60000
embedded_venue:
  seed: {seed}
  tier: mm3
  latency_ms: {latency_ms}
  stream_lag_ms: 1
  activity: "0"
"""


class VenueProcess:
    """``mmfast sim`` as its own process."""

    def __init__(self, process: asyncio.subprocess.Process, hello: dict[str, str]) -> None:
        self.process = process
        self.rest_url = hello["rest_url"]
        self.ws_url = hello["ws_url"]
        self.api_key = hello["api_key"]
        self.api_secret = hello["api_secret"]

    async def state(self) -> dict[str, Any]:
        """The venue's own truth: open orders, positions, audit."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.rest_url}/control/state") as reply,
        ):
            return await reply.json()


@contextlib.asynccontextmanager
async def venue_process(config_path: Path, port: int = 0) -> AsyncIterator[VenueProcess]:
    """Start a venue, and end it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mmfast", "sim", "-c", str(config_path), "--port", str(port),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            line = await process.stdout.readline()
        assert line, "the venue ended before it said where it is"
        yield VenueProcess(process, json.loads(line))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


class ScriptedMarket:
    """A public stream that says what it is told to, for all instruments in one write."""

    def __init__(self, mids: dict[str, tuple[int, Decimal]]) -> None:
        self._mids = mids
        self._shift_bps = 0
        self._update = 0
        self._sockets: list[web.WebSocketResponse] = []
        self._writers: list[Any] = []
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen; returns the stream's address."""
        app = web.Application()
        app.router.add_get("/v5/public/linear", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        return f"ws://127.0.0.1:{port}/v5/public/linear"

    async def stop(self) -> None:
        """Stop listening and close the streams."""
        for socket in self._sockets:
            await socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def move(self, shift_bps: int) -> None:
        """Move every book to ``shift_bps`` from its start, in one burst."""
        self._shift_bps = shift_bps
        self._update += 1
        burst = b"".join(_framed(self._frame(symbol)) for symbol in self._mids)
        for transport in self._writers:
            transport.write(burst)

    def _frame(self, symbol: str) -> bytes:
        mid_ticks, tick_size = self._mids[symbol]
        mid_ticks += mid_ticks * self._shift_bps // 10_000
        step = max(mid_ticks // 20_000, 1)

        def text(ticks: int) -> str:
            return str(ticks * tick_size)

        rungs = range(1, 11)
        now_ms = time.time_ns() // 1_000_000
        data = {
            "topic": f"orderbook.50.{symbol}",
            "type": "snapshot",
            "ts": now_ms,
            "data": {
                "s": symbol,
                "b": [[text(mid_ticks - i * step), "1000"] for i in rungs],
                "a": [[text(mid_ticks + i * step), "1000"] for i in rungs],
                "u": self._update + 1,
                "seq": self._update,
            },
            "cts": now_ms,
        }
        return json.dumps(data, separators=(",", ":")).encode()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        self._writers.append(request.transport)
        async for message in socket:
            said = json.loads(message.data)
            reply = {"success": True, "ret_msg": "", "conn_id": "script", "op": said["op"]}
            if said["op"] == "ping":
                reply["ret_msg"] = "pong"
            if "req_id" in said:
                reply["req_id"] = said["req_id"]
            await socket.send_str(json.dumps(reply))
            if said["op"] == "subscribe":
                self.move(self._shift_bps)
        return socket


def _framed(data: bytes) -> bytes:
    assert 126 <= len(data) < 1 << 16
    return b"\x81\x7e" + len(data).to_bytes(2, "big") + data


async def still_mids(rest_url: str) -> dict[str, tuple[int, Decimal]]:
    """Where the still venue's books stand: (mid in ticks, tick size) by symbol."""
    mids = {}
    async with aiohttp.ClientSession() as session:

        async def result(call: str, symbol: str) -> dict[str, Any]:
            query = f"category=linear&symbol={symbol}"
            async with session.get(f"{rest_url}/v5/market/{call}?{query}") as reply:
                return (await reply.json())["result"]

        for symbol in SYMBOLS:
            listing = (await result("instruments-info", symbol))["list"][0]
            tick_size = Decimal(listing["priceFilter"]["tickSize"])
            book = await result("orderbook", symbol)
            bid, ask = Decimal(book["b"][0][0]), Decimal(book["a"][0][0])
            mids[symbol] = (int((bid + ask) / (2 * tick_size)), tick_size)
    return mids


class Recorder:
    """Remembers every order request that was encoded, in order, as REST would say it: what a
    trade-socket message has beyond that (its number, its time) is never the same twice."""

    def __init__(self, session: Session) -> None:
        self.requests: list[tuple[str, bytes]] = []
        codec = session.rest.codec
        self._encode, self._frame = codec.encode, codec.frame
        codec.encode = self._record  # type: ignore[method-assign]
        codec.frame = self._record_frame  # type: ignore[method-assign]

    def _record(self, batch: Batch) -> tuple[str, bytes]:
        path, body = self._encode(batch)
        self.requests.append((path, body))
        return path, body

    def _record_frame(self, batch: Batch, *rest: Any) -> bytes:
        frame = self._frame(batch, *rest)
        path, body = self._record(batch)
        assert orjson.loads(frame)["args"] == [orjson.loads(body)], path
        return frame


class Scenario:
    """A trading engine on a still venue and a scripted market."""

    def __init__(
        self, loop: AsyncQuoteLoop, venue: VenueProcess, market: ScriptedMarket, path: Path
    ) -> None:
        self.loop = loop
        self.venue = venue
        self.market = market
        self.config_path = path

    @property
    def session(self) -> Session:
        assert self.loop.session is not None
        return self.loop.session

    @property
    def stats(self) -> RunStats:
        return self.session.stats

    async def settle(self, *, quotes: int = QUOTES) -> None:
        """Wait until nothing is in flight and exactly ``quotes`` orders rest, proven."""
        kernel = self.session.kernel
        async with asyncio.timeout(SETTLE_LIMIT_S):
            while True:
                await asyncio.sleep(POLL_S)
                if self.session.orchestrator.in_flight or kernel.wants_flush:
                    continue
                view = kernel.view(self.session.clock.now_ns())
                if view.working == quotes == kernel.open_orders():
                    return

    async def tick(self, shift_bps: int) -> list[int]:
        """Move the market once and let the engine follow; the calls by (op * 2 + single)."""
        counters = self.session.kernel.counters
        before = list(counters.calls)
        sent = sum(counters.sent)
        self.market.move(shift_bps)
        async with asyncio.timeout(SETTLE_LIMIT_S):
            while sum(counters.sent) < sent + COMMANDS_PER_TICK:  # noqa: ASYNC110 - plain ints
                await asyncio.sleep(POLL_S)
        await self.settle()
        return [now - then for now, then in zip(counters.calls, before, strict=True)]


@contextlib.asynccontextmanager
async def scenario(
    folder: Path, *, trade_url: str | None = None, **settings: Any
) -> AsyncIterator[Scenario]:
    """The engine, trading with all quotes resting; stopped and proven empty at the end.
    ``trade_url`` stands for the venue's own trade socket; empty: it has none."""
    path = folder / "config.yaml"
    path.write_text(config_text(**settings))
    async with venue_process(path) as venue:
        market = ScriptedMarket(await still_mids(venue.rest_url))
        public_url = await market.start()
        config = configuration.load(path)
        clock = SystemClock()
        contact = Contact(
            config=config,
            endpoints=Endpoints(
                rest_url=venue.rest_url,
                ws_public_url=public_url,
                ws_private_url=f"{venue.ws_url}/v5/private",
                ws_trade_url=f"{venue.ws_url}/v5/trade" if trade_url is None else trade_url,
            ),
            credentials=Credentials.hmac(
                venue.api_key, venue.api_secret, short_window_ms=5_000, long_window_ms=10_000
            ),
            epoch=1,
            clock=clock,
            stats=RunStats(clock.now_ns()),
        )
        loop = AsyncQuoteLoop(config=config, config_path=path, contact=contact)
        run = asyncio.create_task(loop.run())
        try:
            await _until_trading(loop, run)
            live = Scenario(loop, venue, market, path)
            await live.settle()
            yield live
        finally:
            loop.ask_stop("end of the scenario")
            verdict = await run
            await market.stop()
        assert verdict.proven_empty
        assert not loop.fault
        assert (await venue.state())["open_orders"] == []


async def _until_trading(loop: AsyncQuoteLoop, run: asyncio.Task[Any]) -> None:
    async with asyncio.timeout(30):
        while loop.session is None or loop.session.kernel.mode.name != "TRADING":
            if run.done():
                run.result()
                raise AssertionError("the run ended before it traded")
            await asyncio.sleep(0.01)
