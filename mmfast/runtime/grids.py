"""The grids of prices and sizes: read again and again, and changed over in every part at once."""

from __future__ import annotations

import logging
from collections.abc import Callable

from mmfast.bybit.rows import NOT_SETTLED
from mmfast.config import Config
from mmfast.engine.market.rough import units_of
from mmfast.errors import ConfigError, MmfastError
from mmfast.messages import Instrument, InstrumentChange
from mmfast.runtime import reach
from mmfast.runtime.assemble import config_for_instruments, without
from mmfast.runtime.logs import say
from mmfast.runtime.session import Session
from mmfast.units import NS_PER_MS, Ms


class GridKeeper:
    """One session's. Filters in the units known are taken at once by every part. Where the units
    themselves have changed, only the kernel is told: it withdraws the instrument, and all numbers
    about it stay in the old units until it asks to change over (:meth:`renew`)."""

    def __init__(self, session: Session, config: Callable[[], Config]) -> None:
        self._session = session
        self._config = config
        self._waiting: dict[int, Instrument] = {}
        """In new units, as the kernel was told of them last."""
        session.on_renew = self.renew
        session.doubts.is_changing = self._waiting.__contains__

    async def keep(self, every_s: float) -> None:
        """Read the instruments' filters for ever: soon again where one does not trade, or is on
        its way to new units, which may be taken back."""
        session = self._session
        while True:
            await session.doubts.wait(every_s)
            try:
                fresh = await reach.read_instruments(session.rest, session.instruments)
            except MmfastError as error:
                say(logging.WARNING, "instruments", f"cannot read the instruments: {error}")
                self._watch()
                continue
            session.doubts.settle()
            for known, new in zip(session.instruments, fresh, strict=True):
                if known != new or known.index in self._waiting:
                    self.change(known, new)
            self._watch()

    def _watch(self) -> None:
        """Do not wait for long where an instrument is withdrawn until they are read."""
        self._session.doubts.watch_idle()
        if self._waiting:
            self._session.doubts.read_soon()

    def change(self, known: Instrument, changed: Instrument) -> None:
        """Filters of an instrument that are not those in force, or were not when read last."""
        if changed != self._waiting.pop(known.index, known):
            text = f"{changed.symbol}: the venue's filters changed (status {changed.status})"
            say(logging.WARNING, "instrument_changed", text)
        if units_of(known) == units_of(changed):
            self._session.take_filters(changed)
        else:
            self._waiting[known.index] = changed
        self._session.pump.event(InstrumentChange(changed))
        self._take_params(changed)

    def renew(self, request: InstrumentChange) -> None:
        """Change over, in one turn of the loop: the kernel first, which may refuse, then all that
        reads or writes numbers. Nothing is read between the two."""
        session, changed = self._session, request.instrument
        known = session.instruments[changed.index]
        if not session.kernel.renew_units(changed, session.clock.now_ns()):
            return
        self._waiting.pop(changed.index, None)
        same_lots = units_of(known)[2:] == units_of(changed)[2:]
        session.take_filters(changed, NOT_SETTLED if same_lots else self._now_ms())
        session.forget_units(changed)
        self._take_params(changed)

    def _now_ms(self) -> Ms:
        """The venue's time, rather too late than too early: a trade that is wrongly taken for one
        of before is put right by the next reading, one wrongly taken for a new one may be off the
        new step and keep the account from being read."""
        clock = self._session.contact.venue_clock
        return Ms(clock.venue_ms() + clock.uncertainty_ns // NS_PER_MS + 1)

    def _take_params(self, changed: Instrument) -> None:
        session = self._session
        try:
            params = config_for_instruments(self._config(), session.instruments)
        except ConfigError as error:
            say(logging.ERROR, "instrument_changed", f"{error}; {changed.symbol} is not quoted")
            params = without(session.params, changed)
        session.take_params(params)
