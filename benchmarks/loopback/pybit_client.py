"""The official client, one call per order, each awaited: how its users send 80 commands."""

from __future__ import annotations

import asyncio
import time

from client import Measured, Pace, Task, cpu_s, quiet, task, tell
from orders import COMMANDS, Orders
from pybit.unified_trading import HTTP


def _run(given: Task) -> Measured:
    orders = asyncio.run(Orders.at(given.rest_url))
    session = HTTP(api_key=given.api_key, api_secret=given.api_secret)
    session.endpoint = given.rest_url
    resting = orders.make(COMMANDS // 2)
    for item in resting:
        session.place_order(category="linear", **item)
    wall, calls, pace = [], 0, Pace(given.period_s)
    quiet()
    cpu = cpu_s()
    for _ in range(given.ticks):
        creates = orders.make(COMMANDS // 2)
        start = time.perf_counter()
        for item in resting:
            session.cancel_order(category="linear", **orders.cancel_of(item))
        for item in creates:
            session.place_order(category="linear", **item)
        wall.append(time.perf_counter() - start)
        calls += len(resting) + len(creates)
        resting = creates
        time.sleep(pace.pause_s())
    # A refusal raises in this client.
    return Measured(wall, cpu_s() - cpu, calls, 0)


if __name__ == "__main__":
    tell(_run(task()))
