"""Order entry: batches to requests of either transport, and replies to what they prove."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from mmfast._core.encode import EncodeError, OrderEncoder
from mmfast._core.leaving import LeavingCheck, LeavingError
from mmfast.bybit.limits import rate_info
from mmfast.bybit.replies import UNREADABLE, Items, PlainReply, ReplyReader, same_of_all
from mmfast.errors import LocalProtocolError
from mmfast.ids import ClientIds
from mmfast.messages import (
    NO_RATE_INFO,
    Batch,
    BatchReply,
    Category,
    Instrument,
    Op,
    Outcome,
    RateInfo,
)
from mmfast.units import NS_PER_S, Ns

IP_BAN_NS: Final = 600 * NS_PER_S
"""How long to stay away from every REST host after HTTP 403; the ban then lifts itself."""

_NOT_BLOCKED: Final = Ns(0)
_WORDS: Final = {Op.PLACE: "create", Op.AMEND: "amend", Op.CANCEL: "cancel"}
#: REST path by operation and form, each text made once.
_PATHS: Final = {
    (op, single): f"/v5/order/{word}{'' if single else '-batch'}"
    for op, word in _WORDS.items()
    for single in (False, True)
}
_APIS: Final = {key: path.removeprefix("/v5/") for key, path in _PATHS.items()}
_SOCKET_OPS: Final = {key: api.replace("/", ".") for key, api in _APIS.items()}
_OK: Final = 200
_FORBIDDEN: Final = 403
_TOO_MANY: Final = 429
#: HTTP answers that the documents explain as refusals before the request was looked at.
_HTTP_REFUSALS: Final = {400: "malformed", 401: "not authenticated", 404: "no such path"}


class _Reply(msgspec.Struct, rename="camel"):
    ret_code: int
    ret_msg: str | None = ""
    result: msgspec.Raw = msgspec.Raw(b"null")
    ret_ext_info: msgspec.Raw = msgspec.Raw(b"null")


class SocketReply(msgspec.Struct, rename="camel"):
    """One message of the trade socket, read as far as every message can be.

    ``op`` tells the kinds apart: ``auth``, ``pong``, or the operation of the request that
    ``req_id`` names.
    """

    ret_code: int
    ret_msg: str | None = ""
    op: str | None = ""
    req_id: str | None = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    ret_ext_info: msgspec.Raw = msgspec.Raw(b"null")
    header: Any = None

    @property
    def rate(self) -> RateInfo:
        """The rate budget as the message's ``header`` tells it."""
        return rate_info(self.header) if isinstance(self.header, dict) else NO_RATE_INFO


