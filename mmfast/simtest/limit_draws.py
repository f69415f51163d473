"""Limits that a seed's configuration draws beside its faults: reserves, sums of what is open, the
worst case of all instruments, doubts and breakers, tight enough to be in the way.

Only seeds from :data:`FIRST_SEED` on draw them. What earlier ones found is kept by their numbers,
and stays the story that it was. The breakers that halt are left out: nobody is there to resume.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final, NamedTuple

FIRST_SEED: Final = 100_000


class LimitLines(NamedTuple):
    """Lines for the configuration of one seed, whole or empty."""

    planner: str = ""
    risk: str = ""
    breakers: str = ""


def limits_of(seed: int) -> LimitLines:
    """The drawn limits of a seed."""
    if seed < FIRST_SEED:
        return LimitLines()
    dice = random.Random(f"limits {seed}")  # noqa: S311 - repeatable is the point
    return LimitLines(
        planner=f"  reducing_reserve_percent: {dice.choice((0, 10, 30))}\n",
        risk=_risk(dice),
        breakers=_breakers(dice) if dice.random() < 0.5 else "",
    )


def _risk(dice: random.Random) -> str:
    values = {
        "max_open_notional_quote": dice.choice(('"1500"', '"4000"', '"1000000"')),
        "max_portfolio_notional_quote": dice.choice(('"1500"', '"4000"', '"1000000"')),
        "portfolio_shock_bps": dice.choice(('"0"', '"100"', '"500"')),
        "max_open_orders": dice.choice((3, 5_000)),
        "max_messages_per_symbol_per_s": dice.choice((5, 2_000)),
        "max_doubt_ms": dice.choice((3_000, 5_000, 15_000)),
    }
    return setting_lines(values)


def _breakers(dice: random.Random) -> str:
    values = {
        "widen_percent": dice.choice((150, 400)),
        "ack_widen_ms": dice.choice((0, 100, 300)),
        "ack_pull_ms": dice.choice((0, 300, 1_000)),
        "lag_widen_ms": dice.choice((0, 20)),
        "lag_pull_ms": dice.choice((0, 100)),
        "calm_ms": dice.choice((1_000, 3_000)),
        "reject_percent": dice.choice((0, 30)),
        "storm_refusals": dice.choice((0, 3)),
        "pull_cap_ms": 5_000,
    }
    return "breakers:\n" + setting_lines(values)


def setting_lines(values: Mapping[str, object]) -> str:
    """The settings of one section of a configuration."""
    return "".join(f"  {name}: {value}\n" for name, value in values.items())
