"""Doubts: since when our picture of an instrument has not been the venue's, as far as we know.

An order of which nobody knows what became, a request that was accepted and is never shown, a
position that differs from the venue's figure: each counts at full size from its first instant, and
most are settled in seconds. What is not is no ground to build on: beyond a limit the instrument
only shrinks what it has, until all of it is settled. (While the private stream is down, or the
account was not read after it, the whole engine is SYNCING: that doubt needs no limit.)
"""

from __future__ import annotations

from typing import Final

from mmfast.engine.orders.order import Order
from mmfast.engine.orders.order_states import State
from mmfast.units import NEVER_NS, NS_PER_MS

_UNKNOWN: Final = int(State.UNKNOWN)
_UNSHOWN: Final = (int(State.PLACED), int(State.AMENDED), int(State.CANCEL_ACKED))
_NEVER_NS: Final = NEVER_NS


class Doubt:
    """One order, as it stood when the doubt about it began: any other state settles it."""

    __slots__ = ("code", "order", "settle_ns", "since_ns")

    def __init__(self, order: Order, since_ns: int) -> None:
        self.order = order
        self.code = order.code
        self.settle_ns = order.settle_ns
        self.since_ns = since_ns

    def lasts(self) -> bool:
        """Nothing has become known of the order since. ``settle_ns`` is set anew with each
        request, so a second doubt in the same state is not taken for the first."""
        order = self.order
        return order.code == self.code and order.settle_ns == self.settle_ns


class Doubts:
    """Of all instruments. Holds what is in doubt and nothing else, so asking costs nothing in
    quiet times."""

    __slots__ = ("_disputes", "_limit_ns", "_orders")

    def __init__(self) -> None:
        self._limit_ns = 0
        self._orders: dict[int, dict[int, Doubt]] = {}
        """By instrument, then by client id."""
        self._disputes: dict[int, int] = {}
        """Instruments whose position differs, and since when."""

    def set_limit(self, ms: int) -> None:
        """So long a doubt may last before it counts; 0: any time."""
        self._limit_ns = ms * NS_PER_MS

    def see(self, order: Order, now_ns: int) -> None:
        """An order that the venue is to be asked about. One in the dark is in doubt from now, one
        that was accepted and not shown from when its request left."""
        code = order.code
        if code == _UNKNOWN:
            since_ns = now_ns
        elif code in _UNSHOWN:
            since_ns = order.sent_ns
        else:
            return
        rows = self._orders.setdefault(order.instrument, {})
        known = rows.get(order.client_id)
        if known is None or not known.lasts():
            rows[order.client_id] = Doubt(order, since_ns)

    def dispute(self, instrument: int, now_ns: int) -> None:
        """Our position is not the venue's."""
        self._disputes.setdefault(instrument, now_ns)

    def agree(self, instrument: int) -> None:
        """It is again."""
        self._disputes.pop(instrument, None)

    def disputed(self) -> list[int]:
        """Instruments whose position differs from the venue's last word."""
        return sorted(self._disputes)

    def since_ns(self, instrument: int) -> int:
        """When the oldest doubt about an instrument began; far in the future for none."""
        since_ns = self._disputes.get(instrument, _NEVER_NS)
        rows = self._orders.get(instrument)
        if rows is None:
            return since_ns
        for client_id in list(rows):
            doubt = rows[client_id]
            if doubt.lasts():
                since_ns = min(since_ns, doubt.since_ns)
            else:
                del rows[client_id]
        if not rows:
            del self._orders[instrument]
        return since_ns

    def too_long(self, instrument: int, now_ns: int) -> bool:
        """A doubt about it has lasted longer than the limit."""
        if self._limit_ns == 0 or not (self._orders or self._disputes):
            return False
        return now_ns - self.since_ns(instrument) > self._limit_ns

    def late(self, now_ns: int) -> list[int]:
        """All instruments of which that is so."""
        known = sorted({**self._orders, **self._disputes})
        return [index for index in known if self.too_long(index, now_ns)]
