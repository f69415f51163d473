"""The venue's shell on real sockets: what a client can rely on, and what it must survive."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from mmfast.sim import main, server
from mmfast.sim.params import FlowParams, VenueParams

KEY, SECRET = "server-key", "server-secret"
BOOK = "orderbook.50.BTCUSDT"


class Shop:
    """A server and a client session on one loop."""

    def __init__(self, venue: server.VenueServer, port: int, http: aiohttp.ClientSession) -> None:
        self.server = venue
        self.http = http
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self.streams: list[aiohttp.ClientWebSocketResponse] = []

    async def signed(self, method: str, path: str, text: str) -> aiohttp.ClientResponse:
        """A signed request; ``text`` is the query of a GET or the body of a POST."""
        now = str(time.time_ns() // 1_000_000)
        payload = f"{now}{KEY}5000{text}".encode()
        headers = {
            "X-BAPI-API-KEY": KEY,
            "X-BAPI-TIMESTAMP": now,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": hmac.new(SECRET.encode(), payload, hashlib.sha256).hexdigest(),
        }
        if method == "GET":
            return await self.http.get(f"{self.url}{path}?{text}", headers=headers)
        headers["Content-Type"] = "application/json"
        return await self.http.post(self.url + path, data=text, headers=headers)

    async def place(self, link_id: str) -> dict:
        order = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
                 "qty": "0.001", "price": "64000", "orderLinkId": link_id}  # fmt: skip
        return await (await self.signed("POST", "/v5/order/create", json.dumps(order))).json()

    async def state(self) -> dict:
        return await (await self.http.get(self.url + "/control/state")).json()

    async def subscribe(self, *topics: str) -> aiohttp.ClientWebSocketResponse:
        stream = await self.http.ws_connect(self.url + "/v5/public/linear")
        await stream.send_json({"op": "subscribe", "args": list(topics)})
        self.streams.append(stream)
        assert (await stream.receive_json())["success"]
        return stream


def run(scenario: Callable[[Shop], Awaitable[None]], **changes: object) -> None:
    settings: dict = {"symbols": ("BTCUSDT",), "api_key": KEY, "api_secret": SECRET,
                      "latency_ms": 1.0}  # fmt: skip

    async def play() -> None:
        venue = server.VenueServer(VenueParams(**(settings | changes)))
        port = await venue.start()
        async with aiohttp.ClientSession() as http:
            shop = Shop(venue, port, http)
            try:
                await asyncio.wait_for(scenario(shop), 30)
            finally:
                for stream in shop.streams:
                    await stream.close()
                await venue.stop()
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, "the port is still open"

    asyncio.run(play())


async def until(found: Callable[[], Awaitable[object]], what: str) -> object:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        answer = await found()
        if answer:
            return answer
        await asyncio.sleep(0.01)
    raise AssertionError(f"{what} did not come")


def test_headers_and_the_raw_query_reach_the_venue_and_back() -> None:
    async def scenario(shop: Shop) -> None:
        # A query that a URL library would like to rewrite must be judged as it was signed.
        text = "category=linear&symbol=BTCUSDT&cursor=page_args%3D1%26x&orderLinkId=a~b"
        reply = await shop.signed("GET", "/v5/order/realtime", text)
        body = await reply.json()
        assert body["retCode"] not in (10004, 10002)
        reply = await shop.signed("GET", "/v5/order/realtime", "category=linear&symbol=BTCUSDT")
        assert (await reply.json())["retCode"] == 0
        for name in ("X-Bapi-Limit", "X-Bapi-Limit-Status", "X-Bapi-Limit-Reset-Timestamp"):
            assert reply.headers[name].isdigit()
        assert reply.headers["Content-Type"].startswith("application/json")
        reply = await shop.http.get(shop.url + "/v5/nowhere")
        assert reply.status == 404

    run(scenario)


def test_control_state_tells_orders_positions_and_verdicts() -> None:
    async def scenario(shop: Shop) -> None:
        assert (await shop.place("one"))["retCode"] == 0
        assert (await shop.place("one"))["retCode"] == 110072
        state = await shop.state()
        assert [row["orderLinkId"] for row in state["open_orders"]] == ["one"]
        assert state["positions"] == {"BTCUSDT": 0}
        assert state["requests"]["POST /v5/order/create"] == {"0": 1, "110072": 1}
        assert state["commands"]["place"] == 2
        assert state["repeated_link_ids"] == 1
        assert len(state["digest"]) == 64
        for method, path, status in (
            ("GET", "/control/nowhere", 404),
            ("GET", "/control/outage?seconds=1", 404),
            ("POST", "/control/outage", 400),
            ("POST", "/control/outage?seconds=soon", 400),
            ("POST", "/control/freeze_feed?seconds=-1", 400),
            ("POST", "/control/freeze_feed?seconds=nan", 400),
        ):
            reply = await shop.http.request(method, shop.url + path)
            assert reply.status == status, path

    run(scenario, flow=FlowParams(activity=0.0))


def test_an_outage_cuts_everybody_off_while_the_exchange_goes_on() -> None:
    async def scenario(shop: Shop) -> None:
        assert (await shop.place("resting"))["retCode"] == 0
        stream = await shop.subscribe(BOOK)
        under_way = asyncio.create_task(shop.place("under-way"))
        await until(lambda: asyncio.sleep(0, bool(shop.server._waiting)), "the request")
        begun = time.monotonic()
        async with shop.http.post(shop.url + "/control/outage?seconds=0.6") as reply:
            assert reply.status == 200
        with pytest.raises(aiohttp.ClientError):
            await under_way
        while not (message := await stream.receive()).type.name.startswith("CLOS"):
            assert message.type is aiohttp.WSMsgType.TEXT
        refused = 0

        async def back() -> dict | None:
            nonlocal refused
            try:
                return await shop.state()
            except aiohttp.ClientError:
                refused += 1
                return None

        state = await until(back, "the venue's return")
        assert refused > 3
        assert time.monotonic() - begun >= 0.6
        # The unanswered order was applied all the same: exactly what a client must be ready for.
        links = [row["orderLinkId"] for row in state["open_orders"]]
        assert links == ["resting", "under-way"]
        assert state["websockets"] == 0

    run(scenario, flow=FlowParams(activity=0.0), latency_ms=200.0)


def test_a_reader_that_stops_reading_is_cut_off_and_the_others_are_not(monkeypatch) -> None:
    monkeypatch.setattr(server, "MAX_BACKLOG_BYTES", 256 << 10)

    async def scenario(shop: Shop) -> None:
        good = await shop.subscribe(BOOK)
        lazy = socket.create_connection(("127.0.0.1", shop.port))
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(
            b"GET /v5/public/linear HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        lazy.setblocking(False)
        await until(lambda: asyncio.sleep(0, len(shop.server._sockets) == 2), "the second socket")

        def frame(message: dict) -> bytes:
            # A client's frames are masked; the zero mask leaves the text readable here.
            text = json.dumps(message).encode()
            return bytes((0x81, 0x80 | len(text))) + bytes(4) + text

        talk = frame({"op": "subscribe", "args": ["orderbook.1000.BTCUSDT"]}) + frame(
            {"op": "unsubscribe", "args": ["orderbook.1000.BTCUSDT"]}
        )
        loop = asyncio.get_running_loop()
        cut = False
        for _ in range(20_000):
            try:
                await asyncio.wait_for(loop.sock_sendall(lazy, talk), 5)
            except (ConnectionError, TimeoutError):
                cut = True
                break
        assert cut, "the venue kept buffering for a client that never reads"
        lazy.close()
        await until(lambda: asyncio.sleep(0, len(shop.server._sockets) == 1), "the clean-up")
        # The other client still gets its stream.
        while (await asyncio.wait_for(good.receive_json(), 5)).get("type") != "delta":
            pass

    run(scenario)


def test_a_live_stream_has_no_gap_even_for_clients_that_join_in_the_middle() -> None:
    async def follow(shop: Shop, frames: int) -> int:
        stream = await shop.subscribe(BOOK)
        first = await stream.receive_json()
        assert first["type"] == "snapshot"
        last = first["data"]["u"]
        for _ in range(frames):
            message = await stream.receive_json()
            assert message["type"] == "delta"
            assert message["data"]["u"] == last + 1
            last = message["data"]["u"]
        await stream.close()
        return last

    async def scenario(shop: Shop) -> None:
        async def joiner(number: int) -> None:
            await asyncio.sleep(number * 0.0137)
            await follow(shop, 12)

        await asyncio.gather(*(joiner(number) for number in range(24)))

    run(scenario, flow=FlowParams(activity=5.0))


def test_freezing_the_feed_silences_it_without_a_gap() -> None:
    async def scenario(shop: Shop) -> None:
        stream = await shop.subscribe(BOOK)
        first = await stream.receive_json()
        last, stamps = first["data"]["u"], [first["ts"]]
        await shop.http.post(shop.url + "/control/freeze_feed?seconds=0.5")
        while len(stamps) < 2 or stamps[-1] - stamps[-2] < 400:
            message = await stream.receive_json()
            assert message["data"]["u"] == last + 1
            last = message["data"]["u"]
            stamps.append(message["ts"])

    run(scenario, flow=FlowParams(activity=5.0))


def test_sockets_that_do_not_exist_and_messages_that_are_too_large() -> None:
    async def scenario(shop: Shop) -> None:
        for path in ("/v5/public/spread", "/v5/nothing"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                await shop.http.ws_connect(shop.url + path)
            assert refusal.value.status == 404
        stream = await shop.http.ws_connect(shop.url + "/v5/public/linear", compress=15)
        assert not stream.compress, "compression costs latency and must stay off"
        await stream.send_str("x" * (server.MAX_MESSAGE_BYTES + 1))
        closing = await stream.receive()
        assert closing.type is aiohttp.WSMsgType.CLOSE
        assert closing.data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG

    run(scenario)


def test_a_request_beyond_the_limit_is_turned_away(monkeypatch) -> None:
    monkeypatch.setattr(server, "MAX_WAITING", 3)

    async def scenario(shop: Shop) -> None:
        replies = await asyncio.gather(
            *(shop.http.get(shop.url + "/v5/market/time") for _ in range(6))
        )
        assert sorted(reply.status for reply in replies) == [200] * 3 + [503] * 3

    run(scenario, latency_ms=100.0)


def test_serve_announces_once_and_ends_when_told() -> None:
    async def play() -> None:
        said: list[dict] = []
        stop = asyncio.Event()
        params = VenueParams(symbols=("BTCUSDT",), api_key=KEY, api_secret=SECRET)
        serving = asyncio.create_task(main.serve(params, "127.0.0.1", 0, said.append, stop))
        await until(lambda: asyncio.sleep(0, bool(said)), "the announcement")
        assert said[0].keys() == {"rest_url", "ws_url", "api_key", "api_secret"}
        async with aiohttp.ClientSession() as http:
            reply = await (await http.get(said[0]["rest_url"] + "/v5/market/time")).json()
            assert abs(reply["time"] - time.time() * 1000) < 2000
            port = int(said[0]["rest_url"].rsplit(":", 1)[1])
            with pytest.raises(OSError, match="in use"):
                await main.serve(params, "127.0.0.1", port, said.append, stop)
        stop.set()
        await asyncio.wait_for(serving, 5)
        assert len(said) == 1

    asyncio.run(play())


def test_nothing_of_the_secret_shows(capfd) -> None:
    async def scenario(shop: Shop) -> None:
        state = json.dumps(await shop.state()) + repr(shop.server) + repr(shop.server._params)
        assert SECRET not in state
        assert (await shop.place("one"))["retCode"] == 0

    run(scenario)
    out, err = capfd.readouterr()
    assert out + err == ""
