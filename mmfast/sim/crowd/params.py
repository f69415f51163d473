"""What market life is told: how lively, how deep, how clever. One set per instrument."""

from __future__ import annotations

import msgspec


class FlowParams(msgspec.Struct, frozen=True, kw_only=True):
    """The seeded participants of one instrument; ``docs/venue.md`` states the model.

    Rates are means over all regimes. Values are in quote coins (US dollars for inverse).
    """

    activity: float = 1.0
    """Multiplies every arrival rate; 0 gives a still market (books are seeded once)."""

    # The reference price.
    volatility_bps_per_sqrt_s: float = 1.5
    """Standard deviation of the reference price over one second, all regimes together."""
    calm_factor: float = 0.5
    """Volatility and arrivals in the calm regime, as a multiple of the normal one's."""
    wild_factor: float = 2.5
    """The same in the wild regime. With 1 and 1 there are no regimes."""
    regime_dwell_s: float = 60.0
    """Mean stay in the calm and the normal regime; a wild one lasts half as long. 0: never
    leaves the normal one."""

    # Those who rest orders.
    provider_rate_hz: float = 12.0
    """Ladder updates per second of the professional liquidity providers."""
    half_spread_bps: float = 0.6
    """Where the ladder begins, from the reference, in the normal regime."""
    level_gap_bps: float = 0.7
    """Distance between the first two levels of the ladder; further out it grows."""
    touch_value: float = 800.0
    """Value of the ladder's first level."""
    level_value: float = 700.0
    """Each further level is worth so much more."""
    patient_rate_hz: float = 2.0
    """Single limit orders per second of everybody else."""
    patient_reach_bps: float = 4.0
    """Their mean distance beyond the touch: arrivals decay exponentially with distance."""
    patient_life_s: float = 12.0
    """Mean time until such an order is cancelled, if it does not trade before."""

    # Those who take.
    taker_rate_hz: float = 2.0
    """Uninformed taker orders per second, bursts included."""
    taker_value: float = 1_500.0
    """Median value of one; sizes are lognormal."""
    burst_share: float = 0.35
    """Mean number of orders that each taker order draws after it (below 1): self-excitement."""
    informed_share: float = 0.6
    """Share of all takers that know the reference's next moves; they come beside the
    uninformed ones, and trade only when it pays."""
    informed_ahead_ms: float = 2_000.0
    """How far ahead they see."""
    informed_edge_bps: float = 0.3
    """What a price must be better than the coming reference for them to take it."""
