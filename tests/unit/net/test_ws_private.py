"""The private stream over real websockets: login first, nothing lost in silence, no secret told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from runtime_bench import FakeClock
from ws_venue import FAST, Log, Venue, good_private, kept_up, say

from mmfast.bybit.auth import Credentials
from mmfast.bybit.private import PrivateDecoder
from mmfast.clock import SystemClock, VenueClock
from mmfast.ids import ClientIds
from mmfast.messages import Instrument, OrderUpdate
from mmfast.net.backoff import Backoff, ConnectBudget
from mmfast.net.ws import PrivateStream
from mmfast.units import NS_PER_MS

Run = Callable[[Any], Any]
MakePrivate = Callable[..., PrivateStream]


@pytest.fixture
def run(run_on_both: Run) -> Run:
    return run_on_both


@pytest.fixture
def private(instrument: Instrument, ids: ClientIds, secret: str) -> Callable[..., PrivateStream]:
    def private(
        url: str, log: Log, *, venue_clock: VenueClock | None = None, **kwargs: Any
    ) -> PrivateStream:
        rng = random.Random(1)
        clock = SystemClock()
        options: dict[str, Any] = {
            "rng": rng,
            "budget": ConnectBudget(clock),
            "timing": FAST,
            "backoff": Backoff(rng, first_s=0.01, cap_s=0.05),
            "log": log.line,
        }
        return PrivateStream(
            url,
            Credentials.hmac("test_api_key", secret),
            venue_clock or VenueClock(clock),
            PrivateDecoder((instrument,), ids),
            log.event,
            log.state,
            **(options | kwargs),
        )

    return private


def test_the_private_stream_logs_in_first(run: Run, private: MakePrivate) -> None:
    async def main() -> None:
        log = Log()
        async with Venue(good_private).running() as venue:
            async with kept_up(private(venue.url, log)):
                await log.until(lambda: log.states == [True])
            login, subscription = venue.heard[:2]
            assert login["op"] == "auth"
            assert login["args"][0] == "test_api_key"
            assert login["args"][1] > SystemClock().wall_ms()
            assert subscription["op"] == "subscribe"
            assert subscription["args"] == [
                "order.linear",
                "execution.linear",
                "position.linear",
                "wallet",
            ]

    run(main())


def test_a_refused_login_is_never_up_and_never_shows_the_secret(
    run: Run, private: MakePrivate, secret: str
) -> None:
    async def refuse(socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        await say(socket, success=False, ret_msg="Param Error", op="auth")

    async def main() -> None:
        log = Log()
        async with Venue(refuse).running() as venue:
            stream = private(venue.url, log)
            async with kept_up(stream):
                await log.until(lambda: stream.auth_refusals >= 2)
            assert not [frame for frame in venue.heard if frame["op"] == "subscribe"]
            signature = venue.heard[0]["args"][2]
        assert log.states == []
        told = repr((log.lines, stream, vars(stream)))
        assert secret not in told
        assert signature not in told

    run(main())


def test_a_refused_login_waits_for_a_new_sample_of_the_clock(
    run: Run, private: MakePrivate
) -> None:
    """It may have been refused because the venue's clock had leapt past its end."""
    clock = FakeClock()
    leapt_ms = clock.wall_ms() + 3_600_000

    async def strict(socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        if frame["op"] == "auth" and frame["args"][1] <= leapt_ms:
            await say(socket, success=False, ret_msg="Param Error", op="auth")
        else:
            await good_private(socket, frame)

    async def main() -> None:
        log = Log()
        venue_clock = VenueClock(clock)
        venue_clock.observe(clock.now_ns(), clock.now_ns(), clock.wall_ms() * NS_PER_MS)
        async with Venue(strict).running() as venue:
            stream = private(venue.url, log, venue_clock=venue_clock)
            async with kept_up(stream):
                async with asyncio.timeout(5):
                    while stream.connects < 2:  # noqa: ASYNC110 - no event tells of it
                        await asyncio.sleep(0.002)
                assert stream.auth_refusals == 1
                venue_clock.observe(clock.now_ns(), clock.now_ns(), leapt_ms * NS_PER_MS)
                await log.until(lambda: log.states == [True])
            logins = [frame for frame in venue.heard if frame["op"] == "auth"]
        assert [login["args"][1] > leapt_ms for login in logins] == [False, True]

    run(main())


def test_a_refused_private_subscription_is_never_up(run: Run, private: MakePrivate) -> None:
    async def refuse(socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        success = frame["op"] != "subscribe"
        await say(socket, success=success, ret_msg="no", op=frame["op"], req_id=frame["req_id"])

    async def main() -> None:
        log = Log()
        async with Venue(refuse).running() as venue:
            stream = private(venue.url, log)
            async with kept_up(stream):
                await log.until(lambda: stream.connects >= 2)
        assert log.states == []

    run(main())


ORDER = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "orderId": "v-1",
    "side": "Buy",
    "orderStatus": "New",
    "price": "65000.0",
    "qty": "0.010",
}


async def push(venue: Venue, **changes: object) -> None:
    await say(venue.sockets[-1], topic="order.linear", data=[ORDER | changes])


def test_events_arrive_and_a_bad_frame_is_told(run: Run, private: MakePrivate) -> None:
    async def main() -> None:
        log = Log()
        faults: list[str] = []
        async with Venue(good_private).running() as venue:
            stream = private(venue.url, log, on_fault=faults.append)
            async with kept_up(stream):
                await log.until(lambda: log.states == [True])
                await push(venue)
                await push(venue, qty="0.0105")
                await push(venue, orderId="v-2")
                await log.until(lambda: len(log.events) == 2)
            assert log.states == [True, False]
        assert [event.venue_id for event in log.events] == ["v-1", "v-2"]
        assert all(isinstance(event, OrderUpdate) for event in log.events)
        assert len(faults) == 1
        assert "qty" in faults[0]
        assert stream.errors == 1

    run(main())


def test_without_a_listener_a_bad_frame_reconnects(run: Run, private: MakePrivate) -> None:
    async def main() -> None:
        log = Log()
        async with Venue(good_private).running() as venue, kept_up(private(venue.url, log)):
            await log.until(lambda: log.states == [True])
            await push(venue, qty="0.0105")
            await log.until(lambda: log.states == [True, False, True])

    run(main())
