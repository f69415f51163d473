"""A real venue server on loopback, in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import Process, announced, configured
from storm import Storm

from mmfast.sim.params import FlowParams, VenueParams
from mmfast.sim.server import VenueServer

API_KEY = "integration-key"
API_SECRET = "integration-secret"


class VenueThread:
    """One server; blocking clients talk to it from the test's own thread."""

    def __init__(self, params: VenueParams) -> None:
        self.params = params
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stop = asyncio.Event()
        self._thread.start()
        assert self._ready.wait(10), "the venue server did not start"

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the venue server did not stop"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = VenueServer(self.params)
        self.port = await server.start()
        self._ready.set()
        await self._stop.wait()
        await server.stop()


@pytest.fixture(autouse=True)
def leaks_are_found_where_they_happen() -> Iterator[None]:
    """A socket left open warns when it is collected; that shall be in the test that left it."""
    yield
    gc.collect()


@pytest.fixture
def start_venue() -> Iterator[Callable[..., VenueThread]]:
    """Starts venues; keyword arguments replace the defaults of their parameters."""
    started: list[VenueThread] = []

    def start(**changes: object) -> VenueThread:
        settings: dict = {
            "symbols": ("BTCUSDT", "ETHUSDT"),
            "api_key": API_KEY,
            "api_secret": API_SECRET,
            "latency_ms": 1.0,
            "flow": FlowParams(),
        }
        venue = VenueThread(VenueParams(**(settings | changes)))
        started.append(venue)
        return venue

    yield start
    for venue in started:
        venue.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Starts ``mmfast`` commands; what still runs at the end of the test is killed."""
    started: list[Process] = []

    def run(*arguments: object, env: dict[str, str] | None = None) -> Process:
        started.append(Process(*map(str, arguments), env=env))
        return started[-1]

    yield run
    for process in reversed(started):  # engines before the venue they need
        process.kill()


@pytest.fixture
def venue(start: Callable[..., Process], tmp_path: Path) -> dict[str, str]:
    """A venue of its own, as another user would run it: addresses and key."""
    folder = tmp_path / "venue"
    folder.mkdir()
    return announced(start("sim", "-c", configured(folder)))


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
