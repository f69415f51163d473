"""The trade socket, disconnect protection and connection limits on real sockets.

The official client trades; what it has no words for (subscribing to ``dcp``, dying without a
goodbye) is said by a plain websocket client.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest
from pybit_sessions import Sockets, http_session, until

from mmfast.sim.crowd.params import FlowParams
from mmfast.sim.limits.connections import WsLimits
from mmfast.sim.switches import VenueSwitches

NETWORK_MS = 30.0
"""The client notes a request only after sending it, so the venue is no faster than a network."""
LINEAR = {"category": "linear", "symbol": "BTCUSDT"}
STILL = FlowParams(activity=0.0)


def limit(link: str, **change: Any) -> dict[str, Any]:
    fields = {
        "side": "Buy", "orderType": "Limit", "qty": "0.010", "price": "64000",
        "timeInForce": "PostOnly", "orderLinkId": link,
    }  # fmt: skip
    return {**LINEAR, **fields, **change}


@pytest.fixture
def sockets(start_venue, monkeypatch) -> Iterator[Callable[..., tuple[Any, Sockets]]]:
    opened: list[Sockets] = []

    def start(**params: object) -> tuple[Any, Sockets]:
        venue = start_venue(latency_ms=NETWORK_MS, flow=STILL, **params)
        opened.append(Sockets(venue, monkeypatch))
        return venue, opened[-1]

    yield start
    for one in opened:
        one.close()


def ask(send: Callable[..., None], **request: Any) -> dict[str, Any]:
    answers: list[dict[str, Any]] = []
    send(answers.append, answers.append, **request)
    until(lambda: answers, "the answer of the trade socket")
    return answers[0]


def test_socket_and_rest_share_one_budget_and_one_book(sockets) -> None:
    venue, streams = sockets(tier="default")
    private, trade = streams.stream("private"), streams.trade()
    heard: list[dict[str, Any]] = []
    private.order_stream(heard.append)
    session = http_session(venue)
    started = time.monotonic()
    for number in range(6):
        session.place_order(**limit(f"rest-{number}"))
    left = [
        int(ask(trade.place_order, **limit(f"ws-{number}"))["header"]["X-Bapi-Limit-Status"])
        for number in range(2)
    ]
    # The window is a second: on a machine that took longer, it has moved on.
    assert left == [3, 2] or time.monotonic() - started > 0.9
    until(lambda: len({row["orderLinkId"] for one in heard for row in one["data"]}) == 8, "orders")
    rows = session.get_open_orders(**LINEAR)["result"]["list"]
    assert len(rows) == 8
    refused = ask(trade.place_order, **limit("ws-0"))
    assert (refused["retCode"], refused["data"]) == (110072, {})
    assert refused["connId"]
    ended = ask(trade.cancel_order, **LINEAR, orderLinkId="rest-3")
    assert ended["retCode"] == 0
    until(
        lambda: any(
            (row["orderLinkId"], row["orderStatus"]) == ("rest-3", "Cancelled")
            for one in heard
            for row in one["data"]
        ),
        "the cancel on the private stream",
    )
    session.client.close()


# A plain client.


class Plain:
    """Websockets of one venue."""

    def __init__(self, venue: Any, client: aiohttp.ClientSession) -> None:
        self.venue = venue
        self._client = client

    async def open(self, path: str) -> aiohttp.ClientWebSocketResponse:
        return await self._client.ws_connect(f"{self.venue.ws_url}/v5/{path}")

    async def signed_on(self, path: str) -> aiohttp.ClientWebSocketResponse:
        socket = await self.open(path)
        keys, expires = self.venue.params, int(time.time() * 1000) + 10_000
        text = f"GET/realtime{expires}".encode()
        sign = hmac.new(keys.api_secret.encode(), text, hashlib.sha256).hexdigest()
        answer = await self.say(socket, {"op": "auth", "args": [keys.api_key, expires, sign]})
        assert answer.get("success") or answer["retCode"] == 0
        return socket

    async def say(self, socket: aiohttp.ClientWebSocketResponse, message: Any) -> dict[str, Any]:
        await socket.send_json(message)
        return await asyncio.wait_for(socket.receive_json(), 5)


def play(venue: Any, scenario: Callable[[Plain], Awaitable[None]]) -> None:
    async def run() -> None:
        async with aiohttp.ClientSession() as client:
            await scenario(Plain(venue, client))

    asyncio.run(run())


def create(link: str) -> dict[str, Any]:
    header = {"X-BAPI-TIMESTAMP": int(time.time() * 1000)}
    return {"op": "order.create", "reqId": link, "header": header, "args": [limit(link)]}


def test_a_socket_cut_off_leaves_its_order_behind(start_venue) -> None:
    venue = start_venue(latency_ms=300.0, flow=STILL)
    session = http_session(venue)

    async def scenario(plain: Plain) -> None:
        trade = await plain.signed_on("trade")
        await trade.send_json(create("orphan"))
        await asyncio.sleep(0.02)  # the order is on its way, and then the line is cut
        transport = trade._conn.transport
        transport.abort()

    play(venue, scenario)
    until(lambda: session.get_open_orders(**LINEAR)["result"]["list"], "the orphaned order")
    session.client.close()


def test_a_dead_protected_connection_takes_the_orders_with_it(start_venue) -> None:
    venue = start_venue(flow=STILL, switches=VenueSwitches(dcp_apply_ms=0))
    session = http_session(venue)
    session.set_dcp(product="DERIVATIVES", timeWindow=3)

    def open_links() -> list[str]:
        rows = session.get_open_orders(**LINEAR)["result"]["list"]
        return [row["orderLinkId"] for row in rows]

    async def scenario(plain: Plain) -> None:
        guard, witness = await plain.signed_on("private"), await plain.signed_on("private")
        answer = await plain.say(guard, {"op": "subscribe", "args": ["dcp.future"]})
        assert answer["success"] is True
        await plain.say(guard, {"op": "ping"})
        await plain.say(witness, {"op": "subscribe", "args": ["order"]})
        trade = await plain.signed_on("trade")
        assert (await plain.say(trade, create("guarded")))["retCode"] == 0
        assert (await witness.receive_json())["data"][0]["orderStatus"] == "New"
        started = time.monotonic()
        await guard.close()
        # The trade socket and a connection without the topic are alive, and do not help.
        told = await asyncio.wait_for(witness.receive_json(), 10)
        assert 2.5 < time.monotonic() - started < 9
        [row] = told["data"]
        assert (row["orderLinkId"], row["cancelType"]) == ("guarded", "CancelByDCP")

    play(venue, scenario)
    assert open_links() == []
    session.client.close()


def test_too_many_connections_are_refused_at_the_door(start_venue) -> None:
    venue = start_venue(flow=STILL, ws_limits=WsLimits(connects_per_5_min=4, public_connections=2))

    async def refused(plain: Plain, path: str) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await plain.open(path)
        assert refusal.value.status == 403

    async def scenario(plain: Plain) -> None:
        kept = [await plain.open("public/linear") for _ in range(2)]
        await refused(plain, "public/linear")  # two are open; the attempt counts all the same
        await kept[0].close()
        kept.append(await plain.open("public/linear"))
        await refused(plain, "private")  # four attempts are behind us
        assert [socket.closed for socket in kept] == [True, False, False]

    play(venue, scenario)
