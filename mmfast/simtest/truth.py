"""What is true at the venue: every own order, every fill, and how large all of it could grow.

Shown each change at its very instant by the exchange itself; nothing here asks the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from mmfast.messages import Instrument
from mmfast.sim.accounts.accounts import Account
from mmfast.sim.orders.orders import Fill, Order
from mmfast.units import NS_PER_S

FOREIGN_MEMORY_NS: Final = 20 * NS_PER_S
"""So long others' trades may be unknown to the engine: two lost streams and a slow reading."""
UNHEARD_MEMORY_NS: Final = FOREIGN_MEMORY_NS
"""So long the engine may miss an execution of its own of which no report has come."""


class Truth:
    """One account at one venue. ``prefix`` is what own link ids begin with."""

    def __init__(self, instruments: Sequence[Instrument], prefix: str) -> None:
        self.instruments = instruments
        self.prefix = prefix
        self.now_ns = 0
        """The engine's time; set by whoever moves the venue."""
        self.orders: dict[str, Order] = {}
        """Own orders the venue ever accepted, by link id."""
        self.open: dict[str, Order] = {}
        """Those of them that are open."""
        self.positions = [0] * len(instruments)
        self.exec_ids: dict[str, int] = {}
        """Executions of the account to their signed lots."""
        self.open_lots = [[0, 0] for _ in instruments]
        """Own open lots by instrument and side."""
        self.order_filled: Callable[[Order], None] = _nothing
        """Called after each fill of an own order."""
        self.order_came: Callable[[Order], None] = _nothing
        """Called when an own order is first seen."""
        self.order_told: Callable[[Order], None] = _nothing
        """Called after each change of an own order."""
        self.own_event_ns = 0
        """When anything last happened to an own order or the position."""
        self.others: dict[str, int] = {}
        """Orders with our prefix that a second writer has placed or touched, and when."""
        self._leaves: dict[str, int] = {}
        self._foreign: list[tuple[int, int, int]] = []
        self._unheard: dict[str, tuple[int, int, int]] = {}

    # What the exchange shows.

    def order(self, account: Account, order: Order) -> None:
        """An order changed."""
        del account
        if not order.link_id.startswith(self.prefix):
            return
        self.own_event_ns = self.now_ns
        if order.link_id not in self.orders:
            self.orders[order.link_id] = order
            self.order_came(order)
        if order.is_open:
            self.open[order.link_id] = order
        else:
            self.open.pop(order.link_id, None)
        self._set_leaves(order, order.leaves if order.is_open else 0)
        self.order_told(order)

    def fill(self, account: Account, fill: Fill) -> None:
        """An order traded."""
        del account
        self.own_event_ns = self.now_ns
        signed = fill.lots * (1 - 2 * int(fill.side))
        self.positions[fill.instrument] += signed
        self.exec_ids[fill.exec_id] = signed
        if fill.link_id in self.others or not fill.link_id.startswith(self.prefix):
            self._foreign.append((self.now_ns, fill.instrument, signed))
        else:
            self._unheard[fill.exec_id] = (self.now_ns, fill.instrument, signed)
        order = self.orders.get(fill.link_id)
        if order is not None:
            left = self._leaves.get(fill.link_id, 0) - fill.lots
            self._set_leaves(order, max(left, 0))
            self.order_filled(order)

    def _set_leaves(self, order: Order, lots: int) -> None:
        before = self._leaves.get(order.link_id, 0)
        self._leaves[order.link_id] = lots
        self.open_lots[order.instrument][int(order.side)] += lots - before

    def heard(self, exec_ids: Iterable[str]) -> None:
        """Reports of these executions have reached the engine's host."""
        for exec_id in exec_ids:
            self._unheard.pop(exec_id, None)

    # What the checks ask.

    def own_unheard(self, instrument: int, sign: int) -> int:
        """Lots that own orders traded in a direction, of which no report has been read yet: the
        engine counts them as open. One that is lost is found by asking."""
        horizon_ns = self.now_ns - UNHEARD_MEMORY_NS
        while self._unheard and next(iter(self._unheard.values()))[0] < horizon_ns:
            del self._unheard[next(iter(self._unheard))]
        return sum(
            max(sign * lots, 0) for _, index, lots in self._unheard.values() if index == instrument
        )

    def foreign_ever(self, instrument: int, sign: int) -> int:
        """Lots that others ever traded in a direction."""
        return sum(max(sign * lots, 0) for _, index, lots in self._foreign if index == instrument)

    def open_own(self) -> list[Order]:
        """Own open orders."""
        return list(self.open.values())

    def foreign_drift(self, instrument: int, sign: int) -> int:
        """Lots that others traded, or a second writer has open, in a direction so lately that the
        engine may not know."""
        horizon_ns = self.now_ns - FOREIGN_MEMORY_NS
        traded = sum(
            max(sign * lots, 0)
            for at_ns, index, lots in self._foreign
            if index == instrument and at_ns >= horizon_ns
        )
        return traded + sum(
            order.leaves
            for order in self.open.values()
            if order.instrument == instrument
            and 1 - 2 * int(order.side) == sign
            and self.is_news(order)
        )

    def is_news(self, order: Order) -> bool:
        """A second writer has touched it so lately that the engine may not know."""
        at_ns = self.others.get(order.link_id)
        return at_ns is not None and at_ns >= self.now_ns - FOREIGN_MEMORY_NS


def _nothing(order: Order) -> None:
    """Nobody waits for orders."""
