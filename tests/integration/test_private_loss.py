"""The private stream is lost over a real socket: how many turns of the loop until cancels leave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from scenario import scenario

from mmfast.messages import Batch, Event, Op, Stream, StreamState
from mmfast.net.gateway import Gateway, OnReply


class Spy:
    """A gateway that notes in which turn what leaves."""

    def __init__(self, gateway: Gateway, turn: Callable[[], int]) -> None:
        self.left: list[tuple[int, Op, int]] = []
        self._gateway = gateway
        self._turn = turn

    def send(self, batches: Sequence[Batch], on_reply: OnReply) -> None:
        for batch in batches:
            self.left.append((self._turn(), batch.op, len(batch.commands)))
        self._gateway.send(batches, on_reply)


def test_all_quotes_are_withdrawn_in_the_turn_after_the_loss_is_read(tmp_path: Path) -> None:
    """The loss is read in one turn; the flush is the very next thing the loop does. Until the
    account is read anew nothing but cancels leaves."""

    async def main() -> None:
        async with scenario(tmp_path) as live:
            session, loop = live.session, asyncio.get_running_loop()
            await live.tick(20)  # cancels have left before: their budget is known, not assumed
            turns = 0

            def count() -> None:
                nonlocal turns
                turns += 1
                loop.call_soon(count)

            lost: list[int] = []
            back = asyncio.Event()
            hear = session.witness.news

            def news(events: Sequence[Event]) -> None:
                for event in events:
                    if isinstance(event, StreamState) and event.stream is Stream.PRIVATE:
                        if event.up:
                            back.set()
                        else:
                            lost.append(turns)
                hear(events)

            spy = Spy(session.orchestrator._gateway, lambda: turns)
            session.orchestrator.use(spy)
            session.witness.news = news
            resting = session.kernel.view(session.clock.now_ns()).working
            assert resting == 40
            count()
            await drop_private(live.venue.rest_url)
            async with asyncio.timeout(10):
                await back.wait()
            (turn,) = lost
            cancels = [row for row in spy.left if row[1] is Op.CANCEL]
            assert sum(many for _, _, many in cancels) == resting
            assert {at for at, _, _ in cancels} <= {turn, turn + 1}
            assert all(op is Op.CANCEL for at, op, _ in spy.left)
            await live.settle()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def drop_private(rest_url: str) -> None:
    fault: dict[str, Any] = {"kind": "stream_drop", "sockets": "private", "how": "reset"}
    body = json.dumps({"seed": 1, "faults": [fault]})
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{rest_url}/control/faults", data=body) as reply,
    ):
        assert reply.status == 200, await reply.text()
