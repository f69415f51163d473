"""Streams over real websockets: up only when every topic is acknowledged, back after any loss."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import pytest
import uvloop
from aiohttp import WSMsgType, web

from mmfast.bybit.auth import Credentials
from mmfast.bybit.private import PrivateDecoder
from mmfast.bybit.public import PublicRouter
from mmfast.clock import SystemClock, VenueClock
from mmfast.errors import InvariantError
from mmfast.ids import ClientIds
from mmfast.messages import Instrument, OrderUpdate
from mmfast.net.backoff import Backoff, ConnectBudget
from mmfast.net.ws import PrivateStream, PublicStream
from mmfast.net.ws_connection import StreamTiming

SYMBOLS = tuple(f"S{n}USDT" for n in range(23))

Handler = Callable[[web.WebSocketResponse, dict[str, Any]], Awaitable[None]]

#: Asks often but waits long, so that a stalled test machine is not taken for a dead venue.
FAST = StreamTiming(
    connect_s=5.0,
    ready_s=5.0,
    ping_every_s=0.2,
    ping_when_idle_s=0.1,
    pong_within_s=5.0,
    watch_every_s=0.02,
)
#: For the tests in which the venue does stay silent.
IMPATIENT = StreamTiming(ready_s=0.3, ping_when_idle_s=0.1, pong_within_s=0.2, watch_every_s=0.02)


class Venue:
    """A websocket server that answers as its ``handler`` says and keeps what it heard."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.heard: list[dict[str, Any]] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.url = ""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Venue]:
        app = web.Application()
        app.router.add_get("/v5/stream", self._serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        self.url = f"ws://127.0.0.1:{port}/v5/stream"
        try:
            yield self
        finally:
            for socket in self.sockets:
                await socket.close()
            await runner.cleanup()
            await asyncio.sleep(0)

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                frame = orjson.loads(message.data)
                self.heard.append(frame)
                await self.handler(socket, frame)
        return socket

    def args(self, op: str) -> list[str]:
        return [arg for frame in self.heard if frame["op"] == op for arg in frame["args"]]


async def good_public(socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
    if frame["op"] == "ping":
        await say(socket, success=True, ret_msg="pong", op="ping", req_id=frame["req_id"])
        return
    await say(socket, success=True, ret_msg="", op=frame["op"], req_id=frame["req_id"])
    if frame["op"] == "subscribe":
        for topic in frame["args"]:
            await snapshot(socket, topic)


async def good_private(socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
    if frame["op"] == "ping":
        await say(socket, op="pong", args=["1"], req_id=frame["req_id"])
    else:
        await say(socket, success=True, ret_msg="", op=frame["op"], req_id=frame["req_id"])


async def say(socket: web.WebSocketResponse, **frame: object) -> None:
    await socket.send_str(orjson.dumps(frame).decode())


async def snapshot(socket: web.WebSocketResponse, topic: str) -> None:
    data = {"s": topic.rpartition(".")[2], "b": [], "a": [], "u": 1, "seq": 1}
    await say(socket, topic=topic, type="snapshot", ts=1, data=data)


class Log:
    """What a stream told its owner, and a way to wait for it."""

    def __init__(self) -> None:
        self.states: list[bool] = []
        self.frames: list[tuple[int, bytes]] = []
        self.events: list[Any] = []
        self.lines: list[tuple[str, str, str]] = []
        self._changed = asyncio.Event()

    def state(self, up: bool) -> None:
        self.states.append(up)
        self._changed.set()

    def frame(self, instrument: int, data: bytes, last_in_buffer: bool) -> None:
        assert type(data) is bytes
        self.frames.append((instrument, data))
        self._changed.set()

    def event(self, events: Any) -> None:
        self.events.extend(events)
        self._changed.set()

    def line(self, severity: str, code: str, text: str) -> None:
        self.lines.append((severity, code, text))
        self._changed.set()

    def codes(self) -> list[str]:
        return [code for _, code, _ in self.lines]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


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


@pytest.fixture
def private(instrument: Instrument, ids: ClientIds, secret: str) -> Callable[..., PrivateStream]:
    def private(url: str, log: Log, **kwargs: Any) -> PrivateStream:
        rng = random.Random(1)
        clock = SystemClock()
        options: dict[str, Any] = {
            "rng": rng,
            "budget": ConnectBudget(clock),
            "timing": FAST,
            "backoff": Backoff(rng, first_s=0.01, cap_s=0.05),
            "log": log.line,
        }
        return PrivateStream(
            url,
            Credentials.hmac("test_api_key", secret),
            VenueClock(clock),
            PrivateDecoder((instrument,), ids),
            log.event,
            log.state,
            **(options | kwargs),
        )

    return private


@contextlib.asynccontextmanager
async def kept_up(stream: Any) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(stream.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def run(main: Any) -> Any:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(main)

    return run


Run = Callable[[Any], Any]
MakePrivate = Callable[..., PrivateStream]


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


def test_the_private_stream_logs_in_first(run: Run, private: MakePrivate) -> None:
    async def main() -> None:
        log = Log()
        async with Venue(good_private).running() as venue:
            async with kept_up(private(venue.url, log)):
                await log.until(lambda: log.states == [True])
            login, subscription = venue.heard[:2]
            assert login["op"] == "auth"
            assert login["args"][0] == "test_api_key"
            assert login["args"][1] > SystemClock().wall_ms()
            assert subscription["op"] == "subscribe"
            assert subscription["args"] == [
                "order.linear",
                "execution.linear",
                "position.linear",
                "wallet",
            ]

    run(main())


def test_a_refused_login_is_never_up_and_never_shows_the_secret(
    run: Run, private: MakePrivate, secret: str
) -> None:
    async def refuse(socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        await say(socket, success=False, ret_msg="Param Error", op="auth")

    async def main() -> None:
        log = Log()
        async with Venue(refuse).running() as venue:
            stream = private(venue.url, log)
            async with kept_up(stream):
                await log.until(lambda: stream.auth_refusals >= 2)
            assert not [frame for frame in venue.heard if frame["op"] == "subscribe"]
            signature = venue.heard[0]["args"][2]
        assert log.states == []
        told = repr((log.lines, stream, vars(stream)))
        assert secret not in told
        assert signature not in told

    run(main())


def test_a_refused_private_subscription_is_never_up(run: Run, private: MakePrivate) -> None:
    async def refuse(socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        success = frame["op"] != "subscribe"
        await say(socket, success=success, ret_msg="no", op=frame["op"], req_id=frame["req_id"])

    async def main() -> None:
        log = Log()
        async with Venue(refuse).running() as venue:
            stream = private(venue.url, log)
            async with kept_up(stream):
                await log.until(lambda: stream.connects >= 2)
        assert log.states == []

    run(main())


ORDER = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "orderId": "v-1",
    "side": "Buy",
    "orderStatus": "New",
    "price": "65000.0",
    "qty": "0.010",
}


async def push(venue: Venue, **changes: object) -> None:
    await say(venue.sockets[-1], topic="order.linear", data=[ORDER | changes])


def test_events_arrive_and_a_bad_frame_is_told(run: Run, private: MakePrivate) -> None:
    async def main() -> None:
        log = Log()
        faults: list[str] = []
        async with Venue(good_private).running() as venue:
            stream = private(venue.url, log, on_fault=faults.append)
            async with kept_up(stream):
                await log.until(lambda: log.states == [True])
                await push(venue)
                await push(venue, qty="0.0105")
                await push(venue, orderId="v-2")
                await log.until(lambda: len(log.events) == 2)
            assert log.states == [True, False]
        assert [event.venue_id for event in log.events] == ["v-1", "v-2"]
        assert all(isinstance(event, OrderUpdate) for event in log.events)
        assert len(faults) == 1
        assert "qty" in faults[0]
        assert stream.errors == 1

    run(main())


def test_without_a_listener_a_bad_frame_reconnects(run: Run, private: MakePrivate) -> None:
    async def main() -> None:
        log = Log()
        async with Venue(good_private).running() as venue, kept_up(private(venue.url, log)):
            await log.until(lambda: log.states == [True])
            await push(venue, qty="0.0105")
            await log.until(lambda: log.states == [True, False, True])

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
