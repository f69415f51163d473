"""What may be traded right now: instruments can be suspended and get a coarser tick size.

The listing itself never changes: prices stay counted in the ticks it names, and a coarser tick
size only means that prices must be multiples of so many of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from mmfast.messages import Category, Instrument, Side
from mmfast.sim.known import BAD_PARAMETER, Known
from mmfast.sim.refusals import Refusal, bad_parameter

NOT_LIVE: Final = 110074
PAIR_NOT_OPEN: Final = 170151

TICK_SIZE: Final = "tick size"

TRADING: Final = "Trading"
CLOSED: Final = "Closed"


class TradingRules:
    """One venue's rules of the day, by instrument index. ``known`` hears which grids answers
    show, and of prices that are off one the client could not know."""

    __slots__ = ("_halted", "_instruments", "_known", "_shut", "_steps")

    def __init__(self, instruments: Sequence[Instrument], known: Known) -> None:
        self._instruments = instruments
        self._known = known
        self._halted: Collection[int] = ()
        self._shut = False
        self._steps: Mapping[int, int] = {}

    def change(self, halted: Collection[int], steps: Mapping[int, int], *, shut: bool) -> None:
        """From now on: these instruments are suspended (all when ``shut``), and prices of these
        are multiples of so many ticks."""
        self._halted = halted
        self._steps = steps
        self._shut = shut

    def is_open(self, instrument: int) -> bool:
        """True while new orders are taken."""
        return not self._shut and instrument not in self._halted

    def status(self, instrument: int) -> str:
        """The instrument's status, in the venue's words."""
        return TRADING if self.is_open(instrument) else CLOSED

    def step(self, instrument: int) -> int:
        """Ticks of the listing in one tick of today."""
        return self._steps.get(instrument, 1)

    def show(self, instrument: int) -> None:
        """The answer being made shows the grid, or that it is not what it was."""
        self._known.show((TICK_SIZE, instrument), self.step(instrument), 1)

    def check(self, instrument: int, ticks: int | None) -> None:
        """Refuse a create or an amend of a suspended instrument, or a new price off today's
        grid, in the words for one off the listing's. ``ticks`` 0 or None: there is no price."""
        if not self.is_open(instrument):
            if self._instruments[instrument].category is Category.SPOT:
                raise Refusal(PAIR_NOT_OPEN, "This trading pair is not open yet.")
            raise Refusal(NOT_LIVE, "This contract is not live")
        if ticks and ticks % self.step(instrument):
            if not ticks % self._known.value((TICK_SIZE, instrument), 1):
                self._known.excuse(BAD_PARAMETER)
            self.show(instrument)
            raise bad_parameter("params error: price invalid")

    def on_grid(self, instrument: int, side: Side, ticks: int) -> int:
        """The nearest price of today's grid that is no better for the other side."""
        step = self.step(instrument)
        return ticks // step * step if side == Side.BUY else -(-ticks // step) * step
