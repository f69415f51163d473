"""ccxt trades on the embedded venue over REST, unchanged except for the address.

Everything asserted here is what ccxt itself reports.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal

import ccxt
import ccxt.async_support
import pytest

COIN_ATOM = 1e-8
"""Balances are kept to so much of a coin; sums in floats are compared to it."""


def settings(venue, **changes: object) -> dict:
    """Keys and address; the throttle of the client's own says nothing about the venue."""
    hosts = dict.fromkeys(("public", "private"), venue.rest_url)
    keys = {"apiKey": venue.params.api_key, "secret": venue.params.api_secret}
    return {**keys, "urls": {"api": hosts}, "enableRateLimit": False, **changes}


@pytest.fixture
def client(venue) -> Iterator[ccxt.bybit]:
    exchange = ccxt.bybit(settings(venue))
    exchange.load_markets()
    yield exchange
    exchange.session.close()


def touch(client: ccxt.bybit, symbol: str) -> tuple[float, float]:
    book = client.fetch_order_book(symbol, 1)
    return book["bids"][0][0], book["asks"][0][0]


def on_grid(client: ccxt.bybit, symbol: str, price: float) -> float:
    return float(client.price_to_precision(symbol, price))


def held(client: ccxt.bybit, coin: str) -> float:
    return client.fetch_balance()[coin]["total"]


def open_names(client: ccxt.bybit, symbol: str) -> list[str]:
    return sorted(order["clientOrderId"] for order in client.fetch_open_orders(symbol))


def test_the_markets(client) -> None:
    assert {one["type"] for one in client.markets.values()} == {"spot", "swap", "option"}
    assert {"BTC", "ETH", "USDT"} <= set(client.currencies)
    linear, inverse, spot = map(client.market, ("BTC/USDT:USDT", "BTC/USD:BTC", "BTC/USDT"))
    assert (linear["linear"], linear["settle"], linear["contractSize"]) == (True, "USDT", 1)
    assert (inverse["inverse"], inverse["settle"], inverse["contractSize"]) == (True, "BTC", 1)
    assert (spot["spot"], spot["settle"]) == (True, None)
    assert (linear["precision"]["price"], linear["precision"]["amount"]) == (0.1, 0.001)
    assert (inverse["precision"]["price"], inverse["precision"]["amount"]) == (0.1, 1)
    assert (spot["precision"]["price"], spot["precision"]["amount"]) == (0.1, 0.000001)
    assert linear["limits"]["cost"]["min"] == spot["limits"]["cost"]["min"] == 5
    assert all(one["active"] for one in client.markets.values())


def test_clock_book_and_ticker(client, market) -> None:
    assert abs(client.fetch_time() - client.milliseconds()) < 2000
    book = client.fetch_order_book(market.unified, 50)
    bids, asks = ([price for price, _ in book[side]] for side in ("bids", "asks"))
    assert len(bids) >= 25
    assert len(asks) >= 25
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    ticker = client.fetch_ticker(market.unified)
    assert ticker["symbol"] == market.unified
    assert (ticker["bid"], ticker["ask"]) == (bids[0], asks[0])
    assert list(client.fetch_tickers([market.unified])) == [market.unified]


def test_create_edit_cancel(client, market) -> None:
    symbol, lot = market.unified, float(market.lot)
    bid, _ = touch(client, symbol)
    price, lower = on_grid(client, symbol, bid - 50), on_grid(client, symbol, bid - 51)
    created = client.create_order(
        symbol, "limit", "buy", lot, price, {"clientOrderId": "one", "postOnly": True}
    )
    [order] = client.fetch_open_orders(symbol)
    assert (order["id"], order["clientOrderId"]) == (created["id"], "one")
    assert (order["status"], order["side"], order["symbol"]) == ("open", "buy", symbol)
    assert (order["timeInForce"], order["type"]) == ("PO", "limit")
    assert (order["price"], order["amount"], order["filled"]) == (price, lot, 0)

    client.edit_order(created["id"], symbol, "limit", "buy", 2 * lot, lower)
    order = client.fetch_open_order(created["id"], symbol)
    assert (order["price"], order["amount"], order["remaining"]) == (lower, 2 * lot, 2 * lot)

    client.cancel_order(created["id"], symbol)
    assert client.fetch_open_orders(symbol) == []
    [order] = client.fetch_canceled_orders(symbol)
    assert (order["id"], order["status"], order["filled"]) == (created["id"], "canceled", 0)
    with pytest.raises(ccxt.InvalidOrder, match=r"110001|170142"):
        client.cancel_order(created["id"], symbol)


