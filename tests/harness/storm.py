"""Bad weather between a daemon and its venue, by seed."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter

import uvloop
from fault_proxy import CLEAN, End, Fault, FaultProxy


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

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.proxy.port}"

    def hang_up(self, end: End) -> None:
        """End every connection there is now."""
        self._loop.call_soon_threadsafe(self.proxy.hang_up, end)

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
