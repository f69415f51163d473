"""Inventory: what executions of any origin did to position, cost, pnl and fees.

Executions carry the venue's sequence number, and so do positions, so a position that was read
or streamed says exactly which executions it contains. That is how a snapshot can replace our
figure without losing or doubling a fill that crosses it on the way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from mmfast._core.positions import PositionBlock
from mmfast.engine.orders.doubts import Doubts
from mmfast.engine.orders.memory import BoundedMemory
from mmfast.engine.rotation import Rotation
from mmfast.messages import Execution, Instrument, PositionUpdate
from mmfast.units import NS_PER_S

EXECUTIONS_REMEMBERED: Final = 1 << 13
"""Execution ids kept to recognise repeats. One older than what was forgotten is taken for a
repeat; the comparison with the venue's position would show it if it was not."""
RECENT_FILLS: Final = 256
"""Fills per instrument that a position with an older sequence number can be compared across."""
DISAGREE_NS: Final = 3 * NS_PER_S
"""Our position may differ from the venue's for so long: executions and positions are two
streams."""
_NOT_TRADES: Final = ("Funding",)
"""Executions that move money and no position."""


class Position:
    """One instrument. ``cost_e8`` is signed as the position: what its lots were bought for."""

    __slots__ = (
        "base_seq",
        "claim",
        "cost_e8",
        "disagree_since_ns",
        "fees_e8",
        "lots",
        "newest_seq",
        "realized_e8",
        "recent",
    )

    def __init__(self) -> None:
        self.lots = 0
        self.cost_e8 = 0
        self.realized_e8 = 0
        self.fees_e8 = 0
        self.base_seq = 0
        """Executions up to this sequence are contained in the position for good."""
        self.recent: deque[tuple[int, int]] = deque(maxlen=RECENT_FILLS)
        self.newest_seq = 0
        """None of the recent fills is newer."""
        self.claim: PositionUpdate | None = None
        """The venue's latest word, while ours differs from it."""
        self.disagree_since_ns = 0

    def trade(self, signed_lots: int, value_e8: int) -> None:
        """Buy (positive) or sell lots for ``value_e8`` in all. Exact to the last unit: what
        rounding leaves in the cost is realised with the last lot."""
        paid_e8 = value_e8 if signed_lots > 0 else -value_e8
        closing = min(abs(signed_lots), abs(self.lots)) if signed_lots * self.lots < 0 else 0
        if closing:
            cost_part = self.cost_e8 * closing // abs(self.lots)
            paid_part = paid_e8 * closing // abs(signed_lots)
            self.realized_e8 -= cost_part + paid_part
            self.cost_e8 -= cost_part
            paid_e8 -= paid_part
        self.cost_e8 += paid_e8
        self.lots += signed_lots

    def as_of(self, seq: int) -> int:
        """Our lots as they were at a venue sequence number (0: not told, so now; below 0: the
        venue's way of saying before the first trade)."""
        return self.lots - self.since(seq)

    def since(self, seq: int) -> int:
        """What was traded after a venue sequence number, in signed lots."""
        if seq == 0 or seq >= self.newest_seq:
            return 0
        since = 0
        for fill_seq, lots in self.recent:
            if fill_seq > seq:
                since += lots
        return since

    def unrealized_e8(self, mid_x2_ticks: int, tick_lot_value_e8: int) -> int:
        """Value at the mid less cost; 0 without a market."""
        if not mid_x2_ticks:
            return 0
        return self.lots * mid_x2_ticks * tick_lot_value_e8 // 2 - self.cost_e8


def _no_executions() -> Iterator[tuple[str, int]]:
    """Fillers as large as the venue's ids and times (36 characters, milliseconds), with ids it
    cannot use and times before all others."""
    return ((f"none {number:31d}", -(1 << 40) - number) for number in range(EXECUTIONS_REMEMBERED))


