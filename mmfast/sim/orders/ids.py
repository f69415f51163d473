"""The ids the venue hands out: UUIDs for futures and options, decimal digits for spot."""

from __future__ import annotations

import random
from typing import Final

from mmfast.messages import Category

_SPOT_BASE: Final = 1_500_000_000_000_000_000
_SPOT_STEP_BITS: Final = 8
"""Spot ids rise with the order's number, a seeded few at a time."""


def uuid_text(bits: int) -> str:
    """128 bits as the text form of an id."""
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class VenueIds:
    """Seeded ids: the same seed and the same acts give the same ids."""

    __slots__ = ("_draw",)

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(f"ids {seed}")

    def next(self, category: Category, number: int) -> str:
        """A fresh id for the order or trade with this number."""
        if category is Category.SPOT:
            low_bits = self._draw.getrandbits(_SPOT_STEP_BITS)
            return str(_SPOT_BASE + (number << _SPOT_STEP_BITS) + low_bits)
        return uuid_text(self._draw.getrandbits(128))
