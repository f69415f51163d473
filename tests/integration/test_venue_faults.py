"""Faults over real sockets: what a client sees of them, and what operators may ask and order."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvloop

from mmfast.sim.fault_terms.schedule import read_schedule
from mmfast.sim.params import VenueParams
from mmfast.sim.server import VenueServer

KEY, SECRET = "fault-key", "fault-secret"
TIME = "/v5/market/time"
CONFIG = Path(__file__).resolve().parents[2] / "config.yaml"


class Shop:
    """A venue server and one HTTP session."""

    def __init__(self, server: VenueServer, port: int, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.port = port
        self.http = http
        self.url = f"http://127.0.0.1:{port}"

    async def arm(self, *rows: dict[str, object]) -> dict[str, Any]:
        body = json.dumps({"seed": 1, "faults": rows})
        async with self.http.post(self.url + "/control/faults", data=body) as reply:
            assert reply.status == 200, await reply.text()
            return await reply.json()

    async def place(self, link_id: str) -> dict[str, Any]:
        order = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
                 "qty": "0.001", "price": "64000", "orderLinkId": link_id}  # fmt: skip
        text, now = json.dumps(order), str(time.time_ns() // 1_000_000)
        sign = hmac.new(SECRET.encode(), f"{now}{KEY}5000{text}".encode(), hashlib.sha256)
        headers = {
            "X-BAPI-API-KEY": KEY,
            "X-BAPI-TIMESTAMP": now,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": sign.hexdigest(),
            "Content-Type": "application/json",
        }
        async with self.http.post(
            self.url + "/v5/order/create", data=text, headers=headers
        ) as reply:
            return await reply.json()

    async def raw(self, path: str = TIME, wait_s: float = 5.0) -> tuple[bytes, str]:
        """What comes back for a plain GET on a socket of its own, and how the socket ended."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        got, end = b"", "closed"
        try:
            while chunk := await asyncio.wait_for(reader.read(4096), wait_s):
                got += chunk
        except ConnectionResetError:
            end = "reset"
        except TimeoutError:
            end = "silent"
        writer.close()
        return got, end

    async def control(self, path: str) -> dict[str, Any]:
        async with self.http.get(f"{self.url}/control/{path}") as reply:
            return await reply.json()

    async def links(self) -> list[str]:
        return [row["orderLinkId"] for row in (await self.control("state"))["open_orders"]]


