"""Order books over REST, in three forms: limited, with hidden quotes, and whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from mmfast.messages import Category, Side
from mmfast.sim.access.calls import Answer, Call, Route, Routes
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.feed.books import Told
from mmfast.sim.instruments.figures import Figures
from mmfast.sim.refusals import bad_parameter
from mmfast.sim.rest.paging import limit_of
from mmfast.sim.rest.scope import category_of, instrument_of

FULL_LEVELS: Final = 10_000
_RPI_LEVELS: Final = 50


ToldBooks = Callable[[Category, str], Told]


class _Depth(NamedTuple):
    """Levels a side without and with a limit."""

    default: int
    most: int


_DEPTHS: Final = {
    Category.LINEAR: _Depth(25, 1000),
    Category.INVERSE: _Depth(25, 1000),
    Category.SPOT: _Depth(1, 1000),
    Category.OPTION: _Depth(1, 25),
}
_NOT_OPTION: Final = (Category.LINEAR, Category.INVERSE, Category.SPOT)


class BookCalls:
    """Queries about one exchange's books."""

    def __init__(self, exchange: Exchange, told: ToldBooks) -> None:
        self._exchange = exchange
        self._told = told

    def routes(self) -> Routes:
        """Method and path of each call."""
        calls = {
            "orderbook": self._limited,
            "rpi_orderbook": self._with_rpi,
            "full_orderbook": self._full,
        }
        return {
            ("GET", f"/v5/market/{name}"): Route(call, is_public=True)
            for name, call in calls.items()
        }

    def _limited(self, call: Call) -> Answer:
        """With the update id of the deepest stream, whose deltas may follow it."""
        category = category_of(self._exchange, call.params)
        index = instrument_of(self._exchange, category, call.params)
        depth = _DEPTHS[category]
        limit = limit_of(call.params, depth.default, depth.most)
        told = self._told(category, self._exchange.instruments[index].symbol)
        bids, asks = told.bids[:limit], told.asks[:limit]
        return self._answer(call, index, told._replace(bids=bids, asks=asks))

    def _with_rpi(self, call: Call) -> Answer:
        """Each level with the size of hidden retail quotes, of which this venue has none."""
        category = category_of(self._exchange, call.params, among=_NOT_OPTION)
        if not call.params.get("limit"):
            raise bad_parameter("params error: limit is needed")
        index = instrument_of(self._exchange, category, call.params)
        limit = limit_of(call.params, _RPI_LEVELS, _RPI_LEVELS)
        return self._answer(call, index, self._now(index, limit), has_rpi=True)

    def _full(self, call: Call) -> Answer:
        category = category_of(self._exchange, call.params, among=_NOT_OPTION)
        index = instrument_of(self._exchange, category, call.params)
        return self._answer(call, index, self._now(index, FULL_LEVELS))

    def _now(self, index: int, limit: int) -> Told:
        """The book as it is. No stream of this venue counts its updates."""
        book = self._exchange.books[index]
        bids, asks = (book.levels(side, limit) for side in Side)
        return Told(bids, asks, book.version(), book.seq, book.changed_ms)

    def _answer(self, call: Call, index: int, book: Told, *, has_rpi: bool = False) -> Answer:
        figures = self._exchange.rows.figures[index]
        bids, asks = (
            [_level(figures, ticks, lots, has_rpi=has_rpi) for ticks, lots in levels]
            for levels in (book.bids, book.asks)
        )
        return Answer(
            {
                "s": self._exchange.instruments[index].symbol,
                "b": bids,
                "a": asks,
                "ts": call.venue_ms,
                "u": book.update_id,
                "seq": book.seq,
                "cts": book.cts_ms,
            }
        )


def _level(figures: Figures, ticks: int, lots: int, *, has_rpi: bool) -> list[str]:
    level = [figures.price(ticks), figures.qty(lots)]
    return [*level, figures.qty(0)] if has_rpi else level
