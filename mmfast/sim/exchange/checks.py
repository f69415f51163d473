"""Requests against the account and the book: what the exchange refuses before it acts.

Each check either returns what may be done, in integers, or raises a
:class:`~mmfast.sim.refusals.Refusal`; none of them changes anything. Futures and options are
judged here, spot in :mod:`mmfast.sim.exchange.spot_checks`.
"""

from __future__ import annotations

from mmfast.messages import Category, Side
from mmfast.sim.accounts.accounts import Account
from mmfast.sim.accounts.positions import LONG_LEG, ONE_WAY
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.exchange.spot_checks import SpotChecks
from mmfast.sim.exchange.tickets import AmendRequest, Item, check_notional, text_of
from mmfast.sim.orders.orders import Order, Status, Ticket
from mmfast.sim.params import VenueParams
from mmfast.sim.refusals import (
    BAD_PRICE,
    NO_BALANCE,
    NO_MARKET_PRICE,
    ORDER_CANCELLED,
    ORDER_DONE,
    REDUCE_ONLY,
    SPOT_CANCELLED,
    SPOT_FILLED,
    SPOT_UNKNOWN_ORDER,
    STILL_PROCESSING,
    TOO_MANY_ORDERS,
    UNKNOWN_ORDER,
    Refusal,
    bad_parameter,
    words_of,
)

TOO_LATE_TO_CANCEL = "order not exists or too late to cancel"
TOO_LATE_TO_AMEND = "order not exists or too late to replace"
MODE_MISMATCH = "position idx not match position mode"


