"""Is somebody else trading with our prefix? Told from what the venue says about our orders.

A lock keeps a second engine from this host. One on another host is seen by its acts: orders and
executions with our prefix and another epoch that cannot be leftovers, orders of ours cancelled or
moved by no command of ours, and ids that the venue knows already. Whoever notices stops: both do,
so none is left trading on a wrong picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from operator import itemgetter
from typing import Final

from mmfast._core.by_id import IdMemory
from mmfast._core.rows import OrderBlock
from mmfast.ids import EPOCH_SHIFT, ClientIds, epoch_of
from mmfast.messages import (
    AccountSnapshot,
    Batch,
    BatchReply,
    Command,
    Event,
    Execution,
    Op,
    OrderStatus,
    OrderUpdate,
)
from mmfast.units import NOT_OURS

REMEMBERED: Final = 8_192
"""Orders whose commands are remembered; what was commanded of others proves nothing."""
FORGOTTEN: Final = REMEMBERED // 8
"""So many of the oldest that were amended leave at once when there are more: to look for the oldest
of so many takes longer than to remember one."""
PRICES: Final = 64
"""Prices of amends remembered of one order: news may be so many amends late."""
_UNHEARD: Final = -1
"""As the price of an order that no command of ours is remembered of."""
USED_ID_CODES: Final = (110072, 170141, 10014)
USED_ID_REASON: Final = "EC_DuplicatedClOrdID"
_BY_USER: Final = "CancelByUser"
_ON_REQUEST: Final = frozenset(("EC_NoError", "EC_PerCancelRequest", ""))
_CANCELLED: Final = int(OrderStatus.CANCELLED)
_EPOCH_SHIFT: Final = EPOCH_SHIFT
_FINAL: Final = bytes(status.is_final for status in OrderStatus)
SETTLE_MS: Final = 5_000
"""On top of the receive window: what an engine that died before us had under way is settled."""


EXPLANATION: Final = (
    "another engine, or somebody by hand, acts on orders with this prefix: nobody can know what "
    "rests while two decide, so this engine stops"
)

_client_id: Final = itemgetter(Command._fields.index("client_id"))
_price: Final = itemgetter(Command._fields.index("price_ticks"))


class OtherHand:
    """Watches commands and news; each look returns a reason to stop, or "".

    ``venue_ms`` tells the venue's time; news of other epochs count from :meth:`settle` plus the
    receive window on, before that they may be of a dead engine.
    """

    def __init__(self, ids: ClientIds, recv_window_ms: int, venue_ms: Callable[[], int]) -> None:
        self._ids = ids
        self._epoch = ids.epoch
        self._grace_ms = recv_window_ms + SETTLE_MS
        self._venue_ms = venue_ms
        self._alone_since_ms = -1
        self._cancelled = IdMemory(REMEMBERED)
        self._placed = IdMemory(REMEMBERED)
        """The price that an order was placed at."""
        self._amended: dict[int, tuple[int, ...]] = {}
        """Those that its amends have named."""

    def settle(self) -> None:
        """Trading begins: leftovers of earlier runs have been dealt with."""
        if self._alone_since_ms < 0:
            self._alone_since_ms = self._venue_ms() + self._grace_ms

    def sent(self, batches: Iterable[Batch]) -> None:
        """Commands of ours that may have left."""
        for batch in batches:
            if batch.op is Op.CANCEL:
                self.cancelling(batch.commands)
            elif batch.op is Op.PLACE:
                for command in batch.commands:
                    self._placed.put(_client_id(command), _price(command))
            else:
                self._amending(batch.commands)

    def cancelling(self, commands: Iterable[Command]) -> None:
        """Cancels of ours that go another way than the engine's batches."""
        for command in commands:
            self._cancelled.put(_client_id(command), 0)

    def forget_prices(self) -> None:
        """The ticks of an instrument mean other prices from now on, and which orders are of it is
        not known here: price and end of all that were placed before prove nothing."""
        self._placed = IdMemory(REMEMBERED)
        self._amended.clear()

    def _amending(self, amends: Iterable[Command]) -> None:
        """Every price that an order may stand at. Of one that is not remembered any more the
        earlier ones are not known, so news of it go on proving nothing."""
        for amend in amends:
            client_id = _client_id(amend)
            if self._placed.holds(client_id):
                known = self._amended.get(client_id, ())
                self._amended[client_id] = (*known, _price(amend))[-PRICES:]
        if len(self._amended) > REMEMBERED:
            for oldest in list(islice(self._amended, FORGOTTEN)):
                self._forget(oldest)

    def _may_stand_at(self, client_id: int, price_ticks: int) -> bool:
        """A command named this price, or nothing is remembered of the order."""
        first = self._placed.get(client_id, _UNHEARD)
        return first in (price_ticks, _UNHEARD) or price_ticks in self._amended.get(client_id, ())

    def _forget(self, client_id: int) -> bool:
        """An order has ended; whether anything was remembered of it."""
        self._amended.pop(client_id, None)
        return self._placed.forget(client_id)

    def replied(self, reply: BatchReply) -> str:
        """Codes that say an id was used before."""
        if reply.batch.op is Op.PLACE:
            for item in reply.items:
                if item.ret_code in USED_ID_CODES:
                    return self._id_used(item.client_id, f"code {item.ret_code}")
        return ""

    def news(self, event: Event) -> str:
        """One event of the private stream or of a query."""
        if isinstance(event, OrderUpdate):
            return self._update(event)
        if isinstance(event, Execution):
            return self._stranger(event.client_id, event.exec_ms, "traded")
        if isinstance(event, AccountSnapshot):
            for update in event.orders:
                reason = self._stranger(update.client_id, update.updated_ms, "rests")
                if reason:
                    return reason
        return ""

    def rows(self, block: OrderBlock[OrderUpdate]) -> str:
        """The orders of one frame: the first reason that :meth:`news` of their messages gives."""
        first = ""
        for row in range(len(block)):
            reason = self._row(block, row)
            first = first or reason
        return first

    def _row(self, block: OrderBlock[OrderUpdate], row: int) -> str:
        """Nearly all rows say what we commanded; what is said of the others, the message tells."""
        client_id = block.client_id(row)
        if client_id >> _EPOCH_SHIFT != self._epoch or block.reject_reason(row) not in _ON_REQUEST:
            return self._update(block[row])
        status = block.status(row)
        if not _FINAL[status]:
            expected = self._may_stand_at(client_id, block.price_ticks(row))
        elif status == _CANCELLED and not self._cancelled.holds(client_id):
            expected = False
        else:
            self._forget(client_id)
            expected = True
        return "" if expected else self._update(block[row])

    def _update(self, update: OrderUpdate) -> str:
        client_id = update.client_id
        if client_id == NOT_OURS:
            return ""
        if epoch_of(client_id) != self._epoch:
            if update.status.is_final or update.status is OrderStatus.UNKNOWN_STATUS:
                return ""
            return self._stranger(client_id, update.updated_ms, "rests")
        if update.reject_reason == USED_ID_REASON:
            return self._id_used(client_id, USED_ID_REASON)
        if update.status.is_final:
            return self._ended_by(update) if self._forget(client_id) else ""
        if self._may_stand_at(client_id, update.price_ticks):
            return ""
        name = self._ids.text(client_id)
        return f"order {name} stands at a price no command of this engine named"

    def _ended_by(self, update: OrderUpdate) -> str:
        on_request = update.cancel_type == _BY_USER and update.reject_reason in _ON_REQUEST
        is_cancel = update.status is OrderStatus.CANCELLED and on_request
        if not is_cancel or self._cancelled.holds(update.client_id):
            return ""
        return f"order {self._ids.text(update.client_id)} was cancelled, but not by this engine"

    def _stranger(self, client_id: int, venue_ms: int, what: str) -> str:
        if client_id == NOT_OURS or epoch_of(client_id) == self._epoch:
            return ""
        if self._alone_since_ms < 0 or venue_ms <= self._alone_since_ms:
            return ""
        name = self._ids.text(client_id)
        return f"order {name} of another run {what} though no earlier run can have placed it"

    def _id_used(self, client_id: int, how: str) -> str:
        name = self._ids.text(client_id)
        return (
            f"the venue knew order id {name} before it was used ({how}): state was lost or shared"
        )
