"""Whatever comes in, the venue answers in its own words and stays whole."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(("linear", "BTCUSDT", "Buy", "Limit", "Market", "65000.00", "0.010", "IOC"))
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=3), SCALARS)
NAMES = st.sampled_from(
    ("category", "symbol", "side", "orderType", "qty", "price", "timeInForce", "orderLinkId",
     "orderId", "reduceOnly", "closeOnTrigger", "smpType", "positionIdx", "triggerPrice",
     "settleCoin", "baseCoin", "orderFilter", "buyLeverage", "sellLeverage", "mode",
     "modifyEnable", "request")
)  # fmt: skip
GOOD = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "qty": "0.010",
    "price": "65000.00",
}
ITEMS = st.dictionaries(NAMES, VALUES, max_size=4).map(lambda change: GOOD | change)
POSTS = (
    "/v5/order/create",
    "/v5/order/amend",
    "/v5/order/cancel",
    "/v5/order/cancel-all",
    "/v5/position/set-leverage",
    "/v5/position/switch-mode",
    "/v5/account/set-limit-px-action",
)
GETS = (
    "/v5/order/realtime",
    "/v5/order/history",
    "/v5/execution/list",
    "/v5/position/list",
    "/v5/account/wallet-balance",
    "/v5/account/fee-rate",
    "/v5/market/instruments-info",
    "/v5/market/orderbook",
    "/v5/market/tickers",
    "/v5/market/recent-trade",
    "/v5/market/price-limit",
)


def assert_whole(trader, reply) -> None:
    assert reply.status == 200
    assert isinstance(reply.code, int)
    assert isinstance(reply.json["retMsg"], str)
    account = trader.venue._exchange.accounts[trader.venue.uid]
    resting = sum(lots for side in (0, 1) for _, lots in trader.venue.books[0].levels(side, 99))
    assert resting == sum(o.leaves for o in account.blotter.open_orders(0))


@pytest.mark.parametrize("path", POSTS)
@given(item=ITEMS)
@settings(max_examples=60, deadline=None)
def test_single_bodies(trader_class, path, item) -> None:
    trader = trader_class(symbols=("BTCUSDT",))
    trader.place(orderLinkId="there")
    assert_whole(trader, trader.post(path, item))


@pytest.mark.parametrize("kind", ["create", "amend", "cancel"])
@given(items=st.lists(ITEMS | SCALARS, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_batch_bodies(trader_class, kind, items) -> None:
    trader = trader_class(symbols=("BTCUSDT",))
    trader.place(orderLinkId="there")
    reply = trader.batch(kind, items)
    assert_whole(trader, reply)
    assert len(reply.rows) == len(reply.codes) == len(items)


@pytest.mark.parametrize("path", GETS)
@given(
    query=st.text(st.characters(codec="utf-8") | st.sampled_from("=&%+"), max_size=30)
    | st.dictionaries(
        st.sampled_from(
            ("symbol", "limit", "cursor", "openOnly", "startTime", "endTime", "orderId", "coin",
             "orderStatus", "settleCoin", "accountType", "execType", "status")
        ),
        st.text("0123456789-%aBTCUSD=&²\udcff", max_size=8),
        max_size=4,
    ).map(lambda query: "category=linear&" + "&".join(f"{k}={v}" for k, v in query.items()))
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_queries(trader_class, path, query) -> None:
    trader = trader_class(symbols=("BTCUSDT",))
    raw = query.encode(errors="surrogateescape")
    reply = trader.ask("GET", path, raw)
    assert_whole(trader, reply)


@given(body=st.binary(max_size=40))
@settings(max_examples=60, deadline=None)
def test_bodies_that_are_no_json(trader_class, body) -> None:
    trader = trader_class(symbols=("BTCUSDT",))
    reply = trader.ask("POST", "/v5/order/create", body)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    assert reply.code == 10001, parsed
    assert trader.venue.open_orders() == []


@pytest.mark.parametrize("name", ["x-bapi-api-key", "x-bapi-sign", "x-bapi-timestamp"])
def test_headers_that_are_not_utf8(trader, name) -> None:
    reply = trader.ask("GET", "/v5/account/info", headers={name: "\udcff\udcfe"})
    assert reply.code in (10001, 10003, 10004)
