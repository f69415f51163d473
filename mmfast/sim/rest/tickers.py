"""The 24-hour figures of every category over REST.

The venue takes no funding, counts no open interest of its anonymous traders and prices no
volatility: these figures are zero.
"""

from __future__ import annotations

from typing import Final

from mmfast.messages import Category, Side
from mmfast.sim.access.calls import Answer, Call, Route, Routes
from mmfast.sim.accounts.rows import Row
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.exchange.tickets import text_of
from mmfast.sim.instruments.decimals import decimal_text
from mmfast.sim.instruments.figures import money
from mmfast.sim.refusals import bad_parameter
from mmfast.sim.rest.scope import category_of, scope_of

_FUNDING_MS: Final = 8 * 3_600_000
_CHANGE_DECIMALS: Final = {Category.SPOT: 4}
_FUTURES_CHANGE_DECIMALS: Final = 6

#: What futures show for things that only delivery and pre-launch contracts have.
_NOT_A_FUTURE: Final[Row] = {
    "predictedDeliveryPrice": "",
    "basisRate": "",
    "basisRateYear": "",
    "basis": "",
    "deliveryFeeRate": "",
    "deliveryTime": "0",
    "preOpenPrice": "",
    "preQty": "",
    "curPreListingPhase": "",
}
_NO_INTEREST: Final[Row] = {"openInterest": "0", "openInterestValue": "0"}
_NO_SINGLE_INTEREST: Final[Row] = {"singleOpenInterest": "0", "singleOpenInterestValue": "0"}
_NO_GREEKS: Final[Row] = dict.fromkeys(
    ("bid1Iv", "ask1Iv", "markIv", "openInterest", "delta", "gamma", "vega", "theta"), "0"
)


class TickerCalls:
    """Queries about one exchange's last day."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._figures = exchange.rows.figures

    def routes(self) -> Routes:
        """Method and path of each call."""
        return {("GET", "/v5/market/tickers"): Route(self._tickers, is_public=True)}

    def _tickers(self, call: Call) -> Answer:
        category = category_of(self._exchange, call.params)
        if category is Category.OPTION:
            rows = self._options(call)
        else:
            scope = scope_of(self._exchange, category, call.params)
            write = self._spot if category is Category.SPOT else self._futures
            rows = [write(index, call.venue_ms) for index in sorted(scope.instruments)]
        return Answer({"category": category.text, "list": rows})

    def _options(self, call: Call) -> list[Row]:
        """Of one symbol or one base coin, which may be narrowed to one day of expiry."""
        params, shelf = call.params, self._exchange.shelf
        if not text_of(params, "symbol") and not text_of(params, "baseCoin"):
            raise bad_parameter("params error: symbol or baseCoin is needed")
        scope = scope_of(self._exchange, Category.OPTION, params)
        expiry = text_of(params, "expDate")
        return [
            self._option(index)
            for index in sorted(scope.instruments)
            if not expiry or shelf[index].instrument.symbol.split("-")[1] == expiry
        ]

    def _futures(self, index: int, venue_ms: int) -> Row:
        exchange, figures = self._exchange, self._figures[index]
        reference, tape = exchange.references[index], exchange.tapes[index]
        row = self._day(index) | self._touch(index) | _NOT_A_FUTURE | _NO_INTEREST
        if exchange.instruments[index].category is Category.LINEAR:
            row |= _NO_SINGLE_INTEREST
        row["indexPrice"] = figures.price(reference.index_ticks)
        row["markPrice"] = figures.price(reference.mark_ticks)
        row["prevPrice1h"] = figures.price(tape.day().hour_open_ticks)
        row["fundingRate"] = "0"
        row["nextFundingTime"] = str((venue_ms // _FUNDING_MS + 1) * _FUNDING_MS)
        row["fundingIntervalHour"] = "8"
        row["fundingCap"] = money(exchange.shelf[index].funding_cap_e8)
        return row

    def _spot(self, index: int, _venue_ms: int) -> Row:
        row = self._day(index) | self._touch(index)
        ticks = self._exchange.references[index].index_ticks
        row["usdIndexPrice"] = self._figures[index].price(ticks)
        return row

    def _option(self, index: int) -> Row:
        exchange, figures = self._exchange, self._figures[index]
        reference, tape = exchange.references[index], exchange.tapes[index]
        day = self._day(index)
        kept = ("symbol", "lastPrice", "highPrice24h", "lowPrice24h", "turnover24h", "volume24h")
        row = {name: day[name] for name in kept} | self._touch(index) | _NO_GREEKS
        for name in ("bid1Price", "bid1Size", "ask1Price", "ask1Size"):
            row[name] = row[name] or "0"
        row["markPrice"] = figures.price(reference.mark_ticks)
        row["indexPrice"] = row["underlyingPrice"] = underlying_price(exchange, index)
        row["totalVolume"] = figures.qty(tape.total_lots)
        row["totalTurnover"] = figures.amount(tape.total_turnover)
        row["predictedDeliveryPrice"] = "0"
        row["change24h"] = day["price24hPcnt"]
        return row

    def _day(self, index: int) -> Row:
        figures, tape = self._figures[index], self._exchange.tapes[index]
        day, instrument = tape.day(), self._exchange.instruments[index]
        decimals = _CHANGE_DECIMALS.get(instrument.category, _FUTURES_CHANGE_DECIMALS)
        change = (tape.last_ticks - day.open_ticks) * 10**decimals // day.open_ticks
        return {
            "symbol": instrument.symbol,
            "lastPrice": figures.price(tape.last_ticks),
            "prevPrice24h": figures.price(day.open_ticks),
            "price24hPcnt": decimal_text(change, decimals),
            "highPrice24h": figures.price(day.high_ticks),
            "lowPrice24h": figures.price(day.low_ticks),
            "turnover24h": figures.amount(day.turnover),
            "volume24h": figures.qty(day.lots),
        }

    def _touch(self, index: int) -> Row:
        """Price and size of both best levels; empty texts where a side is empty."""
        figures, row = self._figures[index], Row()
        for word, side in (("bid1", Side.BUY), ("ask1", Side.SELL)):
            top = self._exchange.books[index].levels(side, 1)
            row[f"{word}Price"] = figures.price(top[0][0]) if top else ""
            row[f"{word}Size"] = figures.qty(top[0][1]) if top else ""
        return row


def underlying_price(exchange: Exchange, option: int) -> str:
    """Index price of an option's coin, from the first instrument on it; ``"0"`` if none."""
    coin = exchange.instruments[option].base_coin
    for other in exchange.instruments:
        if other.base_coin == coin and other.category is not Category.OPTION:
            ticks = exchange.references[other.index].index_ticks
            return exchange.rows.figures[other.index].price(ticks)
    return "0"
