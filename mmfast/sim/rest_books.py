"""Order books over REST, in three forms: limited, with hidden quotes, and whole."""

from __future__ import annotations

from typing import Final, NamedTuple

from mmfast.messages import Category, Side
from mmfast.sim.calls import Answer, Call, Route, Routes
from mmfast.sim.exchange import Exchange
from mmfast.sim.figures import Figures
from mmfast.sim.paging import limit_of
from mmfast.sim.refusals import bad_parameter
from mmfast.sim.scope import category_of, instrument_of

FULL_LEVELS: Final = 10_000
_RPI_LEVELS: Final = 50


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

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

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
        category = category_of(self._exchange, call.params)
        depth = _DEPTHS[category]
        return self._book(call, category, limit_of(call.params, depth.default, depth.most))

    def _with_rpi(self, call: Call) -> Answer:
        """Each level with the size of hidden retail quotes, of which this venue has none."""
        category = category_of(self._exchange, call.params, among=_NOT_OPTION)
        if not call.params.get("limit"):
            raise bad_parameter("params error: limit is needed")
        limit = limit_of(call.params, _RPI_LEVELS, _RPI_LEVELS)
        return self._book(call, category, limit, has_rpi=True)

    def _full(self, call: Call) -> Answer:
        category = category_of(self._exchange, call.params, among=_NOT_OPTION)
        return self._book(call, category, FULL_LEVELS)

    def _book(self, call: Call, category: Category, limit: int, *, has_rpi: bool = False) -> Answer:
        index = instrument_of(self._exchange, category, call.params)
        book, figures = self._exchange.books[index], self._exchange.rows.figures[index]
        bids, asks = (
            [_level(figures, ticks, lots, has_rpi=has_rpi) for ticks, lots in levels]
            for levels in (book.levels(side, limit) for side in Side)
        )
        return Answer(
            {
                "s": self._exchange.instruments[index].symbol,
                "b": bids,
                "a": asks,
                "ts": call.venue_ms,
                "u": book.version(),
                "seq": book.seq,
                "cts": book.changed_ms,
            }
        )


def _level(figures: Figures, ticks: int, lots: int, *, has_rpi: bool) -> list[str]:
    level = [figures.price(ticks), figures.qty(lots)]
    return [*level, figures.qty(0)] if has_rpi else level
