"""An account's orders and fills, found by id, by client id, by instrument, newest first.

Open orders are complete. What is closed is kept as far as memory allows: the newest
``CLOSED_KEPT`` orders of each category and ``FILLS_KEPT`` fills. Client ids are remembered for
ever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from mmfast.messages import Category, Instrument
from mmfast.sim.orders.orders import Fill, Order

CLOSED_KEPT: Final = 10_000
FILLS_KEPT: Final = 10_000
RECENT_CLOSED: Final = 500
"""How many closed orders of a category ``order/realtime`` remembers."""

_HEX: Final = frozenset("0123456789abcdef")


class LinkIds:
    """Every client id ever used.

    Ids that count up in hexadecimal (most do) cost one bit each: all ids that share everything
    but the last three digits are one 4096-bit integer. Others are kept as they are.
    """

    __slots__ = ("_counted", "_odd")

    def __init__(self) -> None:
        self._counted: dict[str, int] = {}
        self._odd: set[str] = set()

    def __contains__(self, link_id: str) -> bool:
        tail = link_id[-3:]
        if len(tail) == 3 and _HEX.issuperset(tail):
            return bool(self._counted.get(link_id[:-3], 0) >> int(tail, 16) & 1)
        return link_id in self._odd

    def add(self, link_id: str) -> None:
        """Remember an id."""
        tail = link_id[-3:]
        if len(tail) == 3 and _HEX.issuperset(tail):
            head = link_id[:-3]
            self._counted[head] = self._counted.get(head, 0) | 1 << int(tail, 16)
        else:
            self._odd.add(link_id)


class Blotter:
    """Orders and fills of one account."""

    __slots__ = ("_by_id", "_by_link", "_categories", "_closed", "_open", "fills", "link_ids")

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._categories = tuple(instrument.category for instrument in instruments)
        self._by_id: dict[str, Order] = {}
        self._by_link: dict[str, Order] = {}
        self._open: tuple[dict[int, Order], ...] = tuple({} for _ in instruments)
        self._closed: dict[Category, deque[Order]] = {category: deque() for category in Category}
        self.fills: deque[Fill] = deque(maxlen=FILLS_KEPT)
        self.link_ids = LinkIds()

    def open(self, order: Order) -> None:
        """Take in a new order; its client id is used from now on."""
        self._by_id[order.order_id] = order
        self._open[order.instrument][order.number] = order
        if order.link_id:
            self._by_link[order.link_id] = order
            self.link_ids.add(order.link_id)

    def close(self, order: Order) -> None:
        """An open order came to its end."""
        del self._open[order.instrument][order.number]
        closed = self._closed[self._categories[order.instrument]]
        closed.append(order)
        if len(closed) > CLOSED_KEPT:
            oldest = closed.popleft()
            del self._by_id[oldest.order_id]
            # A newer order may have taken the client id over, where the venue forgets ids.
            if self._by_link.get(oldest.link_id) is oldest:
                del self._by_link[oldest.link_id]

    def find(self, order_id: str, link_id: str) -> Order | None:
        """An order, open or remembered; the venue's id wins when both are given."""
        if order_id:
            return self._by_id.get(order_id)
        return self._by_link.get(link_id)

    def is_taken(self, link_id: str, *, forever: bool) -> bool:
        """True when a client id may not be used again: it ever was, or its order is open."""
        if forever:
            return link_id in self.link_ids
        order = self._by_link.get(link_id)
        return order is not None and order.is_open

    def open_count(self, instruments: Iterable[int]) -> int:
        """How many orders are open on these instruments."""
        return sum(len(self._open[instrument]) for instrument in instruments)

    def has_open(self) -> bool:
        """True while any order is open."""
        return any(self._open)

    def open_orders(self, instrument: int | None = None) -> list[Order]:
        """Open orders of one instrument, or of all, oldest first."""
        if instrument is not None:
            return list(self._open[instrument].values())
        every = [order for orders in self._open for order in orders.values()]
        every.sort(key=_number)
        return every

    def recent_closed(self, category: Category) -> Iterator[Order]:
        """The last closed orders ``order/realtime`` still shows, newest end first."""
        return islice(reversed(self._closed[category]), RECENT_CLOSED)

    def closed_orders(self, category: Category, wanted: Callable[[Order], bool]) -> list[Order]:
        """All remembered closed orders for which ``wanted`` holds, oldest first."""
        chosen = [order for order in self._closed[category] if wanted(order)]
        chosen.sort(key=_number)
        return chosen


def _number(order: Order) -> int:
    return order.number
