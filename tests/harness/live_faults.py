"""Faults of a live venue, armed and disarmed, and what a test waits for meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from scenario import QUOTES, Scenario, scenario

from mmfast.messages import Mode

Story = Callable[[Scenario], Awaitable[None]]
PATIENCE_S = 20.0


def play(folder: Path, story: Story, **settings: Any) -> None:
    """One story on one engine. In the end everything is settled and all quotes rest, and by the
    venue's own audit no id was used twice and no rule was broken."""

    async def run() -> None:
        async with scenario(folder, latency_ms=5, **settings) as live:
            await story(live)
            await live.settle()
            found = await report(live)
            assert found["violations"] == {}, found["violations"]
            state = await live.venue.state()
            assert state["repeated_link_ids"] == 0
            assert len(state["open_orders"]) == QUOTES

    uvloop.run(run())


async def arm(live: Scenario, *rows: dict[str, object]) -> None:
    """Faults of the venue, from now on."""
    text = json.dumps({"seed": 1, "faults": rows})
    url = f"{live.venue.rest_url}/control/faults"
    async with aiohttp.ClientSession() as http, http.post(url, data=text) as reply:
        assert reply.status == 200, await reply.text()


async def disarm(live: Scenario) -> dict[str, int]:
    """No more faults; how often each kind hit."""
    url = f"{live.venue.rest_url}/control/faults"
    async with aiohttp.ClientSession() as http:
        async with http.get(url) as reply:
            told = await reply.json()
        async with http.delete(url) as reply:
            assert reply.status == 200
    return {row["kind"]: row["fired"] for row in told["faults"]}


async def report(live: Scenario) -> dict[str, Any]:
    url = f"{live.venue.rest_url}/control/report"
    async with aiohttp.ClientSession() as http, http.get(url) as reply:
        return await reply.json()


async def until(condition: Callable[[], bool | Awaitable[bool]], what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = condition()
                if found if isinstance(found, bool) else await found:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited for {what}") from None


def mode_reasons(live: Scenario) -> list[tuple[Mode, str]]:
    return [(switch.mode, switch.reason) for switch in live.stats.mode_switches]


async def nothing_rests(live: Scenario) -> bool:
    return (await live.venue.state())["open_orders"] == []


async def move(live: Scenario, shift_bps: int) -> None:
    """The market moves and the engine follows, whatever becomes of its requests."""
    sent = sum(live.session.kernel.counters.sent)
    live.market.move(shift_bps)
    await until(lambda: sum(live.session.kernel.counters.sent) > sent, "commands")
