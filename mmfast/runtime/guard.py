"""The engine's side of the watchdog: starts it, shows it progress, says goodbye to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Callable
from typing import Final

import msgspec

from mmfast.clock import Clock, until_beat_s
from mmfast.errors import MmfastError
from mmfast.runtime.logs import say
from mmfast.runtime.watchdog import ARMED, BEAT, FIRED, GOODBYE, OrdersOfTheDay
from mmfast.units import NS_PER_MS, NS_PER_S

ARM_LIMIT_S: Final = 15.0
BEAT_S: Final = 0.1
MAX_DEATHS: Final = 3
"""Watchdogs that may die within the time below before the engine gives up trading."""
DEATHS_WITHIN_NS: Final = 60 * NS_PER_S
NEWS_NS: Final = 10 * NS_PER_S
"""How long after the watchdog has acted its cancels may still be news."""
_RESTART_S: Final = 0.5
_LAST_WAIT_S: Final = 2.0
_COMMAND: Final = ("-m", "mmfast", "watchdog")

Progress = Callable[[], int]
"""A number that changes whenever the engine has got on; -1 while nothing is expected of it."""


class WatchdogError(MmfastError):
    """The watchdog could not be started, or keeps dying."""


class Guard:
    """Keeps one watchdog process alive and told. :meth:`start`, :meth:`keep`, :meth:`close`.

    Beats are sent by the loop itself, and only when ``progress`` has changed: a loop that turns
    while nothing is decided any more looks as dead as one that stands still.
    """

    def __init__(self, orders: OrdersOfTheDay, clock: Clock, progress: Progress) -> None:
        self._orders = orders
        self._clock = clock
        self._progress = progress
        self._seen = -2
        self._fired_ns = -1
        self._beat_ns = clock.now_ns()
        self._process: asyncio.subprocess.Process | None = None
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._armed = asyncio.Event()

    async def start(self) -> None:
        """Start the process and begin to beat; :meth:`armed` waits until it can do its work."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *_COMMAND,
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        self._socket = ours
        self._armed.clear()
        await asyncio.get_running_loop().sock_sendall(ours, msgspec.json.encode(self._orders))
        await asyncio.get_running_loop().sock_sendall(ours, b"\n")
        asyncio.get_running_loop().add_reader(ours.fileno(), self._hear)
        self._beat()

    async def armed(self) -> None:
        """Wait until the watchdog has reached the venue; raises :class:`WatchdogError`."""
        try:
            async with asyncio.timeout(ARM_LIMIT_S):
                await self._armed.wait()
        except TimeoutError:
            text = f"the watchdog was not ready in {ARM_LIMIT_S:.0f} s"
            raise WatchdogError(f"{text}: its own message stands above") from None
        assert self._process is not None  # noqa: S101 - it has just spoken
        say(logging.INFO, "watchdog", "the watchdog is armed", pid=self._process.pid)

    async def keep(self) -> None:
        """Replace a watchdog that died; raises :class:`WatchdogError` when that goes on."""
        deaths: list[int] = []
        while True:
            assert self._process is not None  # noqa: S101 - kept only after the start
            code = await self._process.wait()
            now_ns = self._clock.now_ns()
            deaths = [at for at in deaths if now_ns - at < DEATHS_WITHIN_NS] + [now_ns]
            if len(deaths) >= MAX_DEATHS:
                raise WatchdogError(f"the watchdog died {len(deaths)} times within a minute")
            text = f"the watchdog ended with code {code}; another one is started"
            say(logging.ERROR, "watchdog", text)
            self._hang_up()
            await asyncio.sleep(_RESTART_S)
            await self.start()
            await self.armed()

    def acted_lately(self) -> bool:
        """Whether the watchdog has just cancelled orders of ours, or may have: a loop that stood
        still for longer than the limit hears of that only after it runs again."""
        limit_ns = self._orders.progress_ms * NS_PER_MS
        now_ns = self._clock.now_ns()
        is_fresh = self._fired_ns >= 0 and now_ns - self._fired_ns < max(limit_ns, NEWS_NS)
        return is_fresh or now_ns - self._beat_ns > limit_ns

    async def close(self, *, goodbye: bool) -> None:
        """Let the watchdog go. Without goodbye it cancels whatever it finds of ours, and outlives
        us while it does."""
        if self._socket is not None and goodbye:
            with contextlib.suppress(OSError):
                self._socket.send(GOODBYE)
        self._hang_up()
        if goodbye and self._process is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _LAST_WAIT_S)

    def _hang_up(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(until_beat_s(loop.time(), BEAT_S), self._beat)
        progress = self._progress()
        if progress == self._seen and progress >= 0:
            return
        self._seen = progress
        now_ns = self._clock.now_ns()
        if now_ns - self._beat_ns > self._orders.progress_ms * NS_PER_MS:
            self._fired_ns = now_ns  # it may have acted, and news of that may be read next
        self._beat_ns = now_ns
        if self._socket is not None:
            # A full buffer means that the watchdog sleeps; keep() hears of its death.
            with contextlib.suppress(OSError):
                self._socket.send(BEAT)

    def _hear(self) -> None:
        assert self._socket is not None  # noqa: S101 - heard only while it is open
        try:
            data = self._socket.recv(64)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
        if ARMED in data:
            self._armed.set()
        if FIRED in data:
            self._fired_ns = self._clock.now_ns()
            text = "this engine stood still for too long: the watchdog has cancelled its orders"
            say(logging.ERROR, "watchdog_fired", text)
