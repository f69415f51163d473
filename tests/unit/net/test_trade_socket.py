"""The trade socket over real websockets: one answer for every batch, judged by what it says."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from aiohttp import web
from trade_desk import Desk, Frame, accept, accepted, refused, serving
from ws_venue import Log, kept_up, say

from mmfast.bybit.auth import Credentials
from mmfast.bybit.trade import TradeCodec
from mmfast.clock import SystemClock, VenueClock
from mmfast.ids import ClientIds
from mmfast.messages import Batch, Instrument, Op, Outcome, RateInfo
from mmfast.net.address import TRADE, AddressPace
from mmfast.net.backoff import ConnectBudget
from mmfast.net.trade import TradeSocket
from mmfast.units import NS_PER_S

Run = Callable[[Any], Any]
MakeBatch = Callable[..., Batch]
Open = Callable[..., contextlib.AbstractAsyncContextManager[Desk]]


@pytest.fixture
def run(run_on_both: Run) -> Run:
    return run_on_both


# Without faults.


@pytest.mark.parametrize("single", [False, True])
def test_every_operation_in_both_forms(
    run: Run, desk: Open, make_batch: MakeBatch, single: bool
) -> None:
    async def main() -> None:
        async with desk(serving(accept)) as here:
            batches = [make_batch(op, 1 if single else 3, single=single) for op in Op]
            assert await here.asked(*batches) == [[Outcome.ACK] * len(b.commands) for b in batches]
            tail = "" if single else "-batch"
            ops = [f"order.{word}{tail}" for word in ("cancel", "amend", "create")]
            assert [frame["op"] for frame in here.orders()] == ops
            assert [list(frame["header"].values())[1] for frame in here.orders()] == [
                "5000",
                "1000",
                "1000",
            ], "a late cancel is welcome, a late create is void"
            for frame, batch in zip(here.orders(), batches, strict=True):
                age_ms = SystemClock().wall_ms() - int(frame["header"]["X-BAPI-TIMESTAMP"])
                assert 0 <= age_ms < 5_000
                body = frame["args"][0]
                assert len(body.get("request", [body])) == len(batch.commands)
            for reply in here.replies:
                assert reply.rate == RateInfo(100, 97, 5)
                assert 0 < reply.sent_ns <= reply.received_ns
                assert all(item.venue_id for item in reply.items)
            apis = [f"order/{op.partition('.')[2]}" for op in ops]
            assert sorted(here.calls) == sorted(("WS", api, "200") for api in apis)
            assert here.socket.in_flight == 0

    run(main())


def test_request_ids_are_never_used_twice_not_even_after_a_reconnect(
    run: Run, desk: Open, make_batch: MakeBatch
) -> None:
    async def main() -> None:
        async with desk(serving(accept)) as here:
            for round_ in range(3):
                await here.asked(*(make_batch() for _ in range(4)))
                here.socket.drop(f"round {round_}")
                await here.log.until(lambda: here.socket.up)
            names = [frame["reqId"] for frame in here.orders()]
            assert len(names) == 12
            assert max(Counter(names).values()) == 1
            assert all(name.startswith("3-") and len(name) <= 36 for name in names)

    run(main())


def test_beyond_the_rate_of_the_address_only_cancels_leave(
    run: Run, desk: Open, make_batch: MakeBatch
) -> None:
    """One pace for all sockets: what another has sent counts here."""

    async def main() -> None:
        pace = AddressPace(20, TRADE)
        others_ns = SystemClock().now_ns() + 60 * NS_PER_S  # whatever this test's host is at
        for _ in range(10):
            assert not pace.refusal(others_ns, cancels=False)
        async with desk(serving(accept), pace=pace) as here:
            kinds = [Op.PLACE] * 7 + [Op.CANCEL] * 4
            outcomes = await here.asked(*(make_batch(op, 1) for op in kinds))
            assert outcomes[:6] == [[Outcome.ACK]] * 6
            assert outcomes[6] == [Outcome.NOT_SENT]
            assert outcomes[7:] == [[Outcome.ACK]] * 3 + [[Outcome.NOT_SENT]]
            assert len(here.orders()) == 9, "what is held back reaches no socket"
            texts = [r.items[0].ret_msg for r in here.replies if r.items[0].ret_msg]
            assert len(texts) == 2
            assert all("the venue refuses an address beyond 20" in text for text in texts)

    run(main())


def test_replies_out_of_order_find_their_requests(
    run: Run, desk: Open, make_batch: MakeBatch
) -> None:
    async def main() -> None:
        held: list[Frame] = []

        async def reversed_(socket: web.WebSocketResponse, frame: Frame) -> None:
            held.append(frame)
            if len(held) == 4:
                for one in reversed(held):
                    count = len(one["args"][0]["request"])
                    await say(socket, **accepted(one, (0,) * (count - 1) + (10001,)))

        async with desk(serving(reversed_)) as here:
            batches = [make_batch(count=count) for count in (1, 2, 3, 4)]
            expected = [[*[Outcome.ACK] * (len(b.commands) - 1), Outcome.REJECT] for b in batches]
            assert await here.asked(*batches) == expected
            arrived = [len(reply.batch.commands) for reply in here.replies]
            assert arrived == [4, 3, 2, 1]

    run(main())


def test_the_last_look_keeps_a_batch_home_and_no_other(
    run: Run, desk: Open, make_batch: MakeBatch
) -> None:
    async def main() -> None:
        stale = make_batch()
        look = {id(stale): "the book is stale"}
        async with desk(serving(accept), last_look=lambda b: look.get(id(b), "")) as here:
            assert await here.asked(stale, make_batch()) == [
                [Outcome.NOT_SENT] * 2,
                [Outcome.ACK] * 2,
            ]
            assert here.replies[0].items[0].ret_msg == "the book is stale"
            assert len(here.orders()) == 1

    run(main())


def test_what_must_not_be_sent_is_refused_here(run: Run, desk: Open, make_batch: MakeBatch) -> None:
    async def main() -> None:
        async with desk(serving(accept)) as here:
            found = await here.asked(make_batch(count=21), make_batch())
            assert found == [[Outcome.LOCAL_REJECT] * 21, [Outcome.ACK] * 2]
            assert len(here.orders()) == 1

    run(main())


def test_no_reply_comes_before_the_call_returns(
    run: Run, desk: Open, make_batch: MakeBatch
) -> None:
    async def main() -> None:
        async with desk(serving(accept), up=False) as here:
            here.send(make_batch())
            assert here.replies == []
            await here.answered(1)
            assert here.replies[0].items[0].outcome is Outcome.NOT_SENT

    run(main())


# Refusals.


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (10001, Outcome.REJECT),
        (10002, Outcome.REJECT),
        (10006, Outcome.THROTTLED),
        (10403, Outcome.THROTTLED),
        (20003, Outcome.THROTTLED),
        (10003, Outcome.THROTTLED),
        (20006, Outcome.UNKNOWN),
        (10016, Outcome.UNKNOWN),
        (10429, Outcome.UNKNOWN),
        (424242, Outcome.UNKNOWN),
    ],
)
def test_a_refused_request_is_judged_by_its_code(
    run: Run, desk: Open, make_batch: MakeBatch, code: int, outcome: Outcome
) -> None:
    async def main() -> None:
        async def refuse(socket: web.WebSocketResponse, frame: Frame) -> None:
            await say(socket, **refused(frame, code))

        async with desk(serving(refuse)) as here:
            assert await here.asked(make_batch()) == [[outcome] * 2]
            assert here.replies[0].items[0].ret_code == code
            assert here.replies[0].rate.limit == 100, "refusals tell the budget as well"
            assert here.socket.up

    run(main())


def test_a_partial_failure_is_told_item_by_item(
    run: Run, desk: Open, make_batch: MakeBatch
) -> None:
    async def main() -> None:
        async def some(socket: web.WebSocketResponse, frame: Frame) -> None:
            await say(socket, **accepted(frame, (0, 10001, 10006, 0)))

        async with desk(serving(some)) as here:
            assert await here.asked(make_batch(count=4)) == [
                [Outcome.ACK, Outcome.REJECT, Outcome.THROTTLED, Outcome.ACK]
            ]

    run(main())


WRONG: dict[str, Callable[[Frame], object]] = {
    "row missing": lambda reply: reply["data"]["list"].pop(),
    "foreign id": lambda reply: reply["data"]["list"][0].update(orderLinkId="mmt1-1"),
    "two of one": lambda reply: reply["data"]["list"].__setitem__(0, reply["data"]["list"][1]),
    "no rows": lambda reply: reply.update(data={}),
    "another operation": lambda reply: reply.update(op="order.cancel-batch"),
    "refused with rows": lambda reply: reply.update(retCode=10001),
}


@pytest.mark.parametrize("how", sorted(WRONG))
def test_a_reply_that_contradicts_itself_proves_nothing(
    run: Run, desk: Open, make_batch: MakeBatch, how: str
) -> None:
    async def main() -> None:
        async def wrong(socket: web.WebSocketResponse, frame: Frame) -> None:
            reply = accepted(frame)
            WRONG[how](reply)
            await say(socket, **reply)

        async with desk(serving(wrong)) as here:
            assert await here.asked(make_batch(count=3)) == [[Outcome.UNKNOWN] * 3]

    run(main())


def test_a_header_without_figures_is_no_fault(run: Run, desk: Open, make_batch: MakeBatch) -> None:
    async def main() -> None:
        headers: list[Any] = [None, {}, "text", {"X-Bapi-Limit": 7}, {"x-bapi-limit": "7"}]

        async def odd(socket: web.WebSocketResponse, frame: Frame) -> None:
            await say(socket, **(accepted(frame) | {"header": headers.pop(0)}))

        async with desk(serving(odd)) as here:
            for _ in range(5):
                assert await here.asked(make_batch()) == [[Outcome.ACK] * 2]
            assert [reply.rate.limit for reply in here.replies] == [-1, -1, -1, -1, 7]

    run(main())


def test_a_flush_arrives_in_one_piece(
    run: Run, instrument: Instrument, ids: ClientIds, secret: str, make_batch: MakeBatch
) -> None:
    """Four requests of a tick leave in one segment, so the venue reads them at once."""

    async def main() -> None:
        reads: list[bytes] = []
        clock, log, rng = SystemClock(), Log(), random.Random(1)
        answer, ended = asyncio.Event(), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            key = next(
                line.split(b": ")[1] for line in head.split(b"\r\n") if b"WebSocket-Key" in line
            )
            writer.write(_upgrade(key))
            await reader.read(4096)  # the login
            said = orjson.dumps({"retCode": 0, "op": "auth"})
            writer.write(bytes([0x81, len(said)]) + said)
            while data := await reader.read(1 << 20):
                reads.append(data)
                answer.set()
            writer.close()
            ended.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        socket = TradeSocket(
            f"ws://127.0.0.1:{port}/v5/trade",
            Credentials.hmac("k", secret),
            clock,
            VenueClock(clock),
            TradeCodec((instrument,), ids),
            lambda _batch: "",
            log.state,
            stem="1-",
            rng=rng,
            budget=ConnectBudget(clock),
        )
        async with kept_up(socket):
            await log.until(lambda: socket.up)
            socket.send([make_batch(count=20) for _ in range(4)], lambda _reply: None)
            await answer.wait()
        await ended.wait()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)
        sizes = [len(data) for data in reads]
        assert sizes[0] > 4 * 3_000, f"expected all four requests in the first read, found {sizes}"

    run(main())


def _upgrade(key: bytes) -> bytes:
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )
