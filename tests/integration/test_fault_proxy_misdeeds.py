"""Faults of the wire that are no cuts: silence, delays, dead sockets, bytes nobody asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from cut_bench import (
    FORMS,
    CannedServer,
    CannedTrade,
    Form,
    TradeClient,
    batch_of,
    http,
    outcomes,
    rest_body,
    rest_client,
    socket_reply,
)
from fault_proxy import CLEAN, End, Fault, FaultProxy
from uvloop import new_event_loop

from mmfast.messages import Batch, Op, Outcome
from mmfast.net.http import Limits
from mmfast.net.pulse import StreamTiming
from mmfast.net.rest import BybitRest

PLACE = Form(Op.PLACE, single=True)
REFUSED = 110_007


def run(main: Any) -> Any:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)


def over_rest(test: Any, *, total_s: float = 5.0, **options: Any) -> None:
    """Run ``test(proxy, server, rest)``."""

    async def main() -> None:
        async with CannedServer().running() as server, FaultProxy(server.port).running() as proxy:
            rest = rest_client(f"http://127.0.0.1:{proxy.port}", total_s=total_s, **options)
            try:
                await test(proxy, server, rest)
            finally:
                await rest.close()

    run(main())


async def said(rest: BybitRest, server: CannedServer, batch: Batch) -> set[Outcome]:
    """Send a batch to a server that would accept it."""
    server.reply = http(rest_body(batch))
    return outcomes(await rest.send(batch))


# Bytes that nobody asked for.


@pytest.mark.parametrize(
    "surplus",
    [
        http(b'{"retCode":110007,"retMsg":"no","result":{},"retExtInfo":{},"time":1}'),
        http(b"", 408),
        http(b"<html>bad request</html>", 400),
        b"\r\n",
        b"\x15\x03\x03\x00\x02\x01\x00",
    ],
    ids=["refusal", "408", "400", "newline", "garbage"],
)
def test_what_lies_on_an_idle_connection_is_nobodys_reply(surplus: bytes) -> None:
    """The refusal of an earlier request, come late, must not be the end of the next order."""

    async def test(proxy: FaultProxy, server: CannedServer, rest: BybitRest) -> None:
        assert await said(rest, server, batch_of(PLACE)) == {Outcome.ACK}
        for transport in server.open:
            transport.write(surplus)
        await asyncio.sleep(0.05)
        assert await said(rest, server, batch_of(PLACE)) == {Outcome.ACK}
        assert len(server.bodies) == 2
        if surplus.strip():  # an empty line is allowed between replies
            assert proxy.accepted == 2, "the soiled connection was given up"

    over_rest(test)


def test_a_reply_that_comes_twice_answers_once() -> None:
    async def test(proxy: FaultProxy, server: CannedServer, rest: BybitRest) -> None:
        for _ in range(20):
            batch = batch_of(PLACE)
            proxy.arm(Fault(after=http(rest_body(batch, refused=REFUSED))))
            assert await said(rest, server, batch) == {Outcome.ACK}
        assert len(server.bodies) == 20

    over_rest(test)


def test_a_peer_that_always_speaks_first_is_not_sent_anything() -> None:
    """Or, if its greeting comes too late to be seen, the greeting proves nothing."""

    async def main() -> None:
        heard = bytearray()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 welcome\r\n")
            heard.extend(await reader.read(65536))
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        rest = rest_client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        for _ in range(20):
            heard.clear()
            found = outcomes(await rest.send(batch_of(PLACE)))
            assert found <= ({Outcome.UNKNOWN} if heard else {Outcome.UNKNOWN, Outcome.NOT_SENT})
        await rest.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)

    run(main())


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@pytest.mark.parametrize("before", [b"\x00", b"HTTP/1.1 200", b"}{", b"HTTP/1.1 100 Continue\r\n"])
def test_garbage_ahead_of_a_reply_leaves_it_in_doubt(form: Form, before: bytes) -> None:
    async def test(proxy: FaultProxy, server: CannedServer, rest: BybitRest) -> None:
        proxy.arm(Fault(before=before))
        assert await said(rest, server, batch_of(form)) == {Outcome.UNKNOWN}
        proxy.arm(CLEAN)
        assert await said(rest, server, batch_of(form)) == {Outcome.ACK}

    over_rest(test)


def test_a_word_of_patience_ahead_of_a_reply_changes_nothing() -> None:
    async def test(proxy: FaultProxy, server: CannedServer, rest: BybitRest) -> None:
        for _ in range(3):
            proxy.arm(Fault(before=b"HTTP/1.1 100 Continue\r\n\r\n"))
            assert await said(rest, server, batch_of(PLACE)) == {Outcome.ACK}

    over_rest(test)


@pytest.mark.parametrize(
    "head",
    [
        b"X-Long: " + b"y" * (1 << 20) + b"\r\n",
        b"".join(b"X-%d: y\r\n" % n for n in range(100_000)),
    ],
    ids=["one long line", "very many lines"],
)
def test_headers_without_end_are_cut_off(head: bytes) -> None:
    async def test(proxy: FaultProxy, server: CannedServer, rest: BybitRest) -> None:
        batch = batch_of(PLACE)
        body = rest_body(batch)
        server.reply = b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(body)
        server.reply += body
        assert outcomes(await rest.send(batch)) == {Outcome.UNKNOWN}
        assert await said(rest, server, batch_of(PLACE)) == {Outcome.ACK}

    over_rest(test)


BODIES = {
    "html": lambda batch: b"<html><h1>error</h1></html>",
    "empty": lambda batch: b"",
    "json": rest_body,
    "huge": lambda batch: b" " * 200_000 + rest_body(batch),
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_status_of_an_error_with_every_kind_of_body(form: Form, kind: str) -> None:
    """Only what the documents explain as refused unseen is a refusal, whatever the body says."""

    async def test(proxy: FaultProxy, server: CannedServer, rest: BybitRest) -> None:
        for status in range(400, 600):
            batch = batch_of(form)
            server.reply = http(BODIES[kind](batch), status)
            expected = Outcome.UNKNOWN
            if kind != "huge":
                expected = {400: Outcome.REJECT, 401: Outcome.REJECT, 404: Outcome.REJECT}.get(
                    status, expected
                )
            if status == 403:
                continue  # it bans: below
            assert outcomes(await rest.send(batch)) == {expected}, status

    over_rest(test, limits=Limits(total_s=5.0, connect_s=5.0, max_reply_bytes=100_000))


@pytest.mark.parametrize("kind", BODIES)
def test_403_stops_all_requests_whatever_its_body(kind: str) -> None:
    async def test(proxy: FaultProxy, server: CannedServer, rest: BybitRest) -> None:
        batch = batch_of(PLACE)
        server.reply = http(BODIES[kind](batch), 403)
        assert outcomes(await rest.send(batch)) == {Outcome.THROTTLED}
        assert await said(rest, server, batch_of(PLACE)) == {Outcome.NOT_SENT}
        assert len(server.bodies) == 1

    over_rest(test)


# Dead, slow and silent connections.


@pytest.mark.parametrize("end", [End.FIN, End.RST])
def test_a_connection_that_died_idle_costs_nothing_once_it_is_noticed(end: End) -> None:
    async def test(proxy: FaultProxy, server: CannedServer, rest: BybitRest) -> None:
        for sent in range(1, 30):
            assert await said(rest, server, batch_of(PLACE)) == {Outcome.ACK}
            assert len(server.bodies) == sent
            proxy.hang_up(end)
            await asyncio.sleep(0.005)

    over_rest(test)


@pytest.mark.parametrize("end", [End.FIN, End.RST])
def test_a_connection_that_dies_as_it_is_taken_is_never_tried_twice(end: End) -> None:
    """No turn of the loop between the end and the request: it is written to a dead socket."""

    async def test(proxy: FaultProxy, server: CannedServer, rest: BybitRest) -> None:
        for _ in range(30):
            server.bodies.clear()
            assert await said(rest, server, batch_of(PLACE)) == {Outcome.ACK}
            proxy.hang_up(end)
            proxy.arm(CLEAN)
            found = await said(rest, server, batch_of(PLACE))
            arrived = len(server.bodies) - 1
            if found == {Outcome.ACK}:
                assert arrived == 1
            else:
                assert found <= ({Outcome.UNKNOWN} if proxy.heard else {*found} - {Outcome.ACK})
                assert arrived == 0

    over_rest(test)


def test_a_late_reply_belongs_to_its_own_request() -> None:
    """The reply to a request given up for lost comes while the next one waits for its own."""

    async def test(proxy: FaultProxy, server: CannedServer, rest: BybitRest) -> None:
        for _ in range(3):
            proxy.arm(Fault(down_s=0.35))
            assert await said(rest, server, batch_of(PLACE)) == {Outcome.UNKNOWN}
            proxy.arm(Fault(down_s=0.1))
            assert await said(rest, server, batch_of(PLACE)) == {Outcome.ACK}

    over_rest(test, total_s=0.25)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(up=0, end=End.SILENCE),
        Fault(up=100, end=End.SILENCE),
        Fault(down=0, end=End.SILENCE),
        Fault(down=60, end=End.SILENCE),
        Fault(drip_s=0.02),
    ],
    ids=["accepted", "in the request", "no reply", "in the reply", "a byte at a time"],
)
def test_silence_ends_at_the_deadline_in_doubt(fault: Fault) -> None:
    async def test(proxy: FaultProxy, server: CannedServer, rest: BybitRest) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(2):
            proxy.arm(fault)
            started = loop.time()
            assert await said(rest, server, batch_of(PLACE)) == {Outcome.UNKNOWN}
            assert loop.time() - started >= 0.25
            proxy.arm(CLEAN)
            assert await said(rest, server, batch_of(PLACE)) == {Outcome.ACK}

    over_rest(test, total_s=0.3)


def test_a_reply_a_byte_at_a_time_within_the_deadline_is_a_reply() -> None:
    async def test(proxy: FaultProxy, server: CannedServer, rest: BybitRest) -> None:
        proxy.arm(Fault(drip_s=0.0005))
        assert await said(rest, server, batch_of(PLACE)) == {Outcome.ACK}

    over_rest(test)


# The trade socket.


def over_trade(test: Any, **options: Any) -> None:
    """Run ``test(proxy, server, client)`` with a client that is logged in."""

    async def main() -> None:
        async with CannedTrade().running() as server, FaultProxy(server.port).running() as proxy:
            client = TradeClient(f"ws://127.0.0.1:{proxy.port}/v5/trade", **options)
            async with client.running():
                await client.up()
                await test(proxy, server, client)

    run(main())


SLOW_PINGS = StreamTiming(ping_when_idle_s=60.0, ping_every_s=60.0, watch_every_s=0.05)


@pytest.mark.parametrize("arrives", [0, 1, 50, 1_000_000])
def test_a_reset_right_behind_data_is_noticed_without_a_ping(arrives: int) -> None:
    """Data and the reset are read in one turn of the loop, which tells of the data only."""

    async def test(proxy: FaultProxy, server: CannedTrade, client: TradeClient) -> None:
        batch = batch_of(PLACE)
        server.reply = lambda frame: socket_reply(batch, frame)
        for _ in range(3):
            await client.up()
            proxy.arm(Fault(down=min(arrives, 150), end=End.RST))
            loop = asyncio.get_running_loop()
            started = loop.time()
            assert outcomes(await client.send(batch)) <= {Outcome.UNKNOWN, Outcome.ACK}
            await client.down()
            assert loop.time() - started < 2
            proxy.arm(CLEAN)

    over_trade(test, timing=SLOW_PINGS)


@pytest.mark.parametrize("at", [Fault(up=0), Fault(up=90), Fault(down=0), Fault(down=70)])
def test_a_silent_trade_socket_is_given_up_by_the_first_deadline(at: Fault) -> None:
    async def test(proxy: FaultProxy, server: CannedTrade, client: TradeClient) -> None:
        batch = batch_of(PLACE)
        server.reply = lambda frame: socket_reply(batch, frame)
        proxy.arm(at._replace(end=End.SILENCE))
        assert outcomes(await client.send(batch)) == {Outcome.UNKNOWN}
        proxy.arm(CLEAN)
        await client.up()
        assert outcomes(await client.send(batch)) == {Outcome.ACK}
        assert client.states == [True, False, True]

    over_trade(test, reply_within_s=0.3)


def test_an_idle_half_open_trade_socket_is_found_by_its_ping() -> None:
    timing = StreamTiming(ping_when_idle_s=0.1, pong_within_s=0.2, watch_every_s=0.02)

    async def test(proxy: FaultProxy, server: CannedTrade, client: TradeClient) -> None:
        proxy.hang_up(End.SILENCE)
        await client.down()
        await client.up()

    over_trade(test, timing=timing)


def test_a_trade_reply_that_comes_twice_or_late_changes_nothing() -> None:
    async def test(proxy: FaultProxy, server: CannedTrade, client: TradeClient) -> None:
        batch = batch_of(PLACE)
        server.reply = lambda frame: socket_reply(batch, frame)
        proxy.arm(Fault(down_s=0.3))
        assert outcomes(await client.send(batch)) == {Outcome.UNKNOWN}
        proxy.arm(CLEAN)
        for _ in range(5):
            await client.up()
            assert outcomes(await client.send(batch)) == {Outcome.ACK}

    over_trade(test, reply_within_s=0.2)


# No way to the venue at all.


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1", "http://255.255.255.255:1", "http://venue.invalid:1"],
    ids=["refused", "unreachable", "no such name"],
)
def test_without_a_way_to_the_venue_nothing_is_sent(url: str) -> None:
    async def main() -> None:
        rest = rest_client(url)
        for form in FORMS:
            assert outcomes(await rest.send(batch_of(form))) == {Outcome.NOT_SENT}
        await rest.close()

    run(main())
