"""What stands on the wire, read back from its bytes without the engine's own code."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

import orjson

CREATE: Final = "create"
AMEND: Final = "amend"
CANCEL: Final = "cancel"
CANCEL_ALL: Final = "cancel-all"
WITNESS: Final = "witness"
RATE_LIMIT: Final = "x-bapi-limit"
_OPS: Final[dict[str, str]] = {
    f"{op}{tail}": op for op in (CREATE, AMEND, CANCEL) for tail in ("", "-batch")
} | {CANCEL_ALL: CANCEL_ALL}


class Item(NamedTuple):
    """One order in a request. Price and quantity are None where the request does not say."""

    link_id: str
    symbol: str
    side: str
    price: Decimal | None
    qty: Decimal | None


class OrderRequest(NamedTuple):
    """One order request as it left. ``path`` is that of REST, whichever way it went."""

    op: str
    path: str
    stamp_ms: int
    window_ms: int
    items: tuple[Item, ...]


def order_request(path: str, headers: dict[str, str], body: bytes) -> OrderRequest | None:
    """An HTTP request, if it is about orders."""
    op = _OPS.get(path.removeprefix("/v5/order/"))
    if op is None or not path.startswith("/v5/order/"):
        return None
    stamp_ms = int(headers.get("x-bapi-timestamp", "0"))
    window_ms = int(headers.get("x-bapi-recv-window", "5000"))
    return OrderRequest(op, path, stamp_ms, window_ms, tuple(_items(orjson.loads(body))))


def socket_request(message: dict[str, Any]) -> OrderRequest | None:
    """A message of the trade socket, if it is about orders."""
    name = str(message.get("op", ""))
    op = _OPS.get(name.removeprefix("order."))
    if op is None or not name.startswith("order."):
        return None
    header = message.get("header", {})
    stamp_ms = int(header.get("X-BAPI-TIMESTAMP", 0))
    window_ms = int(header.get("X-BAPI-RECV-WINDOW", 5000))
    path = "/v5/order/" + name.removeprefix("order.")
    items = tuple(item for body in message["args"] for item in _items(body))
    return OrderRequest(op, path, stamp_ms, window_ms, items)


def _items(body: dict[str, Any]) -> Iterator[Item]:
    for row in body.get("request", (body,)):
        yield Item(
            str(row.get("orderLinkId", "")),
            str(row.get("symbol", "")),
            str(row.get("side", "")),
            Decimal(row["price"]) if "price" in row else None,
            Decimal(row["qty"]) if "qty" in row else None,
        )


class Reply(NamedTuple):
    """An HTTP reply: its status, and the limit of its endpoint as it says, else -1."""

    status: int
    limit: int
    body: bytes


class Replies:
    """The HTTP replies in the bytes of one connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that are whole now."""
        self._buffer += data
        done: list[Reply] = []
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].decode("latin-1")
            size, limit = 0, -1
            for line in head.split("\r\n")[1:]:
                name, _, value = line.partition(":")
                if name.lower() == "content-length":
                    size = int(value)
                elif name.lower() == RATE_LIMIT:
                    limit = int(value)
            if len(self._buffer) < end + 4 + size:
                break
            body = bytes(self._buffer[end + 4 : end + 4 + size])
            done.append(Reply(int(head.split(" ")[1]), limit, body))
            del self._buffer[: end + 4 + size]
        return done


def limit_of(frame: bytes) -> int:
    """The limit that a reply of the trade socket names; -1 for none, or if it was cut."""
    try:
        header = orjson.loads(frame).get("header", {})
    except orjson.JSONDecodeError:
        return -1
    named = [value for name, value in header.items() if name.lower() == RATE_LIMIT]
    return int(named[0]) if named else -1


class Frames:
    """Payloads of the text frames in what a venue sends on one websocket."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The text frames that are whole now."""
        buffer = self._buffer
        buffer += data
        done: list[bytes] = []
        at = 0
        while len(buffer) - at >= 2:
            size, head = buffer[at + 1], 2
            if size == 126:
                size, head = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(buffer[at + 2 : at + 10], "big"), 10
            if len(buffer) - at < head + size:
                break
            if buffer[at] & 0x0F == 1:
                done.append(bytes(buffer[at + head : at + head + size]))
            at += head + size
        del buffer[:at]
        return done


def book_mark(frame: bytes) -> tuple[str, str, int] | None:
    """Symbol, type and update number of a book frame; None for any other.

    Frames of level 1 are of the type :data:`WITNESS`: it is no book of its own to the engine, but
    tells that the book beside it is alive.
    """
    head = frame[:64]
    if b'"orderbook.' not in head:
        return None
    topic = head[head.index(b'"orderbook.') + 1 :]
    symbol = topic[: topic.index(b'"')].rpartition(b".")[2].decode()
    if b'"orderbook.1.' in head:
        return symbol, WITNESS, 0
    at = frame.index(b'"type":"') + 8
    kind = frame[at : frame.index(b'"', at)].decode()
    at = frame.rindex(b'"u":') + 4
    end = at
    while frame[end : end + 1].isdigit():
        end += 1
    return symbol, kind, int(frame[at:end])


def executions(frame: bytes) -> list[str]:
    """Ids of the executions that a private frame reports; none if it is of another topic."""
    if b'"topic":"execution' not in frame[:128]:
        return []
    return [str(row["execId"]) for row in orjson.loads(frame)["data"]]
