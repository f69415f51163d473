"""Market life from a recording: the books and trades of another day, at their own pace."""

from __future__ import annotations

from collections.abc import Iterable

from mmfast.messages import Category, Side
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.replay.desk import Era, ReplayDesk
from mmfast.sim.replay.recording import (
    BookNews,
    Heard,
    PriceNews,
    RecordingError,
    Rows,
    TradeNews,
    read,
)
from mmfast.sim.seams import FlowMarket
from mmfast.units import NEVER_NS, Ns


class _Followed:
    """How far one instrument's recording was followed."""

    __slots__ = ("depth", "has_prices", "mid_x2", "seq", "update_id")

    def __init__(self) -> None:
        self.depth = 0
        """The book that is followed: the first one with deltas that the recording shows."""
        self.update_id = 0
        """Of the last message followed; 0: a snapshot has to come first."""
        self.seq = 0
        """Engine sequence of that message."""
        self.has_prices = False
        """The recording tells index and mark price; else the middle of the book stands for both."""
        self.mid_x2 = 0


class Replay:
    """Implements :class:`mmfast.sim.seams.Flow` from the lines of a recording.

    Its first line happens at the start. Symbols that the venue does not list are passed over;
    listed ones that the recording never names have empty books. After the last line the market
    stands still. A recording that cannot be followed raises :class:`RecordingError` from the
    call that comes to the line.
    """

    def __init__(self, exchange: Exchange, lines: Iterable[bytes]) -> None:
        self._exchange = exchange
        self._desk = ReplayDesk(exchange)
        self._figures = exchange.rows.figures
        self._followed = [_Followed() for _ in exchange.instruments]
        self._heard = read(lines)
        self._next: Heard | None = next(self._heard, None)
        if self._next is None:
            raise RecordingError(1, "expected books, trades or tickers, found none to the end")
        self._offset_ns = -self._next.at_ns

    def seed_books(self, market: FlowMarket, now_ns: int) -> None:
        """Take what the recording says first; its time counts from ``now_ns``."""
        assert self._next is not None  # noqa: S101 - the constructor has read the first line
        self._offset_ns = now_ns - self._next.at_ns
        self.step(now_ns, market)

    def next_due_ns(self) -> Ns:
        """When the next line is due; :data:`NEVER_NS` after the last."""
        return Ns(NEVER_NS if self._next is None else self._next.at_ns + self._offset_ns)

    def step(self, now_ns: int, market: FlowMarket) -> None:
        """Follow every line due at or before ``now_ns``."""
        while self._next is not None and self._next.at_ns + self._offset_ns <= now_ns:
            heard = self._next
            try:
                self._follow(heard, market)
            except ValueError as error:
                raise RecordingError(heard.line, str(error)) from None
            self._next = next(self._heard, None)

    def _follow(self, heard: Heard, market: FlowMarket) -> None:
        news = heard.news
        if isinstance(news, TradeNews):
            self._trade(heard.category, news)
            return
        index = self._exchange.find(heard.category, news.symbol)
        if index is None:
            return
        if isinstance(news, BookNews):
            self._show(index, news, market)
        else:
            self._price(index, news, market)

    def _trade(self, category: Category, news: TradeNews) -> None:
        for one in news.trades:
            index = self._exchange.find(category, one.symbol)
            if index is not None:
                ticks = self._ticks(index, one.price)
                self._desk.trade(index, one.side, ticks, self._lots(index, one.size), one.seq)

    def _show(self, index: int, news: BookNews, market: FlowMarket) -> None:
        state = self._followed[index]
        if news.depth != (state.depth or news.depth):
            return
        state.depth = news.depth
        self._desk.begin(index, Era(state.seq, news.seq))
        if news.is_snapshot:
            self._show_levels(index, self._with_deletes(index, news), market)
        elif not state.update_id or news.update_id != state.update_id + 1:
            # Something is missing: the next snapshot tells where the book is by then.
            state.update_id = 0
            return
        else:
            changes = self._changes(index, Side.BUY, news.bids)
            changes += self._changes(index, Side.SELL, news.asks)
            self._show_levels(index, changes, market)
        state.update_id, state.seq = news.update_id, news.seq
        if not state.has_prices:
            self._price_by_mid(index, state, market)

    def _show_levels(
        self, index: int, changes: list[tuple[Side, int, int]], market: FlowMarket
    ) -> None:
        """What is gone goes first, so that the house never trades with itself."""
        show = self._desk.show
        for side, ticks, lots in changes:
            if not lots:
                show(index, side, ticks, 0)
        for side, ticks, lots in changes:
            if lots:
                self._make_way(index, side, ticks, market)
                show(index, side, ticks, lots)

    def _make_way(self, index: int, side: Side, ticks: int, market: FlowMarket) -> None:
        """A house level that a newer one crosses is gone, though nobody said so."""
        other = Side(1 - side)
        best = market.best(index, other)
        if not best or (best > ticks if side is Side.BUY else best < ticks):
            return
        for price in self._desk.prices(index, other):
            if price <= ticks if side is Side.BUY else price >= ticks:
                self._desk.show(index, other, price, 0)

    def _with_deletes(self, index: int, news: BookNews) -> list[tuple[Side, int, int]]:
        """A snapshot as changes: what it does not name is gone."""
        changes: list[tuple[Side, int, int]] = []
        for side, rows in ((Side.BUY, news.bids), (Side.SELL, news.asks)):
            named = self._changes(index, side, rows)
            kept = {ticks for _, ticks, _ in named}
            gone = [ticks for ticks in self._desk.prices(index, side) if ticks not in kept]
            changes += [(side, ticks, 0) for ticks in gone]
            changes += named
        return changes

    def _changes(self, index: int, side: Side, rows: Rows) -> list[tuple[Side, int, int]]:
        return [(side, self._ticks(index, price), self._lots(index, size)) for price, size in rows]

    def _price(self, index: int, news: PriceNews, market: FlowMarket) -> None:
        told = self._exchange.references[index]
        index_ticks, mark_ticks = told.index_ticks, told.mark_ticks
        if news.index_price:
            index_ticks = self._near(index, news.index_price)
        if news.mark_price:
            mark_ticks = self._near(index, news.mark_price)
        if news.index_price or news.mark_price:
            self._followed[index].has_prices = True
            market.set_reference(index, index_ticks, mark_ticks)

    def _price_by_mid(self, index: int, state: _Followed, market: FlowMarket) -> None:
        bid, ask = market.best(index, Side.BUY), market.best(index, Side.SELL)
        if bid and ask and bid + ask != state.mid_x2:
            state.mid_x2 = bid + ask
            market.set_reference(index, (bid + ask) // 2, (bid + ask) // 2)

    def _ticks(self, index: int, price: str) -> int:
        try:
            return self._figures[index].read_price(price)
        except ValueError:
            raise ValueError(self._off_grid(index, "a price", price)) from None

    def _lots(self, index: int, size: str) -> int:
        try:
            return self._figures[index].read_qty(size)
        except ValueError:
            raise ValueError(self._off_grid(index, "a size", size)) from None

    def _near(self, index: int, price: str) -> int:
        """Index and mark prices are finer than the grid: the tick at or below them."""
        instrument = self._exchange.instruments[index]
        whole, _, part = price.partition(".")
        decimals = instrument.tick_decimals
        units = f"{whole}{part[:decimals]:0<{decimals}}"
        if not units.isdigit():
            raise ValueError(self._off_grid(index, "a price", price))
        return max(1, int(units) // instrument.tick_units)

    def _off_grid(self, index: int, what: str, found: str) -> str:
        instrument, figures = self._exchange.instruments[index], self._figures[index]
        grid = f"tick {figures.price(1)} and quantity step {figures.qty(1)}"
        return f"{instrument.symbol}: expected {what} on the grid of {grid}, found {found!r}"
