"""How an order ends: the status, cancel type and reject reason each category shows."""

from __future__ import annotations

from typing import Final

from mmfast.messages import Category
from mmfast.sim.orders.orders import (
    CANCEL_BY_USER,
    CANCEL_UNKNOWN,
    NO_ERROR,
    NOTHING_TO_FILL,
    REST_OF_IOC,
    REST_WORTH_NOTHING,
    USER_REQUEST,
    WOULD_TAKE,
    Order,
    Status,
)
from mmfast.sim.switches import VenueSwitches
from mmfast.units import Ms

_CROSSED: Final = {"Cancelled": Status.CANCELLED, "Rejected": Status.REJECTED}


class Endings:
    """The words for every end but a full fill; they end the order and nothing else."""

    __slots__ = ("_crossed", "_crossed_spot", "_user_reason")

    def __init__(self, switches: VenueSwitches, seed: int) -> None:
        self._crossed = _CROSSED[switches.post_only_cross_futures]
        self._crossed_spot = _CROSSED[switches.post_only_cross_spot]
        reason = switches.user_cancel_reason
        if reason == "by_seed":
            reason = USER_REQUEST if seed % 2 else NO_ERROR
        self._user_reason: str = reason

    def by_user(self, order: Order, category: Category, now_ms: Ms) -> None:
        """Its owner cancelled it."""
        self.cancel(order, category, CANCEL_BY_USER, self._user_reason, now_ms)

    def cancel(
        self, order: Order, category: Category, cancel_type: str, reason: str, now_ms: Ms
    ) -> None:
        """Cancelled; spot has a word of its own for an order that had traded."""
        status = Status.CANCELLED
        if category is Category.SPOT and order.cum_lots:
            status = Status.PARTIALLY_FILLED_CANCELED
        order.end(status, cancel_type, reason, now_ms)

    def would_take(self, order: Order, category: Category, now_ms: Ms) -> None:
        """A post-only order met the other side. One that has traded before is no reject."""
        status = self._crossed_spot if category is Category.SPOT else self._crossed
        if order.cum_lots:
            self.cancel(order, category, CANCEL_UNKNOWN, WOULD_TAKE, now_ms)
        else:
            order.end(status, CANCEL_UNKNOWN, WOULD_TAKE, now_ms)

    def nothing_left(self, order: Order, category: Category, now_ms: Ms, *, dust: bool) -> None:
        """What an order that may not rest could not trade. ``dust``: of an amount in the quote
        coin, less than one lot's worth remains."""
        if not order.cum_lots:
            reason = NOTHING_TO_FILL
        else:
            reason = REST_WORTH_NOTHING if dust else REST_OF_IOC
        self.cancel(order, category, CANCEL_UNKNOWN, reason, now_ms)
