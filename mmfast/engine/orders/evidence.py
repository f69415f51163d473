"""What a reply or a report of the venue proves about an order."""

from __future__ import annotations

from typing import Final

from mmfast.engine.orders.order import Order, bit_of
from mmfast.engine.orders.order_states import Event, State, is_in_flight
from mmfast.messages import Op, OrderStatus, Outcome

_EVENT_OF_STATUS: Final = {
    OrderStatus.FILLED: Event.FILLED,
    OrderStatus.CANCELLED: Event.CANCELLED,
    OrderStatus.REJECTED: Event.REJECTED,
    OrderStatus.EXPIRED_UNSENT: Event.REJECTED,
}
_EVENT_OF_OUTCOME: Final = {
    Outcome.ACK: Event.ACK,
    Outcome.REJECT: Event.REFUSED,
    Outcome.THROTTLED: Event.REFUSED,
    Outcome.GONE: Event.GONE,
    Outcome.UNKNOWN: Event.LOST,
    Outcome.NOT_SENT: Event.UNSENT,
    Outcome.LOCAL_REJECT: Event.UNSENT,
}
NOT_FINAL: Final = -1
_OF_STATUS: Final = tuple(int(_EVENT_OF_STATUS.get(status, NOT_FINAL)) for status in OrderStatus)
_OF_OUTCOME: Final = tuple(int(_EVENT_OF_OUTCOME[outcome]) for outcome in Outcome)
_UNKNOWN_STATUS: Final = int(OrderStatus.UNKNOWN_STATUS)
_THROTTLED: Final = int(Outcome.THROTTLED)
_PLACE: Final = int(Op.PLACE)
_AMEND: Final = int(Op.AMEND)
_UNKNOWN: Final = int(State.UNKNOWN)
_CANCEL_ACKED: Final = int(State.CANCEL_ACKED)
_ACK: Final = int(Event.ACK)
_REFUSED: Final = int(Event.REFUSED)
_UNSENT: Final = int(Event.UNSENT)
_SEEN: Final = int(Event.SEEN)
_PROVEN: Final = int(Event.PROVEN)


def event_of_outcome(outcome: int, op: int) -> int:
    """What a reply's outcome is to the order. A proven refusal for rate reasons leaves an amend
    or cancel exactly where it was."""
    if outcome == _THROTTLED and op != _PLACE:
        return _UNSENT
    return _OF_OUTCOME[outcome]


def end_of_status(status: int) -> int:
    """The event of a final status, NOT_FINAL for the others."""
    return _OF_STATUS[status]


def is_open_status(status: int) -> bool:
    """The venue says that it rests, or will."""
    return _OF_STATUS[status] == NOT_FINAL and status != _UNKNOWN_STATUS


def expects_reply(order: Order, op: int, tick_id: int, outcome: int) -> bool:
    """Is this the answer to what is in flight, or a late one that still proves something?"""
    if op == _PLACE and order.code == _UNKNOWN and not order.seen:
        event = _OF_OUTCOME[outcome]
        return event in (_ACK, _REFUSED)
    return is_in_flight(order.code) and order.flight_op == op and order.flight_tick == tick_id


def judge(order: Order, price_ticks: int, lots: int, updated_ms: int, asked_ns: int) -> int:
    """Does this open report decide the change in progress? Takes its values if it does.

    An amend is decided when its values are shown. That it (or a cancel) did not happen is
    decided when a query that began after it could happen no more (``asked_ns``; 0 for the stream)
    simply repeats the last known report: a newer one may be news from before the change, and
    what the stream repeats may have been said before it, delayed on its way. What is decided to
    have failed is left in ``order.undone``.
    """
    repeated = updated_ms == order.updated_ms
    settled = asked_ns >= order.settle_ns and repeated
    repeated = repeated and updated_ms > 0 and order.seen
    order.updated_ms = updated_ms
    order.seen = True
    order.missing = False
    shown = lots == order.pending_lots and price_ticks == order.pending_price_ticks
    if shown:
        order.undecided &= ~bit_of(_AMEND)
    if settled:
        order.undone, order.undecided = order.undecided, 0
    if order.pending_lots:
        if not settled and not shown:
            return _SEEN
    elif order.code == _CANCEL_ACKED and not settled:
        return _SEEN
    elif repeated:
        # Of two reports of one millisecond the later may be the older; an amend that was shown
        # is not taken back by a report of the fill before it.
        return _PROVEN
    order.price_ticks = price_ticks
    order.lots = lots
    order.pending_lots = order.pending_price_ticks = 0
    return _PROVEN
