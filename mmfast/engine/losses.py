"""The loss and drawdown stop: what the day has cost, for the account and for each instrument.

The day is the venue's UTC day. Its result is what was realised less fees since it began, plus
what the open positions have gained at the mid since then; its drawdown is how far that result
has come down from its highest. One unit beyond a limit asks for a halt that only a human ends,
and that human accepts the loss: from the resume on, everything is counted anew.
"""

from __future__ import annotations

from typing import Final

import msgspec

from mmfast.engine.inventory import Inventory
from mmfast.engine.market import Market
from mmfast.engine.params import EngineParams
from mmfast.messages import Mode
from mmfast.units import E8, NS_PER_S

DAY_NS: Final = 86_400 * NS_PER_S
NO_DAY: Final = -1
"""The venue's time has not been told."""
_AGREED: Final = (Mode.TRADING, Mode.REDUCE_ONLY)


class DayRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One instrument's day, in 1e-8 quote coins."""

    net_e8: int
    """Realised less fees since the day began."""
    open_e8: int | None
    """What the position had gained when the day began; None before it was first valued."""
    peak_e8: int


class DayLedger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must be remembered of a day over a restart."""

    day: int
    """UTC days since 1970, or ``NO_DAY``."""
    halted: bool
    """The stop has halted the engine; who resumes it accepts the loss."""
    peak_e8: int
    rows: dict[str, DayRow]
    """By symbol."""


class _Row:
    """One instrument's day in the making."""

    __slots__ = ("net_base_e8", "open_base_e8", "open_e8", "peak_e8", "result_e8")

    def __init__(self) -> None:
        self.net_base_e8 = 0
        self.open_base_e8: int | None = None
        self.open_e8: int | None = None
        """What the position has gained, as it was last valued in this run."""
        self.peak_e8 = 0
        self.result_e8 = 0


