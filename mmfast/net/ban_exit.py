"""The way out for cancels while HTTP is banned: trade sockets that are opened for that alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from mmfast.clock import until_beat_s
from mmfast.net.http import Log
from mmfast.net.trade_sockets import TradeSockets

LOOK_EVERY_S: Final = 0.1
BEGUN: Final = (
    "HTTP is banned: quotes are withdrawn, cancels leave by the trade socket, nothing else leaves "
    "until the ban is over"
)
OVER: Final = "the ban is over: orders leave by REST again"
NO_EXIT: Final = (
    "HTTP is banned, and no trade socket is configured: nothing leaves, no cancel either, and the "
    "quotes rest until the ban is over"
)


Start = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[Any]]


class Bans(Protocol):
    """Who meets bans."""

    @property
    def is_banned(self) -> bool:
        """Nothing leaves by HTTP now."""
        ...

    def hear_of_bans(self, on_ban: Callable[[int], None]) -> None:
        """Call this when a ban begins."""
        ...


class BanExit:
    """Opens trade sockets when a ban begins, and closes them when it is over and each request
    on them has been answered or given up.

    ``on_open(False)`` is said in the turn in which a ban is met, ``on_open(True)`` when it is over:
    between them ``is_shut`` is true, whether or not a trade socket can be reached. A ban that holds
    from before is none that begins: ``is_shut`` is true from the start, and nothing is said of it.
    """

    def __init__(
        self,
        bans: Bans,
        sockets: TradeSockets,
        start: Start,
        on_open: Callable[[bool], None],
        log: Log,
    ) -> None:
        self._bans = bans
        self._sockets = sockets
        self._start = start
        self._on_open = on_open
        self._log = log
        self._shut = asyncio.Event()
        if bans.is_banned:
            self._shut.set()
        bans.hear_of_bans(self._begin)

    @property
    def is_shut(self) -> bool:
        """Only cancels may leave, by the trade sockets."""
        return self._shut.is_set()

    async def run(self) -> None:
        """Serve each ban; for ever."""
        while True:
            await self._shut.wait()
            self._log("error", "order_way", BEGUN)
            runs = [self._start(one.run(), f"{one.name}-stream") for one in self._sockets.sockets]
            try:
                await self._until_quiet()
            finally:
                for task in runs:
                    task.cancel()
            await asyncio.gather(*runs, return_exceptions=True)

    def _begin(self, _until_ns: int) -> None:
        if not self.is_shut:
            self._shut.set()
            self._on_open(False)

    async def _until_quiet(self) -> None:
        """Until the ban is over and nothing is in flight on the sockets; it may begin anew."""
        loop = asyncio.get_running_loop()
        while self.is_shut or self._sockets.in_flight:
            if self.is_shut and not self._bans.is_banned:
                self._shut.clear()
                self._log("warning", "order_way", OVER)
                self._on_open(True)
            await asyncio.sleep(until_beat_s(loop.time(), LOOK_EVERY_S))
