"""The price nobody sees: one moving reference per instrument, driven by seeded shocks.

Floats are allowed here and only here: this is the process behind the market. What leaves for
the exchange is whole ticks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import Final

from mmfast.messages import Instrument
from mmfast.units import NS_PER_MS, NS_PER_S

STEP_NS: Final = 50 * NS_PER_MS
"""Grid of the walk. Fixed, so that no order of a client can shift a shock."""

#: Shares of the variance: what the whole market does together, and what is the instrument's own.
_MARKET_SHARE: Final = 0.36
_OWN_SHARE: Final = 1.0 - _MARKET_SHARE

#: Now and then a shock is several times the usual one; the scale keeps the variance as asked.
_JUMP_ODDS: Final = 1 / 400
_JUMP_FACTOR: Final = 4.0
_SCALE: Final = 1.0 / math.sqrt(1.0 + _JUMP_ODDS * (_JUMP_FACTOR**2 - 1.0))

#: Mark price minus index: a slow mean-reverting premium of about half a basis point.
_PREMIUM_PULL: Final = 0.01
_PREMIUM_SHOCK: Final = 0.7e-5


class ReferencePrices:
    """Random walks in log price with mean-zero shocks, a market-wide one and one per instrument.

    Each instrument owns its random stream, named by seed and symbol, and every step takes the
    same number of draws: nothing that happens in any book changes a later price.
    """

    __slots__ = ("_instruments", "_market", "_own", "_premium", "_prices", "_sigma")

    def __init__(
        self,
        instruments: Sequence[Instrument],
        start_ticks: Sequence[int],
        seed: int,
        volatility_bps_per_sqrt_s: float,
    ) -> None:
        self._instruments = tuple(instruments)
        self._market = Random(f"{seed}/market/reference")
        self._own = tuple(Random(f"{seed}/{one.symbol}/reference") for one in instruments)
        self._prices = [float(ticks) for ticks in start_ticks]
        self._premium = [0.0] * len(self._prices)
        self._sigma = volatility_bps_per_sqrt_s * 1e-4 * math.sqrt(STEP_NS / NS_PER_S)

    def step(self) -> None:
        """Move all references by one :data:`STEP_NS`."""
        common = math.sqrt(_MARKET_SHARE) * self._shock(self._market)
        own_weight = math.sqrt(_OWN_SHARE)
        for index, instrument in enumerate(self._instruments):
            stream = self._own[index]
            move = self._sigma * (common + own_weight * self._shock(stream))
            price = self._prices[index] * math.exp(move)
            low, high = float(instrument.min_price_ticks), float(instrument.max_price_ticks)
            self._prices[index] = min(max(price, low), high)
            premium = self._premium[index]
            self._premium[index] = premium * (1.0 - _PREMIUM_PULL) + stream.gauss(
                0.0, _PREMIUM_SHOCK
            )

    def price(self, index: int) -> float:
        """Reference of an instrument in (fractional) ticks."""
        return self._prices[index]

    def index_ticks(self, index: int) -> int:
        """The index price: the reference, rounded."""
        return max(1, round(self._prices[index]))

    def mark_ticks(self, index: int) -> int:
        """The mark price: the reference with its premium, rounded."""
        return max(1, round(self._prices[index] * (1.0 + self._premium[index])))

    @staticmethod
    def _shock(stream: Random) -> float:
        shock = stream.gauss(0.0, _SCALE)
        return shock * _JUMP_FACTOR if stream.random() < _JUMP_ODDS else shock
