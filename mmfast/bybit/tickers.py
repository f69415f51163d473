"""Tickers: the venue's own price of an instrument, from a snapshot and what changed since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from mmfast.bybit.decimals import exact, pow10
from mmfast.messages import Instrument, ReferencePrice
from mmfast.units import Ticks


class _Prices(msgspec.Struct, rename="camel"):
    mark_price: str | None = None
    index_price: str | None = None
    last_price: str | None = None


class _Frame(msgspec.Struct):
    data: _Prices


FIELDS: Final = {"mark": "mark_price", "index": "index_price", "last": "last_price"}
"""What may be read of a ticker, by the word of the configuration."""


class TickerReader:
    """Reads one price of the tickers of ``instruments``."""

    def __init__(self, instruments: Sequence[Instrument], which: str) -> None:
        self._instruments = list(instruments)
        self._field = FIELDS[which]
        self._ticks = [0] * len(instruments)
        self._decoder = msgspec.json.Decoder(_Frame)

    def replace(self, instrument: Instrument) -> None:
        """Take its new filters; its price is not known until it is told again."""
        self._instruments[instrument.index] = instrument
        self._ticks[instrument.index] = 0

    def read(self, instrument: int, frame: bytes) -> ReferencePrice | None:
        """The price as it stands after a frame, down to the tick below; None for a frame that
        cannot be read. A frame without the price says that it has not changed."""
        try:
            text: str | None = getattr(self._decoder.decode(frame).data, self._field)
            if text is not None:
                self._ticks[instrument] = _ticks(text, self._instruments[instrument])
        except (msgspec.MsgspecError, ValueError):
            return None
        index = self._instruments[instrument].index
        return ReferencePrice(index, Ticks(self._ticks[instrument]))


def _ticks(text: str, instrument: Instrument) -> int:
    units, decimals = exact(text)
    whole = units * pow10(instrument.tick_decimals)
    return int(whole // (instrument.tick_units * pow10(decimals)))
