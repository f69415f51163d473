"""One gateway over both ways, on real sockets: each batch leaves once, by the way in force, and
its reply counts whatever way is in force by then."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web
from trade_desk import Desk, Frame, accept, accepted, refused, serving
from ws_venue import say

from mmfast.bybit.trade import IP_BAN_NS
from mmfast.clock import SystemClock
from mmfast.messages import Batch, BatchReply, Op, Outcome
from mmfast.net.gateway import RestGateway, SocketGateway, SwitchingGateway
from mmfast.net.ways import Way, WayChoice, WayPolicy
from mmfast.units import NS_PER_S

Run = Callable[[Any], Any]
Make = Callable[..., Any]


class Bench:
    """A switching gateway between a scripted trade socket and a scripted REST server."""

    def __init__(self, gateway: SwitchingGateway, desk: Desk, rest: Any, server: Any) -> None:
        self.gateway = gateway
        self.desk = desk
        self.rest = rest
        self.server = server
        self.told: list[bool] = []
        self.found: dict[int, BatchReply] = {}

    async def outcomes(self, *batches: Batch) -> list[Outcome]:
        self.gateway.send(batches, self.reply)
        return await self.answered(*batches)

    async def answered(self, *batches: Batch) -> list[Outcome]:
        async with asyncio.timeout(10):
            while not all(batch.batch_id in self.found for batch in batches):  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        replies = [self.found[batch.batch_id] for batch in batches]
        assert all(len({item.outcome for item in reply.items}) == 1 for reply in replies)
        return [reply.items[0].outcome for reply in replies]

    def reply(self, reply: BatchReply) -> None:
        assert reply.batch.batch_id not in self.found, "one reply to each"
        self.found[reply.batch.batch_id] = reply

    def orders(self) -> tuple[int, int]:
        """Requests that arrived, by trade socket and by REST."""
        posts = [seen for seen in self.server.seen if seen.method == "POST"]
        return len(self.desk.orders()), len(posts)


@pytest.fixture
def numbered(make_batch: Make) -> Callable[..., Batch]:
    """Batches with numbers of their own."""
    count = 0

    def make(op: Op = Op.PLACE) -> Batch:
        nonlocal count
        count += 1
        return msgspec.structs.replace(make_batch(op), batch_id=count)

    return make


@pytest.fixture
def bench(stub: Any, make_rest: Make, desk: Any, acked: Make) -> Callable[..., Any]:
    @contextlib.asynccontextmanager
    async def opened(
        handler: Any, by_rest: Any = None, *, up: bool = True, **policy: int
    ) -> AsyncIterator[Bench]:
        sent: dict[bytes, Batch] = {}

        async def script(seen: Any, peer: Any) -> None:
            if by_rest is not None:
                await by_rest(seen, peer)
            else:
                await peer.reply(acked(sent[seen.body]))

        async with stub(script).running() as server, desk(handler, up=up) as here:
            rest = make_rest(server.url)
            encode = rest.codec.encode

            def remembered(batch: Batch) -> tuple[str, bytes]:
                path, body = encode(batch)
                sent[body] = batch
                return path, body

            rest.codec.encode = remembered
            tasks: list[asyncio.Task[None]] = []
            over_rest = RestGateway(
                rest,
                lambda _batch: "",
                lambda work, _name: tasks.append(asyncio.create_task(work)),
            )
            clock = SystemClock()
            told: list[bool] = []
            gateway = SwitchingGateway(
                here.socket,
                over_rest,
                WayChoice(clock.now_ns(), WayPolicy(**policy)),
                clock,
                lambda: rest.blocked_until_ns,
                told.append,
            )
            made = Bench(gateway, here, rest, server)
            made.told = told
            gateway.look()
            try:
                yield made
            finally:
                await rest.close()

    return opened


def test_orders_follow_the_socket_down_and_up(
    run: Run, bench: Any, numbered: Callable[..., Batch]
) -> None:
    async def main() -> None:
        async with bench(serving(accept), stay_ns=NS_PER_S // 5) as here:
            assert await here.outcomes(numbered(), numbered(Op.CANCEL)) == [Outcome.ACK] * 2
            assert here.orders() == (2, 0)
            here.desk.socket.drop("test")
            assert await here.outcomes(numbered(), numbered(Op.CANCEL)) == [Outcome.ACK] * 2
            assert here.orders() == (2, 2)
            await here.desk.log.until(lambda: here.desk.socket.up)
            assert await here.outcomes(numbered()) == [Outcome.ACK]
            assert here.orders() == (2, 3), "not trusted yet"
            await asyncio.sleep(0.3)
            here.gateway.look()
            await asyncio.sleep(0.15)
            assert await here.outcomes(numbered()) == [Outcome.ACK]
            assert here.orders() == (3, 3)
            assert here.told == [True], "there was a way at every moment"

    run(main())


def test_replies_of_the_way_left_behind_still_count(
    run: Run, bench: Any, numbered: Callable[..., Batch], acked: Make
) -> None:
    async def main() -> None:
        held: list[tuple[web.WebSocketResponse, Frame]] = []
        may_answer = asyncio.Event()
        over_rest = numbered(Op.CANCEL)

        async def hold(socket: web.WebSocketResponse, frame: Frame) -> None:
            held.append((socket, frame))

        async def slowly(seen: Any, peer: Any) -> None:
            await may_answer.wait()
            await peer.reply(acked(over_rest))

        async with bench(serving(hold), slowly, throttled_ns=NS_PER_S // 5, stay_ns=1) as here:
            by_socket = numbered()
            here.gateway.send([by_socket], here.reply)
            here.gateway.choice.throttled(SystemClock().now_ns())
            here.gateway.send([over_rest], here.reply)
            async with asyncio.timeout(10):
                while not held or here.orders()[1] < 1:  # noqa: ASYNC110
                    await asyncio.sleep(0.002)
            assert here.gateway.choice.way is Way.REST
            await say(held[0][0], **accepted(held[0][1]))
            assert await here.answered(by_socket) == [Outcome.ACK]
            async with asyncio.timeout(10):
                while here.gateway.choice.way is not Way.SOCKET:
                    here.gateway.look()
                    await asyncio.sleep(0.01)
            assert over_rest.batch_id not in here.found
            may_answer.set()
            assert await here.answered(over_rest) == [Outcome.ACK]
            assert here.orders() == (1, 1), "nothing was sent a second time"

    run(main())


def test_an_address_over_its_message_rate_goes_by_rest(
    run: Run, bench: Any, numbered: Callable[..., Batch]
) -> None:
    async def main() -> None:
        async def too_fast(socket: web.WebSocketResponse, frame: Frame) -> None:
            await say(socket, **refused(frame, 10403))

        async with bench(serving(too_fast)) as here:
            assert await here.outcomes(numbered()) == [Outcome.THROTTLED]
            assert await here.outcomes(numbered()) == [Outcome.ACK]
            assert here.orders() == (1, 1)

    run(main())


@pytest.mark.parametrize("kind", ["auto", "ws"])
def test_a_ban_met_by_rest_does_not_shut_the_trade_socket(
    run: Run, bench: Any, numbered: Callable[..., Batch], kind: str
) -> None:
    """Cancels met the ban while the socket was down. The engine must not hear of ten minutes'
    silence: the socket is back in a moment."""

    async def main() -> None:
        async def banned(seen: Any, peer: Any) -> None:
            await peer.reply(b"access too frequent", 403)

        let_in = asyncio.Event()
        let_in.set()

        async def doorman(socket: web.WebSocketResponse, frame: Frame) -> None:
            if frame["op"] == "auth":
                await let_in.wait()
            await serving(accept)(socket, frame)

        async with bench(doorman, banned) as here:
            gateway = here.gateway
            if kind == "ws":
                gateway = SocketGateway(here.desk.socket, gateway._rest)
            let_in.clear()
            here.desk.socket.drop("test")
            cancels = [numbered(Op.CANCEL) for _ in range(3)]
            gateway.send(cancels[:1], here.reply)
            assert await here.answered(cancels[0]) == [Outcome.THROTTLED]
            assert here.rest.blocked_until_ns > SystemClock().now_ns() + IP_BAN_NS // 2
            assert here.found[cancels[0].batch_id].blocked_until_ns == 0
            gateway.send(cancels[1:2], here.reply)
            assert await here.answered(cancels[1]) == [Outcome.NOT_SENT]
            assert here.orders() == (0, 1), "nobody knocks on a shut door"
            here.gateway.look()
            assert here.told == [True, False]
            let_in.set()
            await here.desk.log.until(lambda: here.desk.socket.up)
            gateway.send(cancels[2:], here.reply)
            assert await here.answered(cancels[2]) == [Outcome.ACK]
            assert here.orders() == (1, 1)
            here.gateway.look()
            assert here.told == [True, False, True]

    run(main())


def test_before_any_login_there_is_no_way_and_then_rest(
    run: Run, bench: Any, numbered: Callable[..., Batch]
) -> None:
    async def main() -> None:
        async def deaf(socket: web.WebSocketResponse, frame: Frame) -> None:
            """No login is ever acknowledged."""

        async with bench(deaf, up=False, grace_ns=NS_PER_S // 5) as here:
            assert await here.outcomes(numbered()) == [Outcome.NOT_SENT]
            assert await here.outcomes(numbered(Op.CANCEL)) == [Outcome.ACK], "leftovers can go"
            assert here.told == []
            await asyncio.sleep(0.25)
            here.gateway.look()
            assert here.told == [True]
            assert await here.outcomes(numbered()) == [Outcome.ACK]
            assert here.orders() == (0, 2)

    run(main())


def test_what_is_observed_of_calls_and_what_is_not(run: Run, bench: Any) -> None:
    async def main() -> None:
        async with bench(serving(accept), enough_acks=1, enough_probes=1) as here:
            gateway, now_ns = here.gateway, SystemClock().now_ns
            gateway.observe("GET", "order/realtime", 7, "200")  # a query is no order
            gateway.observe("POST", "order/create-batch", 7, "refused")  # our own last look
            gateway.observe("GET", "market/time", 7, "timeout")
            assert gateway.choice.takes_ns(Way.REST, now_ns()) == -1
            gateway.observe("GET", "market/time", 3, "200")
            assert gateway.choice.takes_ns(Way.REST, now_ns()) == 3
            gateway.observe("POST", "order/create-batch", 9, "200")
            assert gateway.choice.takes_ns(Way.REST, now_ns()) == 9
            gateway.heard_pong(4)
            assert gateway.choice.takes_ns(Way.SOCKET, now_ns()) == 4
            gateway.observe("WS", "order/cancel", 11, "200")
            assert gateway.choice.takes_ns(Way.SOCKET, now_ns()) == 11

    run(main())


def test_heartbeats_of_a_real_socket_are_measured(run: Run, desk: Any) -> None:
    async def main() -> None:
        async with desk(serving(accept)) as here:
            took: list[int] = []
            here.socket.on_pong = took.append
            async with asyncio.timeout(10):
                while len(took) < 3:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert all(0 <= one < 5 * NS_PER_S for one in took)

    run(main())