def test_batches_and_cancel_all(client, market) -> None:
    symbol, lot = market.unified, float(market.lot)
    bid, ask = touch(client, symbol)

    def wish(name: str, side: str, price: float) -> dict:
        more = {"clientOrderId": name}
        one = {"symbol": symbol, "type": "limit", "side": side, "amount": lot, "params": more}
        return one | {"price": on_grid(client, symbol, price)}

    orders = client.create_orders(
        [
            wish("b1", "buy", bid - 20),
            wish("b1", "buy", bid - 21),
            wish("b2", "sell", ask + 20),
            wish("b3", "sell", ask + 21),
        ]
    )
    # The second one repeats a client id; the others must not suffer from it.
    assert [order["status"] for order in orders] == [None, "rejected", None, None]
    assert open_names(client, symbol) == ["b1", "b2", "b3"]

    edits = [wish("b1", "buy", bid - 30), wish("b2", "sell", ask + 30)]
    ids = {order["clientOrderId"]: order["id"] for order in orders if order["id"]}
    client.edit_orders([{**edit, "id": ids[edit["params"].pop("clientOrderId")]} for edit in edits])
    prices = {order["id"]: order["price"] for order in client.fetch_open_orders(symbol)}
    assert prices[ids["b1"]] == edits[0]["price"]
    assert prices[ids["b2"]] == edits[1]["price"]

    if market.category != "inverse":  # ccxt itself refuses this one for inverse contracts
        client.cancel_orders([ids["b1"]], symbol)
        assert open_names(client, symbol) == ["b2", "b3"]
    client.cancel_all_orders(symbol)
    assert client.fetch_open_orders(symbol) == []


def test_a_trade(client, market) -> None:
    symbol, lot = market.unified, float(market.lot)
    _, ask = touch(client, symbol)
    before = held(client, market.fee_coin)
    created = client.create_order(symbol, "limit", "buy", lot, ask, {"timeInForce": "IOC"})

    [order] = client.fetch_closed_orders(symbol)
    assert (order["id"], order["status"], order["filled"]) == (created["id"], "closed", lot)
    assert order["average"] == ask
    [fill] = client.fetch_my_trades(symbol)
    assert (fill["order"], fill["takerOrMaker"], fill["side"]) == (created["id"], "taker", "buy")
    assert (fill["price"], fill["amount"]) == (ask, lot)
    fee = float(market.fee_base(Decimal(str(ask)), market.lot) * market.taker_rate)
    assert fill["fee"]["currency"] == market.fee_coin
    assert fill["fee"]["cost"] == pytest.approx(fee, abs=COIN_ATOM)
    bought = lot if market.is_spot else 0
    assert held(client, market.fee_coin) == pytest.approx(before + bought - fee, abs=COIN_ATOM)


def test_a_position_and_its_end(client, contract) -> None:
    symbol, lot = contract.unified, float(contract.lot)
    bid, ask = touch(client, symbol)
    client.create_order(symbol, "market", "buy", lot)
    [position] = client.fetch_positions([symbol])
    assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", lot, ask)
    client.create_order(symbol, "market", "sell", lot, None, {"reduceOnly": True})
    assert not client.fetch_position(symbol)["contracts"]
    with pytest.raises(ccxt.ExchangeError, match="110017"):
        client.create_order(symbol, "limit", "sell", lot, bid, {"reduceOnly": True})