class Checks:
    """The account-side rules of one exchange."""

    __slots__ = (
        "_exchange",
        "_max_active",
        "_max_active_option",
        "_siblings",
        "_spot",
        "_switches",
    )

    def __init__(self, exchange: Exchange, params: VenueParams) -> None:
        self._exchange = exchange
        self._max_active = params.max_active_orders
        self._max_active_option = params.max_active_orders_option
        self._switches = params.switches
        self._spot = SpotChecks(exchange, params)
        # What counts against one limit with each instrument: itself, or its base coin's options.
        self._siblings = tuple(_siblings(exchange, index) for index in range(len(exchange.shelf)))

    def create(self, account: Account, ticket: Ticket) -> Ticket:
        """The ticket as it may enter: price moved to the band, size cut to what it may close."""
        category = self._exchange.categories[ticket.instrument]
        forever = self._switches.link_id_memory == "forever"
        if ticket.link_id and account.blotter.is_taken(ticket.link_id, forever=forever):
            raise Refusal(*words_of(category).link_taken)
        if category is Category.SPOT:
            return self._spot.create(account, ticket)
        ticket = self._fit_mode(account, ticket)
        self._check_count(account, ticket.instrument, category)
        ticks = self._price(account, ticket)
        lots = ticket.lots
        if ticket.reduce_only:
            lots = self._closable(account, ticket)
        else:
            check_notional(self._exchange.shelf[ticket.instrument], ticks, lots)
            self._afford(account, ticket.instrument, ticket.side, ticks, lots)
        if ticks == ticket.ticks and lots == ticket.lots:
            return ticket
        return ticket._replace(ticks=ticks, lots=lots)

    def _fit_mode(self, account: Account, ticket: Ticket) -> Ticket:
        """The position named must be one the mode has; in a hedge, an order against its own leg
        can only close."""
        hedged = account.holdings[ticket.instrument].is_hedged
        if hedged == (ticket.position_idx == ONE_WAY):
            raise bad_parameter(MODE_MISMATCH)
        if not hedged:
            return ticket
        opens = (ticket.side == Side.BUY) == (ticket.position_idx == LONG_LEG)
        return ticket if opens else ticket._replace(reduce_only=True)

    def _check_count(self, account: Account, instrument: int, category: Category) -> None:
        most = self._max_active_option if category is Category.OPTION else self._max_active
        if account.blotter.open_count(self._siblings[instrument]) >= most:
            raise Refusal(TOO_MANY_ORDERS, f"You can only have at most {most} active orders.")

    def _price(self, account: Account, ticket: Ticket) -> int:
        if not ticket.is_market:
            return self._within_band(account, ticket.instrument, ticket.side, ticket.ticks)
        # A market order is an IOC limit order at a protected price: the edge of the band.
        if not self._exchange.books[ticket.instrument].best(Side(1 - ticket.side)):
            raise Refusal(NO_MARKET_PRICE, "No price for a market order: the book is empty")
        band = self._exchange.references[ticket.instrument].band()
        return band.max_buy_ticks if ticket.side == Side.BUY else band.min_sell_ticks

    def _within_band(self, account: Account, instrument: int, side: Side, ticks: int) -> int:
        band = self._exchange.references[instrument].band()
        if side == Side.BUY:
            allowed = min(ticks, int(band.max_buy_ticks))
        else:
            allowed = max(ticks, int(band.min_sell_ticks))
        if allowed == ticks:
            return ticks
        if account.futures_rejects_beyond_band:
            raise Refusal(BAD_PRICE, "Order price exceeds the allowable range.")
        return self._exchange.rules.on_grid(instrument, side, allowed)

    def _closable(self, account: Account, ticket: Ticket) -> int:
        """A reduce-only order is cut to the position; without one to close it is refused."""
        leg = account.holdings[ticket.instrument].leg(ticket.position_idx)
        room = leg.closable(ticket.side)
        if not room:
            if leg.lots == 0:
                text = "current position is zero, cannot fix reduce-only order qty"
            else:
                text = "Reduce-only rule not satisfied"
            raise Refusal(REDUCE_ONLY, text)
        most = int(self._exchange.instruments[ticket.instrument].max_order_lots)
        return min(ticket.lots or most, room)

    def _afford(
        self,
        account: Account,
        instrument: int,
        side: Side,
        ticks: int,
        lots: int,
        freed: int = 0,
    ) -> None:
        value = self._exchange.worths[instrument].value(ticks, lots)
        if not account.affords(self._exchange.prices, instrument, side, value, freed):
            raise Refusal(NO_BALANCE, "Available balance is insufficient")

    # Orders that amends and cancels name.

    def find_to_cancel(self, account: Account, item: Item, instrument: int) -> Order:
        """The order a cancel names: open, or filled so shortly before that both are in a race."""
        order = self._named(account, item, instrument)
        if order is not None and order.status == Status.FILLED:
            age_ms = self._exchange.engine.now_ms - order.updated_ms
            if age_ms < self._switches.double_filled_ms:
                return order
        return self._open(order, instrument, TOO_LATE_TO_CANCEL)

    def find_to_amend(self, account: Account, item: Item, instrument: int) -> Order:
        """The open order an amend names."""
        order = self._named(account, item, instrument)
        return self._open(order, instrument, TOO_LATE_TO_AMEND)

    def _named(self, account: Account, item: Item, instrument: int) -> Order | None:
        """The venue's id wins over the client's when both are given."""
        order_id, link_id = text_of(item, "orderId"), text_of(item, "orderLinkId")
        if not order_id and not link_id:
            raise bad_parameter("params error: orderId or orderLinkId is needed")
        order = account.blotter.find(order_id, link_id)
        return order if order is not None and order.instrument == instrument else None

    def _open(self, order: Order | None, instrument: int, too_late: str) -> Order:
        if order is None or not order.is_open:
            is_spot = self._exchange.categories[instrument] is Category.SPOT
            raise self._gone_spot(order) if is_spot else self._gone(order, too_late)
        age_ms = self._exchange.engine.now_ms - order.created_ms
        if age_ms < self._switches.processing_ms:
            raise Refusal(STILL_PROCESSING, "The order is processing and can not be operated")
        return order

    def _gone(self, order: Order | None, too_late: str) -> Refusal:
        if order is None or self._switches.closed_order_futures == "110001":
            return Refusal(UNKNOWN_ORDER, too_late)
        if order.status == Status.FILLED:
            return Refusal(ORDER_DONE, "Order has been finished or canceled")
        return Refusal(ORDER_CANCELLED, "The order has been canceled")

    def _gone_spot(self, order: Order | None) -> Refusal:
        if order is None or self._switches.closed_order_spot == "170213":
            return Refusal(SPOT_UNKNOWN_ORDER, "Order does not exist.")
        if order.status == Status.FILLED:
            return Refusal(SPOT_FILLED, "Order has been filled.")
        return Refusal(SPOT_CANCELLED, "Order has been cancelled")

    def amend(self, account: Account, order: Order, wish: AmendRequest) -> tuple[int, int]:
        """New ticks and total lots of an order, as they may be."""
        instrument = order.instrument
        category = self._exchange.categories[instrument]
        is_spot = category is Category.SPOT
        ticks = order.ticks
        if wish.ticks is not None:
            bound = self._spot.within_band if is_spot else self._within_band
            ticks = bound(account, instrument, order.side, wish.ticks)
        lots = order.lots if wish.lots is None else wish.lots
        if lots <= order.cum_lots:
            raise Refusal(*words_of(category).below_filled)
        if order.reduce_only:
            leg = account.holdings[instrument].leg(order.position_idx)
            lots = min(lots, order.cum_lots + leg.closable(order.side))
        if ticks == order.ticks and lots == order.lots:
            raise bad_parameter(
                "The order remains unchanged as the parameters entered match the existing ones."
            )
        if is_spot:
            self._spot.amend(account, order, ticks, lots)
        elif not order.reduce_only:
            check_notional(self._exchange.shelf[instrument], ticks, lots)
            freed = self._exchange.worths[instrument].value(order.ticks, order.leaves)
            self._afford(account, instrument, order.side, ticks, lots - order.cum_lots, freed)
        return ticks, lots


def _siblings(exchange: Exchange, index: int) -> tuple[int, ...]:
    mine = exchange.instruments[index]
    if mine.category is not Category.OPTION:
        return (index,)
    return tuple(
        other
        for other in exchange.indexes[Category.OPTION]
        if exchange.instruments[other].base_coin == mine.base_coin
    )
