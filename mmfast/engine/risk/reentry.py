"""Reentry: an instrument whose tick size or quantity step has changed is quoted again.

Our integers of it mean nothing any more, so it is withdrawn at once. When the table shows that
nothing of ours can rest or fill there, and a reading of the account begun after that agrees, the
shell is asked to change over. It does so in one turn of its loop: first :meth:`Reentry.renew`
counts everything kept here in the new units, then the codecs read and write them. A reading begun
after that sets the position; from it on the instrument is quoted again.
"""

from __future__ import annotations

from typing import Final

import msgspec

from mmfast.engine.market.market import Market
from mmfast.engine.market.rough import units_of
from mmfast.engine.orders.inventory import Inventory
from mmfast.engine.orders.orders import OrderTable
from mmfast.engine.outbox import Outbox
from mmfast.engine.params import EngineParams, SymbolParams
from mmfast.engine.risk.risk import Risk
from mmfast.messages import AccountSnapshot, Instrument, Severity

UNITS_CHANGED: Final = "instrument units changed"
"""Status of an instrument that waits for its new units, or for the first reading in them."""
_NOT_YET: Final = -1


class Waiting:
    """One instrument that is on its way to new units."""

    __slots__ = ("asked", "changed", "empty_since_ns", "proved")

    def __init__(self, changed: Instrument) -> None:
        self.changed = changed
        """Its newest filters, in the new units."""
        self.empty_since_ns = _NOT_YET
        """Since when nothing of ours has been able to rest or fill there."""
        self.proved = False
        """A reading of the account that began after that has shown nothing else."""
        self.asked = False
        """The shell has been asked to change over."""


