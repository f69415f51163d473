"""The whole engine with two ways out, on a venue that hurts one of them: quoting goes on where a
way is left, nothing is sent twice, nothing is left behind, and both ways spend one budget."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import live_faults
import pytest
from live_faults import Story, arm, disarm, mode_reasons, move, until
from scenario import QUOTES, Scenario

from mmfast.errors import RateLimitError
from mmfast.messages import Mode, Op
from mmfast.net.ways import Way, WayChoice

# Markets move by less than half a spread: the venue's own books stand still, and quotes that
# cross them would be refused.


def choice_of(live: Scenario) -> WayChoice:
    switching = live.session.entry._switching
    assert switching is not None
    return switching.choice


def order_calls(live: Scenario, verb: str) -> int:
    """Answered order requests that went this way."""
    rows = live.stats.requests.items()
    return sum(
        durations.count
        for (of, api), durations in rows
        if of == verb and api.startswith("order/") and verb != "GET"
    )


def play(folder: Path, story: Story, **settings: Any) -> None:
    """A story on an engine that may choose its way, unless the settings say otherwise."""
    live_faults.play(folder, story, **{"order_entry": "auto", **settings})


def test_quoting_begins_over_the_socket_and_goes_on_over_rest_when_it_is_lost(
    tmp_path: Path,
) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        assert live.session.entry.view().way == "ws"
        assert order_calls(live, "POST") == 0
        switches = len(mode_reasons(live))
        await arm(live, {"kind": "half_open", "sockets": "trade"})
        for socket in live.session.trade.sockets:
            socket.drop("test")
        assert choice_of(live).way is Way.REST, "in the same turn"
        live.market.move(25)
        await until(lambda: order_calls(live, "POST") >= 4, "orders over REST")
        await live.settle()
        assert live.session.entry.view().way == "rest"
        await disarm(live)
        await until(lambda: choice_of(live).way is Way.SOCKET, "the return")
        await live.tick(5)
        assert len(mode_reasons(live)) == switches, "it never stopped trading"

    play(tmp_path, story)


def test_what_was_in_flight_on_a_lost_socket_is_asked_about_and_never_sent_again(
    tmp_path: Path,
) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        lost = {"kind": "drop_request", "via": "trade", "when": "after", "then": "reset"}
        await arm(live, lost | {"path": "/v5/order/create-batch", "at_most": 2})
        live.market.move(30)
        await until(lambda: live.session.kernel.counters.unknown > 0, "outcomes in doubt")
        await live.settle()
        await disarm(live)

    play(tmp_path, story)


def test_a_storm_of_drops_leaves_the_engine_quoting_and_its_ways_in_peace(tmp_path: Path) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        storm = {"kind": "stream_drop", "sockets": "trade", "how": "reset"}
        await arm(live, storm | {"times": 16, "every_ms": 250})
        for step in range(16):
            live.market.move((step % 5) * 8 - 16)
            await asyncio.sleep(0.25)
        live.market.move(12)
        await live.settle()
        fired = await disarm(live)
        assert fired["stream_drop"] >= 10
        switches = choice_of(live).switches
        assert 1 <= switches[Way.REST] <= 3, "not one for every loss"
        assert switches[None] == 0
        assert Mode.SYNCING not in [mode for mode, _ in mode_reasons(live)][1:]

    play(tmp_path, story)


def test_a_socket_whose_orders_are_slow_is_left_and_returned_to(tmp_path: Path) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        choice = choice_of(live)
        # REST is known by its probes; the venue makes only the socket's orders slow.
        await live.session.rest.warm(4)
        await arm(live, {"kind": "latency_fixed", "ms": 150, "leg": "reply", "via": "trade"})
        steps = 0
        while choice.way is not Way.REST:
            steps += 1
            assert steps < 200, "never left"
            await live.tick(20 if steps % 2 else -5)
            await live.session.rest.warm(1)
        assert choice.why == "the trade socket is slower"
        await disarm(live)
        await live.tick(10)
        assert order_calls(live, "POST") >= 4
        assert choice.way is Way.REST, "what its orders took is remembered for a minute"
        choice._health[Way.SOCKET].acks.clear()  # that minute is over
        await until(lambda: choice.way is Way.SOCKET, "the return, by its heartbeats")
        assert choice.switches[Way.REST] == 1

    play(tmp_path, story, request_timeout_ms=2_000)


def test_a_ban_of_the_address_leaves_the_socket_alone(tmp_path: Path) -> None:
    """HTTP 403: nothing goes by REST any more, quoting goes on, a lost socket withdraws."""

    async def story(live: Scenario) -> None:
        await live.tick(12)
        await arm(live, {"kind": "address_ban"})
        with pytest.raises(RateLimitError):
            await live.session.rest.server_time()
        until_ns = live.session.rest.blocked_until_ns
        assert until_ns > live.session.clock.now_ns()
        await live.tick(25)
        assert live.session.entry.view().way == "ws"
        assert order_calls(live, "POST") == 0
        await disarm(live)
        # The ban ends here as it would after ten minutes, for the proof at the end to be asked.
        live.session.rest._pool.blocked_until_ns = 0

    play(tmp_path, story)


def test_a_restarting_service_costs_no_moment_of_quoting(tmp_path: Path) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        modes = len(mode_reasons(live))
        await arm(live, {"kind": "service_restarting"})
        await move(live, 20)
        await until(lambda: live.session.trade.reconnects == 2, "new connections")
        await live.settle()
        await disarm(live)
        assert len(mode_reasons(live)) == modes
        assert choice_of(live).switches[None] == 0

    play(tmp_path, story)


@pytest.mark.parametrize("order_entry", ["auto", "ws"])
def test_one_lost_socket_of_two_is_not_noticed(tmp_path: Path, order_entry: str) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        modes = len(mode_reasons(live))
        sockets = live.session.trade
        for step in range(4):
            active = sockets._active
            active.drop("test")
            assert sockets.takes
            await live.tick(20 if step % 2 else -5)
            assert sockets._active is not active
            await until(lambda: all(one.up for one in sockets.sockets), "both again")
        assert len(mode_reasons(live)) == modes
        assert order_calls(live, "POST") == 0

    play(tmp_path, story, order_entry=order_entry)


def test_messages_beyond_the_rate_of_the_address_wait_and_leave_later(tmp_path: Path) -> None:
    """A tick is four messages here, and three may leave in a second, whichever socket carries
    them."""

    async def story(live: Scenario) -> None:
        sockets = live.session.trade
        held_back = live.session.kernel.counters.not_sent
        await live.tick(12)
        sockets._active.drop("test")
        await live.tick(-12)
        assert live.session.kernel.counters.not_sent > held_back
        first, second = sockets.sockets
        assert first._pace is second._pace

    play(tmp_path, story, order_entry="ws", trade_messages_per_s=4)


def test_both_ways_learn_and_spend_one_budget(tmp_path: Path) -> None:
    """What one way spent is missing on the other, by our count and by the venue's."""

    async def story(live: Scenario) -> None:
        await live.tick(12)
        kernel, clock = live.session.kernel, live.session.clock
        choice = choice_of(live)

        def places() -> Any:
            rows = kernel.view(clock.now_ns()).budgets
            return next(row for row in rows if row.op == Op.PLACE and not row.single)

        limit = places().limit
        assert limit > 500, "learned from the trade socket's replies, not assumed"
        # A limit lowered at the venue is learned from whichever way is in use.
        await arm(live, {"kind": "limit_lowered", "path": "/v5/order/", "per_s": 200})
        choice.throttled(clock.now_ns())
        await live.tick(25)
        assert order_calls(live, "POST") >= 2
        lowered = places().limit
        assert lowered < limit, "learned from REST"
        before_s = asyncio.get_running_loop().time()
        await until(lambda: choice.way is Way.SOCKET, "the return")
        await asyncio.sleep(max(0.0, before_s + 1.1 - asyncio.get_running_loop().time()))
        # One tick each way within a second: 40 places and 40.
        began_s = asyncio.get_running_loop().time()
        await live.tick(10)
        assert places().used == QUOTES
        choice.throttled(clock.now_ns())
        await live.tick(-10)
        row = places()
        if asyncio.get_running_loop().time() - began_s < 0.9:
            assert row.used == 2 * QUOTES, "both fell into one window"
        assert row.limit == lowered
        await disarm(live)

    play(tmp_path, story)
