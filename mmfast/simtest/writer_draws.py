"""What a second writer does to a seed's account, and when: another engine of our prefix elsewhere.

Only seeds from :data:`FIRST_SEED` on meet one, drawn from a stream of its own, so that every
earlier seed stays the story that it was. They draw limits and breakers too.
"""

from __future__ import annotations

import random
from typing import Final, NamedTuple

from mmfast.simtest.loop import START_NS
from mmfast.units import NS_PER_S

FIRST_SEED: Final = 300_000
CREATES: Final = "creates"
CANCELS: Final = "cancels"
AMENDS: Final = "amends"
STARTS: Final = "starts"
"""As an engine that starts: all with our prefix is cancelled, then it quotes."""
_LATEST: Final = 0.75
"""Of the time with faults: an operator has to come, and the new engine to trade, in the calm."""


class WriterAct(NamedTuple):
    """One thing that it does."""

    kind: str
    at_ns: int
    away_bps: int
    """So far behind the mark price it quotes."""
    operator_ns: int
    """So long after the engine's end with exit code 4 somebody has looked, and starts it again."""


def acts_of(seed: int, safety_s: float) -> tuple[WriterAct, ...]:
    """What the second writer of a seed does, in order; nothing before :data:`FIRST_SEED`."""
    if seed < FIRST_SEED:
        return ()
    dice = random.Random(f"writer {seed}")  # noqa: S311 - repeatable is the point
    at_s = sorted(dice.uniform(3.0, safety_s * _LATEST) for _ in range(dice.choice((1, 1, 2))))
    return tuple(
        WriterAct(
            kind=dice.choice((CREATES, CREATES, CANCELS, AMENDS, STARTS)),
            at_ns=START_NS + int(one_s * NS_PER_S),
            away_bps=dice.randint(2, 40),
            operator_ns=dice.randint(2, 6) * NS_PER_S,
        )
        for one_s in at_s
    )
