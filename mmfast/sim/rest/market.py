"""Public market data over REST: time, instruments, trades, candles, price limits.

Books are :mod:`mmfast.sim.rest.books`, tickers :mod:`mmfast.sim.rest.tickers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mmfast.messages import Category
from mmfast.sim.access.calls import Answer, Call, Route, Routes
from mmfast.sim.accounts.rows import Row
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.exchange.tickets import text_of
from mmfast.sim.feed.trades import trade_id
from mmfast.sim.instruments.rows import instrument_row
from mmfast.sim.instruments.rules import TRADING
from mmfast.sim.known import CLOCK
from mmfast.sim.market.candles import INTERVALS
from mmfast.sim.orders.orders import SIDE_WORDS
from mmfast.sim.refusals import bad_parameter
from mmfast.sim.rest.paging import limit_of, ms_of, page
from mmfast.sim.rest.scope import FUTURES, OPTION_BASE, category_of, instrument_of, scope_of
from mmfast.sim.rest.tickers import underlying_price
from mmfast.sim.seams import Print
from mmfast.units import NS_PER_MS

_NOT_OPTION: Final = (Category.LINEAR, Category.INVERSE, Category.SPOT)
_OPTION_TYPES: Final = ("Call", "Put")


class MarketCalls:
    """Queries about one exchange's instruments and trades."""

    def __init__(self, exchange: Exchange, start_wall_ms: int) -> None:
        self._exchange = exchange
        self._start_ns = start_wall_ms * NS_PER_MS
        self._figures = exchange.rows.figures
        self._instrument_rows = tuple(instrument_row(item) for item in exchange.shelf)

    def routes(self) -> Routes:
        """Method and path of each call."""
        calls = {
            "time": self._time,
            "instruments-info": self._instruments,
            "recent-trade": self._recent_trades,
            "price-limit": self._price_limit,
            "kline": self._klines,
        }
        routes = {
            ("GET", f"/v5/market/{name}"): Route(call, is_public=True)
            for name, call in calls.items()
        }
        routes["GET", "/v5/account/instruments-info"] = Route(self._account_instruments)
        return routes

    def _time(self, call: Call) -> Answer:
        # The gateway's clock, which may be off, with the fraction of the venue's.
        known = self._exchange.known
        known.show(CLOCK, known.skew_ms, 0)
        wall_ns = call.venue_ms * NS_PER_MS + (self._start_ns + call.now_ns) % NS_PER_MS
        return Answer({"timeSecond": str(wall_ns // 10**9), "timeNano": str(wall_ns)})

    # Instruments.

    def _instruments(self, call: Call) -> Answer:
        category = category_of(self._exchange, call.params)
        return self._instrument_page(call, category, 500, 1000)

    def _account_instruments(self, call: Call) -> Answer:
        """What the account may trade: the same rows, and what it may do with hidden quotes."""
        category = category_of(self._exchange, call.params, among=_NOT_OPTION)
        answer = self._instrument_page(call, category, 200, 200)
        rows = answer.result["list"]
        assert isinstance(rows, list)  # noqa: S101 - as just made
        rpi = {"isPublicRpi": False, "myRpiPermission": False}
        return Answer({**answer.result, "list": [row | rpi for row in rows]})

    def _instrument_page(self, call: Call, category: Category, default: int, most: int) -> Answer:
        """Spot comes in one piece, whatever limit and cursor say."""
        chosen = self._chosen(call, category)
        if category is Category.SPOT:
            rows = [self._instrument(index) for index in chosen]
            return Answer({"category": category.text, "list": rows})
        indexes, cursor = page(chosen, lambda index: -index, call.params, default, most)
        rows = [self._instrument(index) for index in indexes]
        return Answer({"category": category.text, "list": rows, "nextPageCursor": cursor})

    def _chosen(self, call: Call, category: Category) -> list[int]:
        """Indexes in listing order. A base coin selects the futures of both kinds."""
        exchange, params = self._exchange, call.params
        kinds: Sequence[Category] = (category,)
        if category in FUTURES and text_of(params, "baseCoin") and not text_of(params, "symbol"):
            kinds = FUTURES
        scope: list[int] = []
        for kind in kinds:
            scope += scope_of(exchange, kind, params, option_base=OPTION_BASE).instruments
        status, symbol_type = text_of(params, "status"), text_of(params, "symbolType")
        if not status and category is not Category.OPTION:
            status = TRADING
        return [
            index
            for index in sorted(scope)
            if status in ("", exchange.rules.status(index))
            and symbol_type in ("", self._instrument(index).get("symbolType"))
        ]

    def _instrument(self, index: int) -> Row:
        """The row of a listing, with the rules of the day."""
        row, rules = self._instrument_rows[index], self._exchange.rules
        rules.show(index)
        step = rules.step(index)
        if step == 1 and rules.is_open(index):
            return row
        filters = row["priceFilter"]
        assert isinstance(filters, dict)  # noqa: S101 - as instrument_row writes it
        grid = filters | {"tickSize": self._figures[index].price(step)}
        return row | {"status": rules.status(index), "priceFilter": grid}

    # Trades.

    def _recent_trades(self, call: Call) -> Answer:
        """The newest trades; of options those of a base coin together, newest first."""
        params = call.params
        category = category_of(self._exchange, params)
        most = 60 if category is Category.SPOT else 1000
        limit = limit_of(params, min(most, 500), most)
        tapes = self._exchange.tapes
        prints = [
            (index, trade)
            for index in self._traded(call, category)
            for trade in tapes[index].newest(limit)
        ]
        prints.sort(key=lambda item: -item[1].number)
        rows = [self._trade(index, category, trade) for index, trade in prints[:limit]]
        return Answer({"category": category.text, "list": rows})

    def _traded(self, call: Call, category: Category) -> Sequence[int]:
        if category is not Category.OPTION or text_of(call.params, "symbol"):
            return (instrument_of(self._exchange, category, call.params),)
        kind = text_of(call.params, "optionType")
        if kind not in ("", *_OPTION_TYPES):
            raise bad_parameter(f"params error: optionType invalid {kind[:32]}")
        scope = scope_of(self._exchange, category, call.params, option_base=OPTION_BASE)
        shelf = self._exchange.shelf
        return [index for index in scope.instruments if kind in ("", shelf[index].option_type)]

    def _trade(self, index: int, category: Category, trade: Print) -> Row:
        figures = self._figures[index]
        row: Row = {
            "execId": trade_id(trade.number, category),
            "symbol": self._exchange.instruments[index].symbol,
            "price": figures.price(trade.price_ticks),
            "size": figures.qty(trade.lots),
            "side": SIDE_WORDS[trade.side],
            "time": str(trade.venue_ms),
            "isBlockTrade": False,
            "isRPITrade": False,
            "seq": str(trade.seq),
        }
        if category is Category.OPTION:
            # The prices as they are now; what they were at the trade is not kept.
            row["mP"] = figures.price(self._exchange.references[index].mark_ticks)
            row["iP"] = underlying_price(self._exchange, index)
            row["mIv"] = row["iv"] = "0"
        return row

    def _klines(self, call: Call) -> Answer:
        """Candles, newest first; the last one is not closed yet."""
        params = call.params
        category = category_of(self._exchange, params, Category.LINEAR, among=_NOT_OPTION)
        index = instrument_of(self._exchange, category, params)
        interval = text_of(params, "interval")
        if interval not in INTERVALS:
            raise bad_parameter(f"params error: interval invalid {interval[:32]}")
        bars = self._exchange.tapes[index].candles.bars(
            interval,
            ms_of(params, "start"),
            ms_of(params, "end"),
            limit_of(params, 200, 1000),
            call.venue_ms,
        )
        figures = self._figures[index]
        rows = [
            [
                str(bar.start_ms),
                *map(figures.price, (bar.open, bar.high, bar.low, bar.close)),
                figures.qty(bar.lots),
                figures.amount(bar.turnover),
            ]
            for bar in bars
        ]
        symbol = self._exchange.instruments[index].symbol
        return Answer({"symbol": symbol, "category": category.text, "list": rows})

    def _price_limit(self, call: Call) -> Answer:
        category = category_of(self._exchange, call.params, Category.LINEAR, among=_NOT_OPTION)
        index = instrument_of(self._exchange, category, call.params)
        band = self._exchange.references[index].band()
        figures = self._figures[index]
        result = {
            "symbol": self._exchange.instruments[index].symbol,
            "buyLmt": figures.price(band.max_buy_ticks),
            "sellLmt": figures.price(band.min_sell_ticks),
            "ts": str(call.venue_ms),
        }
        return Answer(result, text="")
