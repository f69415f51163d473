"""Seeds that soak the breakers: limits near what they meet, and what trips them, drawn together.

Only seeds from :data:`FIRST_SEED` on, from a stream of their own: slow replies, refusals one after
the other and a loop that stands still again and again, in windows of a few seconds each. Where a
breaker may halt, an operator resumes after a while.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any, Final, NamedTuple

from mmfast.sim.fault_terms import kinds
from mmfast.sim.fault_terms.kinds import Fault
from mmfast.simtest.limit_draws import setting_lines

FIRST_SEED: Final = 200_000
_BEAT_MS: Final = 250
"""The engine looks at its loop so often; a stall begins a little before such a look."""
_EARLY_MS: Final = 5


class Soak(NamedTuple):
    """What one seed has of it, or nothing. ``stalls`` are pairs of start and length in ms."""

    breakers: str = ""
    faults: tuple[Fault, ...] = ()
    stalls: tuple[tuple[int, int], ...] = ()
    resume_ms: int = 0
    """So long after a halt an operator says resume; 0: no breaker halts."""


def soak_of(seed: int, safety_s: float) -> Soak:
    """The breakers of a seed and what trips them."""
    if seed < FIRST_SEED:
        return Soak()
    dice = random.Random(f"breakers {seed}")  # noqa: S311 - repeatable is the point
    limits = _limits(dice)
    halts = limits["ack_halt_ms"] or limits["lag_halt_ms"]
    return Soak(
        breakers="breakers:\n" + setting_lines(limits),
        faults=(*_slow(dice, safety_s), *_refusals(dice, safety_s)),
        stalls=_stalls(dice, safety_s),
        resume_ms=dice.randint(1_500, 6_000) if halts else 0,
    )


def _limits(dice: random.Random) -> dict[str, int]:
    return {
        "widen_percent": dice.choice((150, 400)),
        "ack_widen_ms": dice.choice((0, 150)),
        "ack_pull_ms": dice.choice((0, 300)),
        "ack_halt_ms": dice.choice((0, 0, 450)),
        "lag_widen_ms": dice.choice((0, 20)),
        "lag_pull_ms": dice.choice((0, 50)),
        "lag_halt_ms": dice.choice((0, 0, 120)),
        "calm_ms": dice.choice((1_000, 3_000)),
        "reject_percent": dice.choice((0, 30)),
        "reject_min_orders": dice.choice((3, 10)),
        "storm_refusals": dice.choice((0, 1, 2)),
        "pull_first_ms": dice.choice((500, 2_000)),
        "pull_cap_ms": dice.choice((2_000, 8_000)),
    }


def _windows(dice: random.Random, safety_s: float) -> list[dict[str, Any]]:
    """One or two, each of a few seconds."""
    found = []
    for _ in range(dice.choice((1, 1, 2))):
        for_s = min(dice.uniform(2.0, 8.0), safety_s / 3)
        from_s = dice.uniform(2.0, max(safety_s - for_s, 2.5))
        found.append({"from_ms": int(from_s * 1000), "for_ms": int(for_s * 1000)})
    return found


def _slow(dice: random.Random, safety_s: float) -> list[Fault]:
    return [
        kinds.LatencyFixed(
            **window, path="/v5/order/", leg="reply", ms=dice.choice((200, 350, 480, 1_200))
        )
        for window in _windows(dice, safety_s)
    ]


def _refusals(dice: random.Random, safety_s: float) -> list[Fault]:
    """Of all creates and amends: cancels come through, or nothing could be withdrawn."""
    found: list[Fault] = []
    for window in _windows(dice, safety_s):
        code, text = dice.choice(((110007, "no-balance"), (10001, "bad")))
        for path in ("/v5/order/create-batch", "/v5/order/amend-batch"):
            chance = Decimal(dice.choice(("0.3", "1.0")))
            items = tuple(range(dice.choice((2, 6))))
            found.append(
                kinds.BatchItems(
                    **window, path=path, chance=chance, items=items, code=code, text=text
                )
            )
    return found


def _stalls(dice: random.Random, safety_s: float) -> tuple[tuple[int, int], ...]:
    """Of each window some looks in a row, so many milliseconds late."""
    found = []
    for window in _windows(dice, safety_s):
        first = window["from_ms"] // _BEAT_MS + 1
        late_ms = dice.choice((30, 80, 160))
        found += [
            ((first + n) * _BEAT_MS - _EARLY_MS, late_ms + _EARLY_MS)
            for n in range(dice.choice((2, 3, 6)))
        ]
    return tuple(found)
