"""TCP without a network: connections that carry bytes in virtual time, and may fail as real ones.

A connection has two directions. What is written arrives after a delay, in order, whole or in
pieces; it may be cut after any byte, or vanish without a word. The engine's end is an asyncio
transport; the other end is whatever the :class:`Venue side <Listener>` puts there.
"""

from __future__ import annotations

import asyncio
import errno
import heapq
import itertools
from collections.abc import Callable
from typing import Any, Final, Protocol

from mmfast.simtest.loop import Time, VirtualLoop
from mmfast.simtest.transport import ClientTransport
from mmfast.units import NEVER_NS, NS_PER_S

WIRE_NS: Final = 100_000
"""One way, on top of what the venue itself takes."""
CONNECT_NS: Final = 300_000


class Peer(Protocol):
    """The venue's end of one connection."""

    def received(self, data: bytes, now_ns: int) -> None:
        """Bytes came."""
        ...

    def lost(self, now_ns: int) -> None:
        """The client is gone."""
        ...


class Listener(Protocol):
    """The venue's door."""

    def accept(self, link: Link, now_ns: int) -> Peer:
        """A connection came."""
        ...

    def next_due_ns(self) -> int:
        """When the venue has something to do."""
        ...

    def advance(self, now_ns: int) -> None:
        """Let the venue do what is due."""
        ...


class Tap(Protocol):
    """Who sees all that the engine's host puts on the wire and gets from it."""

    def opened(self, link: Link, now_ns: int) -> None:
        """The engine has a connection."""
        ...

    def wrote(self, link: Link, data: bytes, now_ns: int) -> None:
        """The engine gave these bytes away."""
        ...

    def read(self, link: Link, data: bytes, now_ns: int) -> None:
        """The engine is given these bytes."""
        ...

    def ended(self, link: Link, now_ns: int) -> None:
        """The connection is over for the engine, whoever ended it."""
        ...


class Weather(Protocol):
    """What goes wrong on the wire."""

    def connecting(self, now_ns: int) -> OSError | bool | None:
        """An error, True for a connection that never comes about, None for a good one."""
        ...

    def on_the_way(self, link: Link, data: bytes, *, up: bool, now_ns: int) -> Parcel:
        """What becomes of one write."""
        ...


class Parcel:
    """One write on its way: pieces with the extra time each takes, perhaps a reset at the end."""

    __slots__ = ("pieces", "resets")

    def __init__(self, pieces: list[tuple[int, bytes]], *, resets: bool = False) -> None:
        self.pieces = pieces
        self.resets = resets


class Network:
    """All connections of one engine host with one venue."""

    def __init__(self, time: Time, weather: Weather, tap: Tap) -> None:
        self.time = time
        self.weather = weather
        self.tap = tap
        self.listener: Listener
        """Set by whoever builds the world."""
        self.links: dict[int, Link] = {}
        """Those that carry."""
        self.held: dict[int, Link] = {}
        """Those that the engine holds, whether or not it knows already that they have ended."""
        self.far_ns = time.now_ns
        """The time on the far side; that of the engine while the engine runs."""
        self.arrived: list[tuple[Link, Callable[[Any], None], Any]] = []
        """What the engine's host has received and the engine has not read."""
        self._events: list[tuple[int, int, Callable[[Any], None], Any]] = []
        self._order = itertools.count()
        self._numbers = itertools.count(1)

    # What the loop asks.

    def next_due_ns(self) -> int:
        """When something happens next."""
        first = self._events[0][0] if self._events else NEVER_NS
        return min(first, self.listener.next_due_ns())

    def advance(self, now_ns: int) -> None:
        """Do all that is due, in time order; the venue goes first at equal times.

        The far side acts at its exact time. What reaches the engine's host waits there until
        the engine looks, which is now: a stalled process hears nothing while it stalls.
        """
        while True:
            due_ns = self._events[0][0] if self._events else NEVER_NS
            venue_ns = self.listener.next_due_ns()
            if min(due_ns, venue_ns) > now_ns:
                break
            if venue_ns <= due_ns:
                self.far_ns = max(venue_ns, self.far_ns)
                self.listener.advance(self.far_ns)
                continue
            at_ns, _, act, argument = heapq.heappop(self._events)
            self.far_ns = max(at_ns, self.far_ns)
            act(argument)
        self.far_ns = now_ns
        arrived, self.arrived = self.arrived, []
        for link, deliver, argument in arrived:
            # What comes for an engine that has ended meanwhile is read by nobody.
            if not link.loop.is_closed():
                link.loop.call_soon(deliver, argument)

    def at(self, at_ns: int, act: Callable[[Any], None], argument: Any) -> None:  # noqa: ANN401
        """Do something later."""
        heapq.heappush(self._events, (at_ns, next(self._order), act, argument))

    async def connect(self, factory: Callable[[], asyncio.BaseProtocol], port: int) -> Any:  # noqa: ANN401
        """What ``loop.create_connection`` does."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)  # noqa: S101 - nothing else runs here
        fate = self.weather.connecting(self.time.now_ns)
        await asyncio.sleep(CONNECT_NS / NS_PER_S)
        if isinstance(fate, OSError):
            raise fate
        if fate is True:
            await loop.create_future()
        protocol = factory()
        link = Link(self, next(self._numbers), port, loop)
        self.links[link.number] = self.held[link.number] = link
        link.peer = self.listener.accept(link, self.time.now_ns)
        link.client = ClientTransport(link, protocol, loop)
        self.tap.opened(link, self.time.now_ns)
        protocol.connection_made(link.client)
        return link.client, protocol

    def crash(self) -> None:
        """The engine's host process is gone: its system closes every connection."""
        for link in list(self.held.values()):
            link.abandon()


