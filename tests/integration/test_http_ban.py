"""HTTP 403: for as long as the ban lasts not one request goes over HTTP, of whatever kind; what has
another way out goes on over the trade socket, cancels too, and what has none waits for its end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from live_faults import arm, disarm, mode_reasons, nothing_rests, play, report, until
from scenario import QUOTES, Scenario

from mmfast.bybit import rest as rest_codec
from mmfast.bybit import trade as trade_codec
from mmfast.errors import RateLimitError
from mmfast.messages import Mode, Op
from mmfast.net import http
from mmfast.units import NS_PER_S

SHORT_BAN_NS = 3 * NS_PER_S
"""The venue's is ten minutes; nobody waits so long here."""


@pytest.fixture
def short_ban(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (trade_codec, rest_codec, http):
        monkeypatch.setattr(module, "IP_BAN_NS", SHORT_BAN_NS)


async def over_http(live: Scenario) -> int:
    """Requests of the engine that the venue has seen over HTTP, refused ones too."""
    requests = (await report(live))["requests"]
    return sum(
        sum(verdicts.values())
        for name, verdicts in requests.items()
        if name.startswith(("GET ", "POST "))
    )


async def by_socket(live: Scenario) -> dict[str, int]:
    """Order requests that the venue has seen on trade sockets, by name."""
    requests = (await report(live))["requests"]
    return {
        name: sum(verdicts.values())
        for name, verdicts in requests.items()
        if name.startswith("TRADE ")
    }


async def banned(live: Scenario) -> int:
    """The venue bans the address and forgets it at once: who goes on knocking is let in, and
    counted. Returns until when the engine stays away."""
    await arm(live, {"kind": "address_ban"})
    with pytest.raises(RateLimitError):
        await live.session.rest.server_time()
    await disarm(live)
    until_ns = live.session.rest.blocked_until_ns
    assert until_ns > live.session.clock.now_ns()
    return until_ns


def is_over(live: Scenario, until_ns: int) -> bool:
    return live.session.clock.now_ns() >= until_ns


@pytest.mark.parametrize("order_entry", ["ws", "auto"])
def test_quotes_and_their_withdrawal_go_by_the_trade_socket(
    tmp_path: Path, order_entry: str
) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        until_ns = await banned(live)
        await live.tick(25)
        await live.settle()  # what was in flight when the ban began is answered by now
        before = await over_http(live)
        assert before > 0
        await live.tick(10)
        live.loop.hold("test", "all is to be withdrawn")
        await until(lambda: nothing_rests(live), "an empty book")
        live.loop.release("test")
        await live.settle()
        assert await over_http(live) == before
        assert live.session.rest.blocked_until_ns == until_ns
        # The ban ends here as it would after ten minutes, for the proof at the end to be asked.
        live.session.rest._pool.blocked_until_ns = 0

    play(tmp_path, story, order_entry=order_entry)


def test_by_rest_alone_all_is_withdrawn_by_a_trade_socket_opened_for_it(tmp_path: Path) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        assert live.session.entry.view().sockets_up == 0
        assert await by_socket(live) == {}, "no trade socket while there is no ban"
        placed = live.session.kernel.counters.sent[Op.PLACE]
        await banned(live)
        await until(lambda: live.session.rest._pool._in_flight == 0, "the last reply by HTTP")
        before = await over_http(live)
        assert before > 0
        await until(lambda: nothing_rests(live), "an empty book")
        assert (Mode.SYNCING, "no way out for orders") in mode_reasons(live)
        live.market.move(25)
        live.session.reader.request()  # and what would be asked meanwhile is not
        await until(lambda: live.session.kernel.open_orders() == 0, "proof of every cancel")
        assert await over_http(live) == before
        assert live.session.kernel.counters.sent[Op.PLACE] == placed
        cancels = await by_socket(live)
        assert cancels
        assert all("cancel" in name for name in cancels), "nothing but cancels"
        # The ban ends here as it would after ten minutes.
        live.session.rest._pool.blocked_until_ns = 0
        await live.settle()
        assert await over_http(live) > before
        await until(lambda: live.session.entry.view().sockets_up == 0, "the sockets closed")
        await live.tick(10)
        assert await by_socket(live) == cancels, "orders leave by REST again"
        assert live.session.entry.view().way == "rest"

    play(tmp_path, story, order_entry="rest")


@pytest.mark.usefixtures("short_ban")
@pytest.mark.parametrize(
    "trade_url",
    [
        pytest.param("", id="none"),
        pytest.param("ws://127.0.0.1:1/v5/trade", id="refused", marks=pytest.mark.long),
    ],
)
def test_without_a_trade_socket_everything_waits_until_the_ban_is_over(
    tmp_path: Path, trade_url: str
) -> None:
    async def story(live: Scenario) -> None:
        await live.tick(12)
        counters = live.session.kernel.counters
        until_ns = await banned(live)
        acked = counters.orders_placed
        live.loop.hold("test", "all is to be withdrawn")
        await until(lambda: counters.not_sent > 0, "a cancel that found the door shut")
        # What was in flight when the ban began is answered within this second.
        await until(lambda: is_over(live, until_ns - 2 * NS_PER_S), "a second of the ban")
        before = await over_http(live)
        assert before > 0
        while not is_over(live, until_ns - NS_PER_S // 2):
            seen = await over_http(live)
            resting = len((await live.venue.state())["open_orders"])
            if not is_over(live, until_ns):
                assert (seen, resting) == (before, QUOTES)
            await asyncio.sleep(0.1)
        await until(lambda: nothing_rests(live), "the cancels, when the ban is over")
        assert is_over(live, until_ns)
        assert counters.orders_placed == acked
        live.loop.release("test")
        await live.settle()

    play(tmp_path, story, order_entry="rest", trade_url=trade_url)
