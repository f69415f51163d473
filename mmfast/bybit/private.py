"""The private stream: frames to events about our orders, trades, positions and balance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

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
    events: tuple[Event, ...] = ()
    success: bool = True
    req_id: str = ""
    text: str = ""
    created_ms: int = 0


class _DataFrame(msgspec.Struct, rename="camel"):
    topic: str = ""
    creation_time: int = 0
    data: msgspec.Raw = msgspec.Raw(b"[]")


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
        self._frame = msgspec.json.Decoder(_DataFrame)
        reader = self.reader
        self._decoders: dict[str, Callable[[msgspec.Raw], list[Event]]] = {
            "order": _rows_of(OrderRow, reader.order),
            "execution": _rows_of(ExecutionRow, reader.execution),
            "position": _rows_of(PositionRow, reader.position),
            "wallet": _wallets(reader),
        }

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
        parsed = self._frame.decode(frame)
        if not parsed.topic:
            control = control_of(orjson.loads(frame))
            return PrivateFrame(control.kind, (), control.success, control.req_id, control.text)
        decode = self._decoders.get(_root_of(parsed.topic))
        if decode is None:
            return PrivateFrame(Kind.OTHER)
        events = tuple(decode(parsed.data))
        return PrivateFrame(Kind.EVENTS, events, created_ms=parsed.creation_time)


def _root_of(topic: str) -> str:
    """``order.linear`` -> ``order``. Fast executions are not among the roots: they carry no fee
    and would shadow the full execution that follows."""
    root, _, rest = topic.partition(".")
    return "" if rest.startswith("fast") else root


def _rows_of(
    row_type: type[Any], read: Callable[[Any], PrivateEvent | None]
) -> Callable[[msgspec.Raw], list[Event]]:
    decoder = msgspec.json.Decoder(list[row_type])  # type: ignore[valid-type]

    def decode(data: msgspec.Raw) -> list[Event]:
        return [event for row in decoder.decode(data) if (event := read(row)) is not None]

    return decode


def _wallets(reader: RowReader) -> Callable[[msgspec.Raw], list[Event]]:
    decoder = msgspec.json.Decoder(list[WalletRow])

    def decode(data: msgspec.Raw) -> list[Event]:
        return [update for row in decoder.decode(data) for update in reader.wallet(row)]

    return decode
