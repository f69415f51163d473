"""The ``tickers`` topic of futures: a snapshot, then what changed."""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

from mmfast.messages import Side
from mmfast.sim.feed.books import LevelTexts
from mmfast.sim.instruments.catalogue import Listing
from mmfast.sim.instruments.decimals import decimal_text
from mmfast.sim.instruments.figures import money
from mmfast.sim.market.bands import Reference
from mmfast.sim.market.tape import Day, Tape
from mmfast.sim.seams import BookView
from mmfast.units import NS_PER_MS

_FUNDING_MS: Final = 8 * 3_600_000

Fields = dict[str, str]
_NOT_PRE_LISTED: Final = {"preOpenPrice": "", "preQty": "", "curPreListingPhase": ""}


class _MadeOf(NamedTuple):
    """What the fields were made of: traded size, prices, funding period, version of the book."""

    lots: int
    mark_ticks: int
    index_ticks: int
    funding: int
    book: int


_NOTHING_READ: Final = _MadeOf(-1, -1, -1, -1, -1)


class Subject(NamedTuple):
    """What a ticker is about: one instrument's book, trades and prices."""

    listing: Listing
    book: BookView
    tape: Tape
    reference: Reference
    texts: LevelTexts
    start_ms: int


class DayFigures:
    """What the tickers of all categories share."""

    __slots__ = ("_book", "_coin", "_reference", "_start_ms", "_symbol", "_tape", "_texts", "topic")

    percent_decimals: ClassVar[int]

    def __init__(self, subject: Subject) -> None:
        listing, self._book, self._tape, self._reference, self._texts, self._start_ms = subject
        self._symbol = listing.instrument.symbol
        self._coin = listing.instrument.settle_coin
        self.topic = f"tickers.{self._symbol}"

    def _change(self, day: Day) -> str:
        """The change of the last 24 hours, as a share of the price they began with."""
        gain = self._tape.last_ticks - day.open_ticks
        share = gain * 10**self.percent_decimals // max(day.open_ticks, 1)
        return decimal_text(share, self.percent_decimals)

    def _venue_ms(self, now_ns: int) -> int:
        return self._start_ms + now_ns // NS_PER_MS


class TickerStream(DayFigures):
    """``tickers.{symbol}``: a snapshot, then every 100 ms the fields that changed.

    The venue inside takes no funding and counts no open interest of the anonymous flow, so
    these fields say zero. Fields come in groups, and a group is read anew only when what it is
    made of has changed: mostly nothing has.
    """

    __slots__ = ("_fields", "_funding_cap", "_made_of", "_seq", "direction")

    interval_ns: Final = 100 * NS_PER_MS
    percent_decimals = 6

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._funding_cap = money(subject.listing.funding_cap_e8)
        self.direction = "ZeroPlusTick"
        """Tick direction of the last trade."""
        self._seq = 0
        self._fields: Fields = {}
        self._made_of = _NOTHING_READ

    def restart(self) -> None:
        """Forget what was told; the next snapshot takes the figures afresh."""
        self._fields = {}
        self._made_of = _NOTHING_READ

    def snapshot(self, now_ns: int) -> bytes:
        """All fields as last told."""
        if not self._fields:
            self._fields = self._read(now_ns) | _NOT_PRE_LISTED
        return self._frame("snapshot", now_ns, self._fields)

    def push(self, now_ns: int) -> list[bytes]:
        """The fields that changed since the last message."""
        told = self._fields
        read = self._read(now_ns)
        changed = {name: text for name, text in read.items() if told.get(name) != text}
        if not changed:
            return []
        told.update(changed)
        return [self._frame("delta", now_ns, changed)]

    def _read(self, now_ns: int) -> Fields:
        """The fields of the groups that may have changed, in the order they are told."""
        book, reference, before = self._book, self._reference, self._made_of
        self._seq = book.seq
        after = _MadeOf(
            self._tape.total_lots,
            reference.mark_ticks,
            reference.index_ticks,
            self._venue_ms(now_ns) // _FUNDING_MS,
            book.version(),
        )
        fields: Fields = {}
        if after == before:
            return fields
        self._made_of = after
        if after.lots != before.lots:
            fields |= self._day()
        if after[1:3] != before[1:3]:
            fields["markPrice"] = self._texts.price(reference.mark_ticks)
            fields["indexPrice"] = self._texts.price(reference.index_ticks)
        if after.funding != before.funding:
            fields |= self._funding(after.funding)
        if after.book != before.book:
            fields |= self._touch()
        return fields

    def _day(self) -> Fields:
        day, last, texts = self._tape.day(), self._tape.last_ticks, self._texts
        return {
            "tickDirection": self.direction,
            "price24hPcnt": self._change(day),
            "lastPrice": texts.price(last),
            "prevPrice24h": texts.price(day.open_ticks),
            "highPrice24h": texts.price(day.high_ticks),
            "lowPrice24h": texts.price(day.low_ticks),
            "prevPrice1h": texts.price(day.hour_open_ticks),
            "turnover24h": money(day.turnover, self._coin),
            "volume24h": texts.size(day.lots),
        }

    def _funding(self, number: int) -> Fields:
        return {
            "openInterest": "0",
            "openInterestValue": "0",
            "fundingIntervalHour": "8",
            "fundingCap": self._funding_cap,
            "nextFundingTime": str((number + 1) * _FUNDING_MS),
            "fundingRate": "0",
        }

    def _touch(self) -> Fields:
        texts, fields = self._texts, {}
        for word, side in (("bid1", Side.BUY), ("ask1", Side.SELL)):
            levels = self._book.levels(side, 1)
            fields[f"{word}Price"] = texts.price(levels[0][0]) if levels else ""
            fields[f"{word}Size"] = texts.size(levels[0][1]) if levels else ""
        return fields

    def _frame(self, kind: str, now_ns: int, fields: Fields) -> bytes:
        body = ",".join([f'"{name}":"{text}"' for name, text in fields.items()])
        return (
            f'{{"topic":"{self.topic}","type":"{kind}",'
            f'"data":{{"symbol":"{self._symbol}",{body}}},'
            f'"cs":{self._seq},"ts":{self._venue_ms(now_ns)}}}'
        ).encode()
