"""A loopback proxy that knows nothing of what it carries and does harm at the byte it is told.

It stands between a client and a server and carries bytes both ways: HTTP, websockets and TLS look
alike to it. Faults are armed for all connections at once or drawn for each new one; positions
count from the moment of arming, so a connection can be opened in peace and hurt at any byte of
what follows. Nothing here is random: whoever wants chance brings a seeded ``plan``.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from enum import Enum
from typing import Any, NamedTuple


class End(Enum):
    """How a connection ends at the byte it is cut."""

    FIN = "fin"
    """Closed in good order, on both sides."""
    RST = "rst"
    """Reset on both sides: what the other side has not read may be lost with it."""
    SILENCE = "silence"
    """Stays open and carries nothing more, either way: half-open."""


class Fault(NamedTuple):
    """What is done to the bytes of a connection, counted from the arming."""

    up: int | None = None
    """The connection ends after so many bytes of the client; None: it does not."""
    down: int | None = None
    """The same for bytes of the server. 0: at its first byte, none of which is carried."""
    end: End = End.FIN
    up_s: float = 0.0
    """Each byte of the client is carried so much later."""
    down_s: float = 0.0
    drip_s: float = 0.0
    """The server's bytes go out one at a time, so far apart."""
    before: bytes = b""
    """Carried to the client just ahead of the server's first byte."""
    after: bytes = b""
    """Carried to the client right behind the first bytes that the server sends in one go."""


CLEAN = Fault()
DOOR = Fault(up=0)
"""Ends each connection as soon as it was accepted."""
Plan = Callable[[int], Fault]
"""Number of the connection, from 1, to what is done to it."""


class FaultProxy:
    """Carries connections to ``127.0.0.1:port``. ``heard`` is what clients sent since the last
    arming, ``told`` how many bytes they were sent."""

    def __init__(self, port: int, plan: Plan = lambda _number: CLEAN) -> None:
        self.target = port
        self.port = 0
        self.plan = plan
        self.accepted = 0
        self.cuts = 0
        self.heard = bytearray()
        self.told = 0
        self.links: dict[_Link, None] = {}
        self.connecting: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[FaultProxy]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._link, "127.0.0.1", 0, backlog=256)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.hang_up(End.RST)
            await server.wait_closed()
            await asyncio.gather(*self.connecting)
            # One turn for the transports to say goodbye, else they warn when collected.
            await asyncio.sleep(0)

    def arm(self, fault: Fault) -> None:
        """From here on this happens to every connection, those there are included."""
        self.plan = lambda _number: fault
        self.heard.clear()
        self.told = 0
        for link in list(self.links):
            link.arm(fault)

    def hang_up(self, end: End) -> None:
        """End every connection there is now."""
        for link in list(self.links):
            link.finish(end)

    def _link(self) -> asyncio.Protocol:
        self.accepted += 1
        return _Link(self, self.plan(self.accepted))


class _Lane:
    """One direction of one connection: bytes wait here until it is their time."""

    def __init__(self, out: Callable[[bytes], None]) -> None:
        self._out = out
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._free_at = 0.0
        self.later_s = self.drip_s = 0.0

    def carry(self, data: bytes) -> None:
        if not (self.later_s or self.drip_s or self._waiting):
            self._out(data)
            return
        at = asyncio.get_running_loop().time() + self.later_s
        parts = [data[i : i + 1] for i in range(len(data))] if self.drip_s else [data]
        for part in parts:
            self._free_at = at = max(at, self._free_at) + self.drip_s
            self._waiting.append((at, part))
        self._arm()

    def close(self) -> None:
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is None and self._waiting:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._waiting[0][0], self._due)

    def _due(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0][0] <= now:
            self._out(self._waiting.popleft()[1])
        self._arm()


class _Link(asyncio.Protocol):
    """One connection through the proxy, seen from the client's side."""

    def __init__(self, proxy: FaultProxy, fault: Fault) -> None:
        self._proxy = proxy
        self._client: asyncio.Transport | None = None
        self._server: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._over = self._mute = self._cut_when_reached = False
        self._up, self._down = _Lane(self._to_server), _Lane(self._to_client)
        self._connecting: asyncio.Task[None] | None = None
        self.arm(fault)

    def arm(self, fault: Fault) -> None:
        self._fault = fault
        self._up_left, self._down_left = fault.up, fault.down
        self._spoke = False
        self._up.later_s, self._down.later_s = fault.up_s, fault.down_s
        self._down.drip_s = fault.drip_s

    # The client.

    def connection_made(self, transport: Any) -> None:
        self._client = transport
        self._proxy.links[self] = None
        if self._up_left == 0:
            self.finish(self._fault.end)
        else:
            self._connecting = asyncio.ensure_future(self._connect())
            # Never cancelled: a connect given up half-way would leave its socket behind.
            self._proxy.connecting.add(self._connecting)
            self._connecting.add_done_callback(self._proxy.connecting.discard)

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        self._proxy.heard += data
        if self._mute:
            return
        left = self._up_left
        if left is None or len(data) < left:
            self._up_left = None if left is None else left - len(data)
            self._up.carry(data)
            return
        self._up.carry(data[:left])
        self._cut()

    def connection_lost(self, exc: Exception | None) -> None:
        self.finish(End.RST if exc else End.FIN)

    # The server.

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: _Far(self), "127.0.0.1", self._proxy.target)
        except OSError:
            self.finish(End.RST)

    def reached(self, transport: asyncio.Transport) -> None:
        if self._over:
            transport.abort()
            return
        self._server = transport
        early, self._early = self._early, []
        for data in early:
            transport.write(data)
        if self._cut_when_reached:
            self.finish(self._fault.end)

    def answered(self, data: bytes) -> None:
        if self._over or self._mute:
            return
        left = self._down_left
        if left == 0:
            self._cut()
            return
        first, self._spoke = not self._spoke, True
        if first and self._fault.before:
            self._down.carry(self._fault.before)
        if left is not None and len(data) >= left:
            self._down.carry(data[:left])
            self._cut()
            return
        self._down_left = None if left is None else left - len(data)
        self._down.carry(data)
        if first and self._fault.after:
            self._down.carry(self._fault.after)

    # Both.

    def finish(self, end: End) -> None:
        """The connection is over."""
        if self._over:
            return
        if end is End.SILENCE:
            self._mute = True
            return
        self._over = True
        self._proxy.links.pop(self, None)
        for lane in (self._up, self._down):
            lane.close()
        for transport in (self._client, self._server):
            if transport is None or transport.is_closing():
                continue
            if end is End.RST:
                reset(transport)
            else:
                transport.close()

    def _cut(self) -> None:
        self._proxy.cuts += 1
        if self._server is None and self._connecting is not None and self._early:
            # What was let through shall arrive first.
            self._mute = self._cut_when_reached = True
        else:
            self.finish(self._fault.end)

    def _to_server(self, data: bytes) -> None:
        if self._server is None:
            self._early.append(data)
        else:
            self._server.write(data)

    def _to_client(self, data: bytes) -> None:
        assert self._client is not None
        self._proxy.told += len(data)
        self._client.write(data)


class _Far(asyncio.Protocol):
    """The same connection, seen from the server's side."""

    def __init__(self, link: _Link) -> None:
        self._link = link

    def connection_made(self, transport: Any) -> None:
        self._link.reached(transport)

    def data_received(self, data: bytes) -> None:
        self._link.answered(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._link.finish(End.RST if exc else End.FIN)


def reset(transport: asyncio.Transport) -> None:
    """A hard reset: the other side sees ECONNRESET instead of an orderly end."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
