"""Positions over REST: what is held, leverage, one-way or hedge mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mmfast._core.fixed import parse_units
from mmfast.messages import Category
from mmfast.sim.access.calls import Answer, Call, Route, Routes
from mmfast.sim.accounts.accounts import Account
from mmfast.sim.accounts.rows import Row
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.exchange.settings import set_leverage, switch_mode
from mmfast.sim.exchange.tickets import text_of
from mmfast.sim.instruments.decimals import decimal_text
from mmfast.sim.refusals import bad_parameter
from mmfast.sim.rest.paging import Params, page
from mmfast.sim.rest.scope import (
    FUTURES,
    LINEAR,
    MISSING_FILTER,
    category_of,
    instrument_of,
    scope_of,
)

_MIN_LEVERAGE_E2: Final = 100
_WITH_POSITIONS: Final = (Category.LINEAR, Category.INVERSE, Category.OPTION)
_LEGS: Final = 3
"""``positionIdx`` is 0, 1 or 2."""


class PositionCalls:
    """Queries and settings about one exchange's positions."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._rows = exchange.rows

    def routes(self) -> Routes:
        """Method and path of each call."""
        gets = {"list": self._positions, "symbol-info": self._leverages}
        posts = {
            "set-leverage": self._set_leverage,
            "switch-mode": self._switch_mode,
            "trading-stop": self._trading_stop,
        }
        routes = {("GET", f"/v5/position/{name}"): Route(call) for name, call in gets.items()}
        routes |= {("POST", f"/v5/position/{name}"): Route(call) for name, call in posts.items()}
        return routes

    # Queries.

    def _positions(self, call: Call) -> Answer:
        """One symbol's positions, flat or not, or all that are not flat; a hedge has two."""
        params, account = call.params, call.account
        category = category_of(self._exchange, params, among=_WITH_POSITIONS)
        if category is Category.LINEAR and not (
            text_of(params, "symbol") or text_of(params, "settleCoin")
        ):
            raise bad_parameter(MISSING_FILTER)
        scope = scope_of(self._exchange, category, params)
        held = [
            (-(index * _LEGS + leg.index), row)
            for index in sorted(scope.instruments)
            for leg, row in zip(
                account.holdings[index].legs, self._rows.positions(account, index), strict=True
            )
            if scope.is_one_symbol or leg.lots
        ]
        chosen, cursor = page(held, lambda item: item[0], params, 20, 200)
        rows = [row for _, row in chosen]
        return Answer({"list": rows, "nextPageCursor": cursor, "category": category.text})

    def _leverages(self, call: Call) -> Answer:
        """Leverage of one symbol, or of all, whether there is a position or not."""
        category = category_of(self._exchange, call.params, among=FUTURES)
        scope = scope_of(self._exchange, category, {"symbol": call.params.get("symbol")})
        rows = [row for index in sorted(scope.instruments) for row in self._leverage(call, index)]
        return Answer({"category": category.text, "list": rows})

    def _leverage(self, call: Call, index: int) -> list[Row]:
        holding = call.account.holdings[index]
        return [
            {
                "symbol": self._exchange.instruments[index].symbol,
                "leverage": decimal_text(holding.leverage_e2, 2),
                "side": ("Buy" if leg.lots > 0 else "Sell") if leg.lots else "",
                "positionIdx": leg.index,
            }
            for leg in holding.legs
        ]

    # Settings.

    def _set_leverage(self, call: Call) -> Answer:
        params = call.params
        category = category_of(self._exchange, params, among=FUTURES)
        index = instrument_of(self._exchange, category, params)
        buy, sell = _leverage_e2(params, "buyLeverage"), _leverage_e2(params, "sellLeverage")
        if buy != sell:
            raise bad_parameter("params error: buyLeverage must equal sellLeverage")
        set_leverage(self._exchange, call.account, index, buy)
        return Answer()

    def _switch_mode(self, call: Call) -> Answer:
        """One-way or hedge mode, for a symbol or for all contracts settled in a coin.

        By coin, the contracts in use are passed over unless all are.
        """
        params = call.params
        category = category_of(self._exchange, params, among=LINEAR)
        if text_of(params, "symbol"):
            chosen: Sequence[int] = (instrument_of(self._exchange, category, params),)
        else:
            settled = self._settled_in(category, text_of(params, "coin"))
            unused = [index for index in settled if _is_unused(call.account, index)]
            chosen = unused or settled
        switch_mode(call.account, chosen, params.get("mode"))
        return Answer()

    def _settled_in(self, category: Category, coin: str) -> list[int]:
        instruments = self._exchange.instruments
        chosen = [
            index
            for index in self._exchange.indexes[category]
            if instruments[index].settle_coin == coin
        ]
        if not chosen:
            raise bad_parameter("params error: symbol or coin is needed")
        return chosen

    def _trading_stop(self, call: Call) -> Answer:
        """This venue has no conditional orders, so a position has no stops."""
        category = category_of(self._exchange, call.params, among=FUTURES)
        index = instrument_of(self._exchange, category, call.params)
        if not call.account.holdings[index].lots:
            raise bad_parameter("can not set tp/sl/ts for zero position")
        raise bad_parameter("params error: trading-stop is not supported by this venue")


def _is_unused(account: Account, index: int) -> bool:
    is_flat = not any(leg.lots for leg in account.holdings[index].legs)
    return is_flat and not account.blotter.open_count((index,))


def _leverage_e2(params: Params, name: str) -> int:
    try:
        leverage_e2 = parse_units(text_of(params, name), 2)
    except ValueError:
        leverage_e2 = 0
    if leverage_e2 < _MIN_LEVERAGE_E2:
        raise bad_parameter(f"params error: {name} invalid")
    return leverage_e2
