"""The forms of order entry: named methods, the gateway with its last look, being cancelled."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from trade_desk import housekeeping

from mmfast.clock import SystemClock
from mmfast.messages import Batch, BatchReply, Op, Outcome
from mmfast.net import http
from mmfast.net.gateway import RestGateway, SocketGateway

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


def test_while_the_trade_socket_is_down_cancels_leave_by_rest_and_nothing_else(
    run: Run, stub: Any, make_rest: Make, make_batch: Make, acked: Make, desk: Any
) -> None:
    async def main() -> None:
        cancel, amend, place = make_batch(Op.CANCEL), make_batch(Op.AMEND), make_batch()

        async def script(seen: Any, peer: Any) -> None:
            await peer.reply(acked(cancel))

        async def login_only(socket: Any, frame: Any) -> None:
            await housekeeping(socket, frame)

        async with stub(script).running() as server, desk(login_only) as here:
            rest = make_rest(server.url)
            tasks: list[asyncio.Task[None]] = []
            over_rest = RestGateway(
                rest, lambda _batch: "", lambda work, name: tasks.append(asyncio.create_task(work))
            )
            gateway = SocketGateway(here.socket, over_rest)
            found: dict[Op, set[Outcome]] = {}

            def told(reply: BatchReply) -> None:
                found[reply.batch.op] = set(outcomes(reply))
                here.log.event([reply])

            here.socket.drop("test")
            gateway.send([cancel, amend, place], told)
            await here.log.until(lambda: len(found) == 3)
            assert found == {
                Op.CANCEL: {Outcome.ACK},
                Op.AMEND: {Outcome.NOT_SENT},
                Op.PLACE: {Outcome.NOT_SENT},
            }
            assert [seen.target for seen in server.seen] == ["/v5/order/cancel-batch"]
            await here.log.until(lambda: here.socket.up)
            gateway.send([cancel], told)
            assert here.socket.in_flight == 1, "up again: the socket takes the cancels too"
            await rest.close()

    run(main())


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_requests_signed_in_pairs_carry_the_signatures_of_requests_signed_alone(
    run: Run, stub: Any, make_rest: Make, make_batch: Make, acked: Make, secret: str, count: int
) -> None:
    async def main() -> None:
        async def script(seen: Any, peer: Any) -> None:
            await peer.reply({"retCode": 10016, "retMsg": "down"})

        async with stub(script).running() as server:
            rest = make_rest(server.url)
            ops = [Op.CANCEL, Op.PLACE, Op.PLACE, Op.CANCEL, Op.PLACE][:count]
            batches = [make_batch(op, size + 1) for size, op in enumerate(ops)]
            await asyncio.gather(*map(rest.exchange, rest.prepare(batches)))
            await rest.close()
            assert len(server.seen) == count
            for seen in server.seen:
                window = "5000" if "cancel" in seen.target else "1000"
                assert seen.headers["x-bapi-recv-window"] == window
                text = seen.headers["x-bapi-timestamp"] + "test_api_key" + window
                signature = hmac.new(secret.encode(), text.encode() + seen.body, "sha256")
                assert seen.headers["x-bapi-sign"] == signature.hexdigest()

    run(main())


def test_a_signature_made_ahead_is_used_though_the_venue_is_far_away(
    run: Run, stub: Any, make_rest: Make, make_batch: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How well the venue's time is known says nothing about how old a signature is."""
    # Wide enough for a busy machine, and still less than the doubt about the venue's time.
    monkeypatch.setattr(http, "_FRESH_MS", 100)

    async def main() -> None:
        async def script(seen: Any, peer: Any) -> None:
            if seen.method == "GET":
                await asyncio.sleep(0.3)
                result = {"timeNano": str(SystemClock().wall_ms() * 1_000_000)}
                await peer.reply({"retCode": 0, "retMsg": "OK", "result": result})
            else:
                await peer.reply({"retCode": 10016, "retMsg": "down"})

        async with stub(script).running() as server:
            rest = make_rest(server.url)
            await rest.server_time()
            requests = rest.prepare([make_batch(), make_batch()])
            # The connection is warm; what lies between here and the wire is this loop alone.
            await rest.exchange(requests[0])
            await rest.close()
            attempt = requests[0].attempt
            assert server.seen[-1].headers["x-bapi-timestamp"] == str(attempt.stamp_ms)
            signature = server.seen[-1].headers["x-bapi-sign"]
            assert attempt.lines.endswith(f"X-BAPI-SIGN: {signature}\r\n".encode())

    run(main())


def test_a_signature_made_ahead_is_made_anew_for_whoever_had_to_wait(
    run: Run, stub: Any, make_rest: Make, make_batch: Make
) -> None:
    async def main() -> None:
        async def script(seen: Any, peer: Any) -> None:
            await peer.reply({"retCode": 10016, "retMsg": "down"})

        async with stub(script).running() as server:
            rest = make_rest(server.url)
            first, second = rest.prepare([make_batch(), make_batch()])
            assert first.attempt.lines
            for request in (first, second):
                request.attempt.stamp_ms -= 1_000
            await rest.exchange(first)
            await rest.close()
            stamp_ms = int(server.seen[0].headers["x-bapi-timestamp"])
            assert stamp_ms > first.attempt.stamp_ms + 500

    run(main())
