"""The best of a book, as strategies see it."""

from __future__ import annotations

from typing import NamedTuple


class Top(NamedTuple):
    """The market a strategy sees. Both sides are present and not crossed."""

    bid_ticks: int
    ask_ticks: int
    mid_x2_ticks: int
    """Bid plus ask: twice the mid."""
    microprice_x256: int
    """The mid weighted by the opposite sizes, in 1/256 tick."""
