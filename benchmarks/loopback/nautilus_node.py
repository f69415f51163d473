"""NautilusTrader's whole live node: Bybit clients, cache, portfolio, risk and execution engine.

A strategy that, once all ten books have moved, cancels all it has and places as many anew, by the
batch calls that strategies have; orders go by its trade socket. Nothing is logged, and its limit
of orders a second is out of the way. The conductor moves the market as it does for ``engine``;
standard input says when to begin counting and when to stop.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from decimal import Decimal

import uvloop
from client import Measured, Task, cpu_s, quiet, task, tell
from nautilus_trader.adapters.bybit import (
    BybitDataClientConfig,
    BybitExecClientConfig,
    BybitLiveDataClientFactory,
    BybitLiveExecClientFactory,
    BybitProductType,
    factories,
)
from nautilus_trader.config import (
    InstrumentProviderConfig,
    LiveRiskEngineConfig,
    LoggingConfig,
    TradingNodeConfig,
)
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.events import OrderEvent
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId
from nautilus_trader.model.orders import Order
from nautilus_trader.trading.strategy import Strategy
from orders import COMMANDS, Orders

BYBIT = "BYBIT"
UNLIMITED = "100000/00:00:01"
PLACED = COMMANDS // 2
POLL_S = 0.01
SETTLE_S = 60.0


def instrument_id(symbol: str) -> InstrumentId:
    """The node's name of a perpetual."""
    return InstrumentId.from_str(f"{symbol}-LINEAR.{BYBIT}")


class Quotes(Strategy):
    """The same orders as every other contender's, each time all the books have moved."""

    def __init__(self, orders: Orders, symbols: list[str]) -> None:
        super().__init__()
        self._orders = orders
        self._ids = {symbol: instrument_id(symbol) for symbol in symbols}
        self._moved: set[InstrumentId] = set()
        self._placed: list[Order] = []
        self._coming: set[ClientOrderId] = set()
        self._leaving: set[ClientOrderId] = set()
        self._begin = 0.0
        self._open = False
        self.wall_s: list[float] = []
        self.calls = 0
        self.refused = 0

    def on_start(self) -> None:
        for instrument_id in self._ids.values():
            self.subscribe_order_book_deltas(instrument_id, depth=50)

    def on_stop(self) -> None:
        """The venue goes with the measurement."""

    def on_order_book_deltas(self, deltas: object) -> None:
        if not self._moved:
            self._begin = time.perf_counter()
        self._moved.add(deltas.instrument_id)
        if len(self._moved) == len(self._ids):
            self._moved.clear()
            self._requote()

    def _requote(self) -> None:
        if self._open:
            # The tick before is not answered yet: the conductor tries again with longer pauses.
            self.refused += COMMANDS
            return
        self._open = True
        replaced, self._placed = self._placed, list(map(self._order, self._orders.make(PLACED)))
        self._leaving = {order.client_order_id for order in replaced}
        self._coming = {order.client_order_id for order in self._placed}
        for cancels in _by_instrument(replaced):
            self.cancel_orders(cancels)
            self.calls += 1
        for creates in _by_instrument(self._placed):
            self.submit_order_list(self.order_factory.create_list(creates))
            self.calls += 1

    def _order(self, item: dict[str, str]) -> Order:
        instrument = self.cache.instrument(self._ids[item["symbol"]])
        return self.order_factory.limit(
            instrument.id,
            OrderSide.BUY if item["side"] == "Buy" else OrderSide.SELL,
            instrument.make_qty(Decimal(item["qty"])),
            instrument.make_price(Decimal(item["price"])),
            post_only=True,
        )

    def on_order_accepted(self, event: OrderEvent) -> None:
        self._coming.discard(event.client_order_id)
        self._look()

    def on_order_canceled(self, event: OrderEvent) -> None:
        self._leaving.discard(event.client_order_id)
        self._look()

    def on_order_rejected(self, event: OrderEvent) -> None:
        self.refused += 1
        self.on_order_accepted(event)

    def on_order_denied(self, event: OrderEvent) -> None:
        self.on_order_rejected(event)

    def on_order_cancel_rejected(self, event: OrderEvent) -> None:
        self.refused += 1
        self.on_order_canceled(event)

    def _look(self) -> None:
        """A tick ends when the node knows that each order rests or is gone."""
        if self._open and not self._coming and not self._leaving:
            self._open = False
            self.wall_s.append(time.perf_counter() - self._begin)

    @property
    def idle(self) -> bool:
        """All quotes rest and nothing is in flight."""
        return bool(self._placed) and not self._open

    def count_anew(self) -> None:
        self.wall_s.clear()
        self.calls = self.refused = 0


def _by_instrument(orders: list[Order]) -> list[list[Order]]:
    rows = sorted(orders, key=lambda order: order.instrument_id.value)
    return [list(group) for _, group in itertools.groupby(rows, key=lambda one: one.instrument_id)]


def node_at(given: Task, symbols: list[str], loop: asyncio.AbstractEventLoop) -> TradingNode:
    """The node at the venue of the task, with the scripted market's public stream."""
    # The one address the adapter's configuration has no word for.
    factories.get_ws_base_url_public = lambda **_: given.extra["public_url"]
    names = frozenset(map(instrument_id, symbols))
    common = {
        "api_key": given.api_key,
        "api_secret": given.api_secret,
        "base_url_http": given.rest_url,
        "product_types": [BybitProductType.LINEAR],
        "instrument_provider": InstrumentProviderConfig(load_ids=names),
    }
    execution = BybitExecClientConfig(
        **common,
        base_url_ws_private=given.ws_url + "/v5/private",
        base_url_ws_trade=given.ws_url + "/v5/trade",
        use_ws_trade_api=True,
    )
    config = TradingNodeConfig(
        trader_id="BENCH-001",
        logging=LoggingConfig(log_level="ERROR"),
        risk_engine=LiveRiskEngineConfig(max_order_submit_rate=UNLIMITED),
        data_clients={BYBIT: BybitDataClientConfig(**common)},
        exec_clients={BYBIT: execution},
        timeout_post_stop=0.1,
    )
    node = TradingNode(config=config, loop=loop)
    node.add_data_client_factory(BYBIT, BybitLiveDataClientFactory)
    node.add_exec_client_factory(BYBIT, BybitLiveExecClientFactory)
    node.build()
    return node


async def _until_idle(quotes: Quotes) -> None:
    async with asyncio.timeout(SETTLE_S):
        while True:
            await asyncio.sleep(POLL_S)
            if quotes.idle:
                return


async def _measure(node: TradingNode, quotes: Quotes) -> Measured:
    running = asyncio.create_task(node.run_async())
    try:
        await _until_idle(quotes)
        print("settled", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await _until_idle(quotes)
        quiet()
        quotes.count_anew()
        before = cpu_s()
        print("counting", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await _until_idle(quotes)
        return Measured(list(quotes.wall_s), cpu_s() - before, quotes.calls, quotes.refused)
    finally:
        await node.stop_async()
        await running


def main() -> None:
    given = task()
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    orders = loop.run_until_complete(Orders.at(given.rest_url))
    symbols = list(given.extra["symbols"])
    node, quotes = node_at(given, symbols, loop), Quotes(orders, symbols)
    node.trader.add_strategy(quotes)
    tell(loop.run_until_complete(_measure(node, quotes)))
    node.dispose()


if __name__ == "__main__":
    main()