class Reentry:
    """Knows which instruments changed their units, and how far each has come."""

    __slots__ = ("_inventory", "_market", "_orders", "_outbox", "_renewed_ns", "_risk", "_waiting")

    def __init__(
        self, market: Market, inventory: Inventory, risk: Risk, outbox: Outbox, orders: OrderTable
    ) -> None:
        self._market = market
        self._orders = orders
        self._inventory = inventory
        self._risk = risk
        self._outbox = outbox
        self._waiting: dict[int, Waiting] = {}
        self._renewed_ns: dict[int, int] = {}
        """When the units changed of instruments of which no reading in the new ones has come."""

    def status(self, instrument: int) -> str:
        """Why its units forbid to quote it; empty when they do not."""
        changing = instrument in self._waiting or instrument in self._renewed_ns
        return UNITS_CHANGED if changing else ""

    def hear(self, changed: Instrument) -> None:
        """The venue's filters have been read, and may be new."""
        index = changed.index
        known = self._market.instruments[index]
        waiting = self._waiting.get(index)
        if units_of(known) == units_of(changed):
            if self._waiting.pop(index, None) is not None:
                self._lower(index)
            self._market.instruments[index] = changed
            self._inventory.replace_instrument(changed)
        elif waiting is None:
            self._waiting[index] = Waiting(changed)
            self._outbox.raise_once(
                f"units {index}",
                Severity.ERROR,
                "instrument_units",
                f"{known.symbol}: tick size or quantity step has changed; its orders are "
                "cancelled, and it is quoted in the new units when none of them can fill any more",
            )
        elif waiting.changed != changed:
            waiting.changed = changed
            waiting.asked = False

    def look(self, now_ns: int) -> None:
        """Once a second: has an instrument become empty, or its position divisible?"""
        for index, waiting in self._waiting.items():
            if not self._is_empty(index):
                waiting.empty_since_ns = _NOT_YET
                waiting.proved = waiting.asked = False
            elif waiting.empty_since_ns == _NOT_YET:
                waiting.empty_since_ns = now_ns
                symbol = waiting.changed.symbol
                self._outbox.read_account(f"the units of {symbol} change: is nothing left of it?")
            elif waiting.proved:
                self._ask(index, waiting)

    def readable(self, snapshot: AccountSnapshot) -> AccountSnapshot:
        """A reading without the rows of instruments whose units changed after it began: nobody
        can tell which units such a row was read in. A later reading has been asked for."""
        old = [i for i, at_ns in self._renewed_ns.items() if snapshot.asked_ns < at_ns]
        if not old:
            return snapshot
        return msgspec.structs.replace(
            snapshot,
            orders=tuple(row for row in snapshot.orders if row.instrument not in old),
            executions=tuple(row for row in snapshot.executions if row.instrument not in old),
            positions=tuple(row for row in snapshot.positions if row.instrument not in old),
        )

    def take_reading(self, asked_ns: int) -> bool:
        """A reading of the account was merged; True when one more instrument may be quoted."""
        for index, waiting in self._waiting.items():
            empty = waiting.empty_since_ns != _NOT_YET and self._is_empty(index)
            if empty and waiting.empty_since_ns <= asked_ns:
                waiting.proved = True
                self._ask(index, waiting)
        settled = [index for index, at_ns in self._renewed_ns.items() if at_ns <= asked_ns]
        for index in settled:
            del self._renewed_ns[index]
            self._lower(index)
        return bool(settled)

    def renew(self, changed: Instrument, params: EngineParams, now_ns: int) -> EngineParams | None:
        """Count everything known of an instrument in its new units: book, position and sums here,
        limits in the parameters returned. None, and nothing has changed, where it must not be now:
        something of ours has turned up again, or the filters have changed once more."""
        index = changed.index
        waiting = self._waiting.get(index)
        if waiting is None:
            return None
        waiting.asked = False
        lots = self._new_lots(index, changed)
        if waiting.changed != changed or not (waiting.proved and self._is_empty(index)):
            return None
        if lots is None:
            return None
        known = self._market.instruments[index]
        del self._waiting[index]
        self._renewed_ns[index] = now_ns
        self._inventory.regrid(changed, lots)
        self._market.regrid(changed, params)
        self._risk.exposure.regrid(changed, *_lot_ratio(known, changed))
        self._outbox.resubscribe(index, UNITS_CHANGED)
        self._outbox.read_account(f"the units of {changed.symbol} have changed")
        symbols = list(params.symbols)
        symbols[index] = in_new_lots(symbols[index], known, changed)
        return msgspec.structs.replace(params, symbols=tuple(symbols))

    def _ask(self, index: int, waiting: Waiting) -> None:
        """Ask the shell to change over, once; unless the position cannot be told in the new
        lots, which is never rounded."""
        if waiting.asked:
            return
        symbol = waiting.changed.symbol
        if self._new_lots(index, waiting.changed) is None:
            self._outbox.raise_once(
                f"uneven {index}",
                Severity.ERROR,
                "instrument_uneven",
                f"{symbol}: expected a position that is a multiple of the new quantity step, found "
                f"{self._inventory.lots(index)} of the old steps; it stays withdrawn: trade the "
                "odd part away by hand",
            )
            return
        waiting.asked = True
        self._outbox.renew_units(waiting.changed)

    def _is_empty(self, index: int) -> bool:
        """No order of ours rests, is in flight or in doubt, and no ended one waits for fills."""
        open_lots = self._orders.open_lots
        return self._orders.sums.of(index).count == 0 and not (
            open_lots[index * 2] or open_lots[index * 2 + 1]
        )

    def _new_lots(self, index: int, changed: Instrument) -> int | None:
        """Our position in new lots; None where it is no whole number of them."""
        many, few = _lot_ratio(self._market.instruments[index], changed)
        lots, rest = divmod(self._inventory.lots(index) * many, few)
        return None if rest else lots

    def _lower(self, index: int) -> None:
        """Tell that it is over, unless the units have changed once more."""
        if self.status(index):
            return
        self._outbox.lower(f"uneven {index}")
        if self._outbox.lower(f"units {index}"):
            symbol = self._market.instruments[index].symbol
            text = f"{symbol}: its units are settled; it is quoted again where nothing else forbids"
            self._outbox.alert(Severity.INFO, "instrument_units_settled", text)


def in_new_lots(symbol: SymbolParams, known: Instrument, changed: Instrument) -> SymbolParams:
    """Sizes and limits in the lots of ``changed``. Where one is no whole number of them it is
    rounded down, to one lot at least, and the instrument is switched off: what is quoted instead
    is not ours to choose."""
    many, few = _lot_ratio(known, changed)
    counts = {
        name: divmod(getattr(symbol, name) * many, few)
        for name in ("order_lots", "max_order_lots", "max_position_lots")
    }
    return msgspec.structs.replace(
        symbol,
        **{name: max(lots, 1) for name, (lots, _) in counts.items()},
        enabled=symbol.enabled and not any(rest for _, rest in counts.values()),
    )


def _lot_ratio(known: Instrument, changed: Instrument) -> tuple[int, int]:
    """So many new lots are as much as so many old ones: ``new = old * many / few``."""
    many = known.step_units * 10**changed.step_decimals
    return many, changed.step_units * 10**known.step_decimals