class Inventory:
    """Positions of all instruments, and the memory that lets each execution count once."""

    __slots__ = (
        "_forgotten_ms",
        "_instruments",
        "_seen",
        "doubts",
        "moved",
        "positions",
        "synced",
    )

    def __init__(self, instruments: tuple[Instrument, ...]) -> None:
        self._instruments = list(instruments)
        self._seen = BoundedMemory(_no_executions())
        self._forgotten_ms = -1
        self.positions = [Position() for _ in instruments]
        self.moved = Rotation(len(instruments))
        """Marks the instruments whose position has changed."""
        self.doubts = Doubts()
        """What of our picture of the account is not settled, orders included."""
        self.synced = False
        """A snapshot has set the positions; before, nothing about them is known."""

    def lots(self, instrument: int) -> int:
        """Our position, positive when long."""
        return self.positions[instrument].lots

    def replace_instrument(self, instrument: Instrument) -> None:
        """Take new filters."""
        self._instruments[instrument.index] = instrument

    def regrid(self, instrument: Instrument, lots: int) -> None:
        """Take filters with other lots, in which our position is ``lots``. It contains all that
        was told so far; the recent fills are forgotten with the lots they were counted in."""
        self._instruments[instrument.index] = instrument
        position = self.positions[instrument.index]
        position.lots = lots
        position.base_seq = max(position.base_seq, position.newest_seq)
        position.recent.clear()
        position.claim = None
        self.doubts.agree(instrument.index)
        self.moved.mark(instrument.index)

    def is_new(self, execution: Execution) -> bool:
        """Remember an execution; False when it was known already."""
        known = execution.exec_id in self._seen
        if known or execution.exec_ms <= self._forgotten_ms:
            return False
        forgotten_ms = self._seen.put(execution.exec_id, execution.exec_ms)
        if forgotten_ms is not None:
            self._forgotten_ms = max(self._forgotten_ms, forgotten_ms)
        return True

    def book(self, execution: Execution) -> None:
        """Apply a new execution."""
        position = self.positions[execution.instrument]
        position.fees_e8 += execution.fee_e8
        covered = 0 < execution.seq <= position.base_seq  # the position in force contains it
        if execution.exec_type in _NOT_TRADES or covered:
            return
        signed = execution.lots * (1 - 2 * execution.side)
        value_e8 = execution.value_e8 or self._instruments[execution.instrument].notional_e8(
            execution.price_ticks, execution.lots
        )
        position.trade(signed, value_e8)
        self.moved.mark(execution.instrument)
        position.recent.append((execution.seq, signed))
        position.newest_seq = max(position.newest_seq, execution.seq)
        if position.claim is not None:
            self._settle_claim(execution.instrument)

    def on_claim(self, claim: PositionUpdate, now_ns: int) -> None:
        """The venue's streamed word about a position: remembered while we differ from it."""
        position = self.positions[claim.instrument]
        older = position.claim is not None and claim.seq < position.claim.seq
        if older or (0 < claim.seq < position.base_seq):
            return
        if position.claim is None:
            position.disagree_since_ns = now_ns
        position.claim = claim
        if not self._settle_claim(claim.instrument):
            self.doubts.dispute(claim.instrument, now_ns)

    def on_row(self, block: PositionBlock[PositionUpdate], row: int, now_ns: int) -> None:
        """A position of a frame: the same as :meth:`on_claim` of its message, which is made only
        where it is to be remembered."""
        position = self.positions[block.instrument(row)]
        seq = block.seq(row)
        if (
            position.claim is None
            and not 0 < seq < position.base_seq
            and position.as_of(seq) == block.lots(row)
        ):
            position.disagree_since_ns = now_ns
        else:
            self.on_claim(block[row], now_ns)

    def disagreements(self, now_ns: int) -> list[int]:
        """Instruments whose position has differed from the venue's for too long; each is
        named again only after another such while."""
        late: list[int] = []
        for index in self.doubts.disputed():
            position = self.positions[index]
            if not self._settle_claim(index) and now_ns - position.disagree_since_ns >= DISAGREE_NS:
                position.disagree_since_ns = now_ns
                late.append(index)
        return late

    def adopt(self, claim: PositionUpdate) -> bool:
        """Make a position that was read the base of ours; True when that corrected ours."""
        self.moved.mark(claim.instrument)
        position = self.positions[claim.instrument]
        position.claim = None
        self.doubts.agree(claim.instrument)
        if 0 < claim.seq < position.base_seq:
            return False
        agreed = position.as_of(claim.seq) == claim.lots
        position.base_seq = max(position.base_seq, claim.seq)
        if agreed:
            if not self.synced:
                position.cost_e8 = _signed_cost(claim)
            return False
        position.lots = claim.lots + position.since(claim.seq)
        position.cost_e8 = _cost_of(position.lots, claim)
        return True

    def _settle_claim(self, instrument: int) -> bool:
        """Whether the venue's last word, if it was another, is ours by now."""
        position = self.positions[instrument]
        claim = position.claim
        if claim is not None and position.as_of(claim.seq) == claim.lots:
            position.claim = None
            self.doubts.agree(instrument)
        return position.claim is None


def _signed_cost(claim: PositionUpdate) -> int:
    return claim.entry_value_e8 if claim.lots >= 0 else -claim.entry_value_e8


def _cost_of(lots: int, claim: PositionUpdate) -> int:
    """Cost of ``lots`` at the average entry price of a claim."""
    if not claim.lots:
        return 0
    return _signed_cost(claim) * lots // claim.lots
