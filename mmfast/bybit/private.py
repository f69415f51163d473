"""The private stream: frames to events about our orders, trades, positions and balance."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Annotated, Any, Final, Generic, NamedTuple, TypeVar

import msgspec
import orjson

from mmfast.bybit.control import Kind, control_of
from mmfast.bybit.rows import ExecutionRow, OrderRow, PositionRow, RowReader, WalletRow
from mmfast.errors import RemoteProtocolError
from mmfast.ids import ClientIds
from mmfast.messages import (
    Category,
    Event,
    Execution,
    Instrument,
    OrderUpdate,
    PositionUpdate,
    WalletUpdate,
)

PrivateEvent = OrderUpdate | Execution | PositionUpdate | WalletUpdate


class PrivateFrame(NamedTuple):
    """One decoded frame. ``events`` is filled for EVENTS only, in the venue's order;
    ``created_ms`` is when the venue made the frame (0: not told)."""

    kind: Kind
    events: Collection[Event] = ()
    success: bool = True
    req_id: str = ""
    text: str = ""
    created_ms: int = 0


Decoded = tuple[str, int, tuple[Event, ...]]
"""Topic, time of creation and events of one frame."""
Decode = Callable[[bytes], Decoded]
RowT = TypeVar("RowT")
_TOPIC: Final = re.compile(rb'"topic":"([a-zA-Z.]{1,40})"')
_NEAR: Final = 160
"""How far into a frame its topic is looked for."""


class _Frame(msgspec.Struct):
    topic: str = ""


class _DataFrame(msgspec.Struct, Generic[RowT], rename="camel"):
    topic: str = ""
    creation_time: Annotated[int, msgspec.Meta(ge=0, lt=10**15)] = 0
    data: list[RowT] = []


class PrivateDecoder:
    """Decodes the frames of one private connection.

    ``frames``, ``malformed`` and ``reader.dropped`` are plain counters for the metrics.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        ids: ClientIds,
        category: Category = Category.LINEAR,
    ) -> None:
        self.reader = RowReader(instruments, ids, category)
        self.frames = 0
        self.malformed = 0
        self._frame = msgspec.json.Decoder(_Frame)
        reader = self.reader
        self._decoders: dict[str, Decode] = {
            "order": _rows_of(OrderRow, reader.order),
            "execution": _rows_of(ExecutionRow, reader.execution),
            "position": _rows_of(PositionRow, reader.position),
            "wallet": _wallets(reader),
        }

    def rows(self, frame: bytes) -> Collection[Event] | None:
        """The events of a frame of orders or positions as the venue spells it, without more
        around them; None for any other, which :meth:`decode` reads."""
        plain = self.reader.plain(frame)
        if plain is None:
            return None
        self.frames += 1
        return plain[1]

    def decode(self, frame: bytes) -> PrivateFrame:
        """Read one text frame.

        Raises RemoteProtocolError for anything that cannot be true, with the cause in its text;
        events of that frame are lost, so the caller must read the account again.
        """
        self.frames += 1
        try:
            return self._decode(frame)
        except RemoteProtocolError:
            self.malformed += 1
            raise
        except (ValueError, RecursionError, msgspec.MsgspecError) as error:
            self.malformed += 1
            # The cause is not chained: it may hold the whole frame.
            raise RemoteProtocolError(f"private stream: {error!s:.200}") from None

    def _decode(self, frame: bytes) -> PrivateFrame:
        plain = self.reader.plain(frame)
        if plain is not None:
            return PrivateFrame(Kind.EVENTS, plain[1], created_ms=plain[0])
        return self._decode_any(frame)

    def _decode_any(self, frame: bytes) -> PrivateFrame:
        """The long way, which alone decides what is wrong with a frame."""
        # The topic stands near the front of every frame the venue sends: knowing it, the frame
        # is read in one go. Wherever else it may stand, it costs one more look.
        found = _TOPIC.search(frame, 0, _NEAR)
        topic = found[1].decode() if found is not None else self._frame.decode(frame).topic
        if not topic:
            control = control_of(orjson.loads(frame))
            return PrivateFrame(control.kind, (), control.success, control.req_id, control.text)
        decode = self._decoders.get(_root_of(topic))
        if decode is None:
            _check_topic(topic, self._frame.decode(frame).topic)
            return PrivateFrame(Kind.OTHER)
        told, created_ms, events = decode(frame)
        _check_topic(topic, told)
        return PrivateFrame(Kind.EVENTS, events, created_ms=created_ms)


def _check_topic(near: str, told: str) -> None:
    """What stood near the front may have been the topic of something inside."""
    if told != near:
        raise RemoteProtocolError(f"private stream: two topics, {near!r:.40} and {told!r:.40}")


def _root_of(topic: str) -> str:
    """``order.linear`` -> ``order``. Fast executions are not among the roots: they carry no fee
    and would shadow the full execution that follows."""
    root, _, rest = topic.partition(".")
    return "" if rest.startswith("fast") else root


def _rows_of(row_type: type[Any], read: Callable[[Any], PrivateEvent | None]) -> Decode:
    decoder = msgspec.json.Decoder(_DataFrame[row_type])  # type: ignore[valid-type]

    def decode(frame: bytes) -> Decoded:
        parsed = decoder.decode(frame)
        events = tuple([event for row in parsed.data if (event := read(row)) is not None])
        return parsed.topic, parsed.creation_time, events

    return decode


def _wallets(reader: RowReader) -> Decode:
    decoder = msgspec.json.Decoder(_DataFrame[WalletRow])

    def decode(frame: bytes) -> Decoded:
        parsed = decoder.decode(frame)
        events = tuple(update for row in parsed.data for update in reader.wallet(row))
        return parsed.topic, parsed.creation_time, events

    return decode
