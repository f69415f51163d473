"""Requests against the account and the book: what the exchange refuses before it acts.

Each check either returns what may be done, in integers, or raises a
:class:`~mmfast.sim.refusals.Refusal`; none of them changes anything.
"""

from __future__ import annotations

from mmfast.messages import Side
from mmfast.sim.accounts import Account
from mmfast.sim.exchange import Exchange
from mmfast.sim.orders import Order, Ticket
from mmfast.sim.refusals import (
    BAD_PRICE,
    DUPLICATE_LINK_ID,
    NO_BALANCE,
    NO_MARKET_PRICE,
    QTY_BELOW_FILLED,
    REDUCE_ONLY,
    TOO_MANY_ORDERS,
    UNKNOWN_ORDER,
    Refusal,
    bad_parameter,
)
from mmfast.sim.tickets import AmendRequest, Item, check_notional, text_of

TOO_LATE_TO_CANCEL = "order not exists or too late to cancel"
TOO_LATE_TO_AMEND = "order not exists or too late to replace"


class Checks:
    """The account-side rules of one exchange."""

    __slots__ = ("_exchange", "_max_active")

    def __init__(self, exchange: Exchange, max_active_orders: int) -> None:
        self._exchange = exchange
        self._max_active = max_active_orders

    def create(self, account: Account, ticket: Ticket) -> Ticket:
        """The ticket as it may enter: price moved to the band, size cut to what it may close."""
        if ticket.link_id and ticket.link_id in account.blotter.link_ids:
            raise Refusal(DUPLICATE_LINK_ID, "OrderLinkedID is duplicate")
        if account.blotter.open_count(ticket.instrument) >= self._max_active:
            raise Refusal(
                TOO_MANY_ORDERS,
                f"You can only have at most {self._max_active} active orders.",
            )
        ticks = self._price(account, ticket)
        lots = ticket.lots
        if ticket.reduce_only:
            lots = self._closable(account, ticket)
        else:
            check_notional(self._exchange.shelf[ticket.instrument], ticks, lots)
            self._afford(account, ticket.instrument, ticket.side, ticks, lots)
        return ticket._replace(ticks=ticks, lots=lots)

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
        if allowed != ticks and account.rejects_beyond_band:
            raise Refusal(BAD_PRICE, "Order price exceeds the allowable range.")
        return allowed

    def _closable(self, account: Account, ticket: Ticket) -> int:
        """A reduce-only order is cut to the position; without one to close it is refused."""
        position = account.positions[ticket.instrument]
        room = position.closable(ticket.side)
        if not room:
            if position.lots == 0:
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
        freed_e8: int = 0,
    ) -> None:
        value_e8 = self._exchange.instruments[instrument].notional_e8(ticks, lots)
        position = account.positions[instrument]
        if not account.affords(self._exchange.marks, position, side, value_e8, freed_e8):
            raise Refusal(NO_BALANCE, "Available balance is insufficient")

    def find(self, account: Account, item: Item, instrument: int, too_late: str) -> Order:
        """The open order an amend or cancel names; 110001 with ``too_late`` otherwise.

        The venue's id wins over the client's when both are given.
        """
        order_id, link_id = text_of(item, "orderId"), text_of(item, "orderLinkId")
        if not order_id and not link_id:
            raise bad_parameter("params error: orderId or orderLinkId is needed")
        order = account.blotter.find(order_id, link_id)
        if order is None or not order.is_open or order.instrument != instrument:
            raise Refusal(UNKNOWN_ORDER, too_late)
        return order

    def amend(self, account: Account, order: Order, wish: AmendRequest) -> tuple[int, int]:
        """New ticks and total lots of an order, as they may be."""
        exchange, instrument = self._exchange, order.instrument
        ticks = order.ticks
        if wish.ticks is not None:
            ticks = self._within_band(account, instrument, order.side, wish.ticks)
        lots = order.lots if wish.lots is None else wish.lots
        if lots <= order.cum_lots:
            raise Refusal(
                QTY_BELOW_FILLED,
                "The modified qty must be greater than the filled qty.",
            )
        if order.reduce_only:
            room = account.positions[instrument].closable(order.side)
            lots = min(lots, order.cum_lots + room)
        if ticks == order.ticks and lots == order.lots:
            raise bad_parameter(
                "The order remains unchanged as the parameters entered match the existing ones."
            )
        if not order.reduce_only:
            check_notional(exchange.shelf[instrument], ticks, lots)
            freed = exchange.instruments[instrument].notional_e8(order.ticks, order.leaves)
            self._afford(account, instrument, order.side, ticks, lots - order.cum_lots, freed)
        return ticks, lots
