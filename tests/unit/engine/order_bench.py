"""An order table on a bench: one order at a time, replies and reports by hand."""

from __future__ import annotations

from engine_world import SECOND, draft, order_update

from mmfast.engine.orders.order import Order
from mmfast.engine.orders.orders import OrderTable
from mmfast.messages import Op, OrderStatus, Outcome


class Bench:
    """One table at a time of its own, with one order of 10 lots to talk about."""

    def __init__(self) -> None:
        self.table = OrderTable(2, 2 * SECOND)
        self.now_ns = SECOND
        self.tick = 0

    def place(self, client_id: int = 1, **changes) -> Order:
        self.tick += 1
        order = draft(Op.PLACE, client_id, **changes)
        return self.table.place(order, self.tick, self.now_ns)

    def live(self, client_id: int = 1, **changes) -> Order:
        order = self.place(client_id, **changes)
        self.answer(Op.PLACE, Outcome.ACK, client_id)
        self.see(OrderStatus.WORKING, client_id, updated_ms=10)
        return order

    def amend(self, client_id: int = 1, **changes) -> None:
        self.tick += 1
        self.table.amend(draft(Op.AMEND, client_id, **changes), self.tick, self.now_ns)

    def cancel(self, client_id: int = 1) -> None:
        self.tick += 1
        self.table.cancel(client_id, self.tick, self.now_ns)

    def answer(self, op: Op, outcome: Outcome, client_id: int = 1, tick: int = 0):
        tick = tick or self.tick
        return self.table.on_reply(op, client_id, outcome, "", tick, self.now_ns, self.now_ns)

    def see(self, status: OrderStatus, client_id: int = 1, **changes):
        return self.table.on_update(order_update(client_id, status, **changes), self.now_ns)

    def find(self, status: OrderStatus, **changes):
        """A query, begun now, finds the order so; what :meth:`see` tells comes by the stream."""
        return self.see(status, asked_ns=self.now_ns, **changes)

    def trade(self, lots: int, client_id: int = 1):
        return self.table.on_execution(client_id, lots, self.now_ns)
