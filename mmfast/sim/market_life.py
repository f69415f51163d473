"""Which market life a venue has, seeded participants or a recording, and what it may do there."""

from __future__ import annotations

from collections.abc import Iterable

from mmfast.messages import Side
from mmfast.sim.audit.ledger import Ledger
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.flow import MarketFlow
from mmfast.sim.params import VenueParams
from mmfast.sim.replay.replay import Replay
from mmfast.sim.seams import Flow
from mmfast.units import Ticks


def market_life(params: VenueParams, exchange: Exchange, recording: Iterable[bytes] | None) -> Flow:
    """The seeded market of these parameters, unless there is a recording to follow.

    Raises :class:`~mmfast.sim.replay.recording.RecordingError` when its first lines make no sense.
    """
    if recording is not None:
        return Replay(exchange, recording)
    shelf = exchange.shelf
    starts = tuple(int(listing.start_ticks) for listing in shelf)
    flows = tuple(params.flow_of(listing.instrument.symbol) for listing in shelf)
    return MarketFlow(exchange.instruments, starts, params.seed, flows)


class MarketDoor:
    """Implements :class:`mmfast.sim.seams.FlowMarket` on an exchange.

    The ledger is told of mark prices, because they change what an exposure is worth.
    """

    def __init__(self, exchange: Exchange, ledger: Ledger) -> None:
        self._exchange = exchange
        self._ledger = ledger
        self._books = exchange.books
        # Participants ask and do these more often than anything else happens in the venue.
        self.submit = exchange.submit_house
        self.withdraw = exchange.withdraw_house
        self.house_lots = exchange.house.leaves

    def best(self, instrument: int, side: Side) -> Ticks:
        """Best price of a side over all orders, 0 when empty."""
        return self._books[instrument].best(side)

    def set_reference(self, instrument: int, index_ticks: int, mark_ticks: int) -> None:
        """Move the index and mark price."""
        self._exchange.set_reference(instrument, index_ticks, mark_ticks)
        self._ledger.exposure.weigh(instrument)
