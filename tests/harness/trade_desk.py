"""A trade socket on a scripted venue, and what each batch sent through it came to."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from ws_venue import FAST, Log, Venue, say

from mmfast.bybit.auth import Credentials
from mmfast.bybit.trade import TradeCodec
from mmfast.clock import SystemClock, VenueClock
from mmfast.messages import Batch, BatchReply, Outcome
from mmfast.net.backoff import Backoff, ConnectBudget
from mmfast.net.trade import TradeSocket
from mmfast.net.trade_sockets import MakeSocket
from mmfast.net.ws_connection import OnState

Frame = dict[str, Any]
RATE = {"X-Bapi-Limit": "100", "X-Bapi-Limit-Status": "97", "X-Bapi-Limit-Reset-Timestamp": "5"}


def refused(frame: Frame, code: int, **more: Any) -> Frame:
    """The reply to a request that was refused whole."""
    reply = {"reqId": frame["reqId"], "retCode": code, "retMsg": "no", "op": frame["op"]}
    return {**reply, "data": {}, "retExtInfo": {}, "header": RATE, "connId": "c", **more}


def accepted(frame: Frame, codes: tuple[int, ...] = ()) -> Frame:
    """The reply to a request whose items end with ``codes`` (all 0 where not told)."""
    body = frame["args"][0]
    items = body.get("request", [body])
    rows = [
        {"orderId": f"v{n}-{frame['reqId']}", "orderLinkId": item["orderLinkId"]}
        for n, item in enumerate(items)
    ]
    verdicts = [{"code": code, "msg": "OK"} for code in codes or (0,) * len(rows)]
    single = "request" not in body
    return refused(
        frame,
        0,
        data=rows[0] if single else {"list": rows},
        retExtInfo={} if single else {"list": verdicts},
    )


async def housekeeping(socket: web.WebSocketResponse, frame: Frame) -> bool:
    """Login and heartbeat; False for an order request."""
    if frame["op"] == "ping":
        await say(socket, retCode=0, retMsg="OK", op="pong", data=["1"], connId="c")
    elif frame["op"] == "auth":
        await say(socket, retCode=0, retMsg="OK", op="auth", connId="c")
    else:
        return False
    return True


def socket_maker(
    url: str, secret: str, codec: TradeCodec, rng: random.Random, **options: Any
) -> MakeSocket:
    """Trade sockets to one venue, told apart by their numbers, that hurry to come back."""

    def make(number: int, on_state: OnState) -> TradeSocket:
        clock = SystemClock()
        return TradeSocket(
            url,
            Credentials.hmac("k", secret, short_window_ms=1000, long_window_ms=5000),
            clock,
            VenueClock(clock),
            codec,
            lambda _batch: "",
            on_state,
            name=f"trade-{number}",
            stem=f"3-{number}-",
            rng=rng,
            budget=ConnectBudget(clock),
            timing=FAST,
            backoff=Backoff(rng, first_s=0.01, cap_s=0.05),
            **options,
        )

    return make


def serving(
    orders: Callable[[web.WebSocketResponse, Frame], Awaitable[None]],
) -> Callable[[web.WebSocketResponse, Frame], Awaitable[None]]:
    async def handler(socket: web.WebSocketResponse, frame: Frame) -> None:
        if not await housekeeping(socket, frame):
            await orders(socket, frame)

    return handler


async def accept(socket: web.WebSocketResponse, frame: Frame) -> None:
    await say(socket, **accepted(frame))


async def silence(socket: web.WebSocketResponse, frame: Frame) -> None:
    """No reply."""


class Desk:
    """One trade socket and what it told."""

    def __init__(self, socket: TradeSocket, log: Log, venue: Venue) -> None:
        self.socket = socket
        self.log = log
        self.venue = venue
        self.replies: list[BatchReply] = []
        self.calls: list[tuple[str, str, str]] = []

    def send(self, *batches: Batch) -> None:
        self.socket.send(batches, self._replied)

    async def answered(self, count: int) -> list[BatchReply]:
        await self.log.until(lambda: len(self.replies) >= count)
        return self.replies

    async def asked(self, *batches: Batch) -> list[list[Outcome]]:
        """Send, wait for all replies, tell the outcomes in the order of the batches."""
        first = len(self.replies)
        self.send(*batches)
        replies = {id(r.batch): r for r in (await self.answered(first + len(batches)))[first:]}
        return [[item.outcome for item in replies[id(batch)].items] for batch in batches]

    def orders(self) -> list[Frame]:
        return [frame for frame in self.venue.heard if frame["op"].startswith("order.")]

    def _replied(self, reply: BatchReply) -> None:
        self.replies.append(reply)
        self.log.event([reply])
