"""What a recording does to the books: house orders stand for the levels that were shown.

The rules of the queue:

* the house's size at a price is what the recording showed last;
* what the recording adds to a level joins at the back, behind our own orders there;
* what traded is taken from the front of the level, and our own order behind it gets what is
  left of the recorded trade; a trade beyond our price fills us first;
* what left a level without trading leaves from the back: it never brings us forward, unless
  there is nothing behind us.

A trade and the book message that has it in its sizes come in either order; the engine's sequence
tells which trades a book message has seen, so that each counts once.
"""

from __future__ import annotations

from typing import NamedTuple

from mmfast.messages import Side
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.market.house import HOUSE_UID
from mmfast.sim.market.matching import Resting

_Queue = list[Resting]


class Era(NamedTuple):
    """What one book message tells of: events after ``since``, up to ``until``."""

    since: int
    until: int


class _Early(NamedTuple):
    """Lots that a book message took from before us, maybe for a trade that is told later."""

    era: Era
    lots: int


class ReplayDesk:
    """The house orders of a recording, by instrument, side and price, each in queue order."""

    __slots__ = ("_early", "_eras", "_exchange", "_queues")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._queues: list[tuple[dict[int, _Queue], dict[int, _Queue]]] = [
            ({}, {}) for _ in exchange.instruments
        ]
        self._eras = [Era(0, 0)] * len(exchange.instruments)
        # Per instrument, by side and price; only levels with orders of our own have any.
        self._early: list[dict[tuple[Side, int], list[_Early]]] = [{} for _ in exchange.instruments]

    def prices(self, instrument: int, side: Side) -> list[int]:
        """Where the house rests, in the order the levels were first shown."""
        return list(self._queues[instrument][side])

    def begin(self, instrument: int, era: Era) -> None:
        """A book message begins: what :meth:`show` says from now on is its word."""
        self._eras[instrument] = era

    def show(self, instrument: int, side: Side, ticks: int, lots: int) -> None:
        """The recording shows so much at a price; 0 deletes the level.

        Our own orders that the new size would cross are filled by it, as far as it goes.
        """
        queues = self._queues[instrument][side]
        queue = self._rest(queues.pop(ticks, []))
        have = sum(order.leaves for order in queue)
        if have > lots:
            self._cut(instrument, queue, have - lots)
        if lots > have:
            self._join(instrument, queue, side, ticks, lots - have)
        if queue:
            queues[ticks] = queue

    def trade(self, instrument: int, side: Side, ticks: int, lots: int, seq: int) -> None:
        """The recording tells a trade: ``side`` took ``lots`` at ``ticks``."""
        exchange = self._exchange
        seen = self._take_early(instrument, Side(1 - side), ticks, lots, seq)
        taker = Resting(exchange.engine.next_number(), HOUSE_UID, side, ticks, lots - seen)
        passed: list[tuple[Resting, int]] = []
        for maker in exchange.books[instrument].within(Side(1 - side), ticks):
            part = min(taker.leaves, maker.leaves)
            if not taker.leaves:
                break
            if maker.uid != HOUSE_UID:
                exchange.trade(instrument, taker, maker, part)
            elif maker.ticks == ticks:
                taker.leaves -= part
                passed.append((maker, part))
            # House orders at better prices are older news than this trade: they were not met.
        among_others = seen + taker.leaves + sum(part for _, part in passed)
        if among_others:
            exchange.print_trade(instrument, side, ticks, among_others)
        self._send_back(instrument, Side(1 - side), ticks, passed)

    def _cut(self, instrument: int, queue: _Queue, lots: int) -> None:
        """Take lots from the back of a level's house orders."""
        side, ticks = queue[-1].side, queue[-1].ticks
        before_us = self._before_us(instrument, side, ticks)
        early = 0
        while lots:
            order = queue[-1]
            part = min(order.leaves, lots)
            if order.number in before_us:
                early += part
            self._reduce(instrument, order, part)
            lots -= part
            if not order.leaves:
                queue.pop()
        if early:
            note = _Early(self._eras[instrument], early)
            self._early[instrument].setdefault((side, ticks), []).append(note)

    def _before_us(self, instrument: int, side: Side, ticks: int) -> set[int]:
        """Numbers of the orders at a price that have an order of an account behind them."""
        queue = self._exchange.books[instrument].queue(side, ticks)
        last = max((i for i, order in enumerate(queue) if order.uid != HOUSE_UID), default=0)
        return {order.number for order in queue[:last]}

    def _take_early(self, instrument: int, side: Side, ticks: int, lots: int, seq: int) -> int:
        """How much of a trade an earlier book message has taken from before us already."""
        kept = self._early[instrument].pop((side, ticks), None)
        if kept is None:
            return 0
        seen, later = 0, []
        for era, early in kept:
            part = min(early, lots - seen) if era.since < seq <= era.until else 0
            seen += part
            # Trades come in the order of their sequence: what is older has no more to come.
            if early > part and era.until >= seq:
                later.append(_Early(era, early - part))
        if later:
            self._early[instrument][side, ticks] = later
        return seen

    def _send_back(
        self, instrument: int, side: Side, ticks: int, passed: list[tuple[Resting, int]]
    ) -> None:
        """Take what traded from the front; the level's size is the next book message's to say."""
        if not passed:
            return
        for order, part in passed:
            self._reduce(instrument, order, part)
        queues = self._queues[instrument][side]
        queue = self._rest(queues.pop(ticks, []))
        self._join(instrument, queue, side, ticks, sum(part for _, part in passed))
        if queue:
            queues[ticks] = queue

    def _join(self, instrument: int, queue: _Queue, side: Side, ticks: int, lots: int) -> None:
        exchange = self._exchange
        number = exchange.submit_house(instrument, side, ticks, lots, post_only=False, ioc=False)
        order = exchange.house.find(instrument, number)
        if order is not None:
            queue.append(order)

    def _reduce(self, instrument: int, order: Resting, lots: int) -> None:
        exchange = self._exchange
        if lots == order.leaves:
            exchange.withdraw_house(instrument, order.number)
            order.leaves = 0
        else:
            exchange.books[instrument].reduce(order, lots)

    @staticmethod
    def _rest(queue: _Queue) -> _Queue:
        """The orders of a queue that our own takers have left."""
        return [order for order in queue if order.leaves]
