"""What an account owns: positions, cash, fees, margin. One-way mode, one settlement coin.

All money is exact: closing takes the same share of the entry value as of the size, rounded
towards zero, and the remainder stays with the position until it is flat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mmfast.messages import Instrument, Side
from mmfast.sim.blotter import Blotter
from mmfast.sim.orders import Order
from mmfast.units import E8, Ms, QuoteE8

DEFAULT_LEVERAGE_E2: Final = 1000
MAINTENANCE_RATE_E4: Final = 50
"""Maintenance margin, 0.5 % of the position value: the lowest risk tier's."""


class Closed(NamedTuple):
    """What a fill did to a position: the size it closed and the profit of that part."""

    lots: int
    pnl_e8: int


class Position:
    """One instrument's position and the value of the orders that could still grow it."""

    __slots__ = (
        "created_ms",
        "cum_realised_e8",
        "cur_realised_e8",
        "entry_e8",
        "instrument",
        "leverage_e2",
        "lots",
        "open_e8",
        "opened_ms",
        "reduce_only",
        "seq",
        "updated_ms",
    )

    def __init__(self, instrument: Instrument, now_ms: Ms) -> None:
        self.instrument = instrument
        self.lots = 0
        """Signed: positive is long."""
        self.entry_e8 = 0
        """Cost of the position, average entry price times size; never negative."""
        self.cur_realised_e8 = 0
        """Realised since the position was opened, fees included."""
        self.cum_realised_e8 = 0
        self.leverage_e2 = DEFAULT_LEVERAGE_E2
        self.open_e8 = [0, 0]
        """Value of resting orders by side, reduce-only ones left out."""
        self.reduce_only: dict[int, Order] = {}
        """Resting reduce-only orders by number, oldest first."""
        self.created_ms = now_ms
        self.opened_ms = Ms(0)
        self.updated_ms = now_ms
        self.seq = -1

    def closable(self, side: Side) -> int:
        """How many lots an order of ``side`` could close."""
        return max(0, self.lots if side == Side.SELL else -self.lots)

    def apply(self, side: Side, lots: int, value_e8: int) -> Closed:
        """Book a fill. Closing realises profit; what is left over opens the other way."""
        signed = lots if side == Side.BUY else -lots
        before = self.lots
        self.lots = before + signed
        if before == 0 or (before > 0) == (signed > 0):
            if before == 0:
                self.cur_realised_e8 = 0
            self.entry_e8 += value_e8
            return Closed(0, 0)
        closed = min(lots, abs(before))
        closed_value = value_e8 * closed // lots
        cost = self.entry_e8 * closed // abs(before)
        self.entry_e8 -= cost
        if closed < lots:
            self.entry_e8 = value_e8 - closed_value
        gain = closed_value - cost
        return Closed(closed, gain if before > 0 else -gain)

    def touch(self, now_ms: Ms, seq: int) -> None:
        """A fill moved the position at this engine time and sequence."""
        if self.lots and self.opened_ms == 0:
            self.opened_ms = now_ms
        elif not self.lots:
            self.opened_ms = Ms(0)
        self.updated_ms = now_ms
        self.seq = seq

    def mark_value_e8(self, mark_ticks: int) -> int:
        """Signed value at the mark price."""
        return self.lots * mark_ticks * self.instrument.tick_lot_value_e8

    def unrealised_e8(self, mark_ticks: int) -> int:
        """Profit if the position were closed at the mark price."""
        cost = self.entry_e8 if self.lots >= 0 else -self.entry_e8
        return self.mark_value_e8(mark_ticks) - cost

    def margin_e8(self, mark_ticks: int, extra_side: Side = Side.BUY, extra_e8: int = 0) -> int:
        """Initial margin of the position with all orders of its worse side filled.

        ``extra_e8`` is the value of one more order of ``extra_side``.
        """
        value = self.mark_value_e8(mark_ticks)
        buys, sells = self.open_e8
        if extra_side == Side.BUY:
            buys += extra_e8
        else:
            sells += extra_e8
        worst = max(value + buys, sells - value, 0)
        return -(-worst * 100 // self.leverage_e2)

    def position_margin_e8(self, mark_ticks: int) -> int:
        """Initial margin of the position alone."""
        return -(-abs(self.mark_value_e8(mark_ticks)) * 100 // self.leverage_e2)

    def maintenance_e8(self, mark_ticks: int) -> int:
        """Maintenance margin of the position."""
        return abs(self.mark_value_e8(mark_ticks)) * MAINTENANCE_RATE_E4 // 10_000


class Fees(NamedTuple):
    """Fee rates times 1e8; negative is a rebate."""

    maker_e8: int
    taker_e8: int


def fee_e8(value_e8: int, rate_e8: int) -> int:
    """Fee of a trade, rounded up: in the venue's favour."""
    return -(-value_e8 * rate_e8 // E8)


class Account:
    """One user: cash, positions, orders, settings."""

    __slots__ = (
        "balance_e8",
        "blotter",
        "cum_realised_e8",
        "fees",
        "positions",
        "rejects_beyond_band",
        "uid",
        "updated_ms",
    )

    def __init__(
        self,
        uid: int,
        instruments: Sequence[Instrument],
        balance_e8: QuoteE8,
        fees: Fees,
        now_ms: Ms,
    ) -> None:
        self.uid = uid
        self.balance_e8: int = balance_e8
        self.fees = fees
        self.cum_realised_e8 = 0
        self.positions = tuple(Position(instrument, now_ms) for instrument in instruments)
        self.blotter = Blotter(len(instruments))
        self.rejects_beyond_band = False
        """The account's setting for limit prices beyond the band: refuse, or move to the band."""
        self.updated_ms = now_ms

    def settle(self, position: Position, side: Side, lots: int, value_e8: int, fee: int) -> Closed:
        """Book one fill with its fee on position and cash."""
        closed = position.apply(side, lots, value_e8)
        realised = closed.pnl_e8 - fee
        position.cur_realised_e8 += realised
        position.cum_realised_e8 += realised
        self.cum_realised_e8 += realised
        self.balance_e8 += realised
        return closed

    def reserve(self, order: Order) -> None:
        """Count an order that now rests in what margin (or the position) must cover."""
        position = self.positions[order.instrument]
        if order.reduce_only:
            position.reduce_only[order.number] = order
        else:
            value = position.instrument.notional_e8(order.ticks, order.leaves)
            position.open_e8[order.side] += value

    def release(self, order: Order, lots: int) -> None:
        """``lots`` of a resting order are about to go; call it before the book takes them."""
        position = self.positions[order.instrument]
        if not order.reduce_only:
            value = position.instrument.notional_e8(order.ticks, lots)
            position.open_e8[order.side] -= value
        elif lots == order.leaves:
            del position.reduce_only[order.number]

    def unrealised_e8(self, marks: Sequence[int]) -> int:
        """Open profit over all positions at these mark prices."""
        return sum(
            position.unrealised_e8(mark)
            for position, mark in zip(self.positions, marks, strict=True)
            if position.lots
        )

    def margin_e8(self, marks: Sequence[int]) -> int:
        """Initial margin of all positions and orders."""
        return sum(
            position.margin_e8(mark)
            for position, mark in zip(self.positions, marks, strict=True)
            if position.lots or position.open_e8[0] or position.open_e8[1]
        )

    def affords(
        self, marks: Sequence[int], position: Position, side: Side, value_e8: int, freed_e8: int = 0
    ) -> bool:
        """True when one more order of this value fits the equity, taker fee included.

        ``freed_e8`` is the value of the order it replaces. Whatever does not raise the margin
        is allowed, however poor the account is.
        """
        mark = marks[position.instrument.index]
        before = position.margin_e8(mark)
        after = position.margin_e8(mark, side, value_e8 - freed_e8)
        if after <= before:
            return True
        equity = self.balance_e8 + self.unrealised_e8(marks)
        fee = max(0, fee_e8(value_e8, self.fees.taker_e8))
        return self.margin_e8(marks) - before + after + fee <= equity
