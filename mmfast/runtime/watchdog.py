"""The dead man's process: cancels the engine's orders when the engine dies or stands still.

Started by ``mmfast run`` with one end of a socket pair as its standard input. Over it come a line
with the orders of the day (the key among them: neither arguments nor environment ever hold it),
then one byte for each bit of progress the engine's loop makes. The end of the stream is the
engine's death, unless it said goodbye.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from enum import Enum
from typing import Final

import msgspec

from mmfast.clock import Clock, SystemClock, VenueClock
from mmfast.errors import MmfastError
from mmfast.ids import ClientIds
from mmfast.messages import Category
from mmfast.net.sweep import Sweeper
from mmfast.runtime import hiding, tuning
from mmfast.runtime.closing import void_after_ns
from mmfast.runtime.logs import LineWriter, Logs, say
from mmfast.runtime.secrets import Key
from mmfast.runtime.sweep import Swept, sweep
from mmfast.units import NS_PER_S

STDIN_FD: Final = 0
STDERR_FD: Final = 2
BEAT: Final = b"."
GOODBYE: Final = b"q"
ARMED: Final = b"a"
FIRED: Final = b"f"
MAX_ORDERS_BYTES: Final = 65_536
SWEEP_LIMIT_NS: Final = 600 * NS_PER_S
"""An engine that died during an outage of the venue is mourned for so long."""
_KEEP_WARM_S: Final = 5.0


class OrdersOfTheDay(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine tells its watchdog first."""

    engine_pid: int
    rest_url: str
    category: str
    stem: str
    epoch: int
    recv_window_ms: int
    request_timeout_ms: int
    max_batch_orders: int
    progress_ms: int
    api_key: str
    secret: str
    pem: str

    def __repr__(self) -> str:
        return f"OrdersOfTheDay(stem={self.stem!r}, epoch={self.epoch})"


class End(Enum):
    """Why a watch ended."""

    GOODBYE = "the engine said goodbye"
    DEATH = "the engine died"


def run() -> bool:
    """The whole life of the process; False if orders of a dead engine may still be open."""
    # A signal to the whole group is for the engine; who guards it must outlive it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    hiding.forbid_core_dumps()
    writer = LineWriter(STDERR_FD)
    logs = Logs(writer)
    logs.install()
    try:
        orders = _read_orders(STDIN_FD)
        logs.hide(orders.secret)
        logs.hide(orders.api_key)
        return tuning.run(_serve(orders))
    finally:
        writer.stop()


