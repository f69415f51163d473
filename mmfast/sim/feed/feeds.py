"""The public data of all categories: one feed each, on one timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from mmfast.messages import Category
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.feed.books import Told
from mmfast.sim.feed.feed import PublicFeed
from mmfast.sim.seams import Print
from mmfast.units import NEVER_NS, Ns

Frames = list[tuple[Category, str, bytes]]


class Feeds:
    """One :class:`~mmfast.sim.feed.feed.PublicFeed` per category of an exchange.

    A category without instruments has a feed without topics.
    """

    def __init__(self, exchange: Exchange, start_wall_ms: int) -> None:
        self.by_category = {
            category: _feed_of(exchange, category, start_wall_ms) for category in Category
        }
        # Only these can have something to say: the timeline asks often.
        self._listed: list[tuple[Category, PublicFeed]] = [
            (category, feed)
            for category, feed in self.by_category.items()
            if exchange.indexes[category]
        ]
        self._categories = tuple(one.category for one in exchange.instruments)

    def book(self, category: Category, symbol: str) -> Told:
        """A listed symbol's deepest book as :meth:`PublicFeed.book` tells it."""
        return self.by_category[category].book(symbol)

    def trades(self, prints: Iterable[Print]) -> None:
        """Take trades to publish with the next :meth:`advance`."""
        for one in prints:
            self.by_category[self._categories[one.instrument]].trades((one,))

    def freeze(self, until_ns: int) -> None:
        """Say nothing until then. What changed meanwhile is told after it, without a gap."""
        for feed in self.by_category.values():
            feed.freeze(until_ns)

    def hold(self, is_held: Callable[[Category, str], bool] | None) -> None:
        """Let these topics say nothing from now; what changed is told when they no more are."""
        for category, feed in self._listed:
            feed.hold(None if is_held is None else partial(is_held, category))

    def relaunch(self, now_ns: int) -> Frames:
        """The service behind the books was restarted: every watched book starts anew at 1."""
        return [
            (category, topic, frame)
            for category, feed in self._listed
            for topic, frame in feed.relaunch(now_ns)
        ]

    def next_due_ns(self) -> Ns:
        """The next instant at which a feed has something to look at."""
        due_ns = NEVER_NS
        for _, feed in self._listed:
            due_ns = min(due_ns, feed.due_ns)
        return Ns(due_ns)

    def advance(self, now_ns: int) -> Frames:
        """Messages due, as (category, topic, frame)."""
        return [
            (category, topic, frame)
            for category, feed in self._listed
            if feed.due_ns <= now_ns
            for topic, frame in feed.advance(now_ns)
        ]


def _feed_of(exchange: Exchange, category: Category, start_wall_ms: int) -> PublicFeed:
    indexes = exchange.indexes[category]
    return PublicFeed(
        tuple(exchange.shelf[i] for i in indexes),
        tuple(exchange.books[i] for i in indexes),
        tuple(exchange.tapes[i] for i in indexes),
        tuple(exchange.references[i] for i in indexes),
        start_wall_ms,
    )