class LossStop:
    """Adds up the day, and says once when it has passed a limit."""

    __slots__ = (
        "_asked",
        "_day",
        "_halted",
        "_inventory",
        "_market",
        "_max_drawdown_e8",
        "_max_loss_e8",
        "_offset_ns",
        "_peak_e8",
        "_rows",
        "_symbol_limits",
        "result_e8",
    )

    def __init__(self, market: Market, inventory: Inventory) -> None:
        self._market = market
        self._inventory = inventory
        self._rows = [_Row() for _ in market.instruments]
        self._day = NO_DAY
        self._offset_ns: int | None = None
        self._peak_e8 = 0
        self.result_e8 = 0
        """Of the whole account, since the day began."""
        self._asked = False
        self._halted = False
        self._max_loss_e8 = self._max_drawdown_e8 = 0
        self._symbol_limits: list[tuple[int, int]] = []

    def set_limits(self, params: EngineParams) -> None:
        """Largest loss and drawdown of a day."""
        self._max_loss_e8 = params.account.max_daily_loss_e8
        self._max_drawdown_e8 = params.account.max_drawdown_e8
        self._symbol_limits = [(s.max_daily_loss_e8, s.max_drawdown_e8) for s in params.symbols]

    def set_venue_time(self, offset_ns: int) -> None:
        """What the venue's clock shows beyond ours: it tells which day it is."""
        self._offset_ns = offset_ns

    def set_mode(self, mode: Mode) -> None:
        """A halt of ours that is over was ended by a human, who has seen the loss."""
        if mode is Mode.HALTED:
            self._halted = self._halted or self._asked
        elif mode in _AGREED and self._halted:
            self._begin()
            self._asked = self._halted = False

    @property
    def drawdown_e8(self) -> int:
        """How far the account's result is below its highest of the day."""
        return self._peak_e8 - self.result_e8

    def look(self, now_ns: int) -> str:
        """Value all positions anew. The limit that is passed, once; empty for none."""
        if not self._inventory.synced:
            return ""
        self._turn_day(now_ns)
        reason = ""
        for instrument in range(len(self._rows)):
            self._value(instrument)
            reason = reason or self._passed_by(instrument)
        return self._tell(self._passed() or reason)

    def look_at(self, instrument: int) -> str:
        """:meth:`look` where only this instrument has traded."""
        if not self._inventory.synced:
            return ""
        self._value(instrument)
        return self._tell(self._passed() or self._passed_by(instrument))

    def ledger(self) -> DayLedger:
        """What a later run must know."""
        rows = {}
        for known, row, position in zip(
            self._market.instruments, self._rows, self._inventory.positions, strict=True
        ):
            net_e8 = position.realized_e8 - position.fees_e8 - row.net_base_e8
            rows[known.symbol] = DayRow(
                net_e8=net_e8, open_e8=row.open_base_e8, peak_e8=row.peak_e8
            )
        return DayLedger(day=self._day, halted=self._halted, peak_e8=self._peak_e8, rows=rows)

    def restore(self, ledger: DayLedger) -> None:
        """Go on with the day of an earlier run, before anything of this one is booked."""
        self._day = ledger.day
        self._halted = self._asked = ledger.halted
        self._peak_e8 = ledger.peak_e8
        for known, row in zip(self._market.instruments, self._rows, strict=True):
            kept = ledger.rows.get(known.symbol)
            if kept is not None:
                row.net_base_e8 = -kept.net_e8
                row.open_base_e8 = kept.open_e8
                row.peak_e8 = kept.peak_e8

    def _turn_day(self, now_ns: int) -> None:
        """A clock set back is no new day: the larger number has been lost in already."""
        if self._offset_ns is None:
            return
        day = (now_ns + self._offset_ns) // DAY_NS
        if day > self._day:
            if self._day != NO_DAY:
                self._begin()
            self._day = day

    def _begin(self) -> None:
        """From here on nothing has been won or lost."""
        for row, position in zip(self._rows, self._inventory.positions, strict=True):
            row.net_base_e8 = position.realized_e8 - position.fees_e8
            row.open_base_e8 = None
            row.peak_e8 = row.result_e8 = 0
        self._peak_e8 = self.result_e8 = 0

    def _value(self, instrument: int) -> None:
        """A position without a market keeps the gain it had last."""
        row = self._rows[instrument]
        position = self._inventory.positions[instrument]
        mid_x2 = self._market.mid_x2_ticks(instrument)
        if mid_x2 or not position.lots:
            known = self._market.instruments[instrument]
            row.open_e8 = position.unrealized_e8(mid_x2, known.tick_lot_value_e8)
            if row.open_base_e8 is None:
                row.open_base_e8 = row.open_e8
        result_e8 = position.realized_e8 - position.fees_e8 - row.net_base_e8
        if row.open_e8 is not None and row.open_base_e8 is not None:
            result_e8 += row.open_e8 - row.open_base_e8
        self.result_e8 += result_e8 - row.result_e8
        row.result_e8 = result_e8
        row.peak_e8 = max(row.peak_e8, result_e8)

    def _passed(self) -> str:
        if all(row.open_e8 is not None for row in self._rows):
            # Before all are valued the sum may be too good.
            self._peak_e8 = max(self._peak_e8, self.result_e8)
        limits_e8 = (self._max_loss_e8, self._max_drawdown_e8)
        return _beyond("the account", self.result_e8, self._peak_e8, limits_e8, "risk")

    def _passed_by(self, instrument: int) -> str:
        row = self._rows[instrument]
        symbol = self._market.instruments[instrument].symbol
        limits_e8 = self._symbol_limits[instrument]
        section = f"symbols[{instrument}]"
        return _beyond(symbol, row.result_e8, row.peak_e8, limits_e8, section)

    def _tell(self, reason: str) -> str:
        """Said once, until a human has resumed."""
        if self._asked:
            return ""
        self._asked = bool(reason)
        return reason


def _beyond(
    whose: str, result_e8: int, peak_e8: int, limits_e8: tuple[int, int], section: str
) -> str:
    """Which limit of loss and drawdown is passed, as a sentence; empty for none."""
    max_loss_e8, max_drawdown_e8 = limits_e8
    if -result_e8 > max_loss_e8:
        lost, limit, name = -result_e8, max_loss_e8, "max_daily_loss_quote"
        text = "has come down"
    elif peak_e8 - result_e8 > max_drawdown_e8:
        lost, limit, name = peak_e8 - result_e8, max_drawdown_e8, "max_drawdown_quote"
        text = "has come down from its highest result"
    else:
        return ""
    return (
        f"{whose} {text} by {_quote(lost)} on this UTC day, more than {section}.{name} "
        f"{_quote(limit)}"
    )


def _quote(value_e8: int) -> str:
    return f"{value_e8 // E8}.{value_e8 % E8:08d}"
