"""One own order: what is known of it, what is in the air, what it may still cost."""

from __future__ import annotations

from typing import Final

from mmfast.engine.orders.draft import Draft
from mmfast.engine.orders.order_states import State, is_final
from mmfast.messages import Flag, Op
from mmfast.units import NEVER_NS, Slot

NO_SLOT: Final = Slot(-1)
"""Seat of an order that only waits for its end: replaced, adopted, or a zombie."""
NOT_COUNTED: Final = -1
"""As the value of an order that no sum contains yet."""
_STATES: Final = tuple(State)
_PLACING: Final = int(State.PLACING)
_CANCELLING: Final = int(State.CANCELLING)
_CANCELLING_BLIND: Final = int(State.CANCELLING_BLIND)
_CANCEL_ACKED: Final = int(State.CANCEL_ACKED)
_PLACE: Final = int(Op.PLACE)
_REDUCE_ONLY: Final = int(Flag.REDUCE_ONLY)
_NEVER_NS: Final = NEVER_NS
_NOT_COUNTED: Final = NOT_COUNTED


def bit_of(op: int) -> int:
    """An operation in a set of operations."""
    return 1 << op


class Order:
    """One own order. ``lots`` is its total size, ``cum_lots`` what is known to be filled."""

    __slots__ = (
        "adopted",
        "booked_lots",
        "client_id",
        "code",
        "counted_e8",
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
        "reduces",
        "resolve_ns",
        "seen",
        "sent_ns",
        "settle_ns",
        "side",
        "slot",
        "undecided",
        "undone",
        "updated_ms",
        "venue_id",
    )

    def __init__(
        self, client_id: int, slot: int, instrument: int, side: int, price_ticks: int, lots: int
    ) -> None:
        self.begin(client_id, slot, instrument, side, price_ticks, lots)

    def begin(
        self, client_id: int, slot: int, instrument: int, side: int, price_ticks: int, lots: int
    ) -> None:
        """What a new one is; said once, at its making."""
        self.client_id = client_id
        self.slot = slot
        self.instrument = instrument
        self.side = side
        self.price_ticks = price_ticks
        self.lots = lots
        self.code = _PLACING
        """Its :class:`State`, as a plain integer for those in a hurry."""
        self.cum_lots = 0
        self.booked_lots = 0
        """Filled size whose executions have moved the position."""
        self.pending_price_ticks = 0
        self.pending_lots = 0
        """What an undecided amend asks for; 0 when there is none."""
        self.venue_id = ""
        self.reduces = False
        """The venue keeps it within the position for as long as it rests."""
        self.sent_ns = 0
        """When the last request about it left: until it expires it may still act."""
        self.flight_op = _PLACE
        self.undecided = 0
        """Amends and cancels that left and of which nothing is proved yet; :func:`bit_of` each."""
        self.undone = 0
        """Those of them that the last report has proved not to have happened."""
        self.flight_tick = 0
        """Operation and tick of the last request; a reply to another one is late."""
        self.settle_ns = _NEVER_NS
        """From then on an open order proves that the change in progress did not happen."""
        self.resolve_ns = _NEVER_NS
        """When to ask the venue, unless something settles the order before."""
        self.updated_ms = 0
        self.seen = False
        self.adopted = False
        self.missing = False
        """A snapshot did not show it while a request of ours was in flight."""
        self.counted_lots = 0
        self.counted_e8 = _NOT_COUNTED
        """What the table's sums contain of it."""

    @property
    def state(self) -> State:
        """Where it stands."""
        return _STATES[self.code]

    @property
    def leaves_lots(self) -> int:
        """What still rests."""
        return self.lots - self.cum_lots

    def worst_lots(self) -> int:
        """Position it can still add: the larger size of an amend, less what is booked.

        Of an ended order it is the filled part whose executions have not arrived yet.
        """
        size = self.cum_lots if is_final(self.code) else max(self.lots, self.pending_lots)
        return max(max(size, self.cum_lots) - self.booked_lots, 0)

    def is_leaving(self) -> bool:
        """Its cancel has left and was not refused: the slot may be filled anew."""
        code = self.code
        return code in (_CANCELLING, _CANCELLING_BLIND, _CANCEL_ACKED)


def placed(draft: Draft) -> Order:
    """A new order, as the command that is to leave wants it."""
    order: Order = Order.__new__(Order)
    order.begin(
        draft.client_id,
        draft.slot,
        draft.instrument,
        draft.side,
        draft.price_ticks,
        draft.lots,
    )
    order.reduces = draft.flags & _REDUCE_ONLY != 0
    return order


class Change:
    """What an event did to an order. ``before == after`` when it moved nothing; the codes are
    the same states as plain integers."""

    __slots__ = ("after_code", "before_code", "order")

    order: Order
    before_code: int
    after_code: int

    @property
    def before(self) -> State:
        """The state that met the event."""
        return _STATES[self.before_code]

    @property
    def after(self) -> State:
        """The state that followed."""
        return _STATES[self.after_code]


def changed(order: Order, before_code: int) -> Change:
    """What has become of an order that stood there. A call of the class itself would cost more
    than all that is done with the result."""
    change = Change.__new__(Change)
    change.order = order
    change.before_code = before_code
    change.after_code = order.code
    return change
