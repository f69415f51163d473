"""What :mod:`order_ticks` and :mod:`private_ticks` share: ten instruments on the embedded venue
without a socket, whose market stands still, and the engine's time beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from in_process import SECRET, SYMBOLS, InProcess, unexpected

from mmfast.bybit import topics
from mmfast.bybit.auth import Credentials
from mmfast.clock import VenueClock
from mmfast.engine.account.other_hand import OtherHand
from mmfast.messages import Category
from mmfast.runtime.journal import Journal
from mmfast.runtime.witness import Witness
from mmfast.sim.params import FlowParams, VenueParams
from mmfast.sim.venue import Venue
from mmfast.units import NS_PER_MS

PRIVATE: Final = 1
"""The connection of the private stream."""
PERIOD_NS: Final = 200 * NS_PER_MS
_WINDOW_MS: Final = 5_000
_LATENCY_MS: Final = 1.0


class StageClock:
    """Stands where the engine's own time stands."""

    def __init__(self, owner: VenueStage) -> None:
        self._owner = owner

    def now_ns(self) -> int:
        return self._owner.now_ns

    def wall_ms(self) -> int:
        return self._owner.venue.venue_ms(self._owner.now_ns)


class VenueStage(InProcess):
    """The engine of :class:`InProcess`, and the venue that its private stream is open to."""

    INITIAL_LIMIT = 1_200
    """What the venue's tier allows."""

    def __init__(self) -> None:
        self.clock = StageClock(self)
        self.venue = Venue(
            VenueParams(
                symbols=SYMBOLS,
                api_key="benchkey",
                api_secret=SECRET,
                latency_ms=_LATENCY_MS,
                stream_lag_ms=_LATENCY_MS,
                tier="pro6",
                flow=FlowParams(activity=0.0),
            )
        )
        self._log_in()
        super().__init__()

    def _log_in(self) -> None:
        venue = self.venue
        signer = Credentials.hmac("benchkey", SECRET, short_window_ms=2_000, long_window_ms=10_000)
        assert venue.ws_open(PRIVATE, "/v5/private", 0)
        venue.ws_message(PRIVATE, signer.ws_auth_frame(venue.venue_ms(0) + 10_000), 0)
        venue.advance(PERIOD_NS)
        wanted = topics.private_topics(Category.LINEAR)
        venue.ws_message(PRIVATE, topics.subscribe_frame(wanted, "all"), PERIOD_NS)
        venue.advance(2 * PERIOD_NS)

    def witnessed(self, doubt: VenueClock) -> Witness:
        """The kernel as a session has it: what it does is noted, in a journal that is never
        written out."""
        clock = self.clock
        journal = Journal(
            Path("journal"), clock=clock, file_bytes=1 << 20, files=2,
            on_trouble=unexpected, on_well=unexpected,
        )  # fmt: skip
        hand = OtherHand(self.codec.ids, _WINDOW_MS, clock.wall_ms)
        return Witness(self.kernel, hand, journal, unexpected, doubt)
