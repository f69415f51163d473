"""One stream of the daemon is hurt and nothing else: what it carried is not trusted, and mends."""

from __future__ import annotations

import asyncio
import json
import random
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop
from cut_bench import INSTRUMENT
from fault_proxy import End
from processes import Process, announced, configured, keys
from prometheus_client.parser import text_string_to_metric_families
from storm import Storm
from ws_venue import Venue, good_public, kept_up, say

from mmfast.bybit.public import PublicRouter
from mmfast.clock import SystemClock
from mmfast.engine.counters import Counters
from mmfast.engine.market.market import DISPUTED, Market
from mmfast.engine.outbox import Outbox
from mmfast.engine.params import BatchParams, EngineParams, FairPrice, PlannerParams, RequoteBy
from mmfast.engine.rotation import Rotation
from mmfast.messages import Resubscribe
from mmfast.net.backoff import ConnectBudget
from mmfast.net.ws import PublicStream
from mmfast.units import Ms

Start = Callable[..., Process]


def resting(venue: dict[str, str]) -> Counter[str]:
    """Open orders at the venue by symbol."""
    with urllib.request.urlopen(venue["rest_url"] + "/control/state", timeout=5) as reply:
        return Counter(row["symbol"] for row in json.load(reply)["open_orders"])


def counted(engine: Process, name: str) -> float:
    """The sum of one metric of the engine."""
    url = next(str(row["url"]) for row in engine.events() if row["event"] == "metrics")
    with urllib.request.urlopen(url, timeout=5) as reply:
        page = reply.read().decode()
    families = text_string_to_metric_families(page)
    return sum(one.value for family in families for one in family.samples if one.name == name)


def quoting(engine: Process, venue: dict[str, str]) -> None:
    engine.wait_until(lambda: sum(resting(venue).values()) >= 30, "quotes at the venue")


def modes(engine: Process) -> list[str]:
    return [str(row["text"]) for row in engine.events() if row["event"] == "mode"]


@pytest.mark.parametrize(
    ("end", "within_s"), [(End.FIN, 1.0), (End.RST, 1.5), (End.SILENCE, 8.0)], ids=str
)
def test_losing_the_private_stream_alone_withdraws_all_quotes_until_the_truth_is_read(
    start: Start, storm: Any, tmp_path: Path, end: End, within_s: float
) -> None:
    """Half-open, it is found by the deadline of its ping (2 s idle, 3 s for the pong)."""
    folder = tmp_path / "venue"
    folder.mkdir()
    venue = announced(start("sim", "-c", configured(folder)))
    proxy: Storm = storm(venue, 1)
    path = configured(tmp_path, venue=venue)
    direct, hurt = venue["ws_url"] + "/v5/private", proxy.ws_url + "/v5/private"
    path.write_text(path.read_text().replace(direct, hurt))
    engine = start("run", "-c", path, env=keys(venue))
    engine.wait_said("mode", "TRADING")
    quoting(engine, venue)
    known = len(modes(engine))

    cut_at = time.monotonic()
    proxy.hang_up(end)
    engine.wait_until(lambda: len(modes(engine)) > known, "another mode")
    found_s = time.monotonic() - cut_at
    engine.wait_until(lambda: len(modes(engine)) > known + 1, "trading again")
    told = modes(engine)[known:]
    assert ["SYNCING" in told[0], "-> TRADING" in told[1]] == [True, True]
    assert found_s < within_s + 1, "a second for a slow machine"
    quoting(engine, venue)
    assert counted(engine, "mm_stream_reconnects_total") == 1
    engine.signal(15)
    assert engine.wait() == 0, engine.text()
    assert not resting(venue)


class Frozen:
    """A public stream whose deep book of one symbol stands still after its first snapshot while
    the level-1 stream beside it tells of a market that moves, until it is subscribed anew."""

    def __init__(self) -> None:
        self.subscribed: Counter[str] = Counter()
        self.dropped: list[str] = []
        self.moved = 0

    async def handle(self, socket: Any, frame: dict[str, Any]) -> None:
        await good_public(socket, {**frame, "args": []} if frame["op"] != "ping" else frame)
        if frame["op"] == "unsubscribe":
            self.dropped += frame["args"]
        elif frame["op"] == "subscribe":
            for topic in frame["args"]:
                self.subscribed[topic] += 1
                await self.tell(socket, topic)

    async def tell(self, socket: Any, topic: str) -> None:
        _, _, symbol = topic.split(".")
        now_ms = time.time_ns() // 1_000_000
        ticks = 1_000 + (self.moved if symbol == "BTCUSDT" else 0)
        data = {"s": symbol, "b": [[f"{ticks / 10}", "1"]], "a": [[f"{ticks / 10 + 1}", "1"]]}
        book = {**data, "u": 7, "seq": 7 + self.moved}
        await say(socket, topic=topic, ts=now_ms, type="snapshot", data=book, cts=now_ms)


def test_a_book_frozen_beside_a_living_level_1_is_renewed_and_no_other() -> None:
    async def main() -> None:
        clock, frozen = SystemClock(), Frozen()
        instruments = tuple(
            msgspec.structs.replace(INSTRUMENT, index=index, symbol=symbol)
            for index, symbol in enumerate(("BTCUSDT", "ETHUSDT"))
        )
        params = EngineParams(
            symbols=(),
            batch=BatchParams(),
            planner=PlannerParams(),
            fair_price=FairPrice.MID,
            requote_by=RequoteBy.AMEND,
            stale_book_ms=Ms(60_000),
            recv_window_ms=Ms(2_000),
            book_depth=50,
            cross_check_level1=True,
        )
        outbox = Outbox()
        market = Market(instruments, params, Counters(), outbox, Rotation(2))
        asked: list[Resubscribe] = []
        heard = asyncio.Event()

        def hear(level1: bool, instrument: int, data: bytes, _last: bool) -> None:
            take = market.on_top_frame if level1 else market.on_frame
            take(instrument, data, clock.now_ns())
            heard.set()
            for request in outbox.take():
                if isinstance(request, Resubscribe):
                    asked.append(request)
                    market.reset(request.instrument, clock.now_ns())
                    stream.resubscribe(request.instrument)

        rng = random.Random(1)
        async with Venue(frozen.handle).running() as venue:
            stream = PublicStream(
                venue.url,
                PublicRouter(("BTCUSDT", "ETHUSDT"), 50, level1=True),
                partial(hear, False),
                lambda _up: None,
                rng=rng,
                budget=ConnectBudget(clock),
                on_level1=partial(hear, True),
            )
            async with kept_up(stream), asyncio.timeout(20):
                while not asked:
                    await asyncio.sleep(0.05)
                    if frozen.subscribed.total() >= 4:
                        frozen.moved += 1
                        for symbol in ("BTCUSDT", "ETHUSDT"):
                            await frozen.tell(venue.sockets[0], f"orderbook.1.{symbol}")
                while market.fault(0, clock.now_ns()):
                    heard.clear()
                    await heard.wait()
                assert market.top(0).bid_ticks > 1_000 + frozen.moved - 5, "the renewed book"
        assert [(request.instrument, request.reason) for request in asked] == [(0, DISPUTED)]
        assert frozen.dropped == ["orderbook.50.BTCUSDT", "orderbook.1.BTCUSDT"]
        assert frozen.subscribed["orderbook.50.ETHUSDT"] == 1

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
