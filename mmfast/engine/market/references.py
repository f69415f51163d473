"""The second reference: a price of the venue's own beside the mid of the book we quote on.

A book can be wrong in ways that no look at it shows. The ticker's mark or index price is made
elsewhere, so a price of ours must lie within the collar of both. An average of our own mid would
be no second reference: it comes from the same frames.
"""

from __future__ import annotations

from typing import Final

from mmfast.engine.params import EngineParams
from mmfast.units import NS_PER_MS

NOT_ASKED: Final = -1
"""Instead of a price, where the configuration wants no second reference."""
_HIGHEST: Final = 1 << 53


class References:
    """The newest second reference of each instrument, and whether it may still be believed."""

    __slots__ = ("_heard_ns", "_stale_ns", "_ticks")

    def __init__(self, count: int, params: EngineParams) -> None:
        self._ticks = [0] * count
        self._heard_ns = [0] * count
        self.set_limit(params)

    def set_limit(self, params: EngineParams) -> None:
        """A new limit of age; 0 asks for no second reference."""
        self._stale_ns = params.reference_stale_ms * NS_PER_MS

    def tell(self, instrument: int, ticks: int, now_ns: int) -> bool:
        """A ticker has come, with a price or with the news that it stands; True if none was known
        before that could be believed."""
        was_missing = self.price_x2(instrument, now_ns) == 0
        self._ticks[instrument] = ticks if 0 < ticks <= _HIGHEST else 0
        self._heard_ns[instrument] = now_ns
        return was_missing

    def forget(self, instrument: int) -> None:
        """Its ticks mean another price from now on."""
        self._ticks[instrument] = 0

    def forget_all(self) -> None:
        """The stream is gone, and what it told."""
        self._ticks = [0] * len(self._ticks)

    def price_x2(self, instrument: int, now_ns: int) -> int:
        """Twice the price in ticks; 0 while it is missing or too old."""
        if self._stale_ns == 0:
            return NOT_ASKED
        if now_ns - self._heard_ns[instrument] > self._stale_ns:
            return 0
        return 2 * self._ticks[instrument]
