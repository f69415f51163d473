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
    """Where a frame goes. ``instrument`` is set for BOOK only; the last three fields for
    acknowledgements."""

    kind: Kind
    instrument: int = NO_INSTRUMENT
    success: bool = True
    req_id: str = ""
    text: str = ""


_MALFORMED: Final = Routed(Kind.MALFORMED)
_OTHER: Final = Routed(Kind.OTHER)


class PublicRouter:
    """Routes the frames of the order book topics of ``symbols`` at one depth; an instrument's
    index is its position in ``symbols``."""

    __slots__ = ("_books", "_prefix", "_tail_at", "topics")

    def __init__(self, symbols: tuple[str, ...], depth: int) -> None:
        self.topics = tuple(topics.orderbook(depth, symbol) for symbol in symbols)
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
            head, _, symbol = topic.rpartition(".")
            if f'{{"topic":"{head}.'.encode() != self._prefix:
                return _OTHER
            return self._books.get(symbol.encode(errors="replace"), _OTHER)
        control = control_of(parsed)
        return Routed(control.kind, NO_INSTRUMENT, control.success, control.req_id, control.text)

    def topic(self, instrument: int) -> str:
        """Book topic of one instrument."""
        return self.topics[instrument]
