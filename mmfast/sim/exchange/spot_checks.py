"""Spot orders against the account and the book: coins, amounts, bounds."""

from __future__ import annotations

from mmfast.messages import Category, Side
from mmfast.sim.accounts.accounts import Account, spot_payment
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.instruments.worth import base_unit
from mmfast.sim.orders.orders import Order, Ticket
from mmfast.sim.params import VenueParams
from mmfast.sim.refusals import (
    SPOT_AMOUNT_TOO_LARGE,
    SPOT_BUY_TOO_HIGH,
    SPOT_NO_BALANCE,
    SPOT_SELL_TOO_LOW,
    SPOT_TOO_MANY_ORDERS,
    SPOT_VALUE_TOO_SMALL,
    Refusal,
)


class SpotChecks:
    """The account-side rules of the spot pairs of one exchange."""

    __slots__ = ("_exchange", "_max_active")

    def __init__(self, exchange: Exchange, params: VenueParams) -> None:
        self._exchange = exchange
        self._max_active = params.max_active_orders

    def create(self, account: Account, ticket: Ticket) -> Ticket:
        """The ticket as it may enter."""
        pairs = self._exchange.indexes[Category.SPOT]
        if account.blotter.open_count(pairs) >= self._max_active:
            most = f"Cannot exceed maximum of {self._max_active}"
            raise Refusal(SPOT_TOO_MANY_ORDERS, f"{most} conditional, TP/SL and active orders.")
        if ticket.is_market:
            return self._market(account, ticket)
        ticks = self.within_band(account, ticket.instrument, ticket.side, ticket.ticks)
        self._check_value(ticket.instrument, ticks, ticket.lots)
        self._afford(account, ticket.instrument, ticket.side, ticks, ticket.lots)
        return ticket._replace(ticks=ticks)

    def amend(self, account: Account, order: Order, ticks: int, lots: int) -> None:
        """The order as it shall be: worth enough, and paid for."""
        self._check_value(order.instrument, ticks, lots)
        holding = account.holdings[order.instrument]
        _, freed = spot_payment(holding, order.side, order.ticks, order.leaves)
        self._afford(account, order.instrument, order.side, ticks, lots - order.cum_lots, freed)

    def within_band(self, account: Account, instrument: int, side: Side, ticks: int) -> int:
        """A limit price beyond the bound is refused, or moved there if the account asked so."""
        band = self._exchange.references[instrument].band()
        is_buy = side == Side.BUY
        bound = int(band.max_buy_ticks if is_buy else band.min_sell_ticks)
        allowed = min(ticks, bound) if is_buy else max(ticks, bound)
        if allowed == ticks or account.spot_adjusts_to_band:
            return allowed
        shown = self._exchange.rows.figures[instrument].price(bound)
        if is_buy:
            raise Refusal(SPOT_BUY_TOO_HIGH, f"Buy order price cannot be higher than {shown}.")
        raise Refusal(SPOT_SELL_TOO_LOW, f"Sell order price cannot be lower than {shown}.")

    def _market(self, account: Account, ticket: Ticket) -> Ticket:
        """A market order: an IOC limit order at the bound, sized in either coin."""
        exchange, instrument = self._exchange, ticket.instrument
        band = exchange.references[instrument].band()
        is_buy = ticket.side == Side.BUY
        ticks = int(band.max_buy_ticks if is_buy else band.min_sell_ticks)
        last = exchange.tapes[instrument].last_ticks
        if not ticket.quote:
            self._check_value(instrument, last, ticket.lots)
            self._afford(account, instrument, ticket.side, ticks, ticket.lots)
            return ticket._replace(ticks=ticks)
        if ticket.quote < exchange.instruments[instrument].min_notional_e8:
            raise _value_too_small()
        if ticket.quote > exchange.worths[instrument].value(last, ticket.lots):
            raise Refusal(SPOT_AMOUNT_TOO_LARGE, "Order amount too large.")
        lots = ticket.lots
        if is_buy:
            coin = exchange.instruments[instrument].quote_coin
            enough = account.affords_coin(exchange.prices, coin, ticket.quote)
        else:
            # It may sell no more than there is, and that must be worth the amount.
            pair = exchange.instruments[instrument]
            lots = min(lots, max(0, account.free(pair.base_coin)) // base_unit(pair))
            enough = exchange.worths[instrument].value(last, lots) >= ticket.quote
        if not enough:
            raise _no_balance()
        return ticket._replace(ticks=ticks, lots=lots)

    def _check_value(self, instrument: int, ticks: int, lots: int) -> None:
        value = self._exchange.worths[instrument].value(ticks, lots)
        if value < self._exchange.instruments[instrument].min_notional_e8:
            raise _value_too_small()

    def _afford(
        self, account: Account, instrument: int, side: Side, ticks: int, lots: int, freed: int = 0
    ) -> None:
        prices = self._exchange.prices
        if not account.affords_spot(prices, instrument, side, ticks, lots, freed):
            raise _no_balance()


def _value_too_small() -> Refusal:
    return Refusal(SPOT_VALUE_TOO_SMALL, "Order value exceeded lower limit")


def _no_balance() -> Refusal:
    return Refusal(SPOT_NO_BALANCE, "Insufficient balance.")
