"""The condition the venue is in: carries out the faults that are states or acts.

Everything a state changes is set anew from the states that are on, whenever one begins or ends:
so two of a kind may overlap, and none leaves anything behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from mmfast.messages import Category, Side
from mmfast.sim.access.calls import Call, Handler
from mmfast.sim.access.sockets import KINDS
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.fault_terms.kinds import (
    Act,
    AddressBan,
    BookRestart,
    BookStale,
    ClockSkew,
    Fault,
    ForeignAct,
    ForeignFill,
    ForeignOrder,
    HalfOpen,
    InstrumentSuspended,
    LimitLowered,
    Maintenance,
    StreamDrop,
    TickSizeChanged,
)
from mmfast.sim.faults import covers
from mmfast.sim.feed.status import Notice
from mmfast.sim.limits.budgets import Limits
from mmfast.sim.refusals import Refusal
from mmfast.sim.wire import Output, WsClose, WsReset
from mmfast.units import Ms

HTTP: Final = "http"
_ALL: Final = "all"
_SERVICE_RESTART: Final = 1012
_GOING_AWAY: Final = 1001
_E4: Final = 10_000
_BOOKS: Final = "orderbook."


class Connections(Protocol):
    """What acts may know of the websockets."""

    def connections(self, kind: str) -> list[int]:
        """Connections of one kind (``public``, ``private``, ``trade``), oldest first."""
        ...


class HeldFeed(Protocol):
    """What states may do to public data."""

    def hold(self, is_held: Callable[[Category, str], bool] | None) -> None:
        """Topics for which it is true say nothing; what changed is told when it no more is."""
        ...


class Condition:
    """One venue's; the faults' hands."""

    def __init__(
        self,
        exchange: Exchange,
        uid: int,
        limits: Limits,
        feed: HeldFeed,
        connections: Connections,
        place: Handler,
    ) -> None:
        self.skew_ms = 0
        """How far the gateway's clock is ahead of the venue's."""
        self.is_banned = False
        self.is_under_maintenance = False
        self.muted: frozenset[str] = frozenset()
        """Kinds of connections on which nothing is heard or said."""
        self.relaunch_books: Callable[[], None] = _nothing
        """Restarts the service behind the public books; set by the timeline."""
        self._exchange = exchange
        self._account = exchange.accounts[uid]
        self._limits = limits
        self._feed = feed
        self._connections = connections
        self._place = place
        self._suspended: dict[int, None] = {}
        self._notices: list[Notice] = []
        self._windows = 0
        self._since_ms = Ms(0)
        self._placing = False
        self._foreign: dict[str, None] = {}

    def is_foreign(self, order_id: str) -> bool:
        """True for an order somebody else placed on the account, or is placing just now."""
        return self._placing or order_id in self._foreign

    def lists(self, category: str, symbol: str) -> bool:
        """True for an instrument of the venue."""
        return self._index(category, symbol) is not None

    # States.

    def hold(self, faults: Sequence[Fault], now_ns: int) -> list[Output]:  # noqa: ARG002
        """These states, and no others, are on from now."""
        self.skew_ms = sum(fault.by_ms for fault in faults if isinstance(fault, ClockSkew))
        self._exchange.known.skew_ms = self.skew_ms
        self.is_banned = any(isinstance(fault, AddressBan) for fault in faults)
        self._limits.cap(_cap([fault for fault in faults if isinstance(fault, LimitLowered)]))
        self._feed.hold(_staleness([fault for fault in faults if isinstance(fault, BookStale)]))
        outputs = self._mute([fault for fault in faults if isinstance(fault, HalfOpen)])
        was_shut = self.is_under_maintenance
        windows = [fault for fault in faults if isinstance(fault, Maintenance)]
        self.is_under_maintenance = bool(windows)
        self._set_rules(faults)
        if self.is_under_maintenance != was_shut:
            self._notices.append(self._notice(windows))
        if self.is_under_maintenance and not was_shut:
            outputs += self._close(KINDS, _SERVICE_RESTART, "maintenance")
        return outputs

    def take_notices(self) -> list[Notice]:
        """What there is to announce of the venue's own state since the last call."""
        notices, self._notices = self._notices, []
        return notices

    def _notice(self, windows: list[Maintenance]) -> Notice:
        """A maintenance that begins, or (no windows) the end of the one that was."""
        now_ms = self._exchange.engine.now_ms
        if windows:
            self._windows += 1
            self._since_ms = now_ms
        # An open end is told as none.
        spans = [window.for_ms for window in windows]
        end_ms = 0 if None in spans else now_ms + max((s for s in spans if s), default=0)
        return Notice(
            notice_id=f"maintenance-{self._windows}",
            title="Maintenance",
            state="ongoing" if windows else "completed",
            begin_ms=self._since_ms,
            end_ms=Ms(end_ms),
        )

    def mutes(self, kind: str) -> bool:
        """True while connections of a kind (a socket's, or ``http``) are half open."""
        return kind in self.muted

    def _mute(self, faults: list[HalfOpen]) -> list[Output]:
        """A connection that was half open never comes back: it is reset when that ends."""
        before = self.muted
        kinds = {fault.sockets for fault in faults}
        everything = (HTTP, *KINDS)
        self.muted = frozenset(k for k in everything if k in kinds or _ALL in kinds)
        return [
            WsReset(conn_id)
            for kind in KINDS
            if kind in before and kind not in self.muted
            for conn_id in self._connections.connections(kind)
        ]

    def _set_rules(self, faults: Sequence[Fault]) -> None:
        suspended: dict[int, None] = {}
        steps: dict[int, int] = {}
        for fault in faults:
            if isinstance(fault, InstrumentSuspended):
                index = self._listed(fault.category, fault.symbol)
                if fault.cancel_orders and index not in self._suspended:
                    self._cancel_all(index)
                suspended[index] = None
            elif isinstance(fault, TickSizeChanged):
                index = self._listed(fault.category, fault.symbol)
                steps[index] = steps.get(index, 1) * fault.times
        self._suspended = suspended
        self._exchange.rules.change(suspended, steps, shut=self.is_under_maintenance)

    def _cancel_all(self, index: int) -> None:
        for order in self._account.blotter.open_orders(index):
            self._exchange.expel(self._account, order)

    # Acts.

    def act(self, fault: Act, number: int, now_ns: int) -> list[Output] | None:
        """Do it for the ``number``-th time; None when the venue's rules refused it."""
        if isinstance(fault, StreamDrop):
            kinds = KINDS if fault.sockets == _ALL else (fault.sockets,)
            if fault.how == "close":
                return self._close(kinds, _GOING_AWAY, "")
            return [WsReset(conn_id) for kind in kinds for conn_id in self._open(kind)]
        if isinstance(fault, BookRestart):
            self.relaunch_books()
            return []
        assert isinstance(fault, ForeignAct)  # noqa: S101 - there are no other acts
        return self._trade(fault, number, now_ns)

    def _open(self, kind: str) -> list[int]:
        return self._connections.connections(kind)

    def _close(self, kinds: Sequence[str], code: int, reason: str) -> list[Output]:
        return [WsClose(conn_id, code, reason) for kind in kinds for conn_id in self._open(kind)]

    def _trade(self, fault: ForeignAct, number: int, now_ns: int) -> list[Output] | None:
        """Place an order by the venue's own door, so that all its rules hold."""
        item: dict[str, object] = {
            "category": fault.category,
            "symbol": fault.symbol,
            "side": fault.side,
            "qty": format(fault.qty.normalize(), "f"),
            "marketUnit": "baseCoin" if fault.category == "spot" else "",
        }
        if fault.link_prefix:
            item["orderLinkId"] = f"{fault.link_prefix}{number}"
        if isinstance(fault, ForeignOrder):
            item |= {"orderType": "Limit", "price": self._price(fault)}
        elif isinstance(fault, ForeignFill):
            item["orderType"] = "Market"
        call = Call(self._account, item, now_ns, int(self._exchange.engine.now_ms), 1)
        # What it trades at once is told before its id is known.
        self._placing = True
        try:
            answer = self._place(call)
        except Refusal:
            return None
        finally:
            self._placing = False
        self._foreign[str(answer.result["orderId"])] = None
        return []

    def _price(self, fault: ForeignOrder) -> str:
        index = self._listed(fault.category, fault.symbol)
        side = Side.BUY if fault.side == "Buy" else Side.SELL
        away = -fault.away_bps if side == Side.BUY else fault.away_bps
        ticks = self._exchange.prices.marks[index] * (_E4 + away) // _E4
        ticks = self._exchange.rules.on_grid(index, side, ticks)
        return self._exchange.rows.figures[index].price(ticks)

    # Instruments.

    def _index(self, category: str, symbol: str) -> int | None:
        return self._exchange.find(Category[category.upper()], symbol)

    def _listed(self, category: str, symbol: str) -> int:
        index = self._index(category, symbol)
        assert index is not None  # noqa: S101 - checked when the schedule was loaded
        return index


def _nothing() -> None:
    """There is no timeline yet."""


def _cap(faults: list[LimitLowered]) -> Callable[[str], int | None]:
    def cap(path: str) -> int | None:
        return min((one.per_s for one in faults if covers(one.path, path)), default=None)

    return cap


def _staleness(faults: list[BookStale]) -> Callable[[Category, str], bool] | None:
    if not faults:
        return None

    def is_held(category: Category, topic: str) -> bool:
        symbol = topic.rpartition(".")[2]
        return topic.startswith(_BOOKS) and any(
            fault.category in ("any", category.text) and fault.symbol in (None, symbol)
            for fault in faults
        )

    return is_held
