"""An asyncio loop on virtual time: it never waits, it jumps to the next thing that happens.

Everything of the engine runs on it unchanged: timers, tasks, aiohttp and picows. The sockets
below them are those of :mod:`mmfast.simtest.network`; threads there are none, work for a thread
is done at once. Same calls in the same order, same schedule: nothing of the host comes in.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import aiohttp.connector
import picows.api

from mmfast.simtest.patches import replaced
from mmfast.units import NS_PER_S

TURN_NS: Final = 20_000
"""What one turn of the loop costs. Time must pass in it, or a loop of turns would never end."""
MAX_IDLE_TURNS: Final = 200_000
"""Turns in a row without a wait: more of them is a loop that spins."""
START_NS: Final = 1_000 * NS_PER_S
"""Monotonic time at which a simulation begins; 0 would mean "never" in places."""
_ADDRESS: Final = "127.0.0.1"


class World(Protocol):
    """What happens outside the engine: the network and the venue behind it."""

    def next_due_ns(self) -> int:
        """When something happens next."""
        ...

    def advance(self, now_ns: int) -> None:
        """Let everything due happen."""
        ...

    async def connect(self, factory: Callable[[], asyncio.BaseProtocol], port: int) -> Any:  # noqa: ANN401
        """Open a connection; raises OSError. Returns transport and protocol."""
        ...


class Time:
    """The one time of a simulation, over all loops that live in it."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self.turns = 0


class Stopped(BaseException):
    """The world ended the loop from outside, as SIGKILL would: nothing in it runs any more."""


class _Jump:
    """In place of a selector: waiting is moving the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._idle = 0

    def select(self, timeout: float | None) -> list[Any]:
        """Called by the loop once per turn."""
        loop = self._loop
        time, world = loop.clock, loop.world
        time.turns += 1
        now_ns = time.now_ns + TURN_NS
        due_ns = world.next_due_ns()
        if timeout is None or timeout > 0:
            self._idle = 0
            # A hair after the timer, so that rounding can never bring it a second time.
            timer_ns = due_ns if timeout is None else time.now_ns + int(timeout * NS_PER_S) + 2
            now_ns = max(now_ns, min(timer_ns, due_ns))
        else:
            self._idle += 1
            if self._idle > MAX_IDLE_TURNS:
                raise RuntimeError(f"the loop spins: {self._idle} turns without a wait")
        time.now_ns = now_ns
        if due_ns <= now_ns:
            world.advance(now_ns)
        if loop.killed:
            raise Stopped
        return []

    def close(self) -> None:
        """Nothing is held."""


class VirtualLoop(asyncio.BaseEventLoop):
    """One loop of one engine. ``kill()`` ends it at the next turn, mid-flight."""

    def __init__(self, clock: Time, world: World) -> None:
        super().__init__()
        self.clock = clock
        self.world = world
        self.killed = False
        self._selector = _Jump(self)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Seconds of virtual time."""
        return self.clock.now_ns / NS_PER_S

    def kill(self) -> None:
        """Let nothing of this loop run after the current turn."""
        self.killed = True

    def close(self) -> None:
        """Close; what was pending is forgotten."""
        self._selector.close()
        super().close()

    # What a loop with sockets would do.

    def _process_events(self, event_list: list[Any]) -> None:
        """All that happened was done by the jump."""

    def _write_to_self(self) -> None:
        """There is nobody to wake."""

    def run_in_executor(  # type: ignore[override]
        self,
        executor: Any,  # noqa: ANN401, ARG002
        func: Callable[..., Any],
        *args: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Do it now: a thread would make time uncertain."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever awaits it
            future.set_exception(error)
        return future

    async def getaddrinfo(
        self,
        host: Any,  # noqa: ANN401
        port: Any,  # noqa: ANN401
        **_hints: Any,  # noqa: ANN401
    ) -> list[tuple[Any, ...]]:
        """Every name is here."""
        del host
        family = socket.AF_INET
        return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (_ADDRESS, port))]

    async def sock_connect(self, sock: Any, address: Any) -> None:  # noqa: ANN401
        """The connection itself is made by :meth:`create_connection`."""
        sock.where = address

    async def create_connection(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | None = None,
        *,
        sock: Any = None,  # noqa: ANN401
        **_options: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Connect in the simulated network."""
        del host
        if sock is not None:
            port = sock.where[1]
        assert port is not None  # noqa: S101
        return await self.world.connect(protocol_factory, port)


class FakeSocket:
    """What libraries want of a socket before and beside its use: options and a number."""

    def __init__(self, _address_info: object = None) -> None:
        self.where: tuple[str, int] = (_ADDRESS, 0)
        self.family = socket.AF_INET
        self.type = socket.SOCK_STREAM
        self.proto = socket.IPPROTO_TCP

    def fileno(self) -> int:
        """No number: whoever writes past the transport gets an error and comes back to it."""
        return -1

    def setblocking(self, flag: bool) -> None:
        """Nothing blocks here."""

    def setsockopt(self, *_args: object) -> None:
        """Taken and forgotten."""

    def getsockopt(self, _level: int, option: int, *_size: object) -> int:
        """On; but there is never an error that the transport has not told."""
        return 0 if option == socket.SO_ERROR else 1

    def close(self) -> None:
        """There is nothing to close."""


class VirtualClock:
    """The engine's clock seam over virtual time, with a wall clock that may be wrong.

    ``wall_off_ms`` is how far the host's wall clock is ahead of the venue's at this moment.
    """

    def __init__(self, time: Time, venue_ms: Callable[[], int]) -> None:
        self._time = time
        self._venue_ms = venue_ms
        self.wall_off_ms = 0

    def now_ns(self) -> int:
        """Monotonic nanoseconds."""
        return self._time.now_ns

    def wall_ms(self) -> int:
        """What this host believes."""
        return self._venue_ms() + self.wall_off_ms


@contextlib.contextmanager
def libraries_on(time: Time) -> Iterator[None]:
    """Third-party libraries take time and sockets from the loop while this is open.

    aiohttp measures idle connections with the host's clock and makes sockets itself; picows
    would use a transport of its own below the loop.
    """
    connector = aiohttp.connector.TCPConnector
    plain_init = connector.__init__

    def init(self: Any, *args: Any, **options: Any) -> None:  # noqa: ANN401
        plain_init(self, *args, **{"socket_factory": FakeSocket, **options})

    with contextlib.ExitStack() as stack:
        for owner, name, value in (
            (aiohttp.connector, "monotonic", lambda: time.now_ns / NS_PER_S),
            (connector, "__init__", init),
            (picows.api, "_HAS_AIOFASTNET", False),
        ):
            stack.enter_context(replaced(owner, name, value))
        yield
