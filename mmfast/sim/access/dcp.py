"""Disconnect protection: open orders of an account end when it falls silent for too long.

An account sets a window per product over REST, and its private connections subscribe to the
product's ``dcp`` topic, which carries no data. When the last such connection dies, the window
starts; a new subscribed connection that sends a ping inside it stops it. Connections without the
topic, and those of the trade socket, count neither way.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from mmfast.messages import Category
from mmfast.units import NEVER_NS, NS_PER_MS, NS_PER_S, Ns

OPTIONS: Final = "OPTIONS"
DERIVATIVES: Final = "DERIVATIVES"
SPOT: Final = "SPOT"
PRODUCTS: Final[dict[str, tuple[Category, ...]]] = {
    OPTIONS: (Category.OPTION,),
    DERIVATIVES: (Category.LINEAR, Category.INVERSE),
    SPOT: (Category.SPOT,),
}
"""Each product and the categories whose orders it protects."""
PRODUCT_OF_TOPIC: Final = {
    "dcp.future": DERIVATIVES,
    "dcp.spot": SPOT,
    "dcp.option": OPTIONS,
}
MIN_WINDOW_S: Final = 3
MAX_WINDOW_S: Final = 300


class _Window(NamedTuple):
    """A window, since when it holds, and what held before (0: nothing)."""

    window_ns: int
    since_ns: int
    before_ns: int

    def deadline_ns(self, lost_ns: int) -> int:
        """When a silence that began at ``lost_ns`` has lasted too long."""
        if self.before_ns and lost_ns + self.before_ns <= self.since_ns:
            return lost_ns + self.before_ns
        return max(lost_ns, self.since_ns) + self.window_ns


class _Guard:
    """One product of one account: its connections and, while they are dead, since when."""

    __slots__ = ("heard_ns", "is_armed", "lost_ns")

    def __init__(self) -> None:
        self.heard_ns: dict[int, int] = {}
        """Subscribed connections, each with the instant of its last ping."""
        self.lost_ns = -1
        self.is_armed = False


class DcpDesk:
    """The windows and connections of all accounts.

    ``apply_ms`` passes before a new window holds. With ``counts_silence`` an open connection
    that sends no ping for the window is dead too.
    """

    def __init__(self, *, apply_ms: int = 10_000, counts_silence: bool = False) -> None:
        self._apply_ns = apply_ms * NS_PER_MS
        self._counts_silence = counts_silence
        self._windows: dict[tuple[int, str], _Window] = {}
        self._guards: dict[tuple[int, str], _Guard] = {}
        self._next_ns: int = NEVER_NS

    # What REST asks.

    def configure(self, uid: int, product: str, window_s: int, now_ns: int) -> None:
        """Set the window of a product; whoever calls has checked product and bounds."""
        old = self._windows.get((uid, product))
        before_ns = 0
        if old is not None:
            before_ns = old.window_ns if old.since_ns <= now_ns else old.before_ns
        since_ns = now_ns + self._apply_ns
        self._windows[uid, product] = _Window(window_s * NS_PER_S, since_ns, before_ns)
        self._plan()

    def windows_s(self, uid: int) -> dict[str, int]:
        """The products an account has configured, each with its window in seconds."""
        return {
            product: self._windows[uid, product].window_ns // NS_PER_S
            for product in PRODUCTS
            if (uid, product) in self._windows
        }

    # What the sessions tell.

    def join(self, uid: int, product: str, conn_id: int, now_ns: int) -> None:
        """A connection subscribed. A running window goes on until that connection pings."""
        guard = self._guards.setdefault((uid, product), _Guard())
        guard.heard_ns[conn_id] = now_ns
        guard.is_armed = True
        self._plan()

    def leave(self, uid: int, product: str, conn_id: int) -> None:
        """A connection unsubscribed: it counts no more, neither as alive nor as dead."""
        self._guards[uid, product].heard_ns.pop(conn_id, None)
        self._plan()

    def die(self, uid: int, product: str, conn_id: int, now_ns: int) -> None:
        """A subscribed connection is gone; with the last one the window starts."""
        guard = self._guards[uid, product]
        guard.heard_ns.pop(conn_id, None)
        if not guard.heard_ns and guard.lost_ns < 0:
            guard.lost_ns = now_ns
        self._plan()

    def ping(self, uid: int, conn_id: int, now_ns: int) -> None:
        """A connection sent its heartbeat: whatever window it guards stops."""
        for product in PRODUCTS:
            guard = self._guards.get((uid, product))
            if guard is not None and conn_id in guard.heard_ns:
                guard.heard_ns[conn_id] = now_ns
                guard.lost_ns = -1
                guard.is_armed = True
        self._plan()

    # What the timeline asks.

    def next_due_ns(self) -> Ns:
        """When the next window ends, if nothing is heard."""
        return Ns(self._next_ns)

    def due(self, now_ns: int) -> list[tuple[int, str]]:
        """Accounts and products whose window has ended: their orders are to be cancelled."""
        fired = [key for key in self._guards if self._deadline_ns(key) <= now_ns]
        for key in fired:
            self._guards[key].lost_ns = -1
            self._guards[key].is_armed = False
        self._plan()
        return fired

    def _plan(self) -> None:
        self._next_ns = min(map(self._deadline_ns, self._guards), default=NEVER_NS)

    def _deadline_ns(self, key: tuple[int, str]) -> int:
        guard, window = self._guards[key], self._windows.get(key)
        if window is None or not guard.is_armed:
            return NEVER_NS
        if guard.lost_ns >= 0:
            return window.deadline_ns(guard.lost_ns)
        if self._counts_silence and guard.heard_ns:
            return window.deadline_ns(max(guard.heard_ns.values()))
        return NEVER_NS
