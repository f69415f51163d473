"""Which market life a venue has: seeded participants, or a recording of another day."""

from __future__ import annotations

from collections.abc import Iterable

from mmfast.sim.exchange import Exchange
from mmfast.sim.flow import MarketFlow
from mmfast.sim.params import VenueParams
from mmfast.sim.replay import Replay
from mmfast.sim.seams import Flow


def market_life(params: VenueParams, exchange: Exchange, recording: Iterable[bytes] | None) -> Flow:
    """The seeded market of these parameters, unless there is a recording to follow.

    Raises :class:`~mmfast.sim.recording.RecordingError` when its first lines make no sense.
    """
    if recording is not None:
        return Replay(exchange, recording)
    shelf = exchange.shelf
    starts = tuple(int(listing.start_ticks) for listing in shelf)
    flows = tuple(params.flow_of(listing.instrument.symbol) for listing in shelf)
    return MarketFlow(exchange.instruments, starts, params.seed, flows)
