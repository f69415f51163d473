"""nautilus_trader's node and Bybit adapter on the embedded venue, unchanged except for the address.

Everything asserted here is what the node's cache and portfolio say. Run with
``pytest -m nautilus tests/integration/clients``, which needs the extra ``clients``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal

import pytest
from nautilus_trader.adapters.bybit import (
    BybitDataClientConfig,
    BybitExecClientConfig,
    BybitLiveDataClientFactory,
    BybitLiveExecClientFactory,
    BybitProductType,
    factories,
)
from nautilus_trader.config import InstrumentProviderConfig, LoggingConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import OrderSide, OrderStatus, TimeInForce
from nautilus_trader.model.identifiers import InstrumentId, Venue
from nautilus_trader.model.orders import Order
from nautilus_trader.trading.strategy import Strategy
from pybit_sessions import http_session, item, order

pytestmark = pytest.mark.nautilus

BYBIT = "BYBIT"
PATIENCE_S = 20.0
COIN_ATOM = Decimal("1e-8")


class Desk(Strategy):
    """A strategy with no will of its own: it listens, and does what the test tells it."""

    def __init__(self, market) -> None:
        super().__init__()
        self.market = market
        self.instrument_id = InstrumentId.from_str(
            f"{market.symbol}-{market.category.upper()}.{BYBIT}"
        )
        self._news = asyncio.Event()

    def on_start(self) -> None:
        self.subscribe_order_book_deltas(self.instrument_id, depth=50)
        self.subscribe_trade_ticks(self.instrument_id)
        self.msgbus.subscribe("events.account.*", self.on_event)

    def on_stop(self) -> None:
        """The venue goes with the test."""

    def on_event(self, event: object) -> None:
        self._news.set()

    on_order_book_deltas = on_event
    on_trade_tick = on_event

    async def until(self, found: Callable[[], object]) -> None:
        """Sleeps through the node's news until ``found`` says yes."""
        while not found():
            await self._news.wait()
            self._news.clear()

    async def all_are(self, status: OrderStatus, *orders: Order) -> None:
        await self.until(lambda: all(one.status is status for one in orders))

    @property
    def instrument(self):
        return self.cache.instrument(self.instrument_id)

    @property
    def book(self):
        return self.cache.order_book(self.instrument_id)

    def limit(self, price: Decimal, qty: Decimal | None = None, **more: object) -> Order:
        """A buy, not yet sent."""
        instrument = self.instrument
        return self.order_factory.limit(
            self.instrument_id,
            OrderSide.BUY,
            instrument.make_qty(qty or self.market.lot),
            instrument.make_price(price),
            **more,
        )

    def touch(self) -> tuple[Decimal, Decimal]:
        book = self.book
        return book.best_bid_price().as_decimal(), book.best_ask_price().as_decimal()

    def total(self, coin: str) -> Decimal:
        balances = self.portfolio.account(Venue(BYBIT)).balances_total()
        [money] = (money for currency, money in balances.items() if currency.code == coin)
        return money.as_decimal()


#: One unified account trades them all.
PRODUCTS = [BybitProductType.LINEAR, BybitProductType.INVERSE, BybitProductType.SPOT]


def node_config(venue, *, trade_socket: bool) -> TradingNodeConfig:
    common = {
        "api_key": venue.params.api_key,
        "api_secret": venue.params.api_secret,
        "base_url_http": venue.rest_url,
        "product_types": PRODUCTS,
        "instrument_provider": InstrumentProviderConfig(load_all=True),
    }
    return TradingNodeConfig(
        trader_id="TESTER-001",
        logging=LoggingConfig(log_level="ERROR"),
        data_clients={BYBIT: BybitDataClientConfig(**common)},
        exec_clients={
            BYBIT: BybitExecClientConfig(
                **common,
                base_url_ws_private=venue.ws_url + "/v5/private",
                base_url_ws_trade=venue.ws_url + "/v5/trade",
                use_ws_trade_api=trade_socket,
            )
        },
        timeout_post_stop=0.1,
    )


@pytest.fixture
def play(venue, monkeypatch) -> Iterator[Callable[..., None]]:
    """Runs one coroutine with a desk on a node that is up, and takes the node down."""

    def public_url(product_type: BybitProductType, **_: bool) -> str:
        return f"{venue.ws_url}/v5/public/{product_type.value}"

    # The one address the adapter's configuration has no word for.
    monkeypatch.setattr(factories, "get_ws_base_url_public", public_url)
    loop = asyncio.new_event_loop()

    def run(market, scene: Callable[[Desk], Awaitable[None]], *, trade_socket: bool) -> None:
        config = node_config(venue, trade_socket=trade_socket)
        node = TradingNode(config=config, loop=loop)
        node.add_data_client_factory(BYBIT, BybitLiveDataClientFactory)
        node.add_exec_client_factory(BYBIT, BybitLiveExecClientFactory)
        node.build()
        desk = Desk(market)
        node.trader.add_strategy(desk)

        async def whole() -> None:
            running = asyncio.create_task(node.run_async())
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await desk.until(lambda: desk.book and desk.book.best_ask_price())
                    await scene(desk)
            finally:
                await node.stop_async()
                await running

        try:
            loop.run_until_complete(whole())
        finally:
            node.dispose()

    yield run
    loop.close()


