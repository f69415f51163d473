"""ccxt: a call per order, all at once; a refusal raises."""

from __future__ import annotations

import asyncio
import time

import ccxt.async_support as ccxt
import uvloop
from client import WARM_UP, Measured, Pace, Task, cpu_s, quiet, task, tell
from orders import COMMANDS, Orders

Item = dict[str, str]


class Desk:
    """Unified calls from our items."""

    def __init__(self, exchange: ccxt.Exchange) -> None:
        self._exchange = exchange

    def _symbol(self, item: Item) -> str:
        return f"{item['symbol'].removesuffix('USDT')}/USDT:USDT"

    async def create(self, item: Item) -> None:
        params = {"clientOrderId": item["orderLinkId"], "timeInForce": "PostOnly"}
        side, qty, price = item["side"].lower(), float(item["qty"]), float(item["price"])
        await self._exchange.create_order(self._symbol(item), "limit", side, qty, price, params)

    async def cancel(self, item: Item) -> None:
        params = {"orderLinkId": item["orderLinkId"]}
        await self._exchange.cancel_order(None, self._symbol(item), params)


async def _run(given: Task) -> Measured:
    orders = await Orders.at(given.rest_url)
    hosts = {"public": given.rest_url, "private": given.rest_url}
    keys = {"apiKey": given.api_key, "secret": given.api_secret}
    async with ccxt.bybit({**keys, "urls": {"api": hosts}, "enableRateLimit": False}) as exchange:
        exchange.options["fetchMarkets"]["types"] = ["linear"]
        await exchange.load_markets()
        await exchange.is_unified_enabled()  # it remembers; 40 orders at once would ask 40 times
        desk = Desk(exchange)
        resting = orders.make(COMMANDS // 2)
        await asyncio.gather(*map(desk.create, resting))
        wall, pace = [], Pace(given.period_s)
        for number in range(WARM_UP + given.ticks):
            if number == WARM_UP:
                quiet()
                wall.clear()
                cpu = cpu_s()
            creates = orders.make(COMMANDS // 2)
            cancels = [orders.cancel_of(item) for item in resting]
            start = time.perf_counter()
            await asyncio.gather(*map(desk.cancel, cancels), *map(desk.create, creates))
            wall.append(time.perf_counter() - start)
            resting = creates
            await asyncio.sleep(pace.pause_s())
        return Measured(wall, cpu_s() - cpu, COMMANDS * given.ticks, 0)


if __name__ == "__main__":
    tell(uvloop.run(_run(task())))
