"""Units as types. The unit is the last word of a name; these types say what it counts.

Prices are integer ticks, sizes integer lots, money integer 1e-8 quote coins, times integer
nanoseconds. Decimals exist only at the doors (configuration, venue codec, display).
"""

from __future__ import annotations

from typing import Final, NewType

Ticks = NewType("Ticks", int)
"""Price as a count of the instrument's tick size."""

Lots = NewType("Lots", int)
"""Size as a count of the instrument's quantity step; never negative."""

SignedLots = NewType("SignedLots", int)
"""Position or flow as a count of the quantity step; positive is long."""

QuoteE8 = NewType("QuoteE8", int)
"""Money in 1e-8 of the quote coin; Python integers, so it cannot overflow."""

Ns = NewType("Ns", int)
"""Nanoseconds: of the monotonic clock unless the name says ``wall`` or ``venue``."""

Ms = NewType("Ms", int)
"""Milliseconds; venue timestamps are ``Ms`` since the Unix epoch."""

ClientId = NewType("ClientId", int)
"""Our order id as one 64-bit integer, ``epoch << 32 | counter``; 0 means "not ours"."""

Slot = NewType("Slot", int)
"""One seat for an order: ``(instrument * 2 + side) * MAX_LEVELS + level``."""

InstrumentIndex = NewType("InstrumentIndex", int)
"""Position of an instrument in the engine's instrument list, dense from 0."""

NOT_OURS: Final = ClientId(0)
E8: Final = 100_000_000
MAX_LEVELS: Final = 16
"""Levels one side of one instrument may quote; fixed so that slots are plain arithmetic."""

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
NEVER_NS: Final = 1 << 62
"""An instant that does not come."""


def quote_text(value_e8: int) -> str:
    """Money to its last digit, for a sentence: ``-150_000_000`` is ``"-1.50000000"``."""
    whole, part = divmod(abs(value_e8), E8)
    return f"{'-' * (value_e8 < 0)}{whole}.{part:08d}"


def slot_of(instrument: int, side: int, level: int) -> Slot:
    """Seat of (instrument, side, level); the caller keeps ``level < MAX_LEVELS``."""
    return Slot((instrument * 2 + side) * MAX_LEVELS + level)


def slot_instrument(slot: int) -> InstrumentIndex:
    """Instrument index a slot belongs to."""
    return InstrumentIndex(slot // (2 * MAX_LEVELS))


def slot_side(slot: int) -> int:
    """Side (``Side`` value) a slot belongs to."""
    return (slot // MAX_LEVELS) & 1


def slot_level(slot: int) -> int:
    """Level of a slot, 0 is the one nearest to the fair price."""
    return slot % MAX_LEVELS
