"""How orders ended and changes failed, and on what evidence; what may be said afterwards."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from mmfast._core.by_id import IdMemory
from mmfast._core.tuples import named
from mmfast.engine.orders.order import Order, bit_of
from mmfast.engine.orders.order_states import Event, State
from mmfast.messages import Op, OrderStatus, OrderUpdate, Outcome
from mmfast.units import NEVER_NS

REMEMBERED: Final = 1 << 13
"""Ended orders remembered. Older ones that turn up again are strangers, and are cancelled."""
MAX_UNTOLD: Final = 1 << 12
"""Outcomes that wait to be taken; more than one loop turn can bring."""


class Evidence(IntEnum):
    """What the final outcome of an order, or of a change of one, rests on."""

    REPLY = 0
    """The reply to the request: a return code in the table of proven refusals."""
    NOTHING_SENT = 1
    """No byte of its create reached a connected socket."""
    REPORT = 2
    """The venue's own report of the end, from the private stream or from a query. Of a change:
    the unchanged report of the order, after the request could no longer act."""
    SEARCHES = 3
    """Two searches by id that found nothing, after no request about it could act any more."""


EVIDENCE_OF: Final = {
    Event.REFUSED: Evidence.REPLY,
    Event.UNSENT: Evidence.NOTHING_SENT,
    Event.FILLED: Evidence.REPORT,
    Event.CANCELLED: Evidence.REPORT,
    Event.REJECTED: Evidence.REPORT,
    Event.ABSENT: Evidence.SEARCHES,
    Event.VANISHED: Evidence.SEARCHES,
}
"""Every event of the order table that leads to a final, and nothing else does."""
_EVIDENCE: Final = tuple(EVIDENCE_OF.get(event) for event in Event)
_STATES: Final = tuple(State)
_REPORT: Final = Evidence.REPORT
_FILLED: Final = int(Event.FILLED)
_PLACE: Final = int(Op.PLACE)
_AMEND: Final = int(Op.AMEND)
_NOT_SENT: Final = int(Outcome.NOT_SENT)
_LOCAL_REJECT: Final = int(Outcome.LOCAL_REJECT)
_MAX_UNTOLD: Final = MAX_UNTOLD
_PRESUMED: Final = -1
_UNHEARD: Final = -2
_NEVER_MS: Final = NEVER_NS


class Ending(NamedTuple):
    """The final outcome of one order; ``cum_lots`` is what of it was filled."""

    client_id: int
    end: State
    evidence: Evidence
    cum_lots: int


class Refusal(NamedTuple):
    """An amend or a cancel that did not happen; its order is still open as far as is known."""

    client_id: int
    op: Op
    evidence: Evidence


class Endings:
    """The ended orders of this run: each final once, and a memory that tells late news of them
    from a zombie."""

    __slots__ = ("_horizons", "_untold")

    def __init__(self) -> None:
        self._horizons = IdMemory(REMEMBERED)
        self._untold: list[Ending | Refusal] = []

    def __contains__(self, client_id: int) -> bool:
        return self.has_ended(client_id)

    def has_ended(self, client_id: int) -> bool:
        """It did, as far as is remembered."""
        return self._horizons.holds(client_id)

    def note(self, order: Order, event: int) -> None:
        """An order has ended by an event."""
        evidence = _EVIDENCE[event]
        assert evidence is not None  # noqa: S101 - no other event leads to a final
        horizon_ms = _PRESUMED
        if event == _FILLED:
            horizon_ms = _NEVER_MS  # a filled order cannot rest, so all reports of it are late
        elif evidence is _REPORT:
            horizon_ms = order.updated_ms
        self._horizons.put(order.client_id, horizon_ms)
        if len(self._untold) < _MAX_UNTOLD:
            end = _STATES[order.code]
            facts = (order.client_id, end, evidence, order.cum_lots)
            self._untold.append(named(Ending, facts))

    def declined(self, order: Order, op: int, outcome: int) -> None:
        """A request has not happened: refused by its reply, or it never left."""
        if op == _PLACE:
            return  # that is an ending
        order.undecided &= ~bit_of(op)
        if op == _AMEND:
            order.pending_lots = order.pending_price_ticks = 0
        if outcome not in (_NOT_SENT, _LOCAL_REJECT):
            self._refused(order, bit_of(op), Evidence.REPLY)

    def undone(self, order: Order) -> None:
        """Its last report has proved that changes of it have not happened."""
        self._refused(order, order.undone, _REPORT)
        order.undone = 0

    def _refused(self, order: Order, ops: int, evidence: Evidence) -> None:
        for op in (Op.AMEND, Op.CANCEL):
            if ops & bit_of(op) and len(self._untold) < _MAX_UNTOLD:
                self._untold.append(Refusal(order.client_id, op, evidence))

    def take(self) -> list[Ending | Refusal]:
        """The outcomes since the last call."""
        untold = self._untold
        if untold:
            self._untold = []
        return untold

    def is_late(self, update: OrderUpdate) -> bool:
        """A report of an order that ended by the venue's own later word. A word that we do not
        know is no news of an order that the venue itself has called ended."""
        horizon_ms = self._horizons.get(update.client_id, _UNHEARD)
        if horizon_ms == _UNHEARD:
            return False
        if update.status is OrderStatus.UNKNOWN_STATUS:
            return horizon_ms != _PRESUMED
        return update.updated_ms <= horizon_ms

    def is_presumed(self, client_id: int) -> bool:
        """It ended, but not by the venue's own report of it: a trade would prove that wrong."""
        return self._horizons.get(client_id, _UNHEARD) == _PRESUMED
