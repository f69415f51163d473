"""Order entry by REST alone, on real sockets: in a ban cancels leave by trade sockets
that are opened for it, nothing else leaves, and all is as before when the ban is over."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web
from trade_desk import Frame, accept, serving, socket_maker
from ws_venue import Log, Venue

from mmfast.bybit.trade import TradeCodec
from mmfast.clock import SystemClock
from mmfast.messages import Batch, BatchReply, Op, Outcome
from mmfast.net.ban_exit import BanExit
from mmfast.net.gateway import BanGateway, RestGateway
from mmfast.net.rest import BybitRest
from mmfast.net.trade_sockets import TradeSockets
from mmfast.units import NS_PER_S

Run = Callable[[Any], Any]
Make = Callable[..., Any]
SENT_BACK = [Outcome.NOT_SENT]


class Bench:
    """A gateway by REST with an exit for bans, a scripted REST server, a scripted trade socket."""

    def __init__(self, rest: BybitRest, server: Any, venue: Venue, sockets: TradeSockets) -> None:
        self.rest = rest
        self.server = server
        self.venue = venue
        self.sockets = sockets
        self.log = Log()
        self.tasks: set[asyncio.Task[Any]] = set()
        self.found: dict[int, BatchReply] = {}
        self.ban = BanExit(rest, sockets, self.start, self.log.state, self.log.line)
        over_rest = RestGateway(rest, lambda _batch: "", self.start)
        self.gateway = BanGateway(over_rest, sockets, self.ban)

    def start(self, work: Any, _name: str) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        return task

    async def outcomes(self, *batches: Batch) -> list[Outcome]:
        self.gateway.send(batches, self.reply)
        await self.until(lambda: all(one.batch_id in self.found for one in batches))
        replies = [self.found[batch.batch_id] for batch in batches]
        return [reply.items[0].outcome for reply in replies]

    def reply(self, reply: BatchReply) -> None:
        assert reply.batch.batch_id not in self.found, "one reply to each"
        assert reply.blocked_until_ns == 0, "the door stays open for cancels"
        self.found[reply.batch.batch_id] = reply

    def orders(self) -> tuple[int, int]:
        """Order requests that arrived, by REST and by trade socket."""
        posts = [seen for seen in self.server.seen if seen.method == "POST"]
        frames = [frame for frame in self.venue.heard if frame["op"].startswith("order.")]
        return len(posts), len(frames)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - plain lists
                await asyncio.sleep(0.002)

    def end_ban(self) -> None:
        self.rest._pool.blocked_until_ns = 0


@pytest.fixture
def numbered(make_batch: Make) -> Callable[..., Batch]:
    """Batches with numbers of their own."""
    numbers = iter(range(1, 1_000))

    def make(op: Op) -> Batch:
        return msgspec.structs.replace(make_batch(op), batch_id=next(numbers))

    return make


@pytest.fixture
def bench(stub: Any, make_rest: Make, instrument: Any, ids: Any, secret: str) -> Make:
    @contextlib.asynccontextmanager
    async def opened(handler: Any, *, banned: bool = False) -> AsyncIterator[Bench]:
        async def forbidding(_seen: Any, peer: Any) -> None:
            await peer.reply(b"access too frequent", 403)

        rng, clock = random.Random(1), SystemClock()
        async with stub(forbidding).running() as server, Venue(serving(handler)).running() as venue:
            rest = make_rest(server.url)
            if banned:
                rest.heed_ban(clock.now_ns() + 600 * NS_PER_S, lambda _until_ns: None)
            make = socket_maker(venue.url, secret, TradeCodec((instrument,), ids), rng)

            made = Bench(rest, server, venue, TradeSockets(make, 2, lambda _up: None))
            made.start(made.ban.run(), "ban-exit")
            try:
                yield made
            finally:
                for task in made.tasks:
                    task.cancel()
                await asyncio.gather(*made.tasks, return_exceptions=True)
                await rest.close()

    return opened


def test_in_a_ban_cancels_alone_leave_and_by_the_trade_socket(
    run_on_both: Run, bench: Make, numbered: Callable[..., Batch]
) -> None:
    async def main() -> None:
        async with bench(accept) as here:
            assert here.venue.sockets == [], "none is open while there is no ban"
            await here.outcomes(numbered(Op.CANCEL))
            assert here.rest.is_banned
            assert here.log.states == [False], "said in the turn in which the ban was met"
            await here.until(lambda: here.sockets.takes)
            batches = [numbered(op) for op in (Op.CANCEL, Op.PLACE, Op.AMEND, Op.CANCEL)]
            found = await here.outcomes(*batches)
            assert found == [Outcome.ACK, *SENT_BACK, *SENT_BACK, Outcome.ACK]
            assert "banned" in here.found[batches[1].batch_id].items[0].ret_msg
            assert here.orders() == (1, 2), "by REST the one that met the ban"
            severities = {severity for severity, code, _ in here.log.lines if code == "order_way"}
            assert severities == {"error"}, "alarmed as the ban is"

    run_on_both(main())


def test_when_the_ban_is_over_orders_leave_by_rest_and_the_sockets_close(
    run: Run, bench: Make, numbered: Callable[..., Batch]
) -> None:
    async def main() -> None:
        held: list[tuple[web.WebSocketResponse, Frame]] = []

        async def later(socket: web.WebSocketResponse, frame: Frame) -> None:
            held.append((socket, frame))

        async with bench(later, banned=True) as here:
            assert here.ban.is_shut, "a ban remembered from before shuts from the start"
            await here.until(lambda: here.sockets.takes)
            cancel = numbered(Op.CANCEL)
            here.gateway.send([cancel], here.reply)
            await here.until(lambda: len(held) == 1)
            here.end_ban()
            await here.until(lambda: here.log.states == [True])
            assert here.sockets.up, "what is in flight is heard out"
            assert here.orders()[0] == 0, "not one request to a host that had banned us"
            await accept(*held[0])
            await here.until(lambda: cancel.batch_id in here.found)
            assert here.found[cancel.batch_id].items[0].outcome is Outcome.ACK
            await here.until(lambda: all(socket.closed for socket in here.venue.sockets))
            assert not here.sockets.takes
            # The next ban, which this very request meets, opens them anew.
            await here.outcomes(numbered(Op.PLACE))
            assert here.orders()[0] == 1
            await here.until(lambda: here.sockets.takes)
            assert here.log.states == [True, False]

    run(main())


def test_a_trade_socket_that_cannot_be_reached_leaves_all_unsent_and_said(
    run: Run, bench: Make, numbered: Callable[..., Batch]
) -> None:
    async def main() -> None:
        async with bench(accept, banned=True) as here:
            for socket in here.sockets.sockets:
                socket._url = "ws://127.0.0.1:1/"
            batch = numbered(Op.CANCEL)
            assert await here.outcomes(batch, numbered(Op.PLACE)) == [*SENT_BACK, *SENT_BACK]
            assert here.found[batch.batch_id].items[0].ret_msg == "trade socket is down"
            await here.until(lambda: here.sockets.sockets[0].connect_failures > 1)
            here.end_ban()
            await here.until(lambda: here.log.states == [True])
            assert here.orders() == (0, 0)

    run(main())
