"""The inner walls of the venue: what its rooms promise each other.

The exchange (matching, accounts, REST) is one side; market life, market data and websocket
sessions are the other. :class:`mmfast.sim.venue.Venue` joins them.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from mmfast.messages import Side
from mmfast.units import Lots, Ms, Ns, Ticks


class Print(NamedTuple):
    """One public trade: ``side`` is the taker's, ``number`` counts trades of the venue."""

    instrument: int
    side: Side
    price_ticks: Ticks
    lots: Lots
    number: int
    seq: int
    venue_ms: Ms


class FlowMarket(Protocol):
    """What market life may do: anonymous house orders, no account, no fees, no limits.

    ``instrument`` is the position in ``VenueParams.symbols``.
    """

    def submit(
        self,
        instrument: int,
        side: Side,
        price_ticks: int,
        lots: int,
        *,
        post_only: bool,
        ioc: bool,
    ) -> int:
        """Enter a limit order; returns its house number, or 0 when nothing of it rests."""
        ...

    def withdraw(self, instrument: int, number: int) -> bool:
        """Take a house order out; False when it is already gone."""
        ...

    def house_lots(self, instrument: int, number: int) -> int:
        """What still rests of a house order (0: gone)."""
        ...

    def best(self, instrument: int, side: Side) -> Ticks:
        """Best price of a side over all orders, 0 when empty."""
        ...

    def set_reference(self, instrument: int, index_ticks: int, mark_ticks: int) -> None:
        """Move the index and mark price."""
        ...


class BookView(Protocol):
    """What market data may read of one instrument's book."""

    seq: int
    """Matching-engine sequence: grows with every change of any book."""
    changed_ms: Ms
    """Engine time of the last change of this book."""

    def levels(self, side: Side, count: int) -> list[tuple[Ticks, Lots]]:
        """Aggregated levels from the best outwards."""
        ...

    def window(self, side: Side, count: int) -> dict[int, int]:
        """The same levels, lots by ticks, in any order."""
        ...

    def version(self) -> int:
        """Grows with each change of this book; equal versions mean an equal book."""
        ...

    def side_version(self, side: Side) -> int:
        """The same of one side."""
        ...

    def touched(self, side: Side, since: int) -> dict[int, int] | None:
        """Lots by ticks (0: none left) of the prices of a side that changed after its version
        was ``since``; None when that is too long ago to tell."""
        ...


class PrivateSink(Protocol):
    """Where the exchange puts private events; the sessions deliver them."""

    def private(self, uid: int, root: str, category: str, rows: list[dict[str, object]]) -> None:
        """``root`` is ``order``, ``execution``, ``position`` or ``wallet``. One stream message
        with these rows, for every private connection of ``uid`` subscribed to it."""
        ...


class Flow(Protocol):
    """Market life: seeded participants, or a recording."""

    def seed_books(self, market: FlowMarket, now_ns: int) -> None:
        """Fill the books and set the reference prices; called once, before the first step."""
        ...

    def next_due_ns(self) -> Ns:
        """When :meth:`step` wants to run next (a very large number: never)."""
        ...

    def step(self, now_ns: int, market: FlowMarket) -> None:
        """Do everything due at or before ``now_ns``, in time order."""
        ...


class Topics(Protocol):
    """What a public socket needs of its topics."""

    def known(self, topic: str) -> bool:
        """True for a topic this venue serves."""
        ...

    def watch(self, topic: str, now_ns: int) -> None:
        """One more subscriber of a known topic: only watched topics cost anything."""
        ...

    def unwatch(self, topic: str) -> None:
        """One subscriber less."""
        ...

    def snapshot(self, topic: str, now_ns: int) -> bytes | None:
        """The first message for a new subscriber of a watched topic; None where there is none."""
        ...
