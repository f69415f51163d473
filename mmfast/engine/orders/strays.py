"""Strays: own orders without a slot, which nobody wants any more."""

from __future__ import annotations

from mmfast._core.by_id import IdTable
from mmfast.engine.orders.order import Order
from mmfast.engine.orders.order_states import is_cancellable


class Strays:
    """Orders that only wait for their end: replaced, adopted, or zombies."""

    __slots__ = ("_homeless", "_orders", "adopted")

    def __init__(self) -> None:
        self._orders: IdTable[Order] = IdTable()
        self._homeless: IdTable[Order] = IdTable()
        """Those of them that could be cancelled and are not: few or none, so that a flush need
        not look through all that wait."""
        self.adopted = 0
        """How many of them were taken in from the venue."""

    def add(self, order: Order) -> None:
        """An order has lost its slot, or never had one."""
        self._orders.put(order.client_id, order)
        self.adopted += order.adopted
        self.look_again(order)

    def look_again(self, order: Order) -> None:
        """Its state has changed."""
        if is_cancellable(order.code):
            self._homeless.put(order.client_id, order)
        else:
            self._homeless.pop(order.client_id)

    def drop(self, order: Order) -> None:
        """It has ended."""
        self._orders.pop(order.client_id)
        self.adopted -= order.adopted
        self._homeless.pop(order.client_id)

    def all(self) -> list[Order]:
        """Every one of them."""
        return self._orders.values()

    def homeless(self) -> list[Order]:
        """Those that are not on their way out: leftovers, zombies, and replaced orders whose
        cancel failed. They go whatever else is wanted."""
        return self._homeless.values() if len(self._homeless) else []

    def has_homeless(self) -> bool:
        """There are such orders."""
        return len(self._homeless) > 0
