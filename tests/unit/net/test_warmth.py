"""A connection is warm when the first cancel has to leave by REST, however long nothing did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from mmfast.clock import SystemClock
from mmfast.errors import NotSent
from mmfast.messages import Op, Outcome
from mmfast.net import connector
from mmfast.runtime import warmth

Run = Callable[[Any], Any]
Make = Callable[..., Any]


@pytest.mark.parametrize("kept_warm", [True, False])
def test_a_cancel_after_a_quiet_time_finds_an_open_connection_only_if_kept_warm(
    run: Run,
    stub: Any,
    make_rest: Make,
    make_batch: Make,
    acked: Make,
    monkeypatch: pytest.MonkeyPatch,
    kept_warm: bool,
) -> None:
    monkeypatch.setattr(connector, "_KEEP_ALIVE_S", 0.5)

    async def main() -> None:
        batch = make_batch(Op.CANCEL)

        async def script(seen: Any, peer: Any) -> None:
            if seen.method == "GET":
                result = {"timeNano": str(SystemClock().wall_ms() * 1_000_000)}
                await peer.reply({"retCode": 0, "retMsg": "OK", "result": result})
            else:
                await peer.reply(acked(batch))

        async with stub(script).running() as server:
            rest = make_rest(server.url)
            await rest.warm(warmth.KEPT)
            work = asyncio.create_task(warmth.keep_warm(rest, 0.1 if kept_warm else warmth.EVERY_S))
            await asyncio.sleep(1.5)
            before = server.connections
            reply = await rest.send(batch)
            work.cancel()
            await rest.close()
            assert {item.outcome for item in reply.items} == {Outcome.ACK}
            assert server.connections - before == (0 if kept_warm else 1)

    run(main())


def test_the_interval_leaves_a_second_chance_before_the_pool_closes_a_connection() -> None:
    assert warmth.EVERY_S * 2 < connector._KEEP_ALIVE_S


def test_a_venue_that_does_not_answer_is_asked_again(run: Run) -> None:
    class Deaf:
        asked = 0

        async def warm(self, connections: int) -> None:
            self.asked += connections
            raise NotSent("nobody there")

    async def main() -> None:
        deaf = Deaf()
        work = asyncio.create_task(warmth.keep_warm(deaf, 0.001))
        async with asyncio.timeout(10):
            while deaf.asked < 3 * warmth.KEPT:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        work.cancel()

    run(main())
