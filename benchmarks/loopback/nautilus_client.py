"""NautilusTrader's Bybit adapter: a batch per instrument, all at once, as its orders lists go."""

from __future__ import annotations

import asyncio
import itertools
import time

import uvloop
from client import WARM_UP, Measured, Pace, Task, cpu_s, quiet, task, tell
from nautilus_trader.adapters.bybit.common.enums import BybitProductType
from nautilus_trader.adapters.bybit.endpoints.trade.batch_cancel_order import BybitBatchCancelOrder
from nautilus_trader.adapters.bybit.http.account import BybitAccountHttpAPI
from nautilus_trader.adapters.bybit.http.client import BybitHttpClient
from nautilus_trader.common.component import LiveClock
from nautilus_ways import placed
from orders import COMMANDS, Orders

LINEAR = BybitProductType.LINEAR


class Desk:
    """Sends the batches of a tick and counts what was refused."""

    def __init__(self, given: Task) -> None:
        clock = LiveClock()
        client = BybitHttpClient(clock, given.api_key, given.api_secret, given.rest_url)
        self._account = BybitAccountHttpAPI(client, clock)
        self.calls = 0
        self.refused = 0

    async def create(self, items: list[dict[str, str]]) -> None:
        self._count(await self._account.batch_place_orders(LINEAR, list(map(placed, items))))

    async def cancel(self, items: list[dict[str, str]]) -> None:
        orders = [BybitBatchCancelOrder(**item) for item in items]
        self._count(await self._account.batch_cancel_orders(LINEAR, orders))

    def _count(self, reply: object) -> None:
        self.calls += 1
        self.refused += sum(row.code != 0 for row in reply.retExtInfo.list)


def by_symbol(items: list[dict[str, str]]) -> list[list[dict[str, str]]]:
    """In groups, each of one instrument."""
    rows = sorted(items, key=lambda item: item["symbol"])
    return [list(group) for _, group in itertools.groupby(rows, key=lambda item: item["symbol"])]


async def _run(given: Task) -> Measured:
    orders, desk = await Orders.at(given.rest_url), Desk(given)
    resting = orders.make(COMMANDS // 2)
    await asyncio.gather(*map(desk.create, by_symbol(resting)))
    wall, pace = [], Pace(given.period_s)
    for number in range(WARM_UP + given.ticks):
        if number == WARM_UP:
            quiet()
            wall.clear()
            desk.calls, cpu = 0, cpu_s()
        creates = orders.make(COMMANDS // 2)
        cancels = [orders.cancel_of(item) for item in resting]
        start = time.perf_counter()
        await asyncio.gather(
            *map(desk.cancel, by_symbol(cancels)), *map(desk.create, by_symbol(creates))
        )
        wall.append(time.perf_counter() - start)
        resting = creates
        await asyncio.sleep(pace.pause_s())
    return Measured(wall, cpu_s() - cpu, desk.calls, desk.refused)


if __name__ == "__main__":
    tell(uvloop.run(_run(task())))