@pytest.fixture(params=[False, True], ids=["rest", "trade-socket"])
def trade_socket(request: pytest.FixtureRequest) -> bool:
    return request.param


def test_orders_from_place_to_cancel(play, market, trade_socket) -> None:
    async def scene(desk: Desk) -> None:
        assert desk.instrument.price_increment.as_decimal() == market.tick
        assert desk.instrument.taker_fee == market.taker_rate
        bid, ask = desk.touch()
        order = desk.limit(bid - 50, post_only=True)
        desk.submit_order(order)
        await desk.all_are(OrderStatus.ACCEPTED, order)
        more = desk.instrument.make_qty(2 * market.lot)
        desk.modify_order(order, quantity=more, price=desk.instrument.make_price(bid - 51))
        await desk.until(lambda: order.price.as_decimal() == bid - 51)
        assert (order.status, order.quantity) == (OrderStatus.ACCEPTED, more)
        desk.cancel_order(order)
        await desk.all_are(OrderStatus.CANCELED, order)

        crossing = desk.limit(ask, post_only=True)
        desk.submit_order(crossing)
        await desk.until(lambda: crossing.is_closed)
        assert crossing.filled_qty == 0

    play(market, scene, trade_socket=trade_socket)


def test_batches(play, market, trade_socket) -> None:
    async def scene(desk: Desk) -> None:
        bid, _ = desk.touch()
        orders = [desk.limit(bid - 20 - n) for n in range(4)]
        desk.submit_order_list(desk.order_factory.create_list(orders))
        await desk.all_are(OrderStatus.ACCEPTED, *orders)
        desk.cancel_orders(orders[:2])
        await desk.all_are(OrderStatus.CANCELED, *orders[:2])
        assert desk.cache.orders_open() == orders[2:]
        desk.cancel_all_orders(desk.instrument_id)
        await desk.all_are(OrderStatus.CANCELED, *orders)

    play(market, scene, trade_socket=trade_socket)


def test_a_sweep(play, market, trade_socket) -> None:
    """Take the whole best level: fill, fee, balance, position and book agree."""

    async def scene(desk: Desk) -> None:
        _, ask = desk.touch()
        size = desk.book.best_ask_size().as_decimal()
        coin = market.fee_coin
        before = desk.total(coin)
        order = desk.limit(ask, size, time_in_force=TimeInForce.IOC)
        desk.submit_order(order)
        await desk.all_are(OrderStatus.FILLED, order)
        assert Decimal(str(order.avg_px)) == ask
        [fee] = (money.as_decimal() for money in order.commissions())
        assert abs(fee - market.fee_base(ask, size) * market.taker_rate) <= COIN_ATOM
        received = size if market.is_spot else 0
        after = before + received - fee
        await desk.until(lambda: abs(desk.total(coin) - after) <= COIN_ATOM)
        assert desk.portfolio.net_position(desk.instrument_id) == size

        await desk.until(lambda: desk.touch()[1] > ask)

    play(market, scene, trade_socket=trade_socket)


def test_public_trades(play, market) -> None:
    async def scene(desk: Desk) -> None:
        # The node does not tell when it is subscribed, and earlier trades are not repeated.
        while desk.cache.trade_tick(desk.instrument_id) is None:
            _, ask = desk.touch()
            size = desk.book.best_ask_size().as_decimal()
            order = desk.limit(ask, size, time_in_force=TimeInForce.IOC)
            desk.submit_order(order)
            await desk.all_are(OrderStatus.FILLED, order)
            await desk.until(lambda ask=ask: desk.touch()[1] > ask)
        trade = desk.cache.trade_tick(desk.instrument_id)
        assert (trade.price.as_decimal(), trade.size.as_decimal()) == (ask, size)

    play(market, scene, trade_socket=False)


def test_a_node_finds_what_it_did_not_do(play, venue, markets) -> None:
    """Orders and a position of another client are there when the node starts."""
    [market] = (one for one in markets if one.category == "linear")
    session = http_session(venue)
    ask = session.get_orderbook(**market.query, limit=1)["result"]["a"][0][0]
    session.place_order(**order(market, "Buy", Decimal(ask), "taken", timeInForce="IOC"))
    resting = [item(market, "Buy", Decimal(ask) - 100 - n, f"r{n}") for n in range(2)]
    session.place_batch_order(category=market.category, request=resting)
    session.client.close()

    async def scene(desk: Desk) -> None:
        names = sorted(one.client_order_id.value for one in desk.cache.orders_open())
        assert names == ["r0", "r1"]
        assert desk.portfolio.net_position(desk.instrument_id) == market.lot

    play(market, scene, trade_socket=False)
