"""Is somebody else trading with our prefix? Told from what the venue says about our orders.

A lock keeps a second engine from this host. One on another host is seen by its acts: orders and
executions with our prefix and another epoch that cannot be leftovers, orders of ours cancelled or
moved by no command of ours, and ids that the venue knows already. Whoever notices stops: both do,
so none is left trading on a wrong picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from operator import itemgetter
from typing import Final, TypeVar

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
"""So many of the oldest leave at once when there are more: to look for the oldest of so many takes
longer than to remember one."""
PRICES: Final = 64
"""Prices remembered of one order: news may be so many amends late."""
USED_ID_CODES: Final = (110072, 170141, 10014)
USED_ID_REASON: Final = "EC_DuplicatedClOrdID"
_BY_USER: Final = "CancelByUser"
_ON_REQUEST: Final = frozenset(("EC_NoError", "EC_PerCancelRequest", ""))
_CANCELLED: Final = int(OrderStatus.CANCELLED)
_EPOCH_SHIFT: Final = EPOCH_SHIFT
_FINAL: Final = tuple(status.is_final for status in OrderStatus)
SETTLE_MS: Final = 5_000
"""On top of the receive window: what an engine that died before us had under way is settled."""


EXPLANATION: Final = (
    "another engine, or somebody by hand, acts on orders with this prefix: nobody can know what "
    "rests while two decide, so this engine stops"
)

ValueT = TypeVar("ValueT")

_client_id: Final = itemgetter(Command._fields.index("client_id"))
_price: Final = itemgetter(Command._fields.index("price_ticks"))


def _remember(
    memory: dict[int, ValueT], news: Mapping[int, ValueT] | Iterable[tuple[int, ValueT]]
) -> None:
    """What was commanded, by order id; the oldest leave when it is full."""
    memory.update(news)
    if len(memory) > REMEMBERED:
        for client_id in list(islice(memory, FORGOTTEN)):
            del memory[client_id]


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
        self._cancelled: dict[int, None] = {}
        self._prices: dict[int, tuple[int, ...]] = {}

    def settle(self) -> None:
        """Trading begins: leftovers of earlier runs have been dealt with."""
        if self._alone_since_ms < 0:
            self._alone_since_ms = self._venue_ms() + self._grace_ms

    def sent(self, batches: Iterable[Batch]) -> None:
        """Commands of ours that may have left."""
        for batch in batches:
            client_ids = map(_client_id, batch.commands)
            if batch.op is Op.CANCEL:
                _remember(self._cancelled, dict.fromkeys(client_ids))
            elif batch.op is Op.PLACE:
                # No id is placed twice, so none of them is known.
                prices = zip(map(_price, batch.commands), strict=True)
                _remember(self._prices, zip(client_ids, prices, strict=True))
            else:
                self._amending(batch.commands)

    def cancelling(self, commands: Iterable[Command]) -> None:
        """Cancels of ours that go another way than the engine's batches."""
        _remember(self._cancelled, dict.fromkeys(map(_client_id, commands)))

    def forget_prices(self) -> None:
        """The ticks of an instrument mean other prices from now on, and which orders are of it is
        not known here: price and end of all that were placed before prove nothing."""
        self._prices.clear()

    def _amending(self, amends: Iterable[Command]) -> None:
        """Every price that an order may stand at. Of one that is not remembered any more the
        earlier ones are not known, so news of it go on proving nothing."""
        for amend in amends:
            known = self._prices.get(amend.client_id)
            if known is not None:
                self._prices[amend.client_id] = (*known, amend.price_ticks)[-PRICES:]

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
        number = block.client_id(row)
        if number >> _EPOCH_SHIFT != self._epoch or block.reject_reason(row) not in _ON_REQUEST:
            return self._update(block[row])
        client_id = number
        status = block.status(row)
        if not _FINAL[status]:
            prices = self._prices.get(client_id)
            expected = prices is None or block.price_ticks(row) in prices
        elif status == _CANCELLED and client_id not in self._cancelled:
            expected = False
        else:
            self._prices.pop(client_id, None)
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
            prices = self._prices.pop(client_id, None)
            return "" if prices is None else self._ended_by(update)
        prices = self._prices.get(client_id)
        if prices is None or update.price_ticks in prices:
            return ""
        name = self._ids.text(client_id)
        return f"order {name} stands at a price no command of this engine named"

    def _ended_by(self, update: OrderUpdate) -> str:
        on_request = update.cancel_type == _BY_USER and update.reject_reason in _ON_REQUEST
        is_cancel = update.status is OrderStatus.CANCELLED and on_request
        if not is_cancel or update.client_id in self._cancelled:
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