def test_refusals_arrive_as_the_errors_ccxt_knows(client, market) -> None:
    symbol, lot = market.unified, float(market.lot)
    bid, _ = touch(client, symbol)
    price = on_grid(client, symbol, bid - 50)
    client.create_order(symbol, "limit", "buy", lot, price, {"clientOrderId": "taken"})
    with pytest.raises(ccxt.InvalidOrder, match=r"110072|170141"):
        client.create_order(symbol, "limit", "buy", lot, price, {"clientOrderId": "taken"})
    with pytest.raises(ccxt.OrderNotFound):
        client.edit_order("no-such-order", symbol, "limit", "buy", lot, price)
    assert open_names(client, symbol) == ["taken"]


def test_an_account_without_funds(start_still_venue, market) -> None:
    venue = start_still_venue(balance_e8=0, coins_e8=())
    client = ccxt.bybit(settings(venue))
    bid, _ = touch(client, market.unified)
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(market.unified, "limit", "buy", float(market.lot), bid)
    assert client.fetch_open_orders(market.unified) == []
    client.session.close()


def test_a_wrong_secret(venue) -> None:
    client = ccxt.bybit(settings(venue, secret="not the secret"))
    with pytest.raises(ccxt.AuthenticationError, match="10004"):
        client.fetch_balance()
    client.session.close()


def test_a_batch_beyond_the_rate_limit(start_still_venue) -> None:
    """Ten a second at the default tier: the first ten of twenty pass, the rest are refused."""
    client = ccxt.bybit(settings(start_still_venue(tier="default")))
    symbol = "BTC/USDT:USDT"
    bid, _ = touch(client, symbol)
    wish = {"symbol": symbol, "type": "limit", "side": "buy", "amount": 0.01}
    prices = [on_grid(client, symbol, bid - 20 - n) for n in range(20)]
    orders = client.create_orders([{**wish, "price": price} for price in prices])
    assert [order["status"] for order in orders] == [None] * 10 + ["rejected"] * 10
    open_prices = {order["price"] for order in client.fetch_open_orders(symbol)}
    assert open_prices == set(prices[:10])
    client.session.close()


def test_positions_in_hedge_mode(client) -> None:
    """Both sides of one contract at the same time, each in a position of its own."""
    symbol = "BTC/USDT:USDT"
    client.set_position_mode(True, symbol)
    bid, ask = touch(client, symbol)
    for side, price, lot, index in (("buy", ask, 0.002, 1), ("sell", bid, 0.001, 2)):
        more = {"timeInForce": "IOC", "positionIdx": index}
        client.create_order(symbol, "limit", side, lot, price, more)
    held_sides = {one["side"]: one["contracts"] for one in client.fetch_positions([symbol])}
    assert held_sides == {"long": 0.002, "short": 0.001}
    with pytest.raises(ccxt.BadRequest, match="position idx not match position mode"):
        client.create_order(symbol, "limit", "buy", 0.001, bid)


def test_the_asynchronous_client(venue, markets) -> None:
    """Three markets quoted at the same time over one client."""

    async def quote(client: ccxt.async_support.bybit, symbol: str, lot: float) -> None:
        book = await client.fetch_order_book(symbol, 1)
        bid = book["bids"][0][0]
        prices = [on_grid(client, symbol, bid - 20 - n) for n in range(3)]
        created = await asyncio.gather(
            *(client.create_order(symbol, "limit", "buy", lot, price) for price in prices)
        )
        first, *others = (order["id"] for order in created)
        await client.edit_order(first, symbol, "limit", "buy", 2 * lot, prices[0])
        await asyncio.gather(*(client.cancel_order(one, symbol) for one in others))
        [left] = await client.fetch_open_orders(symbol)
        assert (left["id"], left["amount"]) == (first, 2 * lot)
        await client.cancel_all_orders(symbol)
        assert await client.fetch_open_orders(symbol) == []

    async def trade() -> None:
        async with ccxt.async_support.bybit(settings(venue)) as client:
            await client.load_markets()
            await asyncio.gather(*(quote(client, one.unified, float(one.lot)) for one in markets))

    asyncio.run(trade())
