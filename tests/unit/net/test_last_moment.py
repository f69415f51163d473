"""Between the last look at a request and its bytes on the wire nothing may happen."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mmfast.errors import OutcomeUnknown
from mmfast.messages import Batch, Op, Outcome
from mmfast.net.http import Limits
from mmfast.net.rest import BybitRest

Run = Callable[[Any], Any]
Make = Callable[..., Any]


@contextlib.asynccontextmanager
async def warm(rest: BybitRest, door: socket.socket) -> AsyncIterator[socket.socket]:
    """The far end of a connection that is there already."""
    query = asyncio.ensure_future(rest.server_time())
    loop = asyncio.get_running_loop()
    far, _ = await loop.sock_accept(door)
    far.setblocking(False)
    await loop.sock_recv(far, 65_536)
    body = b'{"retCode":0,"retMsg":"OK","result":{"timeSecond":"1","timeNano":"1"},"time":1}'
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    await loop.sock_sendall(far, head + body)
    await query
    with far:
        yield far


def test_the_bytes_leave_in_the_turn_of_the_last_look(
    run_on_both: Run, make_rest: Make, make_batch: Make
) -> None:
    """What the next turn of the loop brings, such as the loss of a stream, may forbid quoting:
    a create that was allowed before has to be gone by then."""
    gone: list[bytes] = []

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as door:
            door.setblocking(False)
            rest: BybitRest = make_rest(f"http://127.0.0.1:{door.getsockname()[1]}")
            async with warm(rest, door) as far:

                def next_turn() -> None:
                    with contextlib.suppress(BlockingIOError):
                        gone.append(far.recv(65_536))

                def last_look(_batch: Batch) -> str:
                    asyncio.get_running_loop().call_soon(next_turn)
                    return ""

                outgoing = rest.prepare([make_batch(Op.PLACE)], last_look)[0]
                exchange = asyncio.ensure_future(rest.exchange(outgoing))
                for _ in range(5):
                    await asyncio.sleep(0)
            await exchange
            await rest.close()

    run_on_both(main())
    assert len(gone) == 1
    assert gone[0].startswith(b"POST /v5/order/create-batch")
    assert gone[0].endswith(b"}")


def test_who_waits_for_a_connection_hears_of_the_ban(
    run: Run, stub: Any, make_rest: Make, make_batch: Make
) -> None:
    """The second create has no connection yet when the reply to the first says 403."""

    async def script(_seen: Any, peer: Any) -> None:
        await peer.reply(b"access too frequent", 403)

    async def main() -> tuple[Any, Any]:
        async with stub(script).running() as server:
            rest: BybitRest = make_rest(server.url, limits=Limits(connections=1))
            replies = await asyncio.gather(*(rest.send(make_batch(Op.PLACE)) for _ in range(2)))
            await rest.close()
            return replies, server

    (_, second), server = run(main())
    assert len(server.seen) == 1
    assert {item.outcome for item in second.items} == {Outcome.NOT_SENT}
    assert "banned from REST for another 599 s" in second.items[0].ret_msg


def test_a_query_whose_connection_is_lost_is_not_repeated_after_a_ban(
    run: Run, stub: Any, make_rest: Make
) -> None:
    """A query is repeated on another connection."""
    banned = asyncio.Event()

    async def script(seen: Any, peer: Any) -> None:
        if "position" in seen.target:
            await banned.wait()
            peer.reset()
        else:
            await peer.reply(b"access too frequent", 403)

    async def main() -> Any:
        async with stub(script).running() as server:
            rest: BybitRest = make_rest(server.url)
            slow = asyncio.ensure_future(rest.positions())
            await server.arrived.wait()
            with contextlib.suppress(Exception):
                await rest.server_time()
            banned.set()
            with pytest.raises(OutcomeUnknown, match="banned from REST"):
                await slow
            await rest.close()
            return server

    server = run(main())
    assert [seen.target.partition("?")[0] for seen in server.seen] == [
        "/v5/position/list",
        "/v5/market/time",
    ]
