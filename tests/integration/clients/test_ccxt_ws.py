"""ccxt's websocket client on the embedded venue, unchanged except for the address.

Everything asserted here is what ccxt itself reports.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

import ccxt.pro
import pytest

CATEGORIES = ("linear", "inverse", "spot", "option")
PATIENCE_S = 10.0

Client = ccxt.pro.bybit
Watch = Callable[[], Awaitable[list[dict]]]


def connect(venue) -> Client:
    """Keys and addresses; the throttle of the client's own says nothing about the venue."""
    private = venue.ws_url + "/v5/private"
    streams = {
        "public": {name: f"{venue.ws_url}/v5/public/{name}" for name in CATEGORIES},
        "private": {
            "spot": {"unified": private},
            "contract": private,
            "trade": venue.ws_url + "/v5/trade",
        },
    }
    hosts = {"public": venue.rest_url, "private": venue.rest_url, "ws": streams}
    keys = {"apiKey": venue.params.api_key, "secret": venue.params.api_secret}
    return Client({**keys, "urls": {"api": hosts}, "enableRateLimit": False})


@pytest.fixture
def play(venue):
    """Runs one coroutine with a client, and closes it."""

    def run(scene: Callable[[Client], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with connect(venue) as client, asyncio.timeout(PATIENCE_S):
                await client.load_markets()
                await scene(client)

        asyncio.run(whole())

    return run


class Ear:
    """Keeps all a watch call reports, in a task of its own, from a proven subscription on.

    ``name`` is how the client calls that subscription.
    """

    def __init__(self, client: Client, name: str, watch: Watch) -> None:
        self.rows: list[dict] = []
        self._client = client
        self._name = name
        self._watch = watch
        self._news = asyncio.Event()
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen())
        while not self._is_sent():
            await self._pass_by_the_venue()
        # What was sent before a request that has been answered, the venue has read; it applies
        # it within a round trip.
        for _ in range(2):
            await self._pass_by_the_venue()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def until(self, found: Callable[[list[dict]], bool]) -> list[dict]:
        """All rows so far, as soon as ``found`` says yes to them."""
        while not found(self.rows):
            self._news.clear()
            news = asyncio.create_task(self._news.wait())
            await asyncio.wait({news, self._task}, return_when=asyncio.FIRST_COMPLETED)
            news.cancel()
            self._raise_failure()
        return self.rows

    async def _listen(self) -> None:
        while True:
            # The client goes on working on the lists and rows it returns.
            self.rows += [dict(row) for row in await self._watch()]
            self._news.set()

    def _is_sent(self) -> bool:
        sockets = self._client.clients.values()
        return any(one.startswith(self._name) for socket in sockets for one in socket.subscriptions)

    async def _pass_by_the_venue(self) -> None:
        await self._client.fetch_time()
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._task.done():
            self._task.result()


def has(**wanted: object) -> Callable[[list[dict]], bool]:
    """Whether one of the rows carries all of these fields."""
    return lambda rows: any(wanted.items() <= row.items() for row in rows)


async def touch(client: Client, symbol: str) -> tuple[list[float], list[float]]:
    book = await client.fetch_order_book(symbol, 1)
    return book["bids"][0], book["asks"][0]


def test_the_book_follows_a_sweep(play, market) -> None:
    """Take the whole best level: the merged book loses it, and stays equal to the venue's."""

    async def scene(client: Client) -> None:
        symbol = market.unified
        book = await client.watch_order_book(symbol, 50)
        _, (ask, size) = await touch(client, symbol)
        assert [ask, size] == book["asks"][0]
        await client.create_order(symbol, "limit", "buy", size, ask, {"timeInForce": "IOC"})
        while book["asks"][0][0] <= ask:
            book = await client.watch_order_book(symbol, 50)
        truth = await client.fetch_order_book(symbol, 50)
        assert book["bids"] == truth["bids"]
        assert book["asks"] == truth["asks"]

    play(scene)


def test_the_public_trade_and_ticker(play, market) -> None:
    async def scene(client: Client) -> None:
        symbol, lot = market.unified, float(market.lot)
        _, (ask, _) = await touch(client, symbol)
        async with Ear(client, "trade:", lambda: client.watch_trades(symbol)) as trades:
            await client.create_order(symbol, "limit", "buy", lot, ask, {"timeInForce": "IOC"})
            await trades.until(has(symbol=symbol, side="buy", price=ask, amount=lot))
        ticker = await client.watch_ticker(symbol)
        assert (ticker["symbol"], ticker["last"]) == (symbol, ask)

    play(scene)


def test_the_order_and_execution_streams(play, market) -> None:
    """A resting order is heard to open and to go; a taking one to close, with its fill."""

    async def scene(client: Client) -> None:
        symbol, lot = market.unified, float(market.lot)
        (bid, _), (ask, _) = await touch(client, symbol)
        price = float(client.price_to_precision(symbol, bid - 50))
        async with (
            Ear(client, "orders", lambda: client.watch_orders(symbol)) as orders,
            Ear(client, "myTrades", lambda: client.watch_my_trades(symbol)) as fills,
        ):
            resting = await client.create_order(symbol, "limit", "buy", lot, price)
            await orders.until(has(id=resting["id"], status="open", price=price, amount=lot))
            await client.cancel_order(resting["id"], symbol)
            await orders.until(has(id=resting["id"], status="canceled", filled=0.0))
            assert fills.rows == []

            taking = await client.create_order(
                symbol, "limit", "buy", lot, ask, {"timeInForce": "IOC"}
            )
            await orders.until(has(id=taking["id"], status="closed", filled=lot))
            [fill] = await fills.until(has(order=taking["id"]))
        assert (fill["symbol"], fill["side"], fill["takerOrMaker"]) == (symbol, "buy", "taker")
        assert (fill["price"], fill["amount"]) == (ask, lot)
        assert fill["fee"]["currency"] == market.fee_coin
        [same] = await client.fetch_my_trades(symbol)
        assert (same["id"], same["fee"]["cost"]) == (fill["id"], fill["fee"]["cost"])

    play(scene)


def test_the_balance_stream(play, market) -> None:
    """In and out again: with no position left, equity is balance, and both sources agree."""

    async def scene(client: Client) -> None:
        symbol, lot, coin = market.unified, float(market.lot), market.fee_coin

        async def watch() -> list[dict]:
            return [(await client.watch_balance()).get(coin, {})]

        before = (await client.fetch_balance())[coin]["total"]
        async with Ear(client, "balances", watch) as balances:
            for side in ("buy", "sell"):
                await client.create_order(symbol, "market", side, lot)
            after = (await client.fetch_balance())[coin]["total"]
            assert after < before  # two fees and a spread, or on spot one fee in the coin bought
            await balances.until(has(total=after))

    play(scene)


def test_the_position_stream(play, markets) -> None:
    """One topic tells the positions of all contracts; the client fetches those it begins with."""

    async def scene(client: Client) -> None:
        contracts = [one for one in markets if not one.is_spot]
        for one in contracts:
            await client.create_order(one.unified, "market", "buy", float(one.lot))
        begun = await client.watch_positions()
        for one in contracts:
            assert has(symbol=one.unified, side="long", contracts=float(one.lot))(begun)
        async with Ear(client, "positions", client.watch_positions) as positions:
            for one in contracts:
                await client.create_order(one.unified, "market", "sell", 3 * float(one.lot))
            for one in contracts:
                left = 2 * float(one.lot)
                await positions.until(has(symbol=one.unified, side="short", contracts=left))

    play(scene)


def test_orders_over_the_trade_socket(play, market) -> None:
    """What REST says of an order that never went over REST."""

    async def scene(client: Client) -> None:
        symbol, lot = market.unified, float(market.lot)
        (bid, _), _ = await touch(client, symbol)
        price, lower = (float(client.price_to_precision(symbol, bid - far)) for far in (50, 51))
        created = await client.create_order_ws(
            symbol, "limit", "buy", lot, price, {"clientOrderId": "one", "postOnly": True}
        )
        [order] = await client.fetch_open_orders(symbol)
        assert (order["id"], order["clientOrderId"]) == (created["id"], "one")
        edited = await client.edit_order_ws(created["id"], symbol, "limit", "buy", 2 * lot, lower)
        assert edited["id"] == created["id"]
        [order] = await client.fetch_open_orders(symbol)
        assert (order["price"], order["amount"]) == (lower, 2 * lot)
        assert (await client.cancel_order_ws(created["id"], symbol))["id"] == created["id"]
        assert await client.fetch_open_orders(symbol) == []
        with pytest.raises(ccxt.pro.InvalidOrder):
            await client.cancel_order_ws(created["id"], symbol)

    play(scene)
