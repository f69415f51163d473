"""Several trade sockets as one, over loopback: a spare takes over in the turn in which the active
one is lost, and every request is answered by the socket that sent it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from trade_desk import Frame, accept, accepted, refused, serving, socket_maker
from ws_venue import Log, Venue, kept_up, say

from mmfast.bybit.trade import TradeCodec
from mmfast.messages import Batch, BatchReply, Op, Outcome
from mmfast.net.trade_sockets import TradeSockets

Run = Callable[[Any], Any]
MakeBatch = Callable[..., Batch]


class Floor:
    """Sockets, and what was told of them in the order it was told."""

    def __init__(self, sockets: TradeSockets, log: Log, venue: Venue) -> None:
        self.sockets = sockets
        self.log = log
        self.venue = venue
        self.replies: list[BatchReply] = []

    def send(self, *batches: Batch) -> None:
        self.sockets.send(batches, self.replied)

    def replied(self, reply: BatchReply) -> None:
        self.replies.append(reply)
        self.log.event([reply])

    async def until(self, condition: Callable[[], bool]) -> None:
        """For what the venue's side of the test sees, of which the log is not told."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - plain lists
                await asyncio.sleep(0.002)

    async def outcomes(self, count: int) -> list[set[Outcome]]:
        await self.log.until(lambda: len(self.replies) >= count)
        return [{item.outcome for item in reply.items} for reply in self.replies]

    def req_ids(self) -> list[str]:
        return [f["reqId"] for f in self.venue.heard if f["op"].startswith("order.")]


@pytest.fixture
def floor(instrument: Any, ids: Any, secret: str) -> Callable[..., Any]:
    @contextlib.asynccontextmanager
    async def opened(handler: Any, count: int = 2) -> AsyncIterator[Floor]:
        rng, log = random.Random(1), Log()
        async with Venue(handler).running() as venue, contextlib.AsyncExitStack() as stack:
            options = {"reply_within_s": 8.0, "log": log.line}
            make = socket_maker(venue.url, secret, TradeCodec((instrument,), ids), rng, **options)

            sockets = TradeSockets(make, count, log.state)
            for socket in sockets.sockets:
                await stack.enter_async_context(kept_up(socket))
            await log.until(lambda: all(socket.up for socket in sockets.sockets))
            yield Floor(sockets, log, venue)

    return opened


def test_one_socket_carries_all_while_it_is_well(
    run_on_both: Run, floor: Any, make_batch: MakeBatch
) -> None:
    async def main() -> None:
        async with floor(serving(accept), 3) as here:
            for _ in range(5):
                here.send(make_batch(), make_batch(Op.CANCEL))
            assert await here.outcomes(10) == [{Outcome.ACK}] * 10
            assert len({req_id.rsplit("-", 1)[0] for req_id in here.req_ids()}) == 1
            assert here.sockets.takeovers <= 2, "only as the sockets came up"
            assert here.log.states == [True]

    run_on_both(main())


@pytest.mark.parametrize("how", ["dropped here", "reset by the venue"])
def test_a_spare_takes_over_in_the_turn_of_the_loss(
    run_on_both: Run, floor: Any, make_batch: MakeBatch, how: str
) -> None:
    async def main() -> None:
        held: list[web.WebSocketResponse] = []

        async def first_silent(socket: web.WebSocketResponse, frame: Frame) -> None:
            held.append(socket)
            if len(held) > 1:
                await accept(socket, frame)

        async with floor(serving(first_silent)) as here:
            sockets, state_of_loss = here.sockets, []
            active = sockets._active
            here.send(make_batch())
            await here.until(lambda: len(held) == 1)
            # Said to be lost by its own callback: asked in that very turn, a spare would take.
            plain = active._over
            active._over = lambda: (plain(), state_of_loss.append(sockets.takes))  # type: ignore[func-returns-value]
            if how == "dropped here":
                active.drop("test")
            else:
                held[0]._req.transport.abort()  # type: ignore[union-attr]
                await here.until(lambda: bool(state_of_loss))
            assert state_of_loss[0] is True
            here.send(make_batch())
            assert await here.outcomes(2) == [{Outcome.UNKNOWN}, {Outcome.ACK}]
            assert here.log.states == [True], "there was a way out all the time"
            assert len(here.req_ids()) == 2 == len(set(here.req_ids())), "nothing was sent again"

    run_on_both(main())


def test_a_reply_by_the_old_socket_counts_after_the_spare_took_over(
    run_on_both: Run, floor: Any, make_batch: MakeBatch
) -> None:
    async def main() -> None:
        held: list[tuple[web.WebSocketResponse, Frame]] = []

        async def hold(socket: web.WebSocketResponse, frame: Frame) -> None:
            held.append((socket, frame))

        async with floor(serving(hold)) as here:
            first = make_batch()
            here.send(first)
            await here.until(lambda: len(held) == 1)
            here.sockets._active.retire("test")
            here.send(make_batch(Op.CANCEL))
            await here.until(lambda: len(held) == 2)
            assert held[0][0] is not held[1][0]
            await say(held[0][0], **accepted(held[0][1]))
            assert await here.outcomes(1) == [{Outcome.ACK}]
            assert here.replies[0].batch is first
            await here.until(lambda: here.sockets.reconnects == 1)

    run_on_both(main())


def test_a_restart_of_the_service_retires_every_connection_made_before_it(
    run_on_both: Run, floor: Any, make_batch: MakeBatch
) -> None:
    """A spare of before would only refuse again. It is gone and back while the speaker is still
    heard out, and carries the next order."""

    async def main() -> None:
        old: list[Frame] = []
        speaker: list[web.WebSocketResponse] = []

        async def restarting(socket: web.WebSocketResponse, frame: Frame) -> None:
            if not old:
                old.append(frame)  # answered at the very end
                speaker.append(socket)
            elif len(old) == 1:
                old.append(frame)
                await say(socket, **refused(frame, 10019))
            else:
                assert socket is not speaker[0]
                await accept(socket, frame)

        async with floor(serving(restarting)) as here:
            here.send(make_batch(), make_batch())
            await here.outcomes(1)
            await here.log.until(lambda: here.log.states == [True, False, True])
            assert here.sockets.in_flight == 1
            here.send(make_batch())
            assert await here.outcomes(2) == [{Outcome.UNKNOWN}, {Outcome.ACK}]
            await say(speaker[0], **accepted(old[0]))
            assert (await here.outcomes(3))[2] == {Outcome.ACK}
            await here.until(lambda: here.sockets.reconnects == 2)

    run_on_both(main())


def test_with_all_sockets_gone_nothing_leaves_and_it_is_said_once(
    run_on_both: Run, floor: Any, make_batch: MakeBatch
) -> None:
    async def main() -> None:
        async with floor(serving(accept)) as here:
            for socket in here.sockets.sockets:
                socket.drop("test")
            here.send(make_batch())
            assert await here.outcomes(1) == [{Outcome.NOT_SENT}]
            assert here.log.states == [True, False]
            await here.log.until(lambda: here.log.states == [True, False, True])
            await asyncio.sleep(0)
            assert here.req_ids() == []

    run_on_both(main())
