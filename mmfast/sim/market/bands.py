"""Index and mark price of one instrument, and the band they put around limit prices."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from mmfast.messages import Category
from mmfast.sim.instruments.catalogue import Listing
from mmfast.units import Ticks

_PREMIUM_SAMPLES: Final = 30
_PREMIUM_SAMPLES_SPOT: Final = 120
_SAMPLE_EVERY_MS: Final = 1000
_E4: Final = 10_000


class Band(NamedTuple):
    """The highest price a buy and the lowest price a sell may have."""

    max_buy_ticks: Ticks
    min_sell_ticks: Ticks


class Reference:
    """Index, mark, and the premium of the book over the mark in the last 30 seconds.

    On spot the index takes the place of the mark, and the premium is that of two minutes.
    """

    __slots__ = (
        "_band",
        "_is_spot",
        "_listing",
        "_premiums_x2",
        "_sampled_ms",
        "index_ticks",
        "mark_ticks",
    )

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._is_spot = listing.instrument.category is Category.SPOT
        samples = _PREMIUM_SAMPLES_SPOT if self._is_spot else _PREMIUM_SAMPLES
        self.index_ticks: int = listing.start_ticks
        self.mark_ticks: int = listing.start_ticks
        self._premiums_x2: deque[int] = deque(maxlen=samples)
        self._sampled_ms = 0
        # Worked out when an order asks for it; good until the prices move.
        self._band: Band | None = None

    def move(self, index_ticks: int, mark_ticks: int, mid_x2: int, now_ms: int) -> None:
        """Take new prices. ``mid_x2`` is best bid plus best ask, 0 when a side is empty."""
        self._band = None
        self.index_ticks = index_ticks
        self.mark_ticks = index_ticks if self._is_spot else mark_ticks
        if mid_x2 and now_ms - self._sampled_ms >= _SAMPLE_EVERY_MS:
            self._premiums_x2.append(mid_x2 - 2 * self.mark_ticks)
            self._sampled_ms = now_ms

    def band(self) -> Band:
        """The venue's formula: mark, index and the mean premium, tick by tick."""
        if self._band is None:
            self._band = self._work_out()
        return self._band

    def _work_out(self) -> Band:
        instrument = self._listing.instrument
        x, y = self._listing.price_limit_x_e4, self._listing.price_limit_y_e4
        mark, index = self.mark_ticks, self.index_ticks
        samples = len(self._premiums_x2)
        premium = sum(self._premiums_x2) // (2 * samples) if samples else 0
        near_above = max(index, mark * (_E4 + x) // _E4 + max(0, premium))
        near_below = min(index, -(-mark * (_E4 - x) // _E4) + min(0, premium))
        max_buy = min(mark * (_E4 + y) // _E4, near_above)
        min_sell = max(-(-mark * (_E4 - y) // _E4), near_below)
        return Band(
            Ticks(min(max_buy, instrument.max_price_ticks)),
            Ticks(max(min_sell, instrument.min_price_ticks)),
        )
