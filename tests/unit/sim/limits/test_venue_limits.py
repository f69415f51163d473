"""Budgets: one unit per order, a rolling second, the venue's headers and its 10006."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfast.errors import ConfigError
from mmfast.sim.limits.budgets import MAX_ADDRESSES, AddressLimit, Limits, Window, cost_of
from mmfast.sim.limits.tiers import LimitParams
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


# The table by category.


@pytest.mark.parametrize(
    ("tier", "path", "category", "limit"),
    [
        ("default", "/v5/order/create", "linear", 10),
        ("default", "/v5/order/create", "spot", 20),
        ("default", "/v5/order/create", "option", 10),
        ("default", "/v5/order/amend", "spot", 10),
        ("default", "/v5/order/cancel-all", "linear", 10),
        ("default", "/v5/order/cancel-all", "option", 1),
        ("default", "/v5/order/cancel-all", "spot", 20),
        ("default", "/v5/order/create-batch", "spot", 20),
        ("vip1", "/v5/order/create", "linear", 20),
        ("vip1", "/v5/order/create", "spot", 25),
        ("vip5", "/v5/order/cancel-batch", "option", 60),
        ("supreme", "/v5/order/cancel", "spot", 40),
        ("pro3", "/v5/order/cancel-all", "option", 600),
        ("mm3", "/v5/order/create", "spot", 1000),
        ("mm1", "/v5/order/realtime", "spot", 50),
        ("mm1", "/v5/position/set-leverage", "linear", 10),
        ("mm1", "/v5/account/set-margin-mode", "", 5),
        ("mm1", "/v5/account/instruments-info", "spot", 10),
        ("mm1", "/v5/apilimit/query", "", 50),
        ("mm1", "/v5/order/disconnected-cancel-all", "", 5),
    ],
)
def test_the_table_gives_each_tier_and_category_its_figure(
    tier: str, path: str, category: str, limit: int
) -> None:
    grant = Limits(tier).take(1, path, category, 1, 0, 0)
    assert grant is not None
    assert grant.limit == limit


def test_linear_and_inverse_share_what_spot_and_option_do_not() -> None:
    limits = Limits("default")

    def left(category: str, units: int = 0) -> int:
        grant = limits.take(1, "/v5/order/create", category, units, 0, 0)
        assert grant is not None
        return grant.left

    assert [left("linear", 4), left("inverse", 3), left("spot"), left("option")] == [6, 3, 20, 10]


def test_accounts_do_not_share() -> None:
    limits = Limits("default")
    limits.take(1, "/v5/order/create", "linear", 10, 0, 0)
    grant = limits.take(2, "/v5/order/create", "linear", 10, 0, 0)
    assert grant is not None
    assert grant.units == 10


def test_account_calls_have_one_budget_whatever_category_they_name() -> None:
    limits = Limits("mm1")
    for category in ("linear", "spot", "option", "inverse", "linear"):
        grant = limits.take(1, "/v5/account/fee-rate", category, 1, 0, 0)
        assert grant is not None
        assert grant.units == 1
    grant = limits.take(1, "/v5/account/fee-rate", "spot", 1, 0, 0)
    assert grant is not None
    assert grant.units == 0


def test_market_data_has_no_budget() -> None:
    assert Limits("default").take(1, "/v5/market/tickers", "linear", 1, 0, 0) is None


@pytest.mark.parametrize(
    ("category", "items", "units", "granted_of_3"),
    [("linear", 7, 7, 3), ("spot", 7, 7, 3), ("option", 7, 1, 7), ("linear", 21, 1, 1)],
)
def test_a_batch_costs_its_orders_and_an_option_batch_one(
    category: str, items: int, units: int, granted_of_3: int
) -> None:
    cost = cost_of({"category": category, "request": [{}] * items}, 20, is_batch=True)
    assert cost.units == units
    assert cost.granted(min(3, cost.units)) == granted_of_3
    assert cost.granted(0) == 0


def test_a_lowered_limit_counts_what_was_taken_before() -> None:
    window = Window(10)
    window.take(6, 0, 0)
    window.take(2, 300 * NS_PER_MS, 0)
    window.limit = 3
    refused = window.take(1, 400 * NS_PER_MS, 5000)
    # Six units go at 1.0 s and leave two: only then is one of three free.
    assert (refused.units, refused.left, refused.reset_ms) == (0, 0, 5600)
    assert window.take(5, NS_PER_S, 0).units == 1


# The address limit.


def admitted(limit: AddressLimit, times: int, now_ns: int, address: str = "a") -> int:
    return sum(limit.admits(address, now_ns) for _ in range(times))


def test_the_601st_request_in_five_seconds_is_banned_for_ten_minutes() -> None:
    limit = AddressLimit(LimitParams(), "vip1")
    assert admitted(limit, 600, 0) == 600
    assert admitted(limit, 1, 5 * NS_PER_S - 1) == 0
    assert limit.bans == 1
    assert limit.least_left() == 0
    end_ns = 5 * NS_PER_S - 1 + 600 * NS_PER_S
    assert admitted(limit, 5, end_ns - 1) == 0
    assert admitted(limit, 601, end_ns) == 600
    assert limit.bans == 2


def test_requests_older_than_five_seconds_do_not_count() -> None:
    limit = AddressLimit(LimitParams(), "vip1")
    assert admitted(limit, 600, 0) == 600
    assert admitted(limit, 600, 5 * NS_PER_S) == 600
    assert limit.bans == 0


def test_addresses_are_counted_apart_and_not_for_ever() -> None:
    limit = AddressLimit(LimitParams(http_per_5s=1), "mm1")
    assert [admitted(limit, 2, 0, address) for address in ("a", "b")] == [1, 1]
    for number in range(MAX_ADDRESSES):
        limit.admits(str(number), 0)
    assert len(limit._addresses) == MAX_ADDRESSES


def test_an_address_limit_of_zero_is_none() -> None:
    assert admitted(AddressLimit(LimitParams(http_per_5s=0), "default"), 5000, 0) == 5000


def test_tiers_with_a_gateway_of_their_own_have_no_address_limit() -> None:
    for tier, limit in (("default", 600), ("vip5", 600), ("pro1", 0), ("mm1", 0)):
        assert LimitParams().http_limit(tier) == limit
    assert admitted(AddressLimit(LimitParams(), "mm1"), 5000, 0) == 5000


def test_a_banned_client_reads_plain_text_everywhere_and_gets_nothing_done(new_trader) -> None:
    trader = new_trader(limits=LimitParams(http_per_5s=4, http_ban_ms=1000))
    assert [trader.get("/v5/market/time").status for _ in range(5)] == [200] * 4 + [403]
    refused = trader.place(orderLinkId="a")
    assert (refused.status, refused.body) == (403, b"access too frequent")
    assert trader.open_links() == []
    found = trader.venue.report(trader.now_ns)
    assert found["address_limit"] == {"least_left": 0, "bans": 1}
    assert found["violations"] == {"over_address_limit": 2}
    trader.run(1000)
    assert trader.place(orderLinkId="a").code == 0


# REST and the trade socket.


def test_spot_and_futures_draw_from_their_own_budgets_over_rest(new_trader) -> None:
    trader = new_trader(tier="default", spot_symbols=("BTCUSDT",))
    for _ in range(10):
        assert trader.place().code == 0
    assert trader.place().code == 10006
    spot = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
            "qty": "0.001", "price": "64000"}  # fmt: skip
    reply = trader.post("/v5/order/create", spot)
    assert reply.code == 0
    assert headers(reply)[:2] == ("20", "19")
