"""The order book of one instrument: price first, then time.

A pure data structure: who owns an order, what it costs and what is told to whom is decided by
:mod:`mmfast.sim.exchange.floor`, which walks the book through :meth:`Book.front`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import Final, cast

from mmfast.messages import Side
from mmfast.units import Lots, Ms, Ticks

OTHER_SIDE: Final = (Side.SELL, Side.BUY)
"""The side a side trades with, by side."""
_NO_PRICE: Final = Ticks(0)
_MAX_TOUCHED: Final = 1024
"""Prices of a side whose last change is remembered; all are forgotten when there are more."""


class Engine:
    """What all books share: the sequence, the numbers of orders and trades, and engine time."""

    __slots__ = ("_number", "_trade", "now_ms", "seq")

    def __init__(self, start_ms: Ms) -> None:
        self.seq = 0
        self.now_ms = start_ms
        self._number = 0
        self._trade = 0

    def next_number(self) -> int:
        """A fresh order number, from 1."""
        self._number += 1
        return self._number

    def next_trade(self) -> int:
        """A fresh trade number, from 1."""
        self._trade += 1
        return self._trade


class Resting:
    """What the book needs to know of an order. ``uid`` 0 is the house."""

    __slots__ = ("leaves", "number", "side", "ticks", "uid")

    def __init__(self, number: int, uid: int, side: Side, ticks: int, leaves: int) -> None:
        self.number = number
        self.uid = uid
        self.side = side
        self.ticks = ticks
        self.leaves = leaves


class Book:
    """One instrument's resting orders; implements :class:`mmfast.sim.seams.BookView`."""

    __slots__ = (
        "_engine",
        "_forgotten",
        "_lots",
        "_prices",
        "_queues",
        "_touched",
        "_versions",
        "changed_ms",
        "seq",
    )

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # By side and price: all orders, oldest first (a dict keeps the order of insertion), and
        # their sum.
        self._queues: tuple[dict[int, dict[int, Resting]], dict[int, dict[int, Resting]]]
        self._queues = ({}, {})
        self._lots: tuple[dict[int, int], dict[int, int]] = ({}, {})
        # Ascending prices: the best bid is the last, the best ask the first.
        self._prices: tuple[list[Ticks], list[Ticks]] = ([], [])
        self._versions = [0, 0]
        # By side and price: the version after its last change, latest change last. Prices that
        # changed up to the version ``_forgotten`` may be missing.
        self._touched: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._forgotten = [0, 0]
        self.seq = engine.seq
        self.changed_ms = engine.now_ms

    def version(self) -> int:
        """Grows with each change; equal versions mean an equal book."""
        return self._versions[0] + self._versions[1]

    def side_version(self, side: Side) -> int:
        """The same of one side."""
        return self._versions[side]

    def best(self, side: Side) -> Ticks:
        """Best price of a side, 0 when it is empty."""
        prices = self._prices[side]
        if not prices:
            return _NO_PRICE
        return prices[-1] if side == Side.BUY else prices[0]

    def front(self, side: Side) -> Resting | None:
        """The order of a side that trades next."""
        prices = self._prices[side]
        if not prices:
            return None
        queue = self._queues[side][prices[-1] if side == Side.BUY else prices[0]]
        return next(iter(queue.values()))

    def reachable(self, side: Side, limit_ticks: int) -> bool:
        """True when a taker of ``side`` with this limit would trade now."""
        other = OTHER_SIDE[side]
        best = self.best(other)
        if not best:
            return False
        return best <= limit_ticks if side == Side.BUY else best >= limit_ticks

    def fillable(self, side: Side, limit_ticks: int, lots: int) -> bool:
        """True when a taker of ``side`` could trade all of ``lots`` within its limit."""
        other = OTHER_SIDE[side]
        for ticks, resting in self.levels(other, len(self._prices[other])):
            if ticks > limit_ticks if side == Side.BUY else ticks < limit_ticks:
                return False
            lots -= resting
            if lots <= 0:
                return True
        return False

    def queue(self, side: Side, ticks: int) -> list[Resting]:
        """The orders at one price, oldest first."""
        return list(self._queues[side].get(ticks, {}).values())

    def within(self, side: Side, limit_ticks: int) -> list[Resting]:
        """The orders of a side a taker with this limit may meet, in the order it meets them."""
        prices, queues = self._prices[side], self._queues[side]
        if side == Side.BUY:
            near = reversed(prices[bisect_left(prices, limit_ticks) :])
        else:
            near = iter(prices[: bisect_right(prices, limit_ticks)])
        return [order for ticks in near for order in queues[ticks].values()]

    def levels(self, side: Side, count: int) -> list[tuple[Ticks, Lots]]:
        """Up to ``count`` aggregated levels from the best outwards."""
        lots = self._lots[side]
        rows = [(ticks, lots[ticks]) for ticks in self._best_first(side, count)]
        return cast("list[tuple[Ticks, Lots]]", rows)

    def window(self, side: Side, count: int) -> dict[int, int]:
        """The same levels, lots by ticks, in any order: what market data compares."""
        lots = self._lots[side]
        if len(lots) <= count:
            return lots.copy()
        return {ticks: lots[ticks] for ticks in self._best_first(side, count)}

    def touched(self, side: Side, since: int) -> dict[int, int] | None:
        """Lots by ticks (0: none left) of every price of a side that changed after its version
        was ``since``; None when that is too long ago to tell."""
        if since < self._forgotten[side]:
            return None
        lots, found = self._lots[side], {}
        for ticks, version in reversed(self._touched[side].items()):
            if version <= since:
                break
            found[ticks] = lots.get(ticks, 0)
        return found

    def add(self, order: Resting) -> None:
        """Rest an order at the back of its price."""
        side, ticks = order.side, order.ticks
        queue = self._queues[side].get(ticks)
        if queue is None:
            queue = self._queues[side][ticks] = {}
            self._lots[side][ticks] = 0
            insort(self._prices[side], Ticks(ticks))
        queue[order.number] = order
        self._lots[side][ticks] += order.leaves
        self._changed(side, ticks)

    def remove(self, order: Resting) -> None:
        """Take a resting order out; KeyError when it does not rest here."""
        self._take_out(order)
        self._lots[order.side][order.ticks] -= order.leaves
        self._drop_if_empty(order.side, order.ticks)
        self._changed(order.side, order.ticks)

    def reduce(self, order: Resting, lots: int) -> None:
        """Take ``lots`` off a resting order, which keeps its place; at 0 it is gone."""
        order.leaves -= lots
        self._lots[order.side][order.ticks] -= lots
        if not order.leaves:
            self._take_out(order)
            self._drop_if_empty(order.side, order.ticks)
        self._changed(order.side, order.ticks)

    def _best_first(self, side: Side, count: int) -> list[Ticks]:
        prices = self._prices[side]
        return prices[: -count - 1 : -1] if side == Side.BUY else prices[:count]

    def _take_out(self, order: Resting) -> None:
        del self._queues[order.side][order.ticks][order.number]

    def _drop_if_empty(self, side: Side, ticks: int) -> None:
        if not self._queues[side][ticks]:
            del self._queues[side][ticks], self._lots[side][ticks]
            prices = self._prices[side]
            del prices[bisect_left(prices, ticks)]

    def _changed(self, side: Side, ticks: int) -> None:
        engine = self._engine
        engine.seq += 1
        self.seq = engine.seq
        self.changed_ms = engine.now_ms
        version = self._versions[side] = self._versions[side] + 1
        touched = self._touched[side]
        touched.pop(ticks, None)
        if len(touched) >= _MAX_TOUCHED:
            touched.clear()
            self._forgotten[side] = version - 1
        touched[ticks] = version
