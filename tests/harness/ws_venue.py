"""A websocket server that does what it is told, and an owner that keeps what a stream tells."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from mmfast.net.pulse import StreamTiming

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


@contextlib.asynccontextmanager
async def kept_up(stream: Any) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(stream.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
