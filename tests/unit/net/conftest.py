"""A server on loopback that does what it is told, and a client that points at it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import orjson
import pytest
import uvloop
from batches import batch_of, linear_instrument, rest_reply
from trade_desk import Desk
from ws_venue import FAST, Log, Venue, kept_up

from mmfast.bybit.auth import Credentials
from mmfast.bybit.hosts import Endpoints
from mmfast.bybit.trade import TradeCodec
from mmfast.clock import SystemClock, VenueClock
from mmfast.ids import ClientIds
from mmfast.messages import Batch, Instrument, Op
from mmfast.net.backoff import Backoff, ConnectBudget
from mmfast.net.http import Limits
from mmfast.net.rest import BybitRest
from mmfast.net.trade import TradeSocket

SECRET = "canary-secret-never-shown"
"""A canary: no error text may hold it."""


class Seen(NamedTuple):
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Peer:
    """What a script may do to the connection it serves."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def reply(
        self, body: bytes | object, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        self.writer.write(response(body, status, headers))
        await self.writer.drain()

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """A hard reset: the client sees ECONNRESET instead of an orderly end."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Seen, Peer], Awaitable[None]]


def response(
    body: bytes | object, status: int = 200, headers: dict[str, str] | None = None
) -> bytes:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    lines = {"Content-Length": str(len(data)), "Content-Type": "text/plain", **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + data


class StubServer:
    """Raw HTTP/1.1 on loopback; ``seen`` are the requests that arrived whole."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self.arrived = asyncio.Event()
        self.connections = 0
        self.bytes_in = 0
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.asynccontextmanager
    async def running(self, **kwargs: Any) -> AsyncIterator[StubServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, **kwargs)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.close()
            await server.wait_closed()
            # One turn for the transports to say goodbye, else they warn when collected.
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while not reader.at_eof():
                seen = await self._read(reader)
                self.seen.append(seen)
                self.arrived.set()
                await self.script(seen, Peer(reader, writer))
        writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Seen:
        head = await reader.readuntil(b"\r\n\r\n")
        self.bytes_in += len(head)
        first, *lines = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        pairs = (line.split(": ", 1) for line in lines if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.bytes_in += len(body)
        return Seen(method, target, headers, body)


@pytest.fixture
def secret() -> str:
    return SECRET


@pytest.fixture
def stub() -> type[StubServer]:
    return StubServer


@pytest.fixture
def wire_response() -> Callable[..., bytes]:
    return response


@pytest.fixture
def run() -> Callable[[Awaitable[Any]], Any]:
    def run(main: Any) -> Any:
        return asyncio.run(main)

    return run


@pytest.fixture(params=["asyncio", "uvloop"])
def run_on_both(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def run(main: Any) -> Any:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(main)

    return run


@pytest.fixture
def ids() -> ClientIds:
    return ClientIds("mmt1", epoch=3)


@pytest.fixture
def instrument() -> Instrument:
    return linear_instrument()


@pytest.fixture
def make_batch(ids: ClientIds) -> Callable[..., Batch]:
    def make(op: Op = Op.PLACE, count: int = 2, *, single: bool = False) -> Batch:
        return batch_of(ids, op, count, single=single)

    return make


@pytest.fixture
def make_rest(instrument: Instrument, ids: ClientIds) -> Callable[..., BybitRest]:
    def make(url: str, **kwargs: Any) -> BybitRest:
        clock = SystemClock()
        kwargs.setdefault("limits", Limits(total_s=5.0, connect_s=2.0))
        return BybitRest(
            Endpoints(rest_url=url, ws_public_url="", ws_private_url=""),
            Credentials.hmac("test_api_key", SECRET, short_window_ms=1000, long_window_ms=5000),
            clock,
            VenueClock(clock),
            TradeCodec((instrument,), ids),
            **kwargs,
        )

    return make


@pytest.fixture
def acked(ids: ClientIds) -> Callable[[Batch], bytes]:
    """The reply of a venue that accepts every item."""

    return functools.partial(rest_reply, ids)


@pytest.fixture
def desk(
    instrument: Instrument, ids: ClientIds, secret: str
) -> Callable[..., contextlib.AbstractAsyncContextManager[Desk]]:
    @contextlib.asynccontextmanager
    async def opened(handler: Any, *, up: bool = True, **kwargs: Any) -> AsyncIterator[Desk]:
        rng = random.Random(1)
        clock = SystemClock()
        log = Log()
        async with Venue(handler).running() as venue:
            options: dict[str, Any] = {
                "stem": "3-",
                "rng": rng,
                "budget": ConnectBudget(clock),
                "timing": FAST,
                "backoff": Backoff(rng, first_s=0.01, cap_s=0.05),
                "reply_within_s": 5.0,
                "log": log.line,
                "last_look": lambda _batch: "",
            }
            options |= kwargs
            look = options.pop("last_look")
            credentials = Credentials.hmac(
                "test_api_key", secret, short_window_ms=1000, long_window_ms=5000
            )
            codec = TradeCodec((instrument,), ids)
            made: list[Desk] = []
            socket = TradeSocket(
                venue.url,
                credentials,
                clock,
                VenueClock(clock),
                codec,
                look,
                log.state,
                on_request=lambda verb, api, _ns, status: made[0].calls.append((verb, api, status)),
                **options,
            )
            made.append(Desk(socket, log, venue))
            async with kept_up(socket):
                if up:
                    await log.until(lambda: socket.up)
                yield made[0]

    return opened
