"""The whole engine on a venue whose trade socket misbehaves: nothing doubled, nothing guessed,
nothing left behind. What rests can always be cancelled, over REST if need be."""

from __future__ import annotations

from pathlib import Path

import pytest
import uvloop
from live_faults import arm, disarm, mode_reasons, move, nothing_rests, play, until
from scenario import QUOTES, Scenario, scenario

from mmfast.messages import Mode

DOWN = "no way out for orders"
SOCKETS = 2  # as many as the configuration asks for by default


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("path", ["/v5/order/create-batch", "/v5/order/cancel-batch"])
def test_a_request_without_a_reply_is_asked_about_and_settled(
    tmp_path: Path, when: str, path: str
) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        lost = {"kind": "drop_request", "path": path, "via": "trade", "when": when, "at_most": 1}
        await arm(live, lost | {"then": "silence"})
        await move(live, 20)
        counters = live.session.kernel.counters
        await until(lambda: counters.unknown == 20, "twenty outcomes in doubt")
        await live.settle()
        assert (await disarm(live))["drop_request"] == 1

    # Longer than a reply takes, shorter than a test should.
    play(tmp_path, story, request_timeout_ms=500)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_lost_trade_socket_pulls_all_quotes_and_comes_back(tmp_path: Path, how: str) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        assert live.session.trade is not None
        await arm(live, {"kind": "stream_drop", "sockets": "trade", "how": how})
        await until(lambda: live.session.trade.reconnects == SOCKETS, "a new connection")
        await disarm(live)
        await until(lambda: live.session.kernel.mode is Mode.TRADING, "trading")
        live.market.move(20)
        await live.settle()
        assert mode_reasons(live)[-2:] == [(Mode.SYNCING, DOWN), (Mode.TRADING, "")]

    play(tmp_path, story)


def test_while_the_trade_socket_answers_nobody_quotes_are_cancelled_by_rest(
    tmp_path: Path,
) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        await arm(live, {"kind": "half_open", "sockets": "trade"})
        live.market.move(20)
        await until(lambda: nothing_rests(live), "an empty book")
        assert live.session.kernel.mode is Mode.SYNCING
        assert ("POST", "order/cancel-batch") in live.stats.requests
        assert ("POST", "order/create-batch") not in live.stats.requests
        await disarm(live)
        await until(lambda: live.session.kernel.mode is Mode.TRADING, "trading")
        live.market.move(30)

    play(tmp_path, story, request_timeout_ms=500)


def test_a_stop_without_a_trade_socket_is_proven_by_rest(tmp_path: Path) -> None:
    async def run() -> None:
        async with scenario(tmp_path, latency_ms=5, request_timeout_ms=500) as live:
            await live.tick(12)
            await arm(live, {"kind": "half_open", "sockets": "trade"})
            # The scenario itself asks the engine to stop and the venue what is left.

    uvloop.run(run())


def test_items_that_fail_leave_the_others_standing(tmp_path: Path) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        items = {"kind": "batch_items", "path": "/v5/order/create-batch", "via": "trade"}
        await arm(live, items | {"items": [0, 7], "code": 110094, "at_most": 2})
        await move(live, 20)
        counters = live.session.kernel.counters
        await until(lambda: counters.reject_codes.get(110094, 0) == 4, "four refusals")
        assert (await disarm(live))["batch_items"] == 2
        live.market.move(30)

    play(tmp_path, story)


def test_a_restarting_trade_service_is_left_for_a_new_connection(tmp_path: Path) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        assert live.session.trade is not None
        await arm(live, {"kind": "service_restarting"})
        await move(live, 20)
        await until(lambda: live.session.trade.reconnects == SOCKETS, "a new connection")
        await until(lambda: live.session.kernel.mode is Mode.TRADING, "trading")
        await live.settle()
        await disarm(live)

    play(tmp_path, story)


def test_rate_refusals_of_the_trade_socket_cost_time_and_nothing_else(tmp_path: Path) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        many = {"kind": "too_many_visits", "path": "/v5/order/create-batch", "via": "trade"}
        await arm(live, many | {"at_most": 2})
        await move(live, 20)
        counters = live.session.kernel.counters
        await until(lambda: counters.throttled == QUOTES, "throttled creates")
        await live.settle()
        await disarm(live)

    play(tmp_path, story)
