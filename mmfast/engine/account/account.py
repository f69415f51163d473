"""The account: what replies, streams and queries tell about our orders and our money."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from mmfast._core.rows import OrderBlock
from mmfast.engine.account.outcomes import Outcomes
from mmfast.engine.counters import Counters
from mmfast.engine.orders.inventory import Inventory
from mmfast.engine.orders.order import Change, Order
from mmfast.engine.orders.order_states import State
from mmfast.engine.orders.orders import OrderTable
from mmfast.engine.outbox import Outbox
from mmfast.engine.risk.holds import Holds
from mmfast.engine.risk.permits import Permits
from mmfast.engine.risk.throttle import FillThrottle
from mmfast.engine.rotation import Rotation
from mmfast.messages import (
    AccountSnapshot,
    BatchReply,
    Execution,
    Instrument,
    OrderAbsent,
    OrderStatus,
    OrderUpdate,
    Severity,
)
from mmfast.units import NOT_OURS, NS_PER_S

BOOKING_NS: Final = 5 * NS_PER_S
"""An ended order may wait so long for its executions before the account is read for them."""
BOOKING_READS: Final = 3
"""After so many readings that did not bring them, the positions read are believed instead."""
_UNREMARKABLE: Final = frozenset(("", "EC_NoError", "EC_PerCancelRequest"))
"""Words of the venue for "nothing was refused"."""
_OURS_TO_END: Final = tuple(
    state in (State.CANCELLING, State.CANCELLING_BLIND, State.CANCEL_ACKED, State.UNKNOWN)
    for state in State
)
"""By state: an order cancelled in it may have been cancelled by us."""
_NOT_OURS: Final = int(NOT_OURS)
_UNKNOWN: Final = int(State.UNKNOWN)
_CANCELLED: Final = int(State.CANCELLED)
_REJECTED: Final = int(State.REJECTED)


class Account:
    """Keeps the order table and the inventory true, and says what follows from each event:
    dirty marks, questions to the venue, holds, alerts and counts."""

    __slots__ = (
        "_booking_ns",
        "_booking_reads",
        "_counters",
        "_dirty",
        "_holds",
        "_instruments",
        "_inventory",
        "_orders",
        "_outbox",
        "_outcomes",
        "_permits",
        "acks",
        "ask_all",
        "fills",
    )

    def __init__(
        self,
        instruments: tuple[Instrument, ...],
        orders: OrderTable,
        inventory: Inventory,
        counters: Counters,
        outbox: Outbox,
        dirty: Rotation,
        holds: Holds,
        permits: Permits,
    ) -> None:
        self._instruments = instruments
        self._orders = orders
        self._inventory = inventory
        self._counters = counters
        self._outbox = outbox
        self._dirty = dirty
        self._holds = holds
        self._permits = permits
        self._booking_ns = 0
        self._booking_reads = 0
        self._outcomes = Outcomes(instruments, orders, counters, outbox, dirty, holds)
        self.acks = self._outcomes.acks
        self.fills = FillThrottle(len(instruments))
        self.ask_all = False
        """Ask about accepted requests that no stream confirms. While the private stream is
        down that is pointless, the snapshot after it tells all at once; unless we are to stop."""

    def on_reply(self, reply: BatchReply, now_ns: int) -> None:
        """Outcomes of one batch."""
        self._outcomes.on_reply(reply, now_ns)
        self.ask_due(now_ns)

    # -- the private stream, and queries --------------------------------------------------

    def on_update(self, update: OrderUpdate, now_ns: int) -> None:
        """One order as the venue sees it."""
        if update.client_id == NOT_OURS:
            self._counters.foreign_events += 1
            return
        change = self._orders.on_update(update, now_ns)
        if change is None:
            self._on_stranger(update, now_ns)
            return
        self._watch_refusal(change.order, change.before_code, update.reject_reason, now_ns)
        self._follow(change)
        if update.status is OrderStatus.UNKNOWN_STATUS:
            self._ask(change.order)
        self.ask_due(now_ns)

    def on_row(self, block: OrderBlock[OrderUpdate], row: int, now_ns: int) -> None:
        """One order of a frame: the same as :meth:`on_update` of its message, without making it."""
        client_id = block.client_id(row)
        if client_id == _NOT_OURS:
            self._counters.foreign_events += 1
            return
        order = self._orders.get(client_id)
        if order is None:
            self._on_stranger(block[row], now_ns)
            return
        before = self._orders.on_row(order, block, row, now_ns)
        self._watch_refusal(order, before, block.reject_reason(row), now_ns)
        self._outcomes.moved(order, before)
        self.ask_due(now_ns)

    def _watch_refusal(self, order: Order, before: int, reason: str, now_ns: int) -> None:
        """Refused after an ack (post-only, say), or ended by somebody else's hand."""
        after = order.code
        if after not in (_CANCELLED, _REJECTED):
            return
        if reason not in _UNREMARKABLE:
            self._counters.count_reason(reason)
        if not _OURS_TO_END[before]:
            self._holds.refuse(order.instrument, now_ns)
        self._counters.orders_rejected += after == _REJECTED

    def _on_stranger(self, update: OrderUpdate, now_ns: int) -> None:
        """An own order that the table does not know: late news of an ended one, or a zombie."""
        if update.status.is_final:
            if update.cum_lots:
                self._watch_end(update.client_id, update.instrument)
            return
        # A word that we do not know may well mean "resting".
        if update.lots <= update.cum_lots or self._orders.endings.is_late(update):
            return
        order = self._orders.adopt(update, now_ns)
        self._counters.zombies += 1
        self._dirty.mark(order.instrument)
        self._outbox.alert(
            Severity.WARNING,
            "zombie_order",
            f"{self._instruments[order.instrument].symbol}: our order {update.link_id} rests at "
            f"the venue though it was taken for ended or never seen; it is cancelled at once",
        )

    def _watch_end(self, client_id: int, instrument: int) -> None:
        """The venue tells of a fill of an order that is not in the table. One that it has
        called ended itself may have late fills; one that was proved never to have lived not."""
        if not self._orders.endings.is_presumed(client_id):
            return
        self._counters.zombies += 1
        self._outbox.raise_once(
            f"zombie fill {instrument}",
            Severity.ERROR,
            "zombie_fill",
            f"{self._instruments[instrument].symbol}: order {client_id:#x} was proved never to "
            "have lived, or to be gone, and yet the venue tells of a fill; the position is the "
            "venue's, but the proof was wrong: report this with the journal",
        )

    def on_execution(self, execution: Execution, now_ns: int) -> None:
        """One trade of the account, whoever's order it was."""
        if not self._inventory.is_new(execution):
            return
        self._inventory.book(execution)
        self._dirty.mark(execution.instrument)
        client_id = execution.client_id or self._orders.id_of_venue_order(execution.venue_id)
        if client_id == NOT_OURS:
            self._counters.foreign_events += 1
            return
        if execution.lots <= 0:
            return
        self._counters.fills += 1
        self._watch_fills(execution, now_ns)
        change = self._orders.on_execution(client_id, execution.lots, now_ns)
        if change is not None:
            self._follow(change)
        else:
            self._watch_end(client_id, execution.instrument)

    def _watch_fills(self, execution: Execution, now_ns: int) -> None:
        """Fills from before the first reading of the account are history, and so are those that
        cross the cancels of a halt."""
        if not self._inventory.synced or self._permits.halted:
            return
        index = execution.instrument
        symbol = self._instruments[index].symbol
        if reason := self.fills.passed(symbol, index, execution.side, now_ns):
            self._permits.stop(reason)
            self._dirty.mark_all()

    def on_absent(self, absent: OrderAbsent, now_ns: int) -> None:
        """Proof that the venue has no such order."""
        change = self._orders.on_absent(absent.client_id, now_ns)
        if change is not None:
            self._follow(change)

    def on_snapshot(self, snapshot: AccountSnapshot, now_ns: int) -> None:
        """Merge the venue's truth as of a reading that began at ``asked_ns``.

        Executions count as any others. The first snapshot sets the positions before them (they
        contain them); later ones check what ours have come to after them.
        """
        first = not self._inventory.synced
        if first:
            self._take_positions(snapshot, first)
        for execution in sorted(snapshot.executions, key=lambda e: (e.seq, e.exec_ms)):
            self.on_execution(execution, now_ns)
        if not first:
            self._take_positions(snapshot, first)
        self._inventory.synced = True
        self._take_orders(snapshot, now_ns)
        self._dirty.mark_all()
        self.ask_due(now_ns)

    def _take_positions(self, snapshot: AccountSnapshot, first: bool) -> None:
        for claim in snapshot.positions:
            before = self._inventory.lots(claim.instrument)
            if self._inventory.adopt(claim) and not first:
                self._outbox.alert(
                    Severity.WARNING,
                    "position_corrected",
                    f"{self._instruments[claim.instrument].symbol}: expected a position of "
                    f"{before} lots, the venue has {claim.lots} (sequence {claim.seq}); "
                    "the venue's figure is used",
                )

    def _take_orders(self, snapshot: AccountSnapshot, now_ns: int) -> None:
        present: set[int] = set()
        traded: dict[int, int] = {}
        for execution in snapshot.executions:
            traded[execution.client_id] = traded.get(execution.client_id, 0) + execution.lots
        for update in snapshot.orders:
            present.add(update.client_id)
            if self._orders.get(update.client_id) is not None:
                self.on_update(replace(update, asked_ns=snapshot.asked_ns), now_ns)
            elif update.client_id != NOT_OURS:
                self._adopt(update, now_ns)
                self._orders.credit(update.client_id, traded.get(update.client_id, 0))
        for order in list(self._orders):
            if order.client_id not in present and order.sent_ns < snapshot.asked_ns:
                self._follow(self._orders.on_missing(order, now_ns))

    def _adopt(self, update: OrderUpdate, now_ns: int) -> None:
        """A leftover of an earlier run. Of this run it can only be late, or a zombie."""
        if update.client_id in self._orders.endings:
            self._on_stranger(update, now_ns)
        elif not update.status.is_final:
            self._orders.adopt(update, now_ns)

    # -- time -----------------------------------------------------------------------------

    def ask_due(self, now_ns: int) -> None:
        """Questions about orders that nothing has settled in time."""
        if now_ns < self._orders.next_resolve_ns:
            return
        for order in self._orders.due_for_resolve(now_ns):
            self._inventory.doubts.see(order, now_ns)
            if self.ask_all or order.code == _UNKNOWN:
                self._ask(order)

    def check_books(self, now_ns: int) -> None:
        """Is our account book the venue's? If not for too long, read it again."""
        for instrument in self._inventory.disagreements(now_ns):
            symbol = self._instruments[instrument].symbol
            self._outbox.read_account(f"position of {symbol} differs from the venue's")
        if not self._orders.unbooked():
            self._booking_ns = now_ns + BOOKING_NS
            self._booking_reads = 0
        elif now_ns >= self._booking_ns:
            self._booking_ns = now_ns + BOOKING_NS
            self._await_bookings()

    def _await_bookings(self) -> None:
        """Executions of ended orders are overdue: read the account, at last do without them."""
        self._booking_reads += 1
        if self._booking_reads <= BOOKING_READS:
            self._outbox.read_account("fills of ended orders have no executions yet")
            return
        lots = self._orders.forgive_unbooked()
        self._outbox.alert(
            Severity.WARNING,
            "executions_missing",
            f"expected executions for {lots} filled lots of ended orders, found none in "
            f"{BOOKING_READS} readings of the account; its positions are believed as they are",
        )

    # -- inside ---------------------------------------------------------------------------

    def _ask(self, order: Order) -> None:
        self._outbox.resolve(order.client_id, order.instrument, order.sent_ns)

    def _follow(self, change: Change) -> None:
        self._outcomes.moved(change.order, change.before_code)
