"""The loss and drawdown stop: what the day has cost, for the account and for each instrument.

The day is the venue's UTC day. Its result is what was realised less fees since it began, plus
what the open positions have gained at the mid since then; its drawdown is how far that result
has come down from its highest. One unit beyond a limit asks for a halt that only a human ends,
and that human accepts the loss: from the resume on, everything is counted anew.
"""

from __future__ import annotations

from typing import Final

import msgspec

from mmfast.engine.market.market import Market
from mmfast.engine.orders.inventory import Inventory
from mmfast.engine.params import NO_LIMIT, EngineParams
from mmfast.messages import Mode
from mmfast.units import NS_PER_S, quote_text

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


class Result:
    """What a day has brought one instrument, or the account, and what it may cost."""

    __slots__ = (
        "max_drawdown_e8",
        "max_loss_e8",
        "net_base_e8",
        "open_base_e8",
        "open_e8",
        "peak_e8",
        "result_e8",
    )

    def __init__(self) -> None:
        self.net_base_e8 = 0
        self.open_base_e8: int | None = None
        self.open_e8: int | None = None
        """What the position has gained, as it was last valued in this run."""
        self.peak_e8 = 0
        self.result_e8 = 0
        self.max_loss_e8 = NO_LIMIT
        self.max_drawdown_e8 = NO_LIMIT

    def begin(self, net_e8: int) -> None:
        """From here on nothing has been won or lost."""
        self.net_base_e8 = net_e8
        self.open_base_e8 = None
        self.peak_e8 = self.result_e8 = 0

    def is_beyond(self) -> bool:
        """One of the two limits is passed."""
        result_e8 = self.result_e8
        return -result_e8 > self.max_loss_e8 or self.peak_e8 - result_e8 > self.max_drawdown_e8

    def verdict(self, whose: str, section: str) -> str:
        """Which limit is passed, as a sentence."""
        if -self.result_e8 > self.max_loss_e8:
            lost_e8, limit_e8, name = -self.result_e8, self.max_loss_e8, "max_daily_loss_quote"
            text = "has come down"
        else:
            lost_e8, limit_e8 = self.peak_e8 - self.result_e8, self.max_drawdown_e8
            text, name = "has come down from its highest result", "max_drawdown_quote"
        return (
            f"{whose} {text} by {quote_text(lost_e8)} on this UTC day, more than {section}.{name} "
            f"{quote_text(limit_e8)}"
        )


class LossStop:
    """Adds up the day, and says once when it has passed a limit."""

    __slots__ = (
        "_asked",
        "_day",
        "_halted",
        "_inventory",
        "_market",
        "_offset_ns",
        "_results",
        "_unvalued",
        "whole",
    )

    def __init__(self, market: Market, inventory: Inventory) -> None:
        self._market = market
        self._inventory = inventory
        self._results = [Result() for _ in market.instruments]
        self._unvalued = len(self._results)
        """Instruments whose position has not been valued in this run."""
        self.whole = Result()
        """Of the account."""
        self._day = NO_DAY
        self._offset_ns: int | None = None
        self._asked = False
        self._halted = False

    def set_limits(self, params: EngineParams) -> None:
        """Largest loss and drawdown of a day."""
        self.whole.max_loss_e8 = params.account.max_daily_loss_e8
        self.whole.max_drawdown_e8 = params.account.max_drawdown_e8
        for result, limits in zip(self._results, params.symbols, strict=True):
            result.max_loss_e8 = limits.max_daily_loss_e8
            result.max_drawdown_e8 = limits.max_drawdown_e8

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

    def look(self, now_ns: int) -> str:
        """Value all positions anew. The limit that is passed, once; empty for none."""
        if not self._inventory.synced:
            return ""
        self._turn_day(now_ns)
        reason = ""
        for instrument in range(len(self._results)):
            reason = self._value(instrument) or reason
        return self._tell(reason)

    def look_at(self, instrument: int) -> str:
        """:meth:`look` where only this instrument has traded."""
        if not self._inventory.synced:
            return ""
        return self._tell(self._value(instrument))

    def ledger(self) -> DayLedger:
        """What a later run must know."""
        rows = {}
        for known, result, position in zip(
            self._market.instruments, self._results, self._inventory.positions, strict=True
        ):
            rows[known.symbol] = DayRow(
                net_e8=position.realized_e8 - position.fees_e8 - result.net_base_e8,
                open_e8=result.open_base_e8,
                peak_e8=result.peak_e8,
            )
        peak_e8 = self.whole.peak_e8
        return DayLedger(day=self._day, halted=self._halted, peak_e8=peak_e8, rows=rows)

    def restore(self, ledger: DayLedger) -> None:
        """Go on with the day of an earlier run, before anything of this one is booked."""
        self._day = ledger.day
        self._halted = self._asked = ledger.halted
        self.whole.peak_e8 = ledger.peak_e8
        for known, result in zip(self._market.instruments, self._results, strict=True):
            kept = ledger.rows.get(known.symbol)
            if kept is not None:
                result.net_base_e8 = -kept.net_e8
                result.open_base_e8 = kept.open_e8
                result.peak_e8 = kept.peak_e8

    def _turn_day(self, now_ns: int) -> None:
        """A clock set back is no new day: on that one there was trade already."""
        if self._offset_ns is None:
            return
        day = (now_ns + self._offset_ns) // DAY_NS
        if day > self._day:
            if self._day != NO_DAY:
                self._begin()
            self._day = day

    def _begin(self) -> None:
        for result, position in zip(self._results, self._inventory.positions, strict=True):
            result.begin(position.realized_e8 - position.fees_e8)
        self.whole.begin(0)

    def _value(self, instrument: int) -> str:
        """Count one instrument anew; the limit that it has passed. A position
        without a market keeps the gain it had last."""
        result = self._results[instrument]
        position = self._inventory.positions[instrument]
        mid_x2 = self._market.mid_x2_ticks(instrument)
        if mid_x2 or not position.lots:
            self._unvalued -= result.open_e8 is None
            unit_e8 = self._market.instruments[instrument].tick_lot_value_e8
            result.open_e8 = position.unrealized_e8(mid_x2, unit_e8)
            if result.open_base_e8 is None:
                result.open_base_e8 = result.open_e8
        result_e8 = position.realized_e8 - position.fees_e8 - result.net_base_e8
        if result.open_e8 is not None and result.open_base_e8 is not None:
            result_e8 += result.open_e8 - result.open_base_e8
        whole = self.whole
        whole.result_e8 += result_e8 - result.result_e8
        result.result_e8 = result_e8
        result.peak_e8 = max(result.peak_e8, result_e8)
        if not result.is_beyond():
            return ""
        symbol = self._market.instruments[instrument].symbol
        return result.verdict(symbol, f"symbols[{instrument}]")

    def _tell(self, reason: str) -> str:
        """What is passed by an instrument, or by the account; said once, until a human has
        resumed."""
        whole = self.whole
        if not self._unvalued:
            # Before all are valued the sum may be too good.
            whole.peak_e8 = max(whole.peak_e8, whole.result_e8)
        if self._asked:
            return ""
        if whole.is_beyond():
            reason = whole.verdict("the account", "risk")
        self._asked = bool(reason)
        return reason
