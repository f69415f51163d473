"""The forms of order entry: named methods, the gateway with its last look, being cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from mmfast.messages import Batch, BatchReply, Op, Outcome
from mmfast.net.gateway import RestGateway

Run = Callable[[Awaitable[Any]], Any]
Make = Callable[..., Any]


def outcomes(reply: BatchReply) -> list[Outcome]:
    return [item.outcome for item in reply.items]


def test_the_last_look_keeps_a_batch_home(
    run: Run, stub: Any, make_rest: Make, make_batch: Make, acked: Make
) -> None:
    asked: list[Batch] = []
    batch = make_batch()
    answers = ["the book is stale", ""]

    def look(asked_about: Batch) -> str:
        asked.append(asked_about)
        return answers.pop(0)

    async def main() -> tuple[list[BatchReply], int]:
        async def script(seen: Any, peer: Any) -> None:
            await peer.reply(acked(batch))

        async with stub(script).running() as server:
            rest = make_rest(server.url)
            tasks: list[asyncio.Task[None]] = []
            replies: list[BatchReply] = []

            def start(work: Coroutine[Any, Any, None], name: str) -> None:
                tasks.append(asyncio.create_task(work, name=name))

            gateway = RestGateway(rest, look, start)
            for number in range(2):
                gateway.send([batch], replies.append)
                assert len(replies) == number, "no reply comes before the call returns"
                await asyncio.gather(*tasks)
            await rest.close()
            return replies, len(server.seen)

    replies, arrived = run(main())
    assert [set(outcomes(reply)) for reply in replies] == [{Outcome.NOT_SENT}, {Outcome.ACK}]
    assert replies[0].items[0].ret_msg == "the book is stale"
    assert asked == [batch, batch]
    assert arrived == 1


def test_the_named_forms_send_what_they_say(
    run: Run, stub: Any, make_rest: Make, make_batch: Make
) -> None:
    async def main() -> tuple[list[str], list[int]]:
        async def script(seen: Any, peer: Any) -> None:
            await peer.reply({"retCode": 10016, "retMsg": "down"})

        async with stub(script).running() as server:
            rest = make_rest(server.url)
            replies = []
            for op, many, one in (
                (Op.PLACE, rest.batch_place_orders, rest.place_order),
                (Op.AMEND, rest.batch_amend_orders, rest.amend_order),
                (Op.CANCEL, rest.batch_cancel_orders, rest.cancel_order),
            ):
                commands = make_batch(op).commands
                replies += [await many(commands), await one(commands[0])]
            await rest.close()
            return [seen.target for seen in server.seen], [r.batch.batch_id for r in replies]

    targets, batch_ids = run(main())
    words = ("create", "amend", "cancel")
    assert targets == [f"/v5/order/{w}{tail}" for w in words for tail in ("-batch", "")]
    assert len(set(batch_ids)) == 6
    assert all(batch_id < 0 for batch_id in batch_ids)


def test_being_cancelled_passes_through(
    run: Run, stub: Any, make_rest: Make, make_batch: Make
) -> None:
    async def script(seen: Any, peer: Any) -> None:
        await peer.reader.read()

    async def main() -> None:
        async with stub(script).running() as server:
            rest = make_rest(server.url)
            task = asyncio.create_task(rest.send(make_batch()))
            await server.arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await rest.close()

    run(main())
