"""Other ways to send the same 80 commands over HTTP: singles in a row, at once, and by symbol.

Bodies by ``json.dumps``, signatures by ``hmac.new``, aiohttp on uvloop with one warm session: what
a careful program does without an engine. ``extra["way"]`` names the way. No books, no decisions.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import time

import aiohttp
import uvloop
from client import WARM_UP, Measured, Pace, Task, cpu_s, quiet, task, tell
from orders import COMMANDS, Orders

Item = dict[str, str]


class Sender:
    """Signed POSTs on one session."""

    def __init__(self, http: aiohttp.ClientSession, given: Task) -> None:
        self._http = http
        self._given = given
        self.calls = 0
        self.refused = 0

    async def post(self, path: str, body: dict[str, object]) -> None:
        text, now_ms = json.dumps(body), str(time.time_ns() // 1_000_000)
        signed = f"{now_ms}{self._given.api_key}5000{text}".encode()
        headers = {
            "X-BAPI-API-KEY": self._given.api_key,
            "X-BAPI-TIMESTAMP": now_ms,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": hmac.new(
                self._given.api_secret.encode(), signed, hashlib.sha256
            ).hexdigest(),
            "Content-Type": "application/json",
        }
        self.calls += 1
        url = self._given.rest_url + path
        async with self._http.post(url, data=text, headers=headers) as answer:
            reply = await answer.json()
        rows = reply["retExtInfo"].get("list", ())
        self.refused += reply["retCode"] != 0 or any(row["code"] for row in rows)

    async def singles(self, op: str, items: list[Item]) -> None:
        """One after the other."""
        for item in items:
            await self.single(op, item)

    async def single(self, op: str, item: Item) -> None:
        await self.post(f"/v5/order/{op}", {"category": "linear", **item})

    async def batch(self, op: str, items: list[Item]) -> None:
        await self.post(f"/v5/order/{op}-batch", {"category": "linear", "request": items})


def _by_symbol(items: list[Item]) -> list[list[Item]]:
    rows = sorted(items, key=lambda item: item["symbol"])
    return [list(group) for _, group in itertools.groupby(rows, key=lambda item: item["symbol"])]


async def tick(sender: Sender, way: str, cancels: list[Item], creates: list[Item]) -> None:
    """All cancels and all creates of one tick."""
    both = (("cancel", cancels), ("create", creates))
    if way == "sequential":
        for op, items in both:
            await sender.singles(op, items)
    elif way == "gathered":
        await asyncio.gather(*(sender.single(op, item) for op, items in both for item in items))
    else:
        assert way == "by symbol", way
        groups = ((op, group) for op, items in both for group in _by_symbol(items))
        await asyncio.gather(*(sender.batch(op, group) for op, group in groups))


async def _run(given: Task) -> Measured:
    orders = await Orders.at(given.rest_url)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        sender = Sender(http, given)
        resting = orders.make(COMMANDS // 2)
        await asyncio.gather(*(sender.single("create", item) for item in resting))
        way, wall = str(given.extra["way"]), []
        warm_up = WARM_UP if way != "sequential" else 0
        pace = Pace(given.period_s)
        for number in range(warm_up + given.ticks):
            if number == warm_up:
                quiet()
                wall.clear()
                sender.calls, cpu = 0, cpu_s()
            creates = orders.make(COMMANDS // 2)
            cancels = [orders.cancel_of(item) for item in resting]
            start = time.perf_counter()
            await tick(sender, way, cancels, creates)
            wall.append(time.perf_counter() - start)
            resting = creates
            await asyncio.sleep(pace.pause_s())
        return Measured(wall, cpu_s() - cpu, sender.calls, sender.refused)


if __name__ == "__main__":
    tell(uvloop.run(_run(task())))