class Link:
    """One connection. ``number`` names it."""

    __slots__ = (
        "_down_ns",
        "_network",
        "_up_ns",
        "client",
        "deaf",
        "dumb",
        "is_broken",
        "is_open",
        "is_over",
        "loop",
        "number",
        "peer",
        "port",
    )

    def __init__(self, network: Network, number: int, port: int, loop: VirtualLoop) -> None:
        self._network = network
        self.loop = loop
        self._up_ns = self._down_ns = 0
        self.number = number
        self.port = port
        self.peer: Peer
        self.client: ClientTransport
        self.is_open = True
        """Neither end has ended it yet."""
        self.is_broken = False
        """It was reset: nothing is carried any more."""
        self.is_over = False
        """The engine knows that it has ended."""
        self.deaf = False
        """What the venue says gets lost."""
        self.dumb = False
        """What the engine says gets lost."""

    # The engine's end.

    def write(self, data: bytes) -> None:
        """The engine writes; one that was killed in this turn of its loop does so no more."""
        if self.loop.killed:
            return
        network = self._network
        now_ns = network.time.now_ns
        network.tap.wrote(self, data, now_ns)
        parcel = network.weather.on_the_way(self, data, up=True, now_ns=now_ns)
        at_ns = max(now_ns + WIRE_NS, self._up_ns)
        for extra_ns, piece in parcel.pieces:
            at_ns += extra_ns
            network.at(at_ns, self._arrive_up, piece)
        self._up_ns = at_ns
        if parcel.resets:
            network.at(at_ns + WIRE_NS, self.reset, None)

    def _arrive_up(self, data: bytes) -> None:
        # What was written before the engine closed, or died, is still carried.
        if not (self.is_broken or self.dumb):
            self.peer.received(data, self._network.far_ns)

    def abandon(self) -> None:
        """The engine closes, or is no more."""
        network = self._network
        self._tell_tap()
        if not self.is_open:
            return
        self._end()
        network.at(max(network.time.now_ns + WIRE_NS, self._up_ns), self._tell_peer, None)

    def _tell_peer(self, _: None) -> None:
        if not self.dumb:
            self.peer.lost(self._network.far_ns)

    def _tell_tap(self) -> None:
        if not self.is_over:
            self.is_over = True
            del self._network.held[self.number]
            self._network.tap.ended(self, self._network.time.now_ns)

    def _end(self) -> None:
        self.is_open = False
        self._network.links.pop(self.number, None)

    # The venue's end.

    def send(self, data: bytes) -> None:
        """The venue writes."""
        if not self.is_open:
            return
        network = self._network
        parcel = network.weather.on_the_way(self, data, up=False, now_ns=network.far_ns)
        at_ns = max(network.far_ns + WIRE_NS, self._down_ns)
        for extra_ns, piece in parcel.pieces:
            at_ns += extra_ns
            network.at(at_ns, self._arrive_down, piece)
        self._down_ns = at_ns
        if parcel.resets:
            network.at(at_ns, self.reset, None)

    def hang_up(self, *, resets: bool) -> None:
        """The venue ends it after what it has said: an orderly close, or a reset."""
        act = self.reset if resets else self._finish
        at_ns = max(self._network.far_ns + WIRE_NS, self._down_ns)
        self._network.at(at_ns, act, None)

    def _arrive_down(self, data: bytes) -> None:
        if self.is_open and not self.deaf:
            self._network.arrived.append((self, self._hand_over, data))

    def _hand_over(self, data: bytes) -> None:
        if self.client.is_closing():
            return
        self._network.tap.read(self, data, self._network.time.now_ns)
        self.client.deliver(data)

    def _finish(self, _: None) -> None:
        if self.is_open and not self.deaf:
            self._network.arrived.append((self, self._end_of_stream, None))

    def _end_of_stream(self, _: None) -> None:
        self.client.end_of_stream()

    def reset(self, _: None) -> None:
        """It breaks, for both ends."""
        if not self.is_open:
            return
        self._end()
        self.is_broken = True
        self.peer.lost(self._network.far_ns)
        if not self.deaf:
            self._network.arrived.append((self, self._broken, None))

    def _broken(self, _: None) -> None:
        if not self.client.is_closing():
            self._tell_tap()
            self.client.lose(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
