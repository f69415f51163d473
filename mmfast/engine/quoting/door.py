"""The door for strategies that are not ours: whatever comes through it can be quoted or is nothing.

A strategy is somebody's code. It may raise, return None, numbers that are none, sides that cross
each other, levels without end. Then its instrument is withdrawn and an operator hears of it; the
engine, and the other instruments, go on.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from mmfast.engine.counters import Counters
from mmfast.engine.market.top import Top
from mmfast.engine.outbox import Outbox
from mmfast.engine.params import SymbolParams
from mmfast.engine.quoting.quoter import NO_QUOTES, Level, Quotes, Strategy
from mmfast.messages import Instrument, Severity
from mmfast.units import MAX_LEVELS

STRATEGY: Final = "strategy"
"""Under which refusals at the door are counted."""
_MOST_CHARS: Final = 200


class Door:
    """Asks a strategy, and lets only quotes through that mean something."""

    __slots__ = ("_counters", "_outbox", "_refused", "_strategy")

    def __init__(self, strategy: Strategy, counters: Counters, outbox: Outbox) -> None:
        self._strategy = strategy
        self._counters = counters
        self._outbox = outbox
        self._refused: dict[int, str] = {}

    def quote(
        self, instrument: Instrument, params: SymbolParams, top: Top, position_lots: int
    ) -> Quotes:
        """The strategy's quotes, or none where its answer is no answer. Never raises."""
        try:
            quotes: object = self._strategy.quote(instrument, params, top, position_lots)
            fault = fault_of(quotes)
        except Exception as error:  # noqa: BLE001 - somebody else's code may raise anything
            fault = f"expected quotes, found {type(error).__name__}"
        if not fault and isinstance(quotes, Quotes):
            if self._refused:
                self._outbox.lower(self._refused.pop(instrument.index, ""))
            return quotes
        self._refuse(instrument, fault)
        return NO_QUOTES

    def _refuse(self, instrument: Instrument, fault: str) -> None:
        self._counters.count_refused(STRATEGY)
        key = self._refused.setdefault(instrument.index, f"{STRATEGY} {instrument.index}")
        text = f"{instrument.symbol}: the strategy's answer is not quoted: {fault}"
        self._outbox.raise_once(key, Severity.ERROR, "refused_" + STRATEGY, text[:_MOST_CHARS])


def fault_of(quotes: object) -> str:
    """What is wrong with an answer by itself; empty when nothing is. Sizes and prices beyond our
    limits are not looked at here: risk refuses them order by order."""
    if not isinstance(quotes, Quotes):
        return f"expected Quotes, found {type(quotes).__name__}"
    sides: tuple[tuple[str, object], ...] = (("bids", quotes.bids), ("asks", quotes.asks))
    for name, levels in sides:
        if not isinstance(levels, list) or len(levels) > MAX_LEVELS:
            return f"expected a list of at most {MAX_LEVELS} {name}"
        for level in levels:
            if not _is_sound(level):
                return f"expected {name} of positive whole prices and sizes, found {level!r:.60}"
    bids = [level.price_ticks for level in quotes.bids]
    asks = [level.price_ticks for level in quotes.asks]
    if any(outer >= inner for inner, outer in pairwise(bids)):
        return f"expected bids that fall from level to level, found {bids}"
    if any(outer <= inner for inner, outer in pairwise(asks)):
        return f"expected asks that rise from level to level, found {asks}"
    if bids and asks and bids[0] >= asks[0]:
        return f"expected bids below asks, found {bids[0]} and {asks[0]}"
    return ""


def _is_sound(level: object) -> bool:
    # By exact type: a bool is an int to Python, and so is anybody's subclass of one.
    return (
        isinstance(level, Level)
        and type(level.price_ticks) is int
        and type(level.lots) is int
        and level.price_ticks > 0
        and level.lots > 0
    )
