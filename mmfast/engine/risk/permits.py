"""Permits: may an instrument be quoted, may a batch leave, and if not, why not."""

from __future__ import annotations

from typing import Final

import msgspec

from mmfast.engine.market.market import Market
from mmfast.engine.orders.inventory import Inventory
from mmfast.engine.outbox import Outbox
from mmfast.engine.params import BreakerParams, EngineParams, SymbolParams
from mmfast.engine.quoting.terms import Terms
from mmfast.engine.risk.breakers import Breakers
from mmfast.engine.risk.holds import Holds
from mmfast.engine.risk.losses import LossStop
from mmfast.engine.risk.reentry import Reentry
from mmfast.engine.risk.risk import Risk
from mmfast.engine.rotation import Rotation
from mmfast.messages import Batch, Instrument, Mode, Op, Severity

REDUCES_ONLY: Final = "only reduces by now"
DOUBTFUL: Final = (
    "an order or the position has been in doubt for longer than risk.max_doubt_ms; nothing is "
    "opened until it is settled"
)


class Permits:
    """Reads the mode, the instruments' standing and the books. Tells risk the first two, so
    that a decision, the check of each command and the last look go by the same facts. Keeps
    ``terms`` and ``holds`` as the parameters and the ``breakers`` ask for it."""

    __slots__ = (
        "_breakers",
        "_doubtful",
        "_holds",
        "_inventory",
        "_market",
        "_mode",
        "_outbox",
        "_pulled",
        "_reentry",
        "_risk",
        "_stopped",
        "_symbols",
        "_terms",
        "_widen_percent",
        "_widened",
        "halted",
        "quotes_at_all",
        "reduces",
    )

    def __init__(
        self,
        market: Market,
        inventory: Inventory,
        risk: Risk,
        outbox: Outbox,
        terms: list[Terms],
        holds: Holds,
        breakers: Breakers,
        reentry: Reentry,
    ) -> None:
        self._market = market
        self._inventory = inventory
        self._risk = risk
        self._outbox = outbox
        self._terms = terms
        self._holds = holds
        self._breakers = breakers
        self._symbols: tuple[SymbolParams, ...] = ()
        self._widen_percent = 100
        self._widened = False
        self._pulled = ""
        self._reentry = reentry
        self._stopped = ""
        self._doubtful: list[int] = []
        """Instruments whose doubts the operator was told of."""
        self._mode = Mode.SYNCING
        self.set_mode(Mode.SYNCING)

    def set_mode(self, mode: Mode) -> None:
        """The mode of the whole engine."""
        if self._mode is Mode.HALTED and mode is not Mode.HALTED:
            # What had tripped a breaker would halt again at once who has just been resumed.
            self._breakers.forget()
        self._mode = mode
        self._risk.mode = mode
        self.halted = mode is Mode.HALTED
        self.reduces = mode is Mode.REDUCE_ONLY
        self.quotes_at_all = self.reduces or mode is Mode.TRADING
        if self.halted:
            self._stopped = ""
        elif self._stopped and self.quotes_at_all:
            # It was asked for while the operator's own halt stood, who has not heard of it.
            self._outbox.halt(self._stopped)

    def _set_breakers(self, params: BreakerParams) -> None:
        """When to be careful, and how."""
        self._widen_percent = params.widen_percent
        self._breakers.set_limits(params)
        self._holds.set_limits(params)

    def look(self, now_ns: int, dirty: Rotation) -> None:
        """Once a second: do what the breakers ask for."""
        for instrument, why in self._holds.news:
            text = f"{self._market.instruments[instrument].symbol}: {why}; it is withdrawn"
            self._outbox.alert(Severity.WARNING, "breaker_instrument", text)
        self._holds.news.clear()
        verdict = self._breakers.look(now_ns)
        if verdict.halt and self._mode is not Mode.HALTED:
            self.stop(verdict.halt)
        before = (self._widened, self._pulled)
        self._widened, self._pulled = bool(verdict.widen), verdict.pull
        self._tell("breaker_widen", verdict.widen, "the quotes are widened")
        self._tell("breaker_pull", verdict.pull, "all quotes are withdrawn")
        if (self._widened, self._pulled) != before:
            self._set_terms()
            dirty.mark_all()
        self._watch_doubts(now_ns, dirty)

    def reduces_only(self, instrument: int, now_ns: int) -> bool:
        """An instrument only shrinks what it has: by the mode, or because too much of it has been
        in doubt for too long."""
        return self.reduces or self._inventory.doubts.too_long(instrument, now_ns)

    def _watch_doubts(self, now_ns: int, dirty: Rotation) -> None:
        """Tell of doubts that last too long, and decide anew when that begins and when it ends."""
        late = self._inventory.doubts.late(now_ns)
        for index in late:
            if index not in self._doubtful:
                self._tell_doubt(Severity.WARNING, index, DOUBTFUL)
                dirty.mark(index)
        for index in self._doubtful:
            if index not in late:
                self._tell_doubt(Severity.INFO, index, "settled, quoted again")
                dirty.mark(index)
        self._doubtful = late

    def _tell_doubt(self, severity: Severity, index: int, text: str) -> None:
        symbol = self._market.instruments[index].symbol
        self._outbox.alert(severity, "doubt", f"{symbol}: {text}")

    def _tell(self, code: str, why: str, what: str) -> None:
        """When it begins, and when it is over."""
        if why:
            self._outbox.raise_once(code, Severity.WARNING, code, f"{why}: {what}")
        elif self._outbox.lower(code):
            self._outbox.alert(Severity.INFO, code, f"over: {what} no more")

    def _set_terms(self) -> None:
        """The terms of all instruments, widened or not."""
        instruments = self._market.instruments
        for index, symbol in enumerate(self._symbols):
            wide = symbol
            if self._widened:
                half_e4 = symbol.half_spread_e4 * self._widen_percent // 100
                wide = msgspec.structs.replace(symbol, half_spread_e4=half_e4)
            self._terms[index] = Terms(instruments[index], wide)

    def stop(self, reason: str) -> None:
        """A control has been passed: quote nothing from here on, and ask for a halt that only a
        human ends."""
        if not self._stopped:
            self._stopped = reason
            self._outbox.halt(reason)

    def watch_losses(self, losses: LossStop, whole: bool, now_ns: int, dirty: Rotation) -> None:
        """After each trade what traded; now and then everything, for prices move too."""
        passed = losses.look(now_ns) if whole else ""
        for instrument in self._inventory.moved.take(len(self._risk.status)):
            self._risk.exposure.weigh(instrument)
            passed = passed or losses.look_at(instrument)
        if passed:
            self.stop(passed)
            dirty.mark_all()

    def set_status(self, rules: EngineParams) -> None:
        """Which instruments are traded, on which terms, and when not: what the venue and the
        configuration say."""
        self._set_breakers(rules.breakers)
        self._inventory.doubts.set_limit(rules.max_doubt_ms)
        self._symbols = symbols = rules.symbols
        self._set_terms()
        for index, params in enumerate(symbols):
            known = self._market.instruments[index]
            status = "" if known.status == Instrument.TRADING else f"instrument is {known.status}"
            status = self._reentry.status(index) or status
            self._risk.status[index] = status if params.enabled else "disabled"

    def pull_reason(self, instrument: int, now_ns: int) -> str:
        """Why an instrument is not quoted; empty when it is."""
        if not self.quotes_at_all:
            return self._mode.name.lower()
        reason = self._stopped or self._pulled or self._risk.status[instrument]
        if not reason and self._holds.pulled(instrument, now_ns):
            reason = "orders refused"
        return reason or self._market.fault(instrument, now_ns)

    def objection(self, batch: Batch, now_ns: int) -> str:
        """Why a batch must not leave any more; empty when it may. Cancels always may."""
        if batch.op is Op.CANCEL:
            return ""
        if not self.quotes_at_all:
            return f"mode is {self._mode.name}"
        seen = -1
        reduces = False
        for command in batch.commands:
            instrument = command.instrument
            if instrument != seen:
                seen = instrument
                reason = self.pull_reason(instrument, now_ns)
                if reason:
                    return f"{self._market.instruments[instrument].symbol}: {reason}"
                reduces = self.reduces_only(instrument, now_ns)
                self._risk.exposure.reprice(instrument)
            if reduces and self._risk.opens(command):
                return f"{self._market.instruments[instrument].symbol}: {REDUCES_ONLY}"
        return self._risk.worst_case_objection(batch.commands)
