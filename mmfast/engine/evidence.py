"""What a reply or a report of the venue proves about an order."""

from __future__ import annotations

from typing import Final

from mmfast.engine.order import Order
from mmfast.engine.order_states import IN_FLIGHT, Event, State
from mmfast.messages import Op, OrderStatus, OrderUpdate, Outcome

OPEN_STATUSES: Final = (OrderStatus.PENDING_NEW, OrderStatus.WORKING, OrderStatus.PARTIALLY_FILLED)
EVENT_OF_STATUS: Final[dict[int, Event]] = {
    OrderStatus.FILLED: Event.FILLED,
    OrderStatus.CANCELLED: Event.CANCELLED,
    OrderStatus.REJECTED: Event.REJECTED,
    OrderStatus.EXPIRED_UNSENT: Event.REJECTED,
}
EVENT_OF_OUTCOME: Final[dict[int, Event]] = {
    Outcome.ACK: Event.ACK,
    Outcome.REJECT: Event.REFUSED,
    Outcome.THROTTLED: Event.REFUSED,
    Outcome.GONE: Event.GONE,
    Outcome.UNKNOWN: Event.LOST,
    Outcome.NOT_SENT: Event.UNSENT,
    Outcome.LOCAL_REJECT: Event.UNSENT,
}
#: A proven refusal for rate reasons leaves an amend or cancel exactly where it was.
THROTTLED_MUTATION: Final = Event.UNSENT


def expects_reply(order: Order, op: int, tick_id: int, event: Event) -> bool:
    """Is this the answer to what is in flight, or a late one that still proves something?"""
    if op == Op.PLACE and order.state == State.UNKNOWN and not order.seen:
        return event in (Event.ACK, Event.REFUSED)
    flying = IN_FLIGHT[order.state]
    return flying and order.flight_op == op and order.flight_tick == tick_id


def judge(order: Order, update: OrderUpdate, now_ns: int) -> Event:
    """Does this open report decide the change in progress? Takes its values if it does.

    An amend is decided when its values are shown. That it (or a cancel) did not happen is
    decided when, after it can no longer happen, the last known report is simply repeated: a
    newer one may be news from before the change, delayed on its way.
    """
    settled = now_ns >= order.settle_ns and update.updated_ms == order.updated_ms
    order.updated_ms = update.updated_ms
    order.seen = True
    order.missing = False
    if order.pending_lots:
        price, lots = order.pending_price_ticks, order.pending_lots
        if not settled and (update.price_ticks, update.lots) != (price, lots):
            return Event.SEEN
    elif order.state == State.CANCEL_ACKED and not settled:
        return Event.SEEN
    order.price_ticks = update.price_ticks
    order.lots = update.lots
    order.pending_lots = order.pending_price_ticks = 0
    return Event.PROVEN
