"""The public stream: which instrument a frame belongs to, without parsing the frame.

The book itself is decoded by ``_core.book`` from the same bytes; here a slice and a dictionary
lookup are all that a book frame costs.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

from mmfast.bybit import topics
from mmfast.bybit.control import Kind, control_of

NO_INSTRUMENT: Final = -1


class Routed(NamedTuple):
    """Where a frame goes. ``instrument`` is set for BOOK and LEVEL1 only; the last three fields
    for acknowledgements."""

    kind: Kind
    instrument: int = NO_INSTRUMENT
    success: bool = True
    req_id: str = ""
    text: str = ""


_MALFORMED: Final = Routed(Kind.MALFORMED)
_OTHER: Final = Routed(Kind.OTHER)
_LEVEL1: Final = 1
_LEVEL1_PREFIX: Final = b'{"topic":"orderbook.1.'
_TICKER_PREFIX: Final = b'{"topic":"tickers.'
_TOPIC_AT: Final = len(b'{"topic":"')


class PublicRouter:
    """Routes the frames of the order book topics of ``symbols`` at one depth; an instrument's
    index is its position in ``symbols``. ``level1``: each has the level-1 topic beside it;
    ``tickers``: and its ticker."""

    __slots__ = ("_books", "_level1", "_prefix", "_tail_at", "_tickers", "_topics", "topics")

    def __init__(
        self,
        symbols: tuple[str, ...],
        depth: int,
        *,
        level1: bool = False,
        tickers: bool = False,
    ) -> None:
        depths = (depth, _LEVEL1) if level1 and depth != _LEVEL1 else (depth,)
        self._topics = [
            tuple(topics.orderbook(each, symbol) for each in depths) for symbol in symbols
        ]
        books = tuple(topic for beside in zip(*self._topics, strict=True) for topic in beside)
        self.topics = books + tuple(topics.ticker(symbol) for symbol in symbols if tickers)
        self._tickers = {
            topics.ticker(symbol).encode(): Routed(Kind.TICKER, index)
            for index, symbol in enumerate(symbols if tickers else ())
        }
        self._level1 = {
            topics.orderbook(_LEVEL1, symbol).encode(): Routed(Kind.LEVEL1, index)
            for index, symbol in enumerate(symbols if len(depths) > 1 else ())
        }
        prefix = topics.orderbook(depth, "")
        self._prefix = b'{"topic":"' + prefix.encode()
        self._tail_at = len(self._prefix)
        # The answers are made once: routing a book frame allocates one slice and nothing else.
        self._books = {
            symbol.encode(): Routed(Kind.BOOK, index) for index, symbol in enumerate(symbols)
        }

    def route(self, frame: bytes) -> Routed:
        """What one text frame is. Never raises."""
        if frame.startswith(self._prefix):
            end = frame.find(b'"', self._tail_at)
            return self._books.get(frame[self._tail_at : end], _OTHER)
        if frame.startswith(_LEVEL1_PREFIX):
            topic = frame[_TOPIC_AT : frame.find(b'"', _TOPIC_AT)]
            return self._level1.get(topic, _OTHER)
        if frame.startswith(_TICKER_PREFIX):
            topic = frame[_TOPIC_AT : frame.find(b'"', _TOPIC_AT)]
            return self._tickers.get(topic, _OTHER)
        return self._route_parsed(frame)

    def _route_parsed(self, frame: bytes) -> Routed:
        """The slow way: frames whose topic does not come first, and everything but books."""
        try:
            parsed = orjson.loads(frame)
        except orjson.JSONDecodeError:
            return _MALFORMED
        if not isinstance(parsed, dict):
            return _MALFORMED
        topic = parsed.get("topic")
        if isinstance(topic, str):
            name = topic.encode(errors="replace")
            beside = self._level1.get(name) or self._tickers.get(name)
            if beside is not None:
                return beside
            head, _, symbol = topic.rpartition(".")
            if f'{{"topic":"{head}.'.encode() != self._prefix:
                return _OTHER
            return self._books.get(symbol.encode(errors="replace"), _OTHER)
        control = control_of(parsed)
        return Routed(control.kind, NO_INSTRUMENT, control.success, control.req_id, control.text)

    def topics_of(self, instrument: int) -> tuple[str, ...]:
        """Book topics of one instrument."""
        return self._topics[instrument]
