"""One own order: what is known of it, what is in the air, what it may still cost."""

from __future__ import annotations

from typing import Final

from mmfast.engine.order_states import FIRST_FINAL, State
from mmfast.messages import Op, Side
from mmfast.units import Slot

NO_SLOT: Final = Slot(-1)
"""Seat of an order that only waits for its end: replaced, adopted, or a zombie."""
NEVER_NS: Final = 1 << 62
"""An instant that does not come."""


class Order:
    """One own order. ``lots`` is its total size, ``cum_lots`` what is known to be filled."""

    __slots__ = (
        "adopted",
        "booked_lots",
        "client_id",
        "counted_lots",
        "cum_lots",
        "flight_op",
        "flight_tick",
        "instrument",
        "lots",
        "missing",
        "pending_lots",
        "pending_price_ticks",
        "price_ticks",
        "resolve_ns",
        "seen",
        "sent_ns",
        "settle_ns",
        "side",
        "slot",
        "state",
        "updated_ms",
        "venue_id",
    )

    def __init__(
        self, client_id: int, slot: int, instrument: int, side: Side, price_ticks: int, lots: int
    ) -> None:
        self.client_id = client_id
        self.slot = slot
        self.instrument = instrument
        self.side = side
        self.price_ticks = price_ticks
        self.lots = lots
        self.state = State.PLACING
        self.cum_lots = 0
        self.booked_lots = 0
        """Filled size whose executions have moved the position."""
        self.pending_price_ticks = 0
        self.pending_lots = 0
        """What an undecided amend asks for; 0 when there is none."""
        self.venue_id = ""
        self.sent_ns = 0
        """When the last request about it left: until it expires it may still act."""
        self.flight_op = Op.PLACE
        self.flight_tick = 0
        """Operation and tick of the last request; a reply to another one is late."""
        self.settle_ns = NEVER_NS
        """From then on an open order proves that the change in progress did not happen."""
        self.resolve_ns = NEVER_NS
        """When to ask the venue, unless something settles the order before."""
        self.updated_ms = 0
        self.seen = False
        self.adopted = False
        self.missing = False
        """A snapshot did not show it while a request of ours was in flight."""
        self.counted_lots = 0

    @property
    def leaves_lots(self) -> int:
        """What still rests."""
        return self.lots - self.cum_lots

    @property
    def worst_lots(self) -> int:
        """Position it can still add: the larger size of an amend, less what is booked.

        Of an ended order it is the filled part whose executions have not arrived yet.
        """
        size = self.cum_lots if self.state >= FIRST_FINAL else max(self.lots, self.pending_lots)
        return max(max(size, self.cum_lots) - self.booked_lots, 0)


def is_leaving(order: Order) -> bool:
    """Its cancel has left and was not refused: the slot may be filled anew."""
    return order.state in (State.CANCELLING, State.CANCELLING_BLIND, State.CANCEL_ACKED)