def _read_orders(fd: int) -> OrdersOfTheDay:
    """The first line, read byte by byte so that no later byte is swallowed."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(fd, 1)
        if not byte or len(line) >= MAX_ORDERS_BYTES:
            raise MmfastError("`mmfast watchdog` is started by `mmfast run`, not by hand")
        line += byte
    return msgspec.json.decode(line, type=OrdersOfTheDay)


async def _serve(orders: OrdersOfTheDay) -> bool:
    clock = SystemClock()
    key = Key(orders.api_key, orders.secret, orders.pem.encode())
    venue_clock = VenueClock(clock)
    ids = ClientIds(orders.stem, orders.epoch)
    sweeper = Sweeper(
        rest_url=orders.rest_url,
        credentials=key.credentials(orders.recv_window_ms),
        clock=clock,
        venue_clock=venue_clock,
        ids=ids,
        category=Category[orders.category.upper()],
        max_batch_orders=orders.max_batch_orders,
        timeout_s=orders.request_timeout_ms / 1000,
        log=lambda severity, code, text: say(logging.WARNING, code, f"{severity}: {text}"),
    )
    try:
        return await Watch(orders, ids, sweeper, clock).run()
    finally:
        await sweeper.close()


class Watch:
    """Listens to the engine and acts when it falls silent."""

    def __init__(
        self, orders: OrdersOfTheDay, ids: ClientIds, sweeper: Sweeper, clock: Clock
    ) -> None:
        self._orders = orders
        self._ids = ids
        self._sweeper = sweeper
        self._clock = clock
        self._end: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._heard = asyncio.Event()
        self._pidfd = -1

    async def run(self) -> bool:
        """Until the engine has ended and, if it died, the venue shows nothing of it any more."""
        self._listen()
        beside = [asyncio.ensure_future(work) for work in (self._keep_warm(), self._watch_beats())]
        try:
            end = await self._end
        finally:
            self._deafen()
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        if end is End.GOODBYE:
            return True
        now_ns = self._clock.now_ns()
        say(logging.ERROR, "watchdog", "the engine died without goodbye: its orders are cancelled")
        swept = await self._sweep(void_after_ns(now_ns, self._orders.recv_window_ms))
        self._tell(swept)
        return swept.proven

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        os.set_blocking(STDIN_FD, False)
        loop.add_reader(STDIN_FD, self._hear)
        # The stream ends with the engine unless a stray child of it holds the other end open.
        try:
            self._pidfd = os.pidfd_open(self._orders.engine_pid)
        except ProcessLookupError:
            self._conclude(End.DEATH)
        except OSError as error:
            say(logging.WARNING, "watchdog", f"cannot watch the engine's process: {error}")
        else:
            loop.add_reader(self._pidfd, self._process_ended)

    def _deafen(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(STDIN_FD)
        if self._pidfd >= 0:
            loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def _process_ended(self) -> None:
        # What it said before it ended still waits to be read.
        self._hear()
        self._conclude(End.DEATH)

    def _hear(self) -> None:
        try:
            data = os.read(STDIN_FD, 4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if GOODBYE in data:
            self._conclude(End.GOODBYE)
        elif not data:
            self._conclude(End.DEATH)
        else:
            self._heard.set()

    def _conclude(self, end: End) -> None:
        if not self._end.done():
            self._end.set_result(end)

    async def _watch_beats(self) -> None:
        """Silence of a living engine: cancel, and stop doing so when it is back."""
        await self._heard.wait()
        while True:
            self._heard.clear()
            try:
                async with asyncio.timeout(self._orders.progress_ms / 1000):
                    await self._heard.wait()
            except TimeoutError:
                # Were we asleep ourselves? Then what it said waits to be read.
                self._hear()
                if not self._heard.is_set() and not self._end.done():
                    await self._stand_in()

    async def _stand_in(self) -> None:
        """Cancel for an engine that stands still, until it is heard again."""
        text = f"the engine made no progress for {self._orders.progress_ms} ms"
        say(logging.ERROR, "watchdog", f"{text}: its orders are cancelled")
        self._say_to_engine(FIRED)
        quiet_after_ns = void_after_ns(self._clock.now_ns(), self._orders.recv_window_ms)
        work = asyncio.ensure_future(self._sweep(quiet_after_ns))
        heard = asyncio.ensure_future(self._heard.wait())
        try:
            await asyncio.wait((work, heard), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                self._tell(work.result())
            await heard
        finally:
            work.cancel()
            heard.cancel()
            await asyncio.gather(work, heard, return_exceptions=True)
        say(logging.WARNING, "watchdog", "the engine makes progress again")

    async def _sweep(self, quiet_after_ns: int) -> Swept:
        return await sweep(
            self._sweeper,
            self._clock,
            lambda link_id: self._ids.is_of_epoch(link_id, self._orders.epoch),
            quiet_after_ns=quiet_after_ns,
            limit_ns=SWEEP_LIMIT_NS,
        )

    def _tell(self, swept: Swept) -> None:
        if swept.proven:
            text = f"{swept.found_first} orders were open, none is any more: proven"
            say(logging.WARNING, "watchdog_swept", text)
        else:
            text = f"gave up; {swept.left_text} own orders may still be open: {swept.fault}"
            say(logging.ERROR, "watchdog_gave_up", text)

    async def _keep_warm(self) -> None:
        """Measure the venue's clock, again and again: the connection that will have to cancel
        stays open, and so does the knowledge of what time it is there."""
        armed = False
        while True:
            try:
                await self._sweeper.server_time()
            except MmfastError as error:
                say(logging.WARNING, "watchdog", f"cannot reach the venue: {error}")
                await asyncio.sleep(1.0)
                continue
            if not armed:
                armed = True
                self._say_to_engine(ARMED)
            await asyncio.sleep(_KEEP_WARM_S)

    def _say_to_engine(self, word: bytes) -> None:
        try:
            os.write(STDIN_FD, word)
        except OSError:
            return  # it is gone, or does not listen: both are noticed elsewhere
