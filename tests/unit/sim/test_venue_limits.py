"""Budgets: one unit per order, a rolling second, the venue's headers and its 10006."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfast.errors import ConfigError
from mmfast.sim.limits import Limits, Window
from mmfast.units import NS_PER_MS, NS_PER_S


@given(
    limit=st.integers(1, 12),
    takes=st.lists(st.tuples(st.integers(0, 700), st.integers(1, 20)), max_size=40),
)
def test_no_second_ever_passes_more_than_the_limit_and_nothing_is_held_back(
    limit: int, takes: list[tuple[int, int]]
) -> None:
    window = Window(limit)
    now_ns = 0
    passed: list[int] = []
    for gap_ms, units in takes:
        now_ns += gap_ms * NS_PER_MS
        recent = sum(1 for at in passed if at > now_ns - NS_PER_S)
        grant = window.take(units, now_ns, 0)
        assert grant.units == min(units, limit - recent)
        assert grant.left == limit - recent - grant.units
        passed += [now_ns] * grant.units


def test_a_unit_is_free_again_after_exactly_one_second() -> None:
    window = Window(2)
    assert window.take(1, 100, 7).units == 1
    assert window.take(1, 500, 7).units == 1
    refused = window.take(1, 99 + NS_PER_S, 5000)
    assert (refused.units, refused.left, refused.reset_ms) == (0, 0, 5001)
    assert window.take(2, 100 + NS_PER_S, 7).units == 1


def test_the_reset_header_is_now_while_there_is_budget_and_the_return_time_else() -> None:
    window = Window(1)
    assert window.take(1, 0, 9000).reset_ms == 9000
    assert window.take(1, 400 * NS_PER_MS, 9400).reset_ms == 10_000


def test_an_unknown_tier_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"\$\.tier: expected one of default, vip1.*'vip9'"):
        Limits("vip9")


def headers(reply) -> tuple[str, ...]:
    names = ("X-Bapi-Limit", "X-Bapi-Limit-Status", "X-Bapi-Limit-Reset-Timestamp")
    return tuple(reply.headers[name] for name in names)


def test_every_signed_reply_carries_the_headers(new_trader) -> None:
    trader = new_trader(tier="default")
    reply = trader.place()
    assert headers(reply) == ("10", "9", str(reply.json["time"]))
    refused = trader.place(price="bad")
    assert refused.code == 10001
    assert headers(refused)[1] == "8"
    assert trader.get("/v5/market/time").headers.keys() == {"Content-Type"}


def test_the_first_that_fit_pass_and_the_rest_of_the_batch_fails_with_10006(
    new_trader, item
) -> None:
    trader = new_trader(tier="default")
    first = [item(orderLinkId=f"a{i}", price="bad" if i == 1 else "65000") for i in range(7)]
    reply = trader.batch("create", first)
    assert reply.codes == [0, 10001, 0, 0, 0, 0, 0]
    assert headers(reply)[:2] == ("10", "3")  # the failed one was paid for as well
    reply = trader.batch("create", [item(orderLinkId=f"b{i}") for i in range(7)])
    assert reply.code == 0
    assert reply.codes == [0, 0, 0, 10006, 10006, 10006, 10006]
    assert headers(reply)[:2] == ("10", "0")
    assert [row["orderLinkId"] for row in reply.rows] == [f"b{i}" for i in range(7)]
    assert [bool(row["orderId"]) for row in reply.rows] == [True] * 3 + [False] * 4
    reply = trader.batch("create", [item(orderLinkId="c")])
    assert (reply.code, reply.json["retMsg"], reply.result) == (10006, "Too many visits!", {})
    assert len(trader.open_links()) == 9
    assert int(headers(reply)[2]) > reply.json["time"]
    trader.run(int(headers(reply)[2]) - trader.venue.venue_ms(trader.now_ns))
    assert trader.batch("create", [item(orderLinkId="c")]).codes == [0]


def test_each_endpoint_has_its_own_budget(new_trader, item) -> None:
    trader = new_trader(tier="default")
    for i in range(10):
        assert trader.place(orderLinkId=f"s{i}").code == 0
    assert trader.place().code == 10006
    assert trader.batch("create", [item(orderLinkId="x")]).codes == [0]
    assert trader.cancel(orderLinkId="s0").code == 0
    assert trader.amend(orderLinkId="s1", price="64000").code == 0
    cancels = [{"symbol": "BTCUSDT", "orderLinkId": f"s{i}"} for i in range(2, 10)]
    assert trader.batch("cancel", cancels).codes == [0] * 8


@pytest.mark.parametrize(
    ("path", "query", "limit"),
    [
        ("/v5/order/realtime", {"category": "linear", "settleCoin": "USDT"}, "50"),
        ("/v5/order/history", {"category": "linear"}, "50"),
        ("/v5/execution/list", {"category": "linear"}, "50"),
        ("/v5/position/list", {"category": "linear", "settleCoin": "USDT"}, "50"),
        ("/v5/account/wallet-balance", {"accountType": "UNIFIED"}, "50"),
        ("/v5/account/info", {}, "50"),
        ("/v5/account/fee-rate", {"category": "linear"}, "5"),
        ("/v5/user/query-api", {}, "10"),
    ],
)
def test_queries_have_their_fixed_budgets_whatever_the_tier(trader, path, query, limit) -> None:
    reply = trader.get(path, **query)
    assert reply.code == 0
    assert headers(reply)[:2] == (limit, str(int(limit) - 1))


def test_a_refused_signature_costs_nothing(new_trader) -> None:
    trader = new_trader(tier="default")
    for _ in range(20):
        reply = trader.ask("POST", "/v5/order/create", b"{}", headers={"x-bapi-sign": "0" * 64})
        assert reply.code == 10004
    assert headers(trader.place())[1] == "9"
