"""What goes wrong on the wire below the protocols: connects, cuts, pieces, silence."""

from __future__ import annotations

import errno
import itertools
import random
import socket
from collections import Counter
from typing import Final, NamedTuple, Protocol

from mmfast.simtest.network import Link, Network, Parcel
from mmfast.units import NS_PER_MS

CONNECT_REFUSED: Final = "connect_refused"
NAME_UNKNOWN: Final = "name_unknown"
CONNECT_HANGS: Final = "connect_hangs"
CUT_REQUEST: Final = "cut_request"
CUT_REPLY: Final = "cut_reply"
PIECES: Final = "pieces"
SLOW_REPLY: Final = "slow_reply"
IDLE_CLOSE: Final = "idle_close"
DEAF: Final = "deaf"
DUMB: Final = "dumb"

CONNECTS: Final = (CONNECT_REFUSED, NAME_UNKNOWN, CONNECT_HANGS)
#: Name to the fault class of the reliability table it stands for.
WIRE_FAULTS: Final[dict[str, str]] = {
    CONNECT_REFUSED: "F03",
    NAME_UNKNOWN: "F03",
    CONNECT_HANGS: "F03",
    CUT_REQUEST: "F04",
    CUT_REPLY: "F05",
    PIECES: "F05",
    SLOW_REPLY: "F63",
    IDLE_CLOSE: "F06",
    DEAF: "F25",
    DUMB: "F25",
}


class WireFault(NamedTuple):
    """One fault of the wire and when it is on, in nanoseconds of the engine's clock.

    ``chance`` is for each thing it could hit (a write, a connect, a connection that is there).
    """

    name: str
    from_ns: int
    until_ns: int
    chance: float
    size: int = 0
    """Its strength: longest piece gap in ms, or seconds of idleness."""


class Gusts:
    """The weather of one seed. ``fired`` counts by name."""

    def __init__(self, faults: tuple[WireFault, ...], seed: int, fired: Counter[str]) -> None:
        self._faults = faults
        self._fired = fired
        # Each fault has its own stream of chance: one does not change what another hits.
        self._dice = [random.Random(f"wire {seed} {i} {one.name}") for i, one in enumerate(faults)]  # noqa: S311
        self._over = False

    def clear(self) -> None:
        """Fair weather from now on."""
        self._over = True

    def begin(self, network: Network, front_idle: IdleSwitch) -> None:
        """Plan what begins and ends by itself."""
        for place, fault in enumerate(self._faults):
            if fault.name in (DEAF, DUMB):
                network.at(fault.from_ns, lambda at: self._hush(network, at), place)
            elif fault.name == IDLE_CLOSE:
                network.at(fault.from_ns, lambda at: front_idle.set_idle(self._idle_ns(at)), place)
                network.at(fault.until_ns, lambda _: front_idle.set_idle(0), place)

    def _idle_ns(self, place: int) -> int:
        return 0 if self._over else self._faults[place].size * NS_PER_MS

    def _hush(self, network: Network, place: int) -> None:
        """Some of the connections there are fall silent, one way or the other."""
        if self._over:
            return
        fault, dice = self._faults[place], self._dice[place]
        hit = [link for link in network.links.values() if dice.random() < fault.chance]
        for link in hit:
            self._fired[fault.name] += 1
            if fault.name == DEAF:
                link.deaf = True
            else:
                link.dumb = True
            network.at(fault.until_ns, _heal, link)

    # What the network asks.

    def connecting(self, now_ns: int) -> OSError | bool | None:
        """See :class:`mmfast.simtest.network.Weather`."""
        for fault in self._hits(CONNECTS, now_ns):
            if fault.name == CONNECT_HANGS:
                return True
            if fault.name == NAME_UNKNOWN:
                return socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            return ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        return None

    def on_the_way(self, link: Link, data: bytes, *, up: bool, now_ns: int) -> Parcel:
        """See :class:`mmfast.simtest.network.Weather`."""
        del link
        if self._over or not self._faults:
            return Parcel([(0, data)])
        names = (CUT_REQUEST, PIECES) if up else (CUT_REPLY, SLOW_REPLY, PIECES)
        for fault in self._hits(names, now_ns):
            dice = self._dice[self._faults.index(fault)]
            if fault.name in (CUT_REQUEST, CUT_REPLY):
                return Parcel([(0, data[: dice.randrange(len(data) + 1)])], resets=True)
            if fault.name == SLOW_REPLY:
                step = max(len(data) // 40, 1)
                gap_ns = fault.size * NS_PER_MS
                return Parcel([(gap_ns, data[i : i + step]) for i in range(0, len(data), step)])
            return Parcel(_pieces(data, fault.size * NS_PER_MS, dice))
        return Parcel([(0, data)])

    def _hits(self, names: tuple[str, ...], now_ns: int) -> list[WireFault]:
        if self._over:
            return []
        hit = []
        for fault, dice in zip(self._faults, self._dice, strict=True):
            if fault.name not in names or not fault.from_ns <= now_ns < fault.until_ns:
                continue
            if dice.random() < fault.chance:
                self._fired[fault.name] += 1
                hit.append(fault)
                break
        return hit


class IdleSwitch(Protocol):
    """Something whose patience with idle connections can be set."""

    def set_idle(self, idle_ns: int) -> None:
        """Close a connection that asks nothing for so long; 0: never."""
        ...


def _heal(link: Link) -> None:
    """A connection that lost bytes can never go on: it breaks, and now both ends hear it."""
    link.deaf = link.dumb = False
    link.reset(None)


def _pieces(data: bytes, gap_ns: int, dice: random.Random) -> list[tuple[int, bytes]]:
    """A write in two to five pieces, each a little later."""
    places = sorted(dice.randrange(len(data) + 1) for _ in range(dice.randint(1, 4)))
    bounds = [0, *places, len(data)]
    return [
        (dice.randrange(gap_ns + 1), data[start:end])
        for start, end in itertools.pairwise(bounds)
        if end > start
    ]