def run(
    scenario: Callable[[Shop], Awaitable[None]],
    schedule: bytes | None = None,
    new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> None:
    async def play() -> None:
        params = VenueParams(symbols=("BTCUSDT",), api_key=KEY, api_secret=SECRET, latency_ms=1.0)
        faults = None if schedule is None else read_schedule(schedule)
        server = VenueServer(params, faults=faults)
        port = await server.start()
        async with aiohttp.ClientSession() as http:
            try:
                await asyncio.wait_for(scenario(Shop(server, port, http)), 30)
            finally:
                await server.stop()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(play())


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("bytes_sent", [0, 1, 40, 120])
def test_a_connection_is_reset_at_the_byte_asked_for(
    bytes_sent: int, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def scenario(shop: Shop) -> None:
        await shop.arm({"kind": "reset_reply", "after_bytes": bytes_sent})
        got, end = await shop.raw()
        assert end == "reset"
        assert len(got) == bytes_sent
        assert got[:15] == b"HTTP/1.1 200 OK"[:bytes_sent]

    run(scenario, new_loop=new_loop)


def test_an_order_whose_reply_was_reset_is_there() -> None:
    async def scenario(shop: Shop) -> None:
        await shop.arm({"kind": "reset_reply", "path": "/v5/order/create", "at_most": 1})
        with pytest.raises(aiohttp.ClientError):
            await shop.place("ghost")
        assert await shop.links() == ["ghost"]
        assert (await shop.place("ghost"))["retCode"] == 110072

    run(scenario)


def test_a_claimed_length_ends_early_and_an_honest_one_is_broken_json() -> None:
    async def scenario(shop: Shop) -> None:
        await shop.arm(
            {"kind": "truncate_reply", "length": "claimed", "keep_bytes": 7, "at_most": 1},
            {"kind": "truncate_reply", "keep_bytes": 7},
        )
        got, end = await shop.raw()
        head, _, body = got.partition(b"\r\n\r\n")
        assert (body, end) == (b'{"retCo', "closed")
        announced = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Len"))
        assert int(announced.split(b":")[1]) > 60
        async with shop.http.get(shop.url + TIME) as reply:
            assert await reply.read() == b'{"retCo'

    run(scenario)


def test_a_dropped_request_hangs_and_the_server_can_still_be_stopped() -> None:
    async def scenario(shop: Shop) -> None:
        await shop.arm({"kind": "drop_request", "at_most": 2})
        got, end = await shop.raw(wait_s=0.3)
        assert (got, end) == (b"", "silent")
        reader, writer = await asyncio.open_connection("127.0.0.1", shop.port)
        writer.write(b"GET /v5/market/time HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)
        async with shop.http.get(shop.url + TIME) as reply:
            assert reply.status == 200
        started = time.monotonic()
        await shop.server.stop()
        assert time.monotonic() - started < 5
        writer.close()

    run(scenario)


def test_a_half_open_venue_takes_connections_and_answers_none() -> None:
    async def scenario(shop: Shop) -> None:
        old = await shop.http.ws_connect(shop.url + "/v5/public/linear")
        await shop.arm({"kind": "half_open", "for_ms": 800})
        got, end = await shop.raw(wait_s=0.2)
        assert (got, end) == (b"", "silent")
        with pytest.raises(TimeoutError):  # the handshake of a new socket
            await asyncio.wait_for(shop.http.ws_connect(shop.url + "/v5/private"), 0.2)
        await old.ping(b"?")
        await old.send_json({"op": "ping"})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(old.receive(), 0.2)
        message = await asyncio.wait_for(old.receive(), 5)  # in the end it is reset
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        async with shop.http.get(shop.url + TIME) as reply:
            assert reply.status == 200

    run(scenario)


def test_protocol_pings_are_answered_otherwise() -> None:
    async def scenario(shop: Shop) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", shop.port)
        writer.write(
            b"GET /v5/public/linear HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x89\x82\x00\x00\x00\x00hi")  # ping "hi", masked with zeros
        assert await asyncio.wait_for(reader.readexactly(4), 5) == b"\x8a\x02hi"
        writer.close()

    run(scenario)


def test_a_stream_is_reset_without_a_goodbye() -> None:
    async def scenario(shop: Shop) -> None:
        stream = await shop.http.ws_connect(shop.url + "/v5/public/linear")
        await shop.arm({"kind": "stream_drop", "sockets": "public", "how": "reset"})
        message = await asyncio.wait_for(stream.receive(), 5)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert stream.close_code != 1001

    run(scenario)


def test_a_schedule_given_at_the_start_is_on_at_once() -> None:
    async def scenario(shop: Shop) -> None:
        async with shop.http.get(shop.url + TIME) as reply:
            assert reply.status == 503
            assert (await reply.text()).startswith("<html>")

    run(scenario, schedule=b"faults: [{kind: http_error, status: 503}]")


def test_faults_can_be_loaded_read_and_cleared_while_it_runs() -> None:
    async def scenario(shop: Shop) -> None:
        found = await shop.control("faults")
        assert found["faults"] == []
        assert "drop_request" in found["kinds"]
        loaded = await shop.arm({"kind": "http_error"}, {"kind": "book_gap"})
        assert loaded == {"ids": [1, 2]}
        async with shop.http.get(shop.url + TIME) as reply:
            assert reply.status == 502
        async with shop.http.post(
            shop.url + "/control/faults", data=b"faults: [{kind: nonsense}]"
        ) as reply:
            assert reply.status == 400
            refused = await reply.json()
            assert refused["mistakes"][0]["path"] == "$.faults[0].kind"
        async with shop.http.delete(shop.url + "/control/faults") as reply:
            rows = (await reply.json())["faults"]
        assert [(row["kind"], row["fired"]) for row in rows] == [("http_error", 1), ("book_gap", 0)]
        async with shop.http.get(shop.url + TIME) as reply:
            assert reply.status == 200

    run(scenario)


def test_the_report_can_be_read_at_any_time_and_the_state_keeps_its_keys() -> None:
    async def scenario(shop: Shop) -> None:
        assert (await shop.place("a"))["retCode"] == 0
        report = await shop.control("report")
        assert [row["orderLinkId"] for row in report["open_orders"]] == ["a"]
        assert report["requests"] == {"POST /v5/order/create": {"0": 1}}
        assert report["newest_requests"][0]["verdict"] == "0"
        assert report["address_limit"]["bans"] == 0
        assert "/v5/order/create futures" in report["budgets"]
        state = await shop.control("state")
        assert state.keys() >= {
            "venue_ms", "open_orders", "positions", "digest", "websockets",
            "requests", "commands", "repeated_link_ids", "violations",
        }  # fmt: skip
        assert state["digest"] == report["digest"]
        assert SECRET not in json.dumps(report)

    run(scenario)


# The program.


def sim(tmp_path: Path, *options: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(CONFIG.parent)}
    return subprocess.Popen(
        [sys.executable, "-m", "mmfast", "sim", "-c", str(CONFIG), *options],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_the_program_takes_a_schedule_and_leaves_a_report_and_an_audit(tmp_path: Path) -> None:
    faults, report, audit = (tmp_path / name for name in ("faults.yaml", "report.json", "all"))
    faults.write_text("seed: 3\nfaults:\n  - kind: http_error\n    skip: 1\n")
    options = ("--faults", str(faults), "--report", str(report), "--audit", str(audit))
    with sim(tmp_path, *options) as venue:
        assert venue.stdout is not None
        url = json.loads(venue.stdout.readline())["rest_url"] + TIME

        async def ask() -> list[int]:
            async with aiohttp.ClientSession() as http:
                statuses = []
                for _ in range(3):
                    async with http.get(url) as reply:
                        statuses.append(reply.status)
                return statuses

        assert asyncio.run(ask()) == [200, 502, 502]
        venue.send_signal(signal.SIGTERM)
        assert venue.wait(20) == 0
    found = json.loads(report.read_bytes())
    assert found["requests"] == {f"GET {TIME}": {"0": 1, "http 502": 2}}
    assert [(row["kind"], row["fired"]) for row in found["faults"]] == [("http_error", 2)]
    rows = [json.loads(line) for line in audit.read_text().splitlines()]
    assert [(row["verdict"], row["fault"]) for row in rows] == [
        ("0", ""),
        ("http 502", "http_error"),
        ("http 502", "http_error"),
    ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (None, "--faults: cannot read"),
        ("faults: [{kind: nonsense}]", "$.faults[0].kind: expected one of"),
        ("faults: [{kind: tick_size_changed, symbol: NOPE}]", "$.faults[0].symbol: expected a sym"),
    ],
)
def test_a_bad_schedule_ends_the_program_with_its_path(
    tmp_path: Path, text: str | None, part: str
) -> None:
    faults = tmp_path / "faults.yaml"
    if text is not None:
        faults.write_text(text)
    with sim(tmp_path, "--faults", str(faults)) as venue:
        _, errors = venue.communicate(timeout=30)
        assert venue.returncode == 2
    assert part in errors.decode()


def test_a_report_nobody_can_write_ends_it_before_it_serves(tmp_path: Path) -> None:
    with sim(tmp_path, "--report", str(tmp_path / "no" / "where")) as venue:
        out, errors = venue.communicate(timeout=30)
        assert venue.returncode == 2
    assert out == b""
    assert "--report: cannot open" in errors.decode()
