"""The true story of the account, for the report: what it had open, risked, and got.

It is shown every order and fill at its instant; the venue's own rooms never read it.
"""

from __future__ import annotations

from mmfast.messages import Side
from mmfast.sim.accounts.accounts import Account
from mmfast.sim.audit.fills import MarkOuts
from mmfast.sim.audit.risk import Exposure
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.fault_effects.condition import Condition
from mmfast.sim.orders.orders import Fill, Order


class Ledger:
    """One account's. :attr:`now_ns` is set by whoever moves the venue's clock."""

    __slots__ = ("_condition", "_exchange", "_uid", "exposure", "markouts", "now_ns")

    def __init__(self, exchange: Exchange, uid: int, condition: Condition) -> None:
        self.now_ns = 0
        self.exposure = Exposure(exchange.instruments, exchange.prices.marks)
        self.markouts = MarkOuts(exchange.instruments, self._mid_x2)
        self._exchange = exchange
        self._uid = uid
        self._condition = condition

    def order(self, account: Account, order: Order) -> None:
        """An order changed."""
        if account.uid == self._uid:
            self.exposure.order(order)

    def fill(self, account: Account, fill: Fill) -> None:
        """An order traded."""
        if account.uid == self._uid:
            self.exposure.fill(fill)
            is_foreign = self._condition.is_foreign(fill.order_id)
            self.markouts.fill(fill, self.now_ns, is_foreign=is_foreign)

    def _mid_x2(self, instrument: int) -> int:
        """Best bid plus best ask; twice the mark price when a side is empty."""
        book = self._exchange.books[instrument]
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        return bid + ask if bid and ask else 2 * self._exchange.prices.marks[instrument]

    def report(self) -> dict[str, object]:
        """Exposure, fills and what is open, as JSON-ready values."""
        exchange = self._exchange
        orders = exchange.accounts[self._uid].blotter.open_orders()
        return {
            "exposure": self.exposure.report(),
            "fills": self.markouts.report(),
            "orders_open": len(orders),
            "open_orders": [
                exchange.rows.order(order)
                | {"is_foreign": self._condition.is_foreign(order.order_id)}
                for order in orders
            ],
        }
