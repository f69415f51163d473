"""The limit by address is kept to before the venue has to: a ban would stop the cancels too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmfast import config as configuration
from mmfast.messages import Op, Outcome
from mmfast.net.address import HTTP, TRADE, AddressPace
from mmfast.net.http import Limits
from mmfast.runtime.assemble import http_limit
from mmfast.units import NS_PER_S

GOOD = Path(__file__).parents[3] / "config.yaml"


def allowed(pace: AddressPace, now_ns: int, *, cancels: bool) -> int:
    count = 0
    while not pace.refusal(now_ns, cancels=cancels):
        count += 1
    return count


def test_four_fifths_for_all_and_the_rest_but_a_little_for_cancels() -> None:
    pace = AddressPace(600)
    assert allowed(pace, 0, cancels=False) == 480
    assert allowed(pace, 0, cancels=True) == 90
    assert "570 HTTP requests" in pace.refusal(0, cancels=True)


def test_a_request_counts_for_five_seconds() -> None:
    pace = AddressPace(10)
    assert allowed(pace, 0, cancels=False) == 8
    assert allowed(pace, HTTP.window_ns - 1, cancels=False) == 0
    assert allowed(pace, HTTP.window_ns, cancels=False) == 8


def test_a_message_of_a_trade_socket_counts_for_one_second() -> None:
    pace = AddressPace(3_000, TRADE)
    assert allowed(pace, 0, cancels=False) == 2_400
    assert allowed(pace, NS_PER_S - 1, cancels=True) == 450
    assert "2850 messages have left" in pace.refusal(NS_PER_S - 1, cancels=True)
    assert allowed(pace, NS_PER_S, cancels=False) == 1_950
    assert allowed(pace, 2 * NS_PER_S - 1, cancels=False) == 450


def test_without_a_limit_nothing_is_refused() -> None:
    pace = AddressPace(0)
    assert not any(pace.refusal(0, cancels=False) for _ in range(2_000))


def test_orders_beyond_it_do_not_leave_and_cancels_still_do(
    run: Callable[[Any], Any],
    stub: Any,
    make_rest: Callable[..., Any],
    make_batch: Callable[..., Any],
    acked: Callable[..., bytes],
) -> None:
    sent: list[Any] = []

    async def script(_seen: Any, peer: Any) -> None:
        await peer.reply(acked(sent[-1]))

    async def main() -> list[set[Outcome]]:
        found = []
        async with stub(script).running() as server:
            limits = Limits(total_s=5.0, connect_s=2.0, requests_per_5_s=20)
            rest = make_rest(server.url, limits=limits)
            for op in [Op.PLACE] * 17 + [Op.CANCEL] * 4:
                sent.append(make_batch(op))
                reply = await rest.send(sent[-1])
                found.append({item.outcome for item in reply.items})
            await rest.close()
            assert len(server.seen) == 19
        return found

    outcomes = run(main())
    assert outcomes[:16] == [{Outcome.ACK}] * 16
    assert outcomes[16] == {Outcome.NOT_SENT}
    assert outcomes[17:] == [{Outcome.ACK}] * 3 + [{Outcome.NOT_SENT}]


def test_the_configuration_says_how_much_and_own_hosts_have_no_limit() -> None:
    text = GOOD.read_bytes()
    assert http_limit(configuration.parse(text)) == 0, "tier mm1 of the embedded venue"
    assert http_limit(configuration.parse(text.replace(b"tier: mm1", b"tier: default"))) == 600
