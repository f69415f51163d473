"""Order commands over a network that does everything wrong: the outcome is always right.

ACK only if the venue said so; NOT_SENT only if no byte left; everything in doubt is UNKNOWN.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

from mmfast.messages import Batch, BatchReply, Op, Outcome, RateInfo
from mmfast.net.http import Limits
from mmfast.net.rest import BybitRest

Run = Callable[[Awaitable[Any]], Any]
Make = Callable[..., Any]


def outcomes(reply: BatchReply) -> list[Outcome]:
    return [item.outcome for item in reply.items]


@pytest.fixture
def exchange(
    run: Run, stub: Any, make_rest: Make, make_batch: Make, secret: str
) -> Callable[..., tuple[BatchReply, Any]]:
    """Send one batch to a server that follows ``script``; the reply and the server."""

    def exchange(script: Any, batch: Batch | None = None, **kwargs: Any) -> tuple[BatchReply, Any]:
        batch = batch or make_batch()

        async def main() -> tuple[BatchReply, Any]:
            async with stub(script).running() as server:
                rest: BybitRest = make_rest(server.url, **kwargs)
                try:
                    return await rest.send(batch), server
                finally:
                    await rest.close()

        reply, server = run(main())
        assert [item.client_id for item in reply.items] == [c.client_id for c in batch.commands]
        assert all(secret not in item.ret_msg for item in reply.items)
        return reply, server

    return exchange


@pytest.mark.parametrize("op", list(Op))
@pytest.mark.parametrize("single", [False, True])
def test_a_good_day(exchange: Make, make_batch: Make, acked: Make, op: Op, single: bool) -> None:
    batch = make_batch(op, 1 if single else 3, single=single)
    rate = {"x-bapi-limit": "20", "X-BAPI-LIMIT-STATUS": "17"}

    async def script(seen: Any, peer: Any) -> None:
        await peer.reply(acked(batch), headers=rate)

    reply, server = exchange(script, batch)
    assert set(outcomes(reply)) == {Outcome.ACK}
    assert all(item.venue_id for item in reply.items)
    assert reply.rate == RateInfo(20, 17, -1)
    assert 0 < reply.sent_ns <= reply.received_ns
    word = {Op.PLACE: "create", Op.AMEND: "amend", Op.CANCEL: "cancel"}[op]
    assert server.seen[0].target == f"/v5/order/{word}{'' if single else '-batch'}"


@pytest.mark.parametrize(
    ("op", "window"), [(Op.PLACE, "1000"), (Op.AMEND, "1000"), (Op.CANCEL, "5000")]
)
def test_what_arrives_carries_a_true_signature(
    exchange: Make, make_batch: Make, acked: Make, secret: str, op: Op, window: str
) -> None:
    batch = make_batch(op)

    async def script(seen: Any, peer: Any) -> None:
        await peer.reply(acked(batch))

    _, server = exchange(script, batch)
    headers = server.seen[0].headers
    signed = headers["x-bapi-timestamp"] + "test_api_key" + window
    expected = hmac.new(secret.encode(), signed.encode() + server.seen[0].body, hashlib.sha256)
    assert headers["x-bapi-sign"] == expected.hexdigest()
    assert headers["x-bapi-recv-window"] == window
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 302, 408, 413])
@pytest.mark.parametrize("body", [b"<html>gateway</html>", b"", b'{"retCode":10001}'])
def test_a_gateway_page_proves_nothing(exchange: Make, status: int, body: bytes) -> None:
    async def script(seen: Any, peer: Any) -> None:
        await peer.reply(body, status)

    reply, _ = exchange(script)
    assert set(outcomes(reply)) == {Outcome.UNKNOWN}
    assert str(status) in reply.items[0].ret_msg


def test_a_redirect_is_not_followed(exchange: Make) -> None:
    async def script(seen: Any, peer: Any) -> None:
        await peer.reply(b"", 307, {"Location": "/elsewhere"})

    reply, server = exchange(script)
    assert set(outcomes(reply)) == {Outcome.UNKNOWN}
    assert len(server.seen) == 1


def test_a_refused_connection_is_not_sent(run: Run, make_rest: Make, make_batch: Make) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

    async def main() -> BatchReply:
        rest = make_rest(f"http://127.0.0.1:{port}")
        try:
            return await rest.send(make_batch())
        finally:
            await rest.close()

    assert set(outcomes(run(main()))) == {Outcome.NOT_SENT}


def test_a_name_that_does_not_resolve_is_not_sent(
    run: Run, make_rest: Make, make_batch: Make
) -> None:
    async def main() -> BatchReply:
        rest = make_rest("https://venue.invalid", limits=Limits(total_s=3.0))
        try:
            return await rest.send(make_batch())
        finally:
            await rest.close()

    assert set(outcomes(run(main()))) == {Outcome.NOT_SENT}


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_connection_cut_at_every_byte_of_the_request_is_in_doubt(
    make_rest: Make, make_batch: Make, how: str, loop: Any
) -> None:
    """The peer reads k bytes and cuts. From our side a byte has left, so all of them are doubt."""

    async def main() -> set[Outcome]:
        cut_after = 0
        found: set[Outcome] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(cut_after)
            if how == "reset":
                writer.transport.abort()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        rest = make_rest(f"http://127.0.0.1:{port}")
        for cut_after in range(1, 900, 37):  # noqa: B007 - the server reads it
            found.update(outcomes(await rest.send(make_batch())))
        await rest.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)
        return found

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(main()) == {Outcome.UNKNOWN}


def test_a_reply_cut_at_every_byte_is_in_doubt(
    run: Run, stub: Any, make_rest: Make, make_batch: Make, acked: Make, wire_response: Make
) -> None:
    batch = make_batch()
    whole = wire_response(acked(batch))

    async def main() -> list[tuple[int, set[Outcome]]]:
        cut = 0

        async def script(seen: Any, peer: Any) -> None:
            await peer.raw(whole[:cut])
            peer.writer.close()
            await peer.writer.wait_closed()

        found = []
        async with stub(script).running() as server:
            rest = make_rest(server.url)
            for cut in range(len(whole) + 1):
                found.append((cut, set(outcomes(await rest.send(batch)))))
            await rest.close()
        return found

    for cut, found in run(main()):
        expected = Outcome.ACK if cut == len(whole) else Outcome.UNKNOWN
        assert found == {expected}, cut


def test_silence_is_in_doubt_and_ends_on_time(exchange: Make) -> None:
    async def script(seen: Any, peer: Any) -> None:
        await peer.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await peer.reader.read()

    reply, _ = exchange(script, limits=Limits(total_s=0.3))
    assert set(outcomes(reply)) == {Outcome.UNKNOWN}
    assert reply.received_ns - reply.sent_ns >= 0.2e9


def test_a_drip_of_bytes_does_not_stretch_the_deadline(exchange: Make) -> None:
    async def script(seen: Any, peer: Any) -> None:
        await peer.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not peer.reader.at_eof() and not peer.writer.is_closing():
            await peer.raw(b" ")
            await asyncio.sleep(0.02)

    reply, _ = exchange(script, limits=Limits(total_s=0.4))
    assert set(outcomes(reply)) == {Outcome.UNKNOWN}
    assert "Timeout" in reply.items[0].ret_msg


@pytest.mark.parametrize("declared", [True, False])
def test_an_endless_reply_is_cut_off(exchange: Make, declared: bool) -> None:
    async def script(seen: Any, peer: Any) -> None:
        head = b"Content-Length: 9999999" if declared else b"Transfer-Encoding: chunked"
        await peer.raw(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        chunk = b" " * 65536
        while not peer.writer.is_closing():
            await peer.raw(chunk if declared else b"10000\r\n" + chunk + b"\r\n")

    reply, _ = exchange(script, limits=Limits(max_reply_bytes=100_000))
    assert set(outcomes(reply)) == {Outcome.UNKNOWN}


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/9.9 hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_http_is_in_doubt(exchange: Make, data: bytes) -> None:
    async def script(seen: Any, peer: Any) -> None:
        await peer.raw(data)
        peer.writer.close()

    reply, _ = exchange(script)
    assert set(outcomes(reply)) == {Outcome.UNKNOWN}


def test_a_create_is_never_sent_twice_by_the_transport(
    run: Run, stub: Any, make_rest: Make, make_batch: Make, acked: Make
) -> None:
    """A keep-alive connection that dies under the second request must not make a third."""
    batches = [make_batch(), make_batch()]

    async def main() -> tuple[list[BatchReply], list[bytes]]:
        async def script(seen: Any, peer: Any) -> None:
            if len(server.seen) == 1:
                await peer.reply(acked(batches[0]))
            else:
                peer.reset()

        async with stub(script).running() as server:
            rest = make_rest(server.url)
            replies = [await rest.send(batch) for batch in batches]
            await rest.close()
            return replies, [seen.body for seen in server.seen]

    replies, bodies = run(main())
    assert [set(outcomes(reply)) for reply in replies] == [{Outcome.ACK}, {Outcome.UNKNOWN}]
    assert len(bodies) == len(set(bodies)) == 2


def test_403_stops_everything_and_says_until_when(
    run: Run, stub: Any, make_rest: Make, make_batch: Make
) -> None:
    async def script(seen: Any, peer: Any) -> None:
        await peer.reply(b"access too frequent", 403)

    logged: list[tuple[str, str, str]] = []

    async def main() -> tuple[BatchReply, BatchReply, int]:
        async with stub(script).running() as server:
            rest = make_rest(server.url, log=lambda *words: logged.append(words))
            first = await rest.send(make_batch())
            second = await rest.send(make_batch(Op.CANCEL))
            assert rest.blocked_until_ns == first.blocked_until_ns
            await rest.close()
            return first, second, len(server.seen)

    first, second, arrived = run(main())
    assert set(outcomes(first)) == {Outcome.THROTTLED}
    assert first.blocked_until_ns - first.received_ns >= 600 * 10**9
    assert set(outcomes(second)) == {Outcome.NOT_SENT}
    assert second.blocked_until_ns == first.blocked_until_ns
    assert arrived == 1
    assert [code for _, code, _ in logged] == ["ip_ban"]


def test_what_must_not_leave_is_refused_here(exchange: Make, make_batch: Make) -> None:
    async def script(seen: Any, peer: Any) -> None:
        raise AssertionError("nothing may arrive")

    reply, server = exchange(script, make_batch(Op.PLACE, 21))
    assert set(outcomes(reply)) == {Outcome.LOCAL_REJECT}
    assert server.connections == 0


def test_requests_are_told_to_the_observer(exchange: Make) -> None:
    told: list[tuple[str, str, int, str]] = []

    async def script(seen: Any, peer: Any) -> None:
        await peer.reply(b"x", 502)

    exchange(script, on_request=lambda *words: told.append(words))
    ((verb, api, elapsed_ns, status),) = told
    assert (verb, api, status) == ("POST", "order/create-batch", "502")
    assert elapsed_ns > 0
