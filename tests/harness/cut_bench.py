"""What a sweep of cuts is made of: batches, the replies a venue gives them, a client, a server."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import orjson
from aiohttp import WSMsgType, web

from mmfast.bybit.auth import Credentials
from mmfast.bybit.hosts import Endpoints
from mmfast.bybit.trade import TradeCodec
from mmfast.clock import SystemClock, VenueClock
from mmfast.ids import ClientIds
from mmfast.messages import (
    Batch,
    BatchReply,
    Category,
    Command,
    Flag,
    Instrument,
    Op,
    Outcome,
    Side,
)
from mmfast.net.backoff import Backoff, ConnectBudget
from mmfast.net.http import Limits
from mmfast.net.pulse import StreamTiming
from mmfast.net.rest import BybitRest
from mmfast.net.trade import TradeSocket
from mmfast.units import InstrumentIndex, Lots, QuoteE8, Ticks, slot_of

KEY, SECRET = "cut-key", "canary-secret-never-shown"
IDS = ClientIds("mmt1", epoch=3)
FLAGS = {Op.PLACE: Flag.POST_ONLY, Op.AMEND: Flag.AMEND_PRICE, Op.CANCEL: Flag.NONE}
INSTRUMENT = Instrument(
    index=InstrumentIndex(0),
    symbol="BTCUSDT",
    category=Category.LINEAR,
    base_coin="BTC",
    quote_coin="USDT",
    settle_coin="USDT",
    tick_decimals=1,
    tick_units=1,
    step_decimals=3,
    step_units=1,
    min_price_ticks=Ticks(1),
    max_price_ticks=Ticks(20_000_000),
    min_order_lots=Lots(1),
    max_order_lots=Lots(1_000_000),
    min_notional_e8=QuoteE8(0),
    tick_lot_value_e8=10_000,
)


class Form(NamedTuple):
    """One of the six ways to say something about orders."""

    op: Op
    single: bool

    @property
    def name(self) -> str:
        return f"{self.op.name.lower()}-{'single' if self.single else 'batch'}"


FORMS = tuple(Form(op, single) for op in Op for single in (True, False))


def command(op: Op, place: int = 0, client_id: int = 0, ticks: int = 650_000) -> Command:
    return Command(
        op,
        slot_of(place // 32, Side.BUY, place // 2 % 16),
        InstrumentIndex(0),
        Side.BUY,
        FLAGS[op],
        Ticks(ticks),
        Lots(10),
        client_id or IDS.next(),
    )


def batch_of(form: Form, commands: tuple[Command, ...] = ()) -> Batch:
    """A batch of new orders, or of the given commands."""
    many = range(1 if form.single else 3)
    return Batch(
        batch_id=1,
        tick_id=1,
        op=form.op,
        category=Category.LINEAR,
        single=form.single,
        commands=commands or tuple(command(form.op, n) for n in many),
    )


def acked(batch: Batch, codes: tuple[int, ...] = ()) -> dict[str, Any]:
    """The parts of a reply in which every item has its code (0 where none is given)."""
    rows = [
        {"orderId": f"v-{c.client_id}", "orderLinkId": IDS.text(c.client_id)}
        for c in batch.commands
    ]
    if batch.single:
        return {"result": rows[0], "retExtInfo": {}}
    padded = (*codes, *[0] * (len(rows) - len(codes)))
    verdicts = [{"code": code, "msg": "OK" if code == 0 else "no"} for code in padded]
    return {"result": {"list": rows}, "retExtInfo": {"list": verdicts}}


def rest_body(batch: Batch, codes: tuple[int, ...] = (), refused: int = 0) -> bytes:
    parts = {"result": {}, "retExtInfo": {}} if refused else acked(batch, codes)
    head = {"retCode": refused, "retMsg": "no" if refused else "OK"}
    return orjson.dumps({**head, **parts, "time": 1_700_000_000_000})


def http(body: bytes, status: int = 200, *headers: str) -> bytes:
    """A reply that states its length."""
    lines = "".join(f"{line}\r\n" for line in headers)
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
    return head.encode() + body


def chunked(body: bytes) -> bytes:
    """The same in two chunks."""
    parts = [part for part in (body[:40], body[40:]) if part]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def until_close(body: bytes) -> bytes:
    """The same, ended by the end of the connection."""
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body


class CannedServer:
    """Answers every whole HTTP request with ``reply``; keeps the bodies it was sent.

    ``hangs_up`` closes after each reply, as a reply without a length needs.
    """

    def __init__(self) -> None:
        self.reply = b""
        self.hangs_up = False
        self.bodies: list[bytes] = []
        self.open: list[asyncio.Transport] = []
        self.port = 0

    @contextlib.asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[CannedServer]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Canned(self), "127.0.0.1", 0, **options)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for transport in self.open:
                transport.abort()
            await server.wait_closed()
            await asyncio.sleep(0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Canned(asyncio.Protocol):
    def __init__(self, server: CannedServer) -> None:
        self._server = server
        self._bytes = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._server.open.append(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open.remove(self._transport)

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        head, found, body = self._bytes.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
        if not found or len(body) < int(length or 0):
            return
        self._server.bodies.append(body)
        self._bytes = b""
        self._transport.write(self._server.reply)
        if self._server.hangs_up:
            self._transport.close()


class CannedTrade:
    """A trade socket that takes any login and answers every order request with ``reply(frame)``."""

    def __init__(self) -> None:
        self.reply: Callable[[dict[str, Any]], dict[str, Any]] = lambda frame: {}
        self.heard: list[dict[str, Any]] = []
        self.port = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[CannedTrade]:
        runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()
            await asyncio.sleep(0)

    async def _serve(self, request: web.BaseRequest) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        with contextlib.suppress(ConnectionError):
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    frame = orjson.loads(message.data)
                    await socket.send_str(orjson.dumps(self._answer(frame)).decode())
        return socket

    def _answer(self, frame: dict[str, Any]) -> dict[str, Any]:
        if frame["op"] in ("auth", "ping"):
            word = "pong" if frame["op"] == "ping" else "auth"
            return {"retCode": 0, "retMsg": "OK", "op": word, "connId": "c1"}
        self.heard.append(frame)
        return self.reply(frame)


def socket_reply(
    batch: Batch, frame: dict[str, Any], codes: tuple[int, ...] = (), refused: int = 0
) -> dict[str, Any]:
    """The answer to a trade socket's request for ``batch``."""
    parts = {"result": {}, "retExtInfo": {}} if refused else acked(batch, codes)
    return {
        "reqId": frame["reqId"],
        "retCode": refused,
        "retMsg": "no" if refused else "OK",
        "op": frame["op"],
        "data": parts["result"],
        "retExtInfo": parts["retExtInfo"],
        "connId": "c1",
    }


