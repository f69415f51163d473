"""Positions: what an account has open in one instrument, and the margin that takes.

All money is exact: closing takes the same share of the entry value as of the size, rounded
towards zero, and the remainder stays with the position until it is flat.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from mmfast.messages import Category, Instrument, Side
from mmfast.sim.instruments.worth import Worth, worth_of
from mmfast.sim.orders.orders import Order
from mmfast.units import Ms

ONE_WAY: Final = 0
LONG_LEG: Final = 1
SHORT_LEG: Final = 2

DEFAULT_LEVERAGE_E2: Final = 1000
UNLEVERAGED_E2: Final = 100
MAINTENANCE_RATE_E4: Final = 50
"""Maintenance margin, 0.5 % of the position value: the lowest risk tier's."""


class Closed(NamedTuple):
    """What a fill did to a position: the size it closed and the profit of that part."""

    lots: int
    pnl: int


class Position:
    """One position: the only one of an instrument, or one leg of a hedge.

    Money is in atoms of ``worth.coin``. ``index`` is the venue's ``positionIdx``.
    """

    __slots__ = (
        "created_ms",
        "cum_realised",
        "cur_realised",
        "entry",
        "index",
        "lots",
        "opened_ms",
        "reduce_only",
        "seq",
        "updated_ms",
        "worth",
    )

    def __init__(self, worth: Worth, now_ms: Ms, index: int = ONE_WAY) -> None:
        self.worth = worth
        self.index = index
        self.lots = 0
        """Signed: positive is long."""
        self.entry = 0
        """Value of the position at its entry prices; never negative."""
        self.cur_realised = 0
        """Realised since the position was opened, fees included."""
        self.cum_realised = 0
        self.reduce_only: dict[int, Order] = {}
        """Resting reduce-only orders by number, oldest first."""
        self.created_ms = now_ms
        self.opened_ms = Ms(0)
        self.updated_ms = now_ms
        self.seq = -1

    def closable(self, side: Side) -> int:
        """How many lots an order of ``side`` could close."""
        return max(0, self.lots if side == Side.SELL else -self.lots)

    def apply(self, side: Side, lots: int, value: int) -> Closed:
        """Book a fill. Closing realises profit; what is left over opens the other way."""
        signed = lots if side == Side.BUY else -lots
        before = self.lots
        self.lots = before + signed
        if before == 0 or (before > 0) == (signed > 0):
            if before == 0:
                self.cur_realised = 0
            self.entry += value
            return Closed(0, 0)
        closed = min(lots, abs(before))
        closed_value = value * closed // lots
        cost = self.entry * closed // abs(before)
        self.entry -= cost
        if closed < lots:
            self.entry = value - closed_value
        gain = (closed_value - cost) * self.worth.gain_sign
        return Closed(closed, gain if before > 0 else -gain)

    def realise(self, amount: int) -> None:
        """Count a profit (or, negative, a loss or fee)."""
        self.cur_realised += amount
        self.cum_realised += amount

    def touch(self, now_ms: Ms, seq: int) -> None:
        """A fill moved the position at this engine time and sequence."""
        if self.lots and self.opened_ms == 0:
            self.opened_ms = now_ms
        elif not self.lots:
            self.opened_ms = Ms(0)
        self.updated_ms = now_ms
        self.seq = seq

    def mark_value(self, mark_ticks: int) -> int:
        """Signed value at the mark price."""
        value = self.worth.value(mark_ticks, abs(self.lots))
        return value if self.lots >= 0 else -value

    def unrealised(self, mark_ticks: int) -> int:
        """Profit if the position were closed at the mark price."""
        entry = self.entry if self.lots >= 0 else -self.entry
        return (self.mark_value(mark_ticks) - entry) * self.worth.gain_sign

    def maintenance(self, mark_ticks: int) -> int:
        """Maintenance margin of the position."""
        return abs(self.mark_value(mark_ticks)) * MAINTENANCE_RATE_E4 // 10_000

    def break_even_value(self) -> int:
        """Value at which closing would bring back what the position has cost so far."""
        sign = self.worth.gain_sign if self.lots >= 0 else -self.worth.gain_sign
        return max(0, self.entry - sign * self.cur_realised)


class Holding:
    """All an account has in one instrument: its position or its two legs, leverage, and the
    value of the orders that could still grow it."""

    __slots__ = ("_created_ms", "instrument", "legs", "leverage_e2", "open", "worth")

    def __init__(self, instrument: Instrument, now_ms: Ms) -> None:
        self.instrument = instrument
        self.worth = worth_of(instrument)
        self.legs: tuple[Position, ...] = (Position(self.worth, now_ms),)
        is_option = instrument.category is Category.OPTION
        self.leverage_e2 = UNLEVERAGED_E2 if is_option else DEFAULT_LEVERAGE_E2
        self.open = [0, 0]
        """Value of resting orders by side, reduce-only ones left out."""
        self._created_ms = now_ms

    @property
    def is_hedged(self) -> bool:
        """True when long and short are held apart."""
        return len(self.legs) > 1

    def leg(self, index: int) -> Position:
        """The position with this ``positionIdx``; the holding is in the mode that has it."""
        return self.legs[index - 1 if self.is_hedged else index]

    def set_hedged(self, hedged: bool) -> None:
        """Change the mode of a holding without position and orders."""
        indexes = (LONG_LEG, SHORT_LEG) if hedged else (ONE_WAY,)
        self.legs = tuple(Position(self.worth, self._created_ms, index) for index in indexes)

    @property
    def lots(self) -> int:
        """Net signed size."""
        return sum(leg.lots for leg in self.legs)

    @property
    def is_flat(self) -> bool:
        """True when no leg has a size. (Plain loops: every order of an account asks this of
        every holding.)"""
        for leg in self.legs:  # noqa: SIM110 - as above
            if leg.lots:
                return False
        return True

    @property
    def is_idle(self) -> bool:
        """True when neither a position nor an opening order needs margin."""
        return self.is_flat and not self.open[0] and not self.open[1]

    def unrealised(self, mark_ticks: int) -> int:
        """Open profit of all legs."""
        return sum(leg.unrealised(mark_ticks) for leg in self.legs if leg.lots)

    def margin(self, mark_ticks: int, extra_side: Side = Side.BUY, extra: int = 0) -> int:
        """Initial margin with all orders of the worse side filled; of both legs in a hedge.

        ``extra`` is the value of one more order of ``extra_side``.
        """
        buys, sells = self.open
        if extra_side == Side.BUY:
            buys += extra
        else:
            sells += extra
        first = self.legs[0]
        value = 0
        if first.lots:
            value = first.mark_value(mark_ticks)
        elif not buys and not sells and not self.is_hedged:
            return 0
        if self.is_hedged:
            worst = value + buys + sells - self.legs[1].mark_value(mark_ticks)
        else:
            worst = max(value + buys, sells - value, 0)
        return -(-worst * 100 // self.leverage_e2)

    def leg_margin(self, leg: Position, mark_ticks: int) -> int:
        """Initial margin of one leg alone."""
        return -(-abs(leg.mark_value(mark_ticks)) * 100 // self.leverage_e2)

    def position_margin(self, mark_ticks: int) -> int:
        """Initial margin of the legs alone."""
        return sum(self.leg_margin(leg, mark_ticks) for leg in self.legs)

    def maintenance(self, mark_ticks: int) -> int:
        """Maintenance margin of the legs."""
        return sum(leg.maintenance(mark_ticks) for leg in self.legs)
