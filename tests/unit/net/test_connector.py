"""Exchanges on the connections of one host: which reply is whose, and which connection is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from mmfast.errors import OutcomeUnknown
from mmfast.net.connector import Answer, Host
from mmfast.net.tls import tls_context

Run = Callable[[Any], Any]
FINAL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Kept(Exception):
    """A last look said no."""


def no_lines() -> bytes:
    return b""


async def ask(host: Host, body: bytes = b"{}", max_reply_bytes: int = 1000) -> Answer:
    return await host.exchange("POST", "/v5/x", body, no_lines, max_reply_bytes)


@pytest.fixture
def at_stub(run_on_both: Run, stub: Any) -> Callable[..., Any]:
    """Runs ``work(host, server)`` against a script; what it returned, and the server."""

    def at(script: Any, work: Callable[[Host, Any], Awaitable[Any]]) -> tuple[Any, Any]:
        async def main() -> tuple[Any, Any]:
            async with stub(script).running() as server:
                host = Host(server.url, tls_context(), connections=2, connect_s=1.0)
                try:
                    return await work(host, server), server
                finally:
                    await host.close()

        return run_on_both(main())

    return at


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_reply_is_whole_however_it_arrives(at_stub: Any, size: int) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Limit: 7\r\n\r\n"
    said = early + chunked + b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"

    async def script(_seen: Any, peer: Any) -> None:
        for at in range(0, len(said), size):
            await peer.raw(said[at : at + size])
            await asyncio.sleep(0)

    async def work(host: Host, _server: Any) -> list[Answer]:
        return [await ask(host) for _ in range(3)]

    answers, server = at_stub(script, work)
    assert [(one.status, one.body, one.headers["x-limit"]) for one in answers] == [
        (200, b"abcdefg", "7")
    ] * 3
    assert server.connections == 1


def test_an_exchange_given_up_ends_its_connection(at_stub: Any) -> None:
    """A reply may be on its way there, and must not be taken for that to the next request."""
    ended = asyncio.Event()

    async def script(seen: Any, peer: Any) -> None:
        if seen.body == b"1":
            assert await peer.reader.read() == b""
            ended.set()
        else:
            await peer.reply(b"second")

    async def work(host: Host, server: Any) -> Answer:
        given_up = asyncio.create_task(ask(host, b"1"))
        await server.arrived.wait()
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        answer = await ask(host, b"2")
        await ended.wait()
        return answer

    answer, server = at_stub(script, work)
    assert answer.body == b"second"
    assert server.connections == 2


@pytest.mark.parametrize(
    ("reply", "connections"),
    [
        (FINAL, 1),
        (FINAL.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), 2),
        (FINAL.replace(b"1.1", b"1.0"), 2),
        (FINAL + b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", 2),
    ],
)
def test_only_a_connection_that_stays_and_is_silent_is_used_again(
    at_stub: Any, reply: bytes, connections: int
) -> None:
    async def script(_seen: Any, peer: Any) -> None:
        await peer.raw(reply)

    async def work(host: Host, _server: Any) -> list[Answer]:
        return [await ask(host), await ask(host)]

    answers, server = at_stub(script, work)
    assert [(one.status, one.body) for one in answers] == [(200, b"ok")] * 2
    assert server.connections == connections


def test_a_request_kept_back_costs_nobody_a_connection(at_stub: Any) -> None:
    def kept() -> bytes:
        raise Kept

    async def script(_seen: Any, peer: Any) -> None:
        await peer.raw(FINAL)

    async def work(host: Host, _server: Any) -> None:
        for _ in range(3):
            with pytest.raises(Kept):
                await host.exchange("POST", "/v5/x", b"{}", kept, 1000)
        await ask(host)

    _, server = at_stub(script, work)
    assert len(server.seen) == server.connections == 1


def test_a_reply_that_is_too_long_ends_its_connection(at_stub: Any) -> None:
    async def script(seen: Any, peer: Any) -> None:
        await peer.reply(seen.body)

    async def work(host: Host, _server: Any) -> Answer:
        with pytest.raises(aiohttp.ClientPayloadError, match="longer than 1000 bytes"):
            await ask(host, b"x" * 1001)
        return await ask(host, b"y" * 1000)

    answer, server = at_stub(script, work)
    assert answer.body == b"y" * 1000
    assert server.connections == 2


def test_a_query_is_asked_twice_at_most(run: Run, stub: Any, make_rest: Any) -> None:
    """The second time on another connection: the host may have closed the first as idle."""

    async def script(_seen: Any, peer: Any) -> None:
        peer.reset()

    async def main() -> Any:
        async with stub(script).running() as server:
            rest = make_rest(server.url)
            with pytest.raises(OutcomeUnknown):
                await rest.server_time()
            await rest.close()
            return server

    server = run(main())
    assert len(server.seen) == server.connections == 2
