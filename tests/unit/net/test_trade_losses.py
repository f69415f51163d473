"""The trade socket when replies and connections get lost: UNKNOWN where it may have been done,
NOT_SENT where it cannot, and a new connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from trade_desk import Desk, Frame, accept, accepted, housekeeping, refused, serving, silence
from ws_venue import IMPATIENT, say

from mmfast.messages import Batch, BatchReply, Op, Outcome

Run = Callable[[Any], Any]
MakeBatch = Callable[..., Batch]
Open = Callable[..., contextlib.AbstractAsyncContextManager[Desk]]


@pytest.fixture
def run(run_on_both: Run) -> Run:
    return run_on_both


def test_a_lost_reply_is_unknown_at_its_deadline_and_the_others_are_not(
    run: Run, desk: Open, make_batch: MakeBatch
) -> None:
    async def main() -> None:
        async def third(socket: web.WebSocketResponse, frame: Frame) -> None:
            if not frame["reqId"].endswith("3"):
                await accept(socket, frame)

        async with desk(serving(third), reply_within_s=0.3) as here:
            assert await here.asked(*(make_batch() for _ in range(4))) == [
                [Outcome.ACK] * 2,
                [Outcome.ACK] * 2,
                [Outcome.UNKNOWN] * 2,
                [Outcome.ACK] * 2,
            ]
            unknown = here.replies[-1]
            # The loop counts in whole milliseconds.
            assert 0.29e9 <= unknown.received_ns - unknown.sent_ns < 3e9
            assert here.calls[-1] == ("WS", "order/create-batch", "timeout")
            assert here.socket.up, "the connection gave other signs of life"
            assert await here.asked(make_batch()) == [[Outcome.ACK] * 2]

    run(main())


def test_a_reply_after_its_deadline_changes_nothing(
    run: Run, desk: Open, make_batch: MakeBatch
) -> None:
    async def main() -> None:
        late: list[Frame] = []

        async def first_late(socket: web.WebSocketResponse, frame: Frame) -> None:
            late.append(frame)
            if len(late) == 2:
                await say(socket, **accepted(late[0]))
                await accept(socket, frame)

        async with desk(serving(first_late), reply_within_s=0.25) as here:
            assert await here.asked(make_batch()) == [[Outcome.UNKNOWN] * 2]
            assert await here.asked(make_batch()) == [[Outcome.ACK] * 2]
            assert len(here.replies) == 2
            assert here.socket.strays == 1
            assert "trade_stray" in here.log.codes()

    run(main())


def test_a_reply_that_comes_twice_counts_once(run: Run, desk: Open, make_batch: MakeBatch) -> None:
    async def main() -> None:
        async def twice(socket: web.WebSocketResponse, frame: Frame) -> None:
            for _ in range(2):
                await accept(socket, frame)

        async with desk(serving(twice)) as here:
            await here.asked(make_batch())
            await here.asked(make_batch())
            assert len(here.replies) == 2
            await here.log.until(lambda: here.socket.strays == 2)

    run(main())


def test_a_lost_connection_leaves_everything_in_flight_unknown_at_once(
    run: Run, desk: Open, make_batch: MakeBatch
) -> None:
    async def main() -> None:
        heard: list[Frame] = []

        async def hang_up(socket: web.WebSocketResponse, frame: Frame) -> None:
            heard.append(frame)
            if len(heard) == 3:
                socket._req.transport.abort()  # type: ignore[union-attr]

        async with desk(serving(hang_up)) as here:
            found = await here.asked(*(make_batch() for _ in range(3)))
            assert found == [[Outcome.UNKNOWN] * 2] * 3
            assert here.log.states[:2] == [True, False]
            first_event = next(e for e in here.log.events if isinstance(e, BatchReply))
            assert "lost" in first_event.items[0].ret_msg
            assert {status for _, _, status in here.calls} == {"lost"}
            await here.log.until(lambda: here.log.states == [True, False, True])
            assert here.socket.reconnects == 1

    run(main())


def test_while_it_is_down_nothing_leaves(run: Run, desk: Open, make_batch: MakeBatch) -> None:
    async def main() -> None:
        async with desk(serving(accept)) as here:
            here.socket.drop("test")
            assert (
                await here.asked(make_batch(), make_batch(Op.CANCEL))
                == [[Outcome.NOT_SENT] * 2] * 2
            )
            assert here.replies[0].items[0].ret_msg == "trade socket is down"
            await here.log.until(lambda: here.socket.up)
            assert here.orders() == []
            assert await here.asked(make_batch()) == [[Outcome.ACK] * 2]

    run(main())


def test_nothing_leaves_before_the_login_is_acknowledged(
    run: Run, desk: Open, make_batch: MakeBatch
) -> None:
    async def main() -> None:
        heard = asyncio.Event()

        async def deaf(socket: web.WebSocketResponse, frame: Frame) -> None:
            heard.set()

        async with desk(deaf, up=False) as here:
            await heard.wait()
            assert await here.asked(make_batch()) == [[Outcome.NOT_SENT] * 2]
            assert here.orders() == []

    run(main())


def test_a_refused_login_is_never_up_and_never_shows_the_secret(
    run: Run, desk: Open, make_batch: MakeBatch, secret: str
) -> None:
    async def main() -> None:
        async def refuse(socket: web.WebSocketResponse, frame: Frame) -> None:
            await say(socket, retCode=10004, retMsg="Invalid sign", op="auth", connId="c")

        async with desk(refuse, up=False) as here:
            await here.log.until(lambda: here.socket.auth_refusals >= 2)
            assert await here.asked(make_batch()) == [[Outcome.NOT_SENT] * 2]
            signature = here.venue.heard[0]["args"][2]
            told = repr((here.log.lines, here.socket, vars(here.socket)))
        assert here.log.states == []
        assert secret not in told
        assert signature not in told

    run(main())


def test_a_restarting_venue_is_heard_out_and_left(
    run: Run, desk: Open, make_batch: MakeBatch
) -> None:
    """10019 refuses what is new and finishes what is under way: nothing in flight is lost."""

    async def main() -> None:
        held: list[Frame] = []

        async def restarting(socket: web.WebSocketResponse, frame: Frame) -> None:
            held.append(frame)
            if len(held) == 2:
                await say(socket, **refused(frame, 10019))
                await say(socket, **accepted(held[0]))
            elif len(held) > 2:
                await accept(socket, frame)

        async with desk(serving(restarting)) as here:
            assert await here.asked(make_batch(), make_batch()) == [
                [Outcome.ACK] * 2,
                [Outcome.UNKNOWN] * 2,
            ]
            assert await here.asked(make_batch()) == [[Outcome.NOT_SENT] * 2]
            await here.log.until(lambda: here.log.states == [True, False, True])
            assert await here.asked(make_batch()) == [[Outcome.ACK] * 2]
            assert here.socket.connects == 2

    run(main())


def test_a_login_that_no_longer_holds_is_made_anew(
    run: Run, desk: Open, make_batch: MakeBatch
) -> None:
    async def main() -> None:
        answers = [10004]

        async def forgets(socket: web.WebSocketResponse, frame: Frame) -> None:
            await say(socket, **(refused(frame, answers.pop()) if answers else accepted(frame)))

        async with desk(serving(forgets)) as here:
            assert await here.asked(make_batch()) == [[Outcome.REJECT] * 2]
            await here.log.until(lambda: here.log.states == [True, False, True])
            assert len([f for f in here.venue.heard if f["op"] == "auth"]) == 2
            assert await here.asked(make_batch()) == [[Outcome.ACK] * 2]

    run(main())


def test_a_connection_that_says_nothing_at_all_is_given_up_with_its_first_deadline(
    run: Run, desk: Open, make_batch: MakeBatch
) -> None:
    async def main() -> None:
        async def login_only(socket: web.WebSocketResponse, frame: Frame) -> None:
            if frame["op"] == "auth":
                await housekeeping(socket, frame)

        # The heartbeat alone would take far longer.
        async with desk(login_only, reply_within_s=0.3) as here:
            assert await here.asked(make_batch(), make_batch()) == [[Outcome.UNKNOWN] * 2] * 2
            await here.log.until(lambda: here.log.states == [True, False, True])
            lost = [text for _, code, text in here.log.lines if code == "stream_lost"]
            assert "no other sign of life" in lost[0]

    run(main())


def test_no_pong_ends_the_connection(run: Run, desk: Open, make_batch: MakeBatch) -> None:
    async def main() -> None:
        async def no_pong(socket: web.WebSocketResponse, frame: Frame) -> None:
            if frame["op"] != "ping":
                await serving(silence)(socket, frame)

        async with desk(no_pong, timing=IMPATIENT) as here:
            here.send(make_batch())
            await here.answered(1)
            assert here.replies[0].items[0].outcome is Outcome.UNKNOWN
            await here.log.until(lambda: here.socket.reconnects >= 1)

    run(main())


@pytest.mark.parametrize("data", ["", "nonsense", "[]", '{"retCode":"0"}', '{"op":"x"}'])
def test_what_is_no_message_of_a_trade_socket_ends_the_connection(
    run: Run, desk: Open, make_batch: MakeBatch, data: str
) -> None:
    async def main() -> None:
        spoken: list[str] = []

        async def garbage(socket: web.WebSocketResponse, frame: Frame) -> None:
            spoken.append(frame["reqId"])
            if len(spoken) == 1:
                await socket.send_str(data)
            else:
                await accept(socket, frame)

        async with desk(serving(garbage)) as here:
            assert await here.asked(make_batch()) == [[Outcome.UNKNOWN] * 2]
            await here.log.until(lambda: here.log.states == [True, False, True])
            assert await here.asked(make_batch()) == [[Outcome.ACK] * 2]

    run(main())


def test_a_reply_without_an_id_answers_nobody(run: Run, desk: Open, make_batch: MakeBatch) -> None:
    async def main() -> None:
        async def nameless(socket: web.WebSocketResponse, frame: Frame) -> None:
            await say(socket, **(refused(frame, 10001) | {"reqId": "", "op": ""}))

        async with desk(serving(nameless), reply_within_s=0.3) as here:
            assert await here.asked(make_batch()) == [[Outcome.UNKNOWN] * 2]
            assert here.socket.strays == 1

    run(main())
