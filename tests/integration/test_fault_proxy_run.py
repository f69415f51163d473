"""The whole daemon through the fault proxy: every connection of it is hurt at random, by seed."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from fault_proxy import CLEAN, End, Fault, FaultProxy
from processes import Process, announced, configured, keys
from prometheus_client.parser import text_string_to_metric_families

Start = Callable[..., Process]
SHORT_S, LONG_S = 20, 240


class Storm:
    """A proxy in a thread of its own. While it blows, connections get slow or are cut at some
    byte, and every so often one of those there are is ended, reset or left half-open."""

    def __init__(self, port: int, seed: int) -> None:
        self.proxy = FaultProxy(port, self._draw)
        self.done: Counter[str] = Counter()
        self._rng = random.Random(seed)
        self._blows = False
        self._over = asyncio.Event()
        self._ready = threading.Event()
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def blow(self, on: bool) -> None:
        self._blows = on

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        async with self.proxy.running():
            self._ready.set()
            gusts = asyncio.ensure_future(self._gusts())
            await self._over.wait()
            gusts.cancel()

    async def _gusts(self) -> None:
        while True:
            await asyncio.sleep(self._rng.uniform(0.1, 0.7))
            links = list(self.proxy.links)
            if self._blows and links:
                end = self._rng.choice((End.FIN, End.RST, End.RST, End.SILENCE))
                self.done[end.name] += 1
                self._rng.choice(links).finish(end)

    def _draw(self, _number: int) -> Fault:
        """What a new connection has to expect."""
        if not self._blows or self._rng.random() < 0.3:
            return CLEAN
        end = self._rng.choice((End.FIN, End.RST, End.RST, End.SILENCE))
        kind = self._rng.choice(("slow", "up", "down"))
        self.done[kind] += 1
        late_s = self._rng.choice((0.0, 0.01, 0.08))
        fault = Fault(up_s=late_s, down_s=self._rng.choice((0.0, 0.01, 0.08)), end=end)
        at = int(10 ** self._rng.uniform(1.5, 5.0))
        if kind == "up":
            return fault._replace(up=at)
        return fault._replace(down=at) if kind == "down" else fault


@pytest.fixture
def storm() -> Iterator[Callable[[dict[str, str], int], Storm]]:
    """Starts storms in front of a venue."""
    started: list[Storm] = []

    def start(venue: dict[str, str], seed: int) -> Storm:
        started.append(Storm(int(venue["rest_url"].rsplit(":", 1)[1]), seed))
        return started[-1]

    yield start
    for one in started:
        one.close()


def read(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as reply:
        return json.load(reply)


def metric(url: str, name: str, label: str = "symbol") -> dict[str, float]:
    with urllib.request.urlopen(url, timeout=5) as reply:
        page = reply.read().decode()
    return {
        sample.labels.get(label, ""): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name
    }


@pytest.mark.parametrize(
    ("seconds", "seed"),
    [
        (SHORT_S, 1),
        pytest.param(LONG_S, 2, marks=pytest.mark.long),
        pytest.param(LONG_S, 3, marks=pytest.mark.long),
    ],
)
@pytest.mark.timeout(LONG_S + 180)
def test_the_daemon_keeps_the_truth_through_a_storm_on_all_its_connections(
    start: Start, storm: Any, tmp_path: Path, seconds: int, seed: int
) -> None:
    folder = tmp_path / "venue"
    folder.mkdir()
    venue = announced(start("sim", "-c", configured(folder)))
    proxy: Storm = storm(venue, seed)
    through = {
        **venue,
        "rest_url": f"http://127.0.0.1:{proxy.proxy.port}",
        "ws_url": f"ws://127.0.0.1:{proxy.proxy.port}",
    }
    summary = tmp_path / "s.json"
    engine = start(
        "run", "-c", configured(tmp_path, venue=through), "--summary", summary, env=keys(venue)
    )
    engine.wait_said("mode", "TRADING")

    proxy.blow(True)
    time.sleep(seconds)
    proxy.blow(False)
    assert proxy.proxy.accepted > seconds, "the engine kept coming back"
    assert sum(proxy.done.values()) > seconds

    # The storm is over; what it left half-open the engine has to find out for itself.
    state_url = venue["rest_url"] + "/control/state"
    engine.wait_until(lambda: len(read(state_url)["open_orders"]) >= 30, "quotes at the venue")
    url = next(str(row["url"]) for row in engine.events() if row["event"] == "metrics")

    def agree() -> bool:
        before = read(state_url)["positions"]
        ours = metric(url, "mm_position_lots")
        after = read(state_url)["positions"]
        steady = {symbol for symbol in ours if before[symbol] == after[symbol]}
        return len(steady) >= 5 and all(ours[symbol] == before[symbol] for symbol in steady)

    engine.wait_until(agree, "positions that agree")
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()
    report = read(venue["rest_url"] + "/control/report")
    state = read(state_url)
    assert state["open_orders"] == []
    assert state["repeated_link_ids"] == 0
    assert report["violations"] == {}, report["violations"]
    assert json.loads(summary.read_text())["open_orders_at_exit"] == 0
