"""The price nobody sees: one moving reference per instrument, driven by seeded shocks.

Floats are allowed here and in the participants only: this is the process behind the market. What
leaves for the exchange is whole ticks.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Final

from mmfast.messages import Instrument
from mmfast.sim.crowd.params import FlowParams
from mmfast.units import NS_PER_MS, NS_PER_S

STEP_NS: Final = 50 * NS_PER_MS
"""Grid of the walk. Fixed, so that no order of a client can shift a shock."""

#: Shares of the variance: what the whole market does together, and what is the coin's own.
_MARKET_SHARE: Final = 0.36
_OWN_SHARE: Final = 1.0 - _MARKET_SHARE
_MARKET_WEIGHT: Final = math.sqrt(_MARKET_SHARE)
_OWN_WEIGHT: Final = math.sqrt(_OWN_SHARE)

#: Now and then a shock is several times the usual one; the scale keeps the variance as asked.
_JUMP_ODDS: Final = 1 / 400
_JUMP_FACTOR: Final = 4.0
_SCALE: Final = 1.0 / math.sqrt(1.0 + _JUMP_ODDS * (_JUMP_FACTOR**2 - 1.0))

#: Mark price minus index: a slow mean-reverting premium of about half a basis point.
_PREMIUM_PULL: Final = 0.01
_PREMIUM_SHOCK: Final = 0.7e-5

#: From normal the market turns wild this often, calm otherwise; from both it turns normal again.
_WILD_ODDS: Final = 0.4
#: A wild spell lasts this share of the mean dwell.
_WILD_DWELL: Final = 0.5
#: Shares of the time that follow from the two lines above.
_WILD_SHARE: Final = _WILD_ODDS * _WILD_DWELL
_CALM_SHARE: Final = 1.0 - _WILD_ODDS
_ALL_SHARES: Final = 1.0 + _WILD_SHARE + _CALM_SHARE


class Regimes:
    """Calm, normal or wild: a Markov chain on the grid of the walk, told as a liveliness factor.

    Every step takes two draws, whatever comes of them.
    """

    __slots__ = ("_calm", "_draw", "_leave_odds", "_wild", "factor")

    def __init__(self, draw: Random, flow: FlowParams) -> None:
        self._draw = draw
        self._calm = flow.calm_factor
        self._wild = flow.wild_factor
        self._leave_odds = STEP_NS / NS_PER_S / flow.regime_dwell_s if flow.regime_dwell_s else 0.0
        self.factor = 1.0
        """1 in the normal regime, ``calm_factor`` or ``wild_factor`` in the others."""

    def step(self) -> None:
        """Stay or switch."""
        leave, choice = self._draw.random(), self._draw.random()
        odds = self._leave_odds
        if self.factor == self._wild != 1.0:
            odds /= _WILD_DWELL
        if leave >= odds:
            return
        if self.factor != 1.0:
            self.factor = 1.0
        else:
            self.factor = self._wild if choice < _WILD_ODDS else self._calm

    def mean(self) -> float:
        """The factor's mean over time."""
        return (1.0 + _CALM_SHARE * self._calm + _WILD_SHARE * self._wild) / _ALL_SHARES

    def mean_square(self) -> float:
        """Its mean square over time: what volatility is scaled by."""
        return (1.0 + _CALM_SHARE * self._calm**2 + _WILD_SHARE * self._wild**2) / _ALL_SHARES


class _Path:
    """One instrument's reference: where it stands, and the steps ahead that only some know."""

    __slots__ = (
        "_factors",
        "_high",
        "_is_still",
        "_low",
        "_own",
        "_premium",
        "_prices",
        "_regimes",
        "_sigma",
        "mean_factor",
    )

    def __init__(
        self, instrument: Instrument, start_ticks: int, seed: int, flow: FlowParams
    ) -> None:
        # One coin, one price: its instruments in all categories take the same shocks.
        self._own = Random(f"{seed}/{instrument.base_coin}/reference")
        self._regimes = Regimes(Random(f"{seed}/{instrument.base_coin}/regime"), flow)
        step_s = STEP_NS / NS_PER_S
        scale = math.sqrt(step_s / self._regimes.mean_square())
        self._sigma = flow.volatility_bps_per_sqrt_s * 1e-4 * scale
        self._low, self._high = float(instrument.min_price_ticks), float(instrument.max_price_ticks)
        steps = 1 + max(0, int(flow.informed_ahead_ms * NS_PER_MS // STEP_NS))
        self._prices: deque[float] = deque([float(start_ticks)] * steps, maxlen=steps)
        self._factors: deque[float] = deque([1.0] * steps, maxlen=steps)
        self._premium = 0.0
        self._is_still = flow.activity <= 0
        self.mean_factor = self._regimes.mean()

    def step(self, common: float) -> None:
        """Take one more step at the far end; the near end becomes the price."""
        if self._is_still:
            return
        regimes = self._regimes
        regimes.step()
        shock = _MARKET_WEIGHT * common + _OWN_WEIGHT * _shock(self._own)
        price = self._prices[-1] * math.exp(self._sigma * regimes.factor * shock)
        self._prices.append(min(max(price, self._low), self._high))
        self._factors.append(regimes.factor)
        pull = self._premium * _PREMIUM_PULL
        self._premium += self._own.gauss(0.0, _PREMIUM_SHOCK) - pull

    def price(self) -> float:
        return self._prices[0]

    def ahead(self) -> float:
        return self._prices[-1]

    def factor(self) -> float:
        return self._factors[0]

    def mark(self) -> float:
        return self._prices[0] * (1.0 + self._premium)


class ReferencePrices:
    """Random walks in log price with mean-zero shocks, a market-wide one and one per coin.

    Each instrument owns its random streams, named by seed and coin, and every step takes the
    same number of draws: nothing that happens in any book changes a later price. So the walk may
    run ahead of what is told, by ``FlowParams.informed_ahead_ms`` of each instrument.
    """

    __slots__ = ("_market", "_paths")

    def __init__(
        self,
        instruments: Sequence[Instrument],
        start_ticks: Sequence[int],
        seed: int,
        flows: Sequence[FlowParams],
    ) -> None:
        """The sequences are aligned: one entry per instrument."""
        self._market = Random(f"{seed}/market/reference")
        rows = zip(instruments, start_ticks, flows, strict=True)
        self._paths = [_Path(one, start, seed, flow) for one, start, flow in rows]

    def step(self) -> None:
        """Move all references by one :data:`STEP_NS`."""
        common = _shock(self._market)
        for path in self._paths:
            path.step(common)

    def price(self, index: int) -> float:
        """Reference of an instrument in (fractional) ticks."""
        return self._paths[index].price()

    def ahead(self, index: int) -> float:
        """Where the reference will stand ``informed_ahead_ms`` from now."""
        return self._paths[index].ahead()

    def factor(self, index: int) -> float:
        """Liveliness of the regime in force: volatility and arrivals are multiplied by it."""
        return self._paths[index].factor()

    def mean_factor(self, index: int) -> float:
        """The liveliness factor's mean over time."""
        return self._paths[index].mean_factor

    def index_ticks(self, index: int) -> int:
        """The index price: the reference, rounded."""
        return max(1, round(self._paths[index].price()))

    def mark_ticks(self, index: int) -> int:
        """The mark price: the reference with its premium, rounded."""
        return max(1, round(self._paths[index].mark()))


def _shock(stream: Random) -> float:
    shock = stream.gauss(0.0, _SCALE)
    return shock * _JUMP_FACTOR if stream.random() < _JUMP_ODDS else shock
