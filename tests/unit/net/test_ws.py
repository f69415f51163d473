"""The public stream over real websockets: up only when every topic is acknowledged, back after
any loss."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from aiohttp import web
from ws_venue import FAST, IMPATIENT, SYMBOLS, Log, Venue, good_public, kept_up, say

from mmfast.bybit.public import PublicRouter
from mmfast.clock import SystemClock
from mmfast.errors import InvariantError
from mmfast.net.backoff import Backoff, ConnectBudget
from mmfast.net.pulse import StreamTiming
from mmfast.net.ws import PublicStream

Run = Callable[[Any], Any]


@pytest.fixture
def run(run_on_both: Run) -> Run:
    return run_on_both


def public(url: str, log: Log, **kwargs: Any) -> PublicStream:
    rng = random.Random(1)
    options: dict[str, Any] = {
        "rng": rng,
        "budget": ConnectBudget(SystemClock()),
        "timing": FAST,
        "backoff": Backoff(rng, first_s=0.01, cap_s=0.05),
        "log": log.line,
    }
    return PublicStream(url, PublicRouter(SYMBOLS, 50), log.frame, log.state, **(options | kwargs))


def test_every_book_is_subscribed_and_every_frame_arrives(run: Run) -> None:
    async def main() -> None:
        log = Log()
        async with Venue(good_public).running() as venue:
            stream = public(venue.url, log)
            async with kept_up(stream):
                await log.until(lambda: len(log.frames) == len(SYMBOLS))
                assert log.states == [True]
                assert venue.args("subscribe") == [f"orderbook.50.{s}" for s in SYMBOLS]
                assert all(len(f["args"]) <= 10 for f in venue.heard if f["op"] == "subscribe")
                for instrument, data in log.frames:
                    assert orjson.loads(data)["data"]["s"] == SYMBOLS[instrument]
                assert stream.frames >= len(SYMBOLS)
                assert stream.bytes_in > sum(len(data) for _, data in log.frames)
        assert log.states == [True, False]

    run(main())


def test_one_refused_topic_keeps_the_stream_down(run: Run) -> None:
    async def refuse_last(socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        if "orderbook.50.S22USDT" in frame.get("args", []):
            text = "error:handler not found,topic:orderbook.50.S22USDT"
            await say(socket, success=False, ret_msg=text, op="subscribe", req_id=frame["req_id"])
        else:
            await good_public(socket, frame)

    async def main() -> None:
        log = Log()
        async with Venue(refuse_last).running() as venue:
            stream = public(venue.url, log)
            async with kept_up(stream):
                await log.until(lambda: stream.connects >= 3)
        assert True not in log.states
        assert any("S22USDT" in text for _, code, text in log.lines if code == "stream_lost")

    run(main())


def test_a_missing_acknowledgement_is_not_waited_for_ever(run: Run) -> None:
    async def mute_second(socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        if "orderbook.50.S10USDT" not in frame.get("args", []):
            await good_public(socket, frame)

    async def main() -> None:
        log = Log()
        async with Venue(mute_second).running() as venue:
            stream = public(venue.url, log, timing=IMPATIENT)
            async with kept_up(stream):
                await log.until(lambda: "stream_lost" in log.codes())
        assert log.states == []
        assert "no acknowledgement in time" in log.lines[-1][2]

    run(main())


def test_a_half_open_connection_is_noticed_and_replaced(run: Run) -> None:
    """The first connection falls silent after its subscription; the next one works."""

    async def silent_first(socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        if len(venue.sockets) > 1 or frame["op"] == "subscribe":
            await good_public(socket, frame)

    venue = Venue(silent_first)

    async def main() -> None:
        log = Log()
        async with venue.running():
            stream = public(venue.url, log, timing=IMPATIENT)
            async with kept_up(stream):
                await log.until(lambda: log.states[:3] == [True, False, True])
            assert stream.reconnects >= 1
            assert ("warning", "stream_lost", "public stream lost: no pong in time") in log.lines

    run(main())


def test_a_quiet_but_living_connection_stays(run: Run) -> None:
    async def main() -> None:
        log = Log()
        async with Venue(good_public).running() as venue:
            stream = public(venue.url, log)
            async with kept_up(stream):
                await log.until(lambda: log.states == [True])
                pings = 0
                async with asyncio.timeout(5):
                    while pings < 5:
                        pings = sum(frame["op"] == "ping" for frame in venue.heard)
                        await asyncio.sleep(0.02)
            assert stream.connects == 1
            assert log.states == [True, False]

    run(main())


@pytest.mark.parametrize("how", ["close", "abort"])
def test_a_lost_connection_comes_back(run: Run, how: str) -> None:
    async def main() -> None:
        log = Log()
        async with Venue(good_public).running() as venue:
            stream = public(venue.url, log)
            async with kept_up(stream):
                for round_ in range(3):
                    await log.until(lambda n=round_: log.states == [True, False] * n + [True])
                    if how == "close":
                        await venue.sockets[-1].close(code=1012)
                    else:
                        transport = venue.sockets[-1]._req.transport
                        assert transport is not None
                        transport.abort()
                await log.until(lambda: log.states == [True, False] * 3 + [True])
            assert stream.connects == 4
            assert stream.reconnects == 3

    run(main())


def test_a_venue_that_is_not_there_yet_is_waited_for(run: Run) -> None:
    async def main() -> None:
        log = Log()
        venue = Venue(good_public)
        async with venue.running():
            url = venue.url
        stream = public(url, log)
        async with kept_up(stream):
            await log.until(lambda: log.codes().count("stream_connect") >= 3)
        assert stream.connect_failures >= 3
        assert log.states == []

    run(main())


@pytest.mark.parametrize("status", [401, 403, 404, 302, 502])
def test_a_refused_upgrade_is_a_failure_and_a_redirect_is_not_followed(
    run: Run, status: int
) -> None:
    async def main() -> None:
        log = Log()
        async with Venue(good_public).running() as elsewhere:

            async def refuse(request: web.Request) -> web.Response:
                return web.Response(status=status, headers={"Location": elsewhere.url})

            app = web.Application()
            app.router.add_get("/", refuse)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            stream = public(f"ws://127.0.0.1:{runner.addresses[0][1]}/", log)
            async with kept_up(stream):
                await log.until(lambda: bool(elsewhere.sockets) or stream.connect_failures >= 2)
            await runner.cleanup()
            assert stream.connects == 0
            assert elsewhere.sockets == []

    run(main())


def test_resubscribing_one_book_brings_a_snapshot_of_it_alone(run: Run) -> None:
    async def main() -> None:
        log = Log()
        async with Venue(good_public).running() as venue:
            stream = public(venue.url, log)
            stream.resubscribe(3)  # down: nothing to do
            async with kept_up(stream):
                await log.until(lambda: len(log.frames) == len(SYMBOLS))
                log.frames.clear()
                stream.resubscribe(7)
                await log.until(lambda: len(log.frames) == 1)
                assert log.frames[0][0] == 7
                assert venue.args("unsubscribe") == ["orderbook.50.S7USDT"]
                assert venue.args("subscribe")[-1] == "orderbook.50.S7USDT"
                assert log.states == [True]
                assert stream.connects == 1

    run(main())


def test_a_resubscription_without_an_answer_replaces_the_connection(run: Run) -> None:
    async def deaf_later(socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        if frame["op"] == "ping" or len(frame["args"]) > 1:
            await good_public(socket, frame)

    async def main() -> None:
        log = Log()
        async with Venue(deaf_later).running() as venue:
            stream = public(venue.url, log, timing=IMPATIENT)
            async with kept_up(stream):
                await log.until(lambda: log.states == [True])
                stream.resubscribe(7)
                await log.until(lambda: log.states[:3] == [True, False, True])

    run(main())


def test_a_frame_over_the_size_limit_ends_the_connection(run: Run) -> None:
    async def main() -> None:
        log = Log()
        timing = StreamTiming(max_frame_bytes=10_000, watch_every_s=0.02)
        async with Venue(good_public).running() as venue:
            stream = public(venue.url, log, timing=timing)
            async with kept_up(stream):
                await log.until(lambda: log.states == [True])
                await venue.sockets[-1].send_str('{"topic":"' + "x" * 20_000 + '"}')
                await log.until(lambda: log.states == [True, False, True])

    run(main())


def test_what_is_not_json_ends_the_connection(run: Run) -> None:
    async def main() -> None:
        log = Log()
        async with Venue(good_public).running() as venue:
            stream = public(venue.url, log)
            async with kept_up(stream):
                await log.until(lambda: log.states == [True])
                await venue.sockets[-1].send_str("<html>")
                await log.until(lambda: log.states == [True, False, True])
            assert stream.errors == 1

    run(main())


def test_connects_wait_for_the_budget(run: Run) -> None:
    class Clock:
        ns = 0

        def now_ns(self) -> int:
            return self.ns

        def wall_ms(self) -> int:
            return 0

    async def main() -> None:
        log = Log()
        clock = Clock()
        budget = ConnectBudget(clock, limit=2, window_s=3600)
        async with Venue(good_public).running() as venue:
            stream = public(venue.url, log, budget=budget)
            async with kept_up(stream):
                for connects in (1, 2):
                    await log.until(lambda n=connects: log.states.count(True) == n)
                    stream.drop("told to")
                await log.until(lambda: "connect_budget" in log.codes())
            assert stream.connects == 2
            assert budget.used == 2

    run(main())


def test_a_bug_in_a_callback_comes_out_of_run(run: Run) -> None:
    def broken(instrument: int, data: bytes, last: bool) -> None:
        raise InvariantError("the book is inside out")

    async def main() -> None:
        log = Log()
        async with Venue(good_public).running() as venue:
            stream = public(venue.url, log)
            stream._on_frame = broken
            async with asyncio.timeout(5):
                with pytest.raises(InvariantError, match="inside out"):
                    await stream.run()
        assert log.states in ([], [True, False])

    run(main())


def test_a_stream_runs_once(run: Run) -> None:
    async def main() -> None:
        log = Log()
        async with Venue(good_public).running() as venue:
            stream = public(venue.url, log)
            async with kept_up(stream):
                await log.until(lambda: log.states == [True])
                with pytest.raises(InvariantError, match="running already"):
                    await stream.run()
            async with kept_up(stream):
                await log.until(lambda: log.states == [True, False, True])

    run(main())
