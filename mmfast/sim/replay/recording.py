"""The recording format: what public sockets said, a JSON object on each line.

``{"ns":1700000000000000000,"path":"/v5/public/linear","frame":{"topic":...}}`` holds the time of
receipt (Unix nanoseconds), the path of the socket, and the frame, byte for byte. Answers to
requests and topics that no replay needs may stand in between. Sans-IO: lines come in, lines go
out; files are the shell's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple, TypeVar

import msgspec

from mmfast.errors import MmfastError
from mmfast.messages import Category, Side

RECORDED: Final = ("orderbook.50", "publicTrade", "tickers")
"""What the venue records of each futures symbol, and all that a replay follows."""

_PUBLIC: Final = "/v5/public/"
_CATEGORIES: Final = {f"{_PUBLIC}{category.text}": category for category in Category}
_TOP_DEPTH: Final = 1
_MAX_SHOWN: Final = 60

Rows = list[tuple[str, str]]
"""Levels as told: price and size."""


class RecordingError(MmfastError):
    """A line of a recording that cannot be followed."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(f"recording, line {line}: {text}")


class BookNews(NamedTuple):
    """A snapshot or a delta of one book."""

    symbol: str
    depth: int
    is_snapshot: bool
    bids: Rows
    asks: Rows
    update_id: int
    seq: int


class Traded(NamedTuple):
    """One public trade; ``side`` is the taker's. ``seq`` is 0 where the recording has none."""

    symbol: str
    side: Side
    price: str
    size: str
    seq: int


class TradeNews(NamedTuple):
    """The public trades of one message, oldest first."""

    trades: tuple[Traded, ...]


class PriceNews(NamedTuple):
    """Index and mark price; empty where a delta leaves one out."""

    symbol: str
    index_price: str
    mark_price: str


News = BookNews | TradeNews | PriceNews


class Heard(NamedTuple):
    """One line that matters."""

    line: int
    at_ns: int
    category: Category
    news: News


class _Line(msgspec.Struct):
    ns: int
    path: str
    frame: msgspec.Raw


class _Head(msgspec.Struct):
    topic: str = ""
    type: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Book(msgspec.Struct):
    b: Rows
    a: Rows
    u: int
    seq: int = 0


class _Trade(msgspec.Struct):
    S: Literal["Buy", "Sell"]
    p: str
    v: str
    seq: int = 0


class _Prices(msgspec.Struct):
    index: str = msgspec.field(default="", name="indexPrice")
    mark: str = msgspec.field(default="", name="markPrice")


_T = TypeVar("_T")
_lines: Final = msgspec.json.Decoder(_Line)
_heads: Final = msgspec.json.Decoder(_Head)
_books: Final = msgspec.json.Decoder(_Book)
_trades: Final = msgspec.json.Decoder(list[_Trade])
_prices: Final = msgspec.json.Decoder(_Prices)


def line_of(at_ns: int, path: str, frame: bytes) -> bytes:
    """One line of a recording, its newline included. ``frame`` is JSON on one line."""
    return b'{"ns":%d,"path":"%s","frame":%s}\n' % (at_ns, path.encode(), frame)


def topics_of(category: Category, symbol: str) -> list[str]:
    """What to subscribe in order to record a symbol. Spot tickers know no index or mark price."""
    kinds = RECORDED[:2] if category is Category.SPOT else RECORDED
    return [f"{kind}.{symbol}" for kind in kinds]


def read(lines: Iterable[bytes]) -> Iterator[Heard]:
    """What the lines say, in order; a time before its forerunner's counts as that one.

    Raises :class:`RecordingError` at the line that is not as the format wants it.
    """
    at_ns = 0
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        line = _decode(_lines, text, number, "an object with ns, path and frame")
        category = _CATEGORIES.get(line.path)
        if category is None:
            known = ", ".join(_CATEGORIES)
            raise RecordingError(number, f"expected a path of {known}, found {line.path!r}")
        at_ns = max(at_ns, line.ns)
        news = _news(number, _decode(_heads, line.frame, number, "a frame of a public socket"))
        if news is not None:
            yield Heard(number, at_ns, category, news)


def _news(number: int, head: _Head) -> News | None:
    """What a frame says; None for what no replay follows."""
    kind, _, rest = head.topic.partition(".")
    if kind == "orderbook":
        depth, _, symbol = rest.partition(".")
        # The top alone is told as snapshots beside the deeper book: one of the two is enough.
        if not depth.isdigit() or int(depth) == _TOP_DEPTH:
            return None
        book = _decode(_books, head.data, number, "levels b and a and an update id u")
        is_snapshot = head.type == "snapshot"
        return BookNews(symbol, int(depth), is_snapshot, book.b, book.a, book.u, book.seq)
    if kind == "publicTrade":
        rows = _decode(_trades, head.data, number, "trades with S, p and v")
        sides = {"Buy": Side.BUY, "Sell": Side.SELL}
        return TradeNews(tuple(Traded(rest, sides[row.S], row.p, row.v, row.seq) for row in rows))
    if kind == "tickers":
        prices = _decode(_prices, head.data, number, "a ticker")
        return PriceNews(rest, prices.index, prices.mark)
    return None


def _decode(
    decoder: msgspec.json.Decoder[_T], text: bytes | msgspec.Raw, number: int, expected: str
) -> _T:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        shown = bytes(text)[:_MAX_SHOWN]
        raise RecordingError(number, f"expected {expected}, found {shown!r}: {error}") from None
