"""Public market data over REST."""

from __future__ import annotations

from typing import Final

from mmfast.messages import Category, Side
from mmfast.sim.calls import Answer, Call, Route, Routes
from mmfast.sim.exchange import Exchange
from mmfast.sim.figures import decimal_text, money
from mmfast.sim.instrument_rows import instrument_row
from mmfast.sim.orders import SIDE_WORDS
from mmfast.sim.paging import limit_of, page
from mmfast.sim.rows import Row
from mmfast.sim.scope import category_of, instrument_of, scope_of
from mmfast.sim.tickets import text_of
from mmfast.sim.trade_stream import trade_id
from mmfast.units import NS_PER_MS

_FUNDING_MS: Final = 8 * 3_600_000


class MarketCalls:
    """Queries about one exchange's instruments, books and trades."""

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
            "orderbook": self._orderbook,
            "tickers": self._tickers,
            "recent-trade": self._recent_trades,
            "price-limit": self._price_limit,
        }
        return {
            ("GET", f"/v5/market/{name}"): Route(call, is_public=True)
            for name, call in calls.items()
        }

    def _time(self, call: Call) -> Answer:
        wall_ns = self._start_ns + call.now_ns
        return Answer({"timeSecond": str(wall_ns // 10**9), "timeNano": str(wall_ns)})

    def _instruments(self, call: Call) -> Answer:
        params = call.params
        category = category_of(self._exchange, params)
        scope = scope_of(self._exchange, category, params, needed=False)
        chosen = sorted(scope.instruments)
        if text_of(params, "status") not in ("", "Trading"):
            chosen = []
        indexes, cursor = page(chosen, lambda index: -index, params, 500, 1000)
        rows = [self._instrument_rows[index] for index in indexes]
        return Answer({"category": category.text, "list": rows, "nextPageCursor": cursor})

    def _orderbook(self, call: Call) -> Answer:
        category = category_of(self._exchange, call.params)
        index = instrument_of(self._exchange, category, call.params)
        limit = limit_of(call.params, 25, 1000)
        book, figures = self._exchange.books[index], self._figures[index]
        bids, asks = (
            [[figures.price(ticks), figures.qty(lots)] for ticks, lots in book.levels(side, limit)]
            for side in Side
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

    def _tickers(self, call: Call) -> Answer:
        category = category_of(self._exchange, call.params)
        scope = scope_of(self._exchange, category, call.params, needed=False)
        rows = [self._ticker(index, call.venue_ms) for index in sorted(scope.instruments)]
        return Answer({"category": category.text, "list": rows})

    def _ticker(self, index: int, venue_ms: int) -> Row:
        exchange, figures = self._exchange, self._figures[index]
        reference, tape = exchange.references[index], exchange.tapes[index]
        day = tape.day()
        bid_price, bid_size = self._touch(index, Side.BUY)
        ask_price, ask_size = self._touch(index, Side.SELL)
        change_e6 = (tape.last_ticks - day.open_ticks) * 10**6 // day.open_ticks
        return {
            "symbol": exchange.instruments[index].symbol,
            "lastPrice": figures.price(tape.last_ticks),
            "indexPrice": figures.price(reference.index_ticks),
            "markPrice": figures.price(reference.mark_ticks),
            "prevPrice24h": figures.price(day.open_ticks),
            "price24hPcnt": decimal_text(change_e6, 6),
            "highPrice24h": figures.price(day.high_ticks),
            "lowPrice24h": figures.price(day.low_ticks),
            "prevPrice1h": figures.price(day.hour_open_ticks),
            "openInterest": "0",
            "openInterestValue": "0",
            "singleOpenInterest": "0",
            "singleOpenInterestValue": "0",
            "turnover24h": figures.amount(day.turnover),
            "volume24h": figures.qty(day.lots),
            "fundingRate": "0",
            "nextFundingTime": str((venue_ms // _FUNDING_MS + 1) * _FUNDING_MS),
            "fundingIntervalHour": "8",
            "fundingCap": money(exchange.shelf[index].funding_cap_e8),
            "predictedDeliveryPrice": "",
            "basisRate": "",
            "basisRateYear": "",
            "basis": "",
            "deliveryFeeRate": "",
            "deliveryTime": "0",
            "bid1Price": bid_price,
            "bid1Size": bid_size,
            "ask1Price": ask_price,
            "ask1Size": ask_size,
            "preOpenPrice": "",
            "preQty": "",
            "curPreListingPhase": "",
        }

    def _touch(self, index: int, side: Side) -> tuple[str, str]:
        """Price and size of a side's best level; empty texts when the side is empty."""
        top = self._exchange.books[index].levels(side, 1)
        if not top:
            return "", ""
        ticks, lots = top[0]
        return self._figures[index].price(ticks), self._figures[index].qty(lots)

    def _recent_trades(self, call: Call) -> Answer:
        category = category_of(self._exchange, call.params)
        index = instrument_of(self._exchange, category, call.params)
        figures = self._figures[index]
        symbol = self._exchange.instruments[index].symbol
        rows = [
            {
                "execId": trade_id(trade.number, category),
                "symbol": symbol,
                "price": figures.price(trade.price_ticks),
                "size": figures.qty(trade.lots),
                "side": SIDE_WORDS[trade.side],
                "time": str(trade.venue_ms),
                "isBlockTrade": False,
                "isRPITrade": False,
                "seq": str(trade.seq),
            }
            for trade in self._exchange.tapes[index].newest(limit_of(call.params, 500, 1000))
        ]
        return Answer({"category": category.text, "list": rows})

    def _price_limit(self, call: Call) -> Answer:
        category = category_of(self._exchange, call.params, Category.LINEAR)
        index = instrument_of(self._exchange, category, call.params)
        band = self._exchange.references[index].band()
        figures = self._figures[index]
        return Answer(
            {
                "symbol": self._exchange.instruments[index].symbol,
                "buyLmt": figures.price(band.max_buy_ticks),
                "sellLmt": figures.price(band.min_sell_ticks),
                "ts": str(call.venue_ms),
            }
        )