def rest_client(url: str, *, total_s: float = 5.0, **options: Any) -> BybitRest:
    clock = SystemClock()
    options.setdefault("limits", Limits(total_s=total_s, connect_s=total_s))
    return BybitRest(
        Endpoints(rest_url=url, ws_public_url="", ws_private_url=""),
        Credentials.hmac(KEY, SECRET),
        clock,
        VenueClock(clock),
        TradeCodec((INSTRUMENT,), IDS),
        **options,
    )


class TradeClient:
    """A trade socket that comes back at once, however often it is cut."""

    def __init__(self, url: str, *, reply_within_s: float = 5.0, **options: Any) -> None:
        self.clock = clock = SystemClock()
        self.codec = TradeCodec((INSTRUMENT,), IDS)
        self.states: list[bool] = []
        self._changed = asyncio.Event()
        rng = random.Random(1)
        options.setdefault("timing", StreamTiming(connect_s=0.5, watch_every_s=0.002))
        self.socket = TradeSocket(
            url,
            Credentials.hmac(KEY, SECRET),
            clock,
            VenueClock(clock),
            self.codec,
            lambda _batch: "",
            self._state,
            stem="t",
            rng=rng,
            budget=ConnectBudget(clock, limit=10**9),
            backoff=Backoff(rng, 1e-6, 1e-6),
            reply_within_s=reply_within_s,
            **options,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[TradeClient]:
        task = asyncio.create_task(self.socket.run())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def up(self) -> None:
        """Wait until a batch given now would leave."""
        async with asyncio.timeout(10):
            while not self.socket.takes:
                self._changed.clear()
                await self._changed.wait()

    async def down(self) -> None:
        """Wait until the connection is known to be lost."""
        async with asyncio.timeout(10):
            while self.states[-1]:
                self._changed.clear()
                await self._changed.wait()

    async def send(self, batch: Batch) -> BatchReply:
        """Send one batch; exactly one reply must come."""
        replies: list[BatchReply] = []
        told = asyncio.Event()

        def on_reply(reply: BatchReply) -> None:
            replies.append(reply)
            told.set()

        self.socket.send((batch,), on_reply)
        assert not replies, "a reply before send() has returned"
        await asyncio.wait_for(told.wait(), 10)
        assert len(replies) == 1
        return replies[0]

    def _state(self, up: bool) -> None:
        self.states.append(up)
        self._changed.set()


def outcomes(reply: BatchReply) -> set[Outcome]:
    """What a reply says of the commands, in whatever order; every command must be told of."""
    commands = [command.client_id for command in reply.batch.commands]
    assert [item.client_id for item in reply.items] == commands
    assert all(SECRET not in item.ret_msg for item in reply.items)
    return {item.outcome for item in reply.items}