class TradeCodec:
    """Order entry for one category: built without sockets, shared by REST and trade socket."""

    def __init__(
        self,
        instruments: Iterable[Instrument],
        ids: ClientIds,
        category: Category = Category.LINEAR,
        smp_type: str = "",
    ) -> None:
        self.category = category
        self.ids = ids
        self._smp_type = smp_type
        self._encoder = OrderEncoder(category.text, ids.head)
        self._reader = ReplyReader(ids)
        self._reply = msgspec.json.Decoder(_Reply)
        self._socket_reply = msgspec.json.Decoder(SocketReply)
        self._leaving: LeavingCheck | None = None
        self._on_breach: Callable[[str], None] = _unheard
        self._instruments: dict[int, Instrument] = {}
        for instrument in instruments:
            self.replace(instrument)

    def instruments(self) -> tuple[Instrument, ...]:
        """The instruments known, in the order they came."""
        return tuple(self._instruments.values())

    def replace(self, instrument: Instrument) -> None:
        """Add an instrument, or take its new filters."""
        self._instruments[instrument.index] = instrument
        self._encoder.add_instrument(
            instrument.index,
            instrument.symbol,
            instrument.tick_decimals,
            instrument.tick_units,
            instrument.step_decimals,
            instrument.step_units,
            self._smp_type,
        )

    def guard(self, leaving: LeavingCheck, on_breach: Callable[[str], None]) -> None:
        """From now on no create or amend is handed out whose bytes ``leaving`` refuses. Such
        bytes are a fault of ours and nothing that any market brings about: ``on_breach`` hears of
        them first."""
        self._leaving = leaving
        self._on_breach = on_breach

    # Requests.

    def path(self, batch: Batch) -> str:
        """REST path of a batch."""
        return _PATHS[batch.op, batch.single]

    def api(self, batch: Batch) -> str:
        """The same without its version, for metrics: ``order/create-batch``."""
        return _APIS[batch.op, batch.single]

    def encode(self, batch: Batch) -> tuple[str, bytes]:
        """Path and body of a REST request. Raises LocalProtocolError for a batch that must not
        be sent: wrong category, empty, too large, a command the encoder refuses, or bytes that
        the guard does."""
        self._check(batch)
        try:
            if batch.single:
                body = self._encoder.single(batch.op, batch.commands[0])
            else:
                body = self._encoder.batch(batch.op, batch.commands)
        except EncodeError as error:
            raise LocalProtocolError(f"batch {batch.batch_id}: {error}") from error
        if self._leaving is not None and batch.op is not Op.CANCEL:
            self._read_again(batch, self._leaving.body, body)
        return self.path(batch), body

    def frame(self, batch: Batch, req_id: str, timestamp_ms: int, window_ms: int) -> bytes:
        """The same as one message of the trade socket, named by ``req_id`` and void
        ``window_ms`` after ``timestamp_ms``. Raises as :meth:`encode` does."""
        self._check(batch)
        encoder, when = self._encoder, (timestamp_ms, window_ms)
        try:
            if batch.single:
                frame = encoder.single_frame(batch.op, batch.commands[0], req_id, *when)
            else:
                frame = encoder.batch_frame(batch.op, batch.commands, req_id, *when)
        except EncodeError as error:
            raise LocalProtocolError(f"batch {batch.batch_id}: {error}") from error
        if self._leaving is not None and batch.op is not Op.CANCEL:
            self._read_again(batch, self._leaving.frame, frame)
        return frame

    def _read_again(self, batch: Batch, read: Callable[[int, bytes], int], data: bytes) -> None:
        """The last moment before bytes leave: do they say what they may?"""
        try:
            orders = read(batch.op, data)
            if orders == len(batch.commands):
                return
            text = f"expected {len(batch.commands)} orders, found {orders}"
        except LeavingError as error:
            text = str(error)
        text = f"batch {batch.batch_id} was kept from leaving: {text}"
        self._on_breach(text)
        raise LocalProtocolError(text)

    def _check(self, batch: Batch) -> None:
        if batch.category != self.category:
            raise LocalProtocolError(
                f"expected a batch of category {self.category.text}, found {batch.category.text}"
            )
        if batch.single and len(batch.commands) != 1:
            raise LocalProtocolError(
                f"a single request carries one command, found {len(batch.commands)}"
            )

    # Replies.

    def decode(
        self,
        batch: Batch,
        http_status: int,
        body: bytes,
        rate: RateInfo,
        sent_ns: Ns,
        received_ns: Ns,
    ) -> BatchReply:
        """What an HTTP reply proves about each command. Never raises."""
        blocked_until_ns = _NOT_BLOCKED
        if http_status == _FORBIDDEN:
            blocked_until_ns = Ns(received_ns + IP_BAN_NS)
            text = "HTTP 403: address limit breached"
            items = same_of_all(batch, Outcome.THROTTLED, http_status, text)
        else:
            items = self._of_http(batch, http_status, body)
        return BatchReply(
            batch=batch,
            items=items,
            rate=rate,
            sent_ns=sent_ns,
            received_ns=received_ns,
            blocked_until_ns=blocked_until_ns,
        )

    def socket_reply(self, data: bytes) -> PlainReply | SocketReply | None:
        """One message of the trade socket; None for bytes that are none."""
        plain = self._reader.plain.socket(data)
        if plain is not None:
            return plain
        try:
            return self._socket_reply.decode(data.decode())
        except UNREADABLE:
            return None

    def decode_socket(
        self, batch: Batch, reply: PlainReply | SocketReply, sent_ns: Ns, received_ns: Ns
    ) -> BatchReply:
        """What the trade socket's reply to ``batch`` proves about each command. Never raises."""
        expected = _SOCKET_OPS[batch.op, batch.single]
        if reply.op != expected and not (reply.ret_code and not reply.op):
            text = f"contradictory reply: expected op {expected}, found {reply.op!r:.60}"
            items = same_of_all(batch, Outcome.UNKNOWN, 0, text)
        elif not isinstance(reply, SocketReply):
            items = self._reader.of_plain(batch, reply, trade_socket=True)
        else:
            items = self._reader.items(
                batch,
                reply.ret_code,
                reply.ret_msg or "",
                reply.data,
                reply.ret_ext_info,
                trade_socket=True,
            )
        return BatchReply(
            batch=batch, items=items, rate=reply.rate, sent_ns=sent_ns, received_ns=received_ns
        )

    def _of_http(self, batch: Batch, status: int, body: bytes) -> Items:
        if status in _HTTP_REFUSALS:
            text = f"HTTP {status}: {_HTTP_REFUSALS[status]}"
            return same_of_all(batch, Outcome.REJECT, status, text)
        if status not in (_OK, _TOO_MANY):
            return same_of_all(batch, Outcome.UNKNOWN, status, f"HTTP {status}")
        plain = self._reader.plain.http(body) if status == _OK else None
        if plain is not None:
            return self._reader.of_plain(batch, plain)
        try:
            # The decoder does not look into text that it skips; broken bytes prove nothing.
            reply = self._reply.decode(body.decode())
        except UNREADABLE as error:
            text = f"HTTP {status} without a reply of ours: {error}"
            return same_of_all(batch, Outcome.UNKNOWN, status, text)
        if status == _TOO_MANY and reply.ret_code == 0:
            return same_of_all(batch, Outcome.UNKNOWN, status, "HTTP 429 with retCode 0")
        ret_msg = reply.ret_msg or ""
        return self._reader.items(batch, reply.ret_code, ret_msg, reply.result, reply.ret_ext_info)


def _unheard(_text: str) -> None:
    """There is no guard that could be passed."""


def uniform_reply(
    batch: Batch,
    outcome: Outcome,
    ret_code: int,
    ret_msg: str,
    sent_ns: Ns,
    received_ns: Ns,
    blocked_until_ns: Ns = _NOT_BLOCKED,
) -> BatchReply:
    """A reply that says the same about every command: for what happened without the venue."""
    return BatchReply(
        batch=batch,
        items=same_of_all(batch, outcome, ret_code, ret_msg),
        rate=NO_RATE_INFO,
        sent_ns=sent_ns,
        received_ns=received_ns,
        blocked_until_ns=blocked_until_ns,
    )
