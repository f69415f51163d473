"""Order entry: batches to request bodies, and replies to what they prove.

The rule of reading: an item is ACK only if the reply says so about that very order. Whatever
does not add up (lengths, foreign or repeated ids, wrong types, text that is no JSON, a server
error) leaves every command of the batch UNKNOWN, because then the reply proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import msgspec

from mmfast._core.encode import EncodeError, OrderEncoder
from mmfast.bybit.ret_codes import outcome_of
from mmfast.errors import LocalProtocolError
from mmfast.ids import ClientIds
from mmfast.messages import (
    NO_RATE_INFO,
    Batch,
    BatchReply,
    Category,
    Instrument,
    ItemReply,
    Op,
    Outcome,
    RateInfo,
)
from mmfast.units import NS_PER_S, Ns

IP_BAN_NS: Final = 600 * NS_PER_S
"""How long to stay away from every REST host after HTTP 403; the ban then lifts itself."""

_MAX_TEXT: Final = 200
_NOT_BLOCKED: Final = Ns(0)
_WORDS: Final = {Op.PLACE: "create", Op.AMEND: "amend", Op.CANCEL: "cancel"}
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


class _Ack(msgspec.Struct, rename="camel"):
    order_id: str | None = ""
    order_link_id: str | None = ""


class _Acks(msgspec.Struct):
    rows: list[_Ack] = msgspec.field(name="list")


class _Verdict(msgspec.Struct):
    code: int
    msg: str | None = ""


class _Verdicts(msgspec.Struct):
    rows: list[_Verdict] = msgspec.field(name="list")


class _AnyList(msgspec.Struct):
    rows: list[msgspec.Raw] | None = msgspec.field(default=None, name="list")


class Finding(NamedTuple):
    """What a reply proves: one entry per command, or the same for all of them."""

    outcome: Outcome
    ret_code: int
    ret_msg: str
    venue_id: str = ""


class _Contradiction(Exception):
    """The reply does not add up; the text says how."""


class TradeCodec:
    """Order entry for one category. Built without sockets, so that the REST gateway and the
    trade websocket share it."""

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
        self._reply = msgspec.json.Decoder(_Reply)
        self._ack = msgspec.json.Decoder(_Ack)
        self._acks = msgspec.json.Decoder(_Acks)
        self._verdicts = msgspec.json.Decoder(_Verdicts)
        self._any_list = msgspec.json.Decoder(_AnyList | None)
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

    def path(self, batch: Batch) -> str:
        """REST path of a batch."""
        return f"/v5/order/{_WORDS[batch.op]}{'' if batch.single else '-batch'}"

    def encode(self, batch: Batch) -> tuple[str, bytes]:
        """Path and body. Raises LocalProtocolError for a batch that must not be sent: wrong
        category, empty, too large, or a command the encoder refuses."""
        if batch.category != self.category:
            raise LocalProtocolError(
                f"expected a batch of category {self.category.text}, found {batch.category.text}"
            )
        try:
            if not batch.single:
                return self.path(batch), self._encoder.batch(batch.op, batch.commands)
            if len(batch.commands) != 1:
                raise LocalProtocolError(
                    f"a single request carries one command, found {len(batch.commands)}"
                )
            return self.path(batch), self._encoder.single(batch.op, batch.commands[0])
        except EncodeError as error:
            raise LocalProtocolError(f"batch {batch.batch_id}: {error}") from error

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
            finding = Finding(Outcome.THROTTLED, http_status, "HTTP 403: address limit breached")
            findings = [finding] * len(batch.commands)
        else:
            findings = self._of_http(batch, http_status, body)
        items = tuple(
            ItemReply(command.client_id, *finding)
            for command, finding in zip(batch.commands, findings, strict=True)
        )
        return BatchReply(
            batch=batch,
            items=items,
            rate=rate,
            sent_ns=sent_ns,
            received_ns=received_ns,
            blocked_until_ns=blocked_until_ns,
        )

    def findings(
        self,
        batch: Batch,
        ret_code: int,
        ret_msg: str,
        result: bytes,
        ext_info: bytes,
        *,
        trade_socket: bool = False,
    ) -> list[Finding]:
        """What one reply envelope proves, one finding per command.

        ``result`` is the JSON of ``result`` (REST) or ``data`` (trade websocket), ``ext_info``
        that of ``retExtInfo``.
        """

        def judge(code: int) -> Outcome:
            return outcome_of(code, batch.op, trade_socket=trade_socket)

        try:
            if ret_code != 0:
                return self._of_refusal(batch, ret_code, ret_msg, result, ext_info, judge)
            if batch.single:
                return [self._of_single(batch, result)]
            return self._of_items(batch, result, ext_info, judge)
        except _Contradiction as contradiction:
            return _all_unknown(batch, 0, f"contradictory reply: {contradiction}")
        except (ValueError, RecursionError, msgspec.MsgspecError) as error:
            return _all_unknown(batch, 0, f"unreadable reply: {error}")

    def _of_http(self, batch: Batch, status: int, body: bytes) -> list[Finding]:
        if status in _HTTP_REFUSALS:
            text = f"HTTP {status}: {_HTTP_REFUSALS[status]}"
            return [Finding(Outcome.REJECT, status, text)] * len(batch.commands)
        if status not in (_OK, _TOO_MANY):
            return _all_unknown(batch, status, f"HTTP {status}")
        try:
            reply = self._reply.decode(body)
        except (ValueError, RecursionError, msgspec.MsgspecError) as error:
            return _all_unknown(batch, status, f"HTTP {status} without a reply of ours: {error}")
        if status == _TOO_MANY and reply.ret_code == 0:
            return _all_unknown(batch, status, "HTTP 429 with retCode 0")
        ret_msg = reply.ret_msg or ""
        return self.findings(batch, reply.ret_code, ret_msg, reply.result, reply.ret_ext_info)

    def _of_refusal(
        self,
        batch: Batch,
        ret_code: int,
        ret_msg: str,
        result: bytes,
        ext_info: bytes,
        judge: Callable[[int], Outcome],
    ) -> list[Finding]:
        """The whole request was refused; a reply that lists items all the same contradicts it."""
        for part in (result, ext_info):
            listed = self._any_list.decode(part)
            if listed is not None and listed.rows:
                raise _Contradiction(f"retCode {ret_code} with a list of items")
        finding = Finding(judge(ret_code), ret_code, ret_msg[:_MAX_TEXT])
        return [finding] * len(batch.commands)

    def _of_single(self, batch: Batch, result: bytes) -> Finding:
        ack = self._ack.decode(result)
        expected = self.ids.text(batch.commands[0].client_id)
        if ack.order_link_id != expected:
            raise _Contradiction(
                f"expected orderLinkId {expected}, found {ack.order_link_id!r:.60}"
            )
        return _ack_of(batch, ack)

    def _of_items(
        self, batch: Batch, result: bytes, ext_info: bytes, judge: Callable[[int], Outcome]
    ) -> list[Finding]:
        acks = self._acks.decode(result).rows
        verdicts = self._verdicts.decode(ext_info).rows
        count = len(batch.commands)
        if len(acks) != count or len(verdicts) != count:
            raise _Contradiction(
                f"expected {count} items, found {len(acks)} in result and {len(verdicts)} codes"
            )
        places = self._places(batch, acks, verdicts)
        findings = _all_unknown(batch, 0, "not in the reply")
        for place, ack, verdict in zip(places, acks, verdicts, strict=True):
            if verdict.code == 0:
                findings[place] = _ack_of(batch, ack)
            else:
                text = (verdict.msg or "")[:_MAX_TEXT]
                findings[place] = Finding(judge(verdict.code), verdict.code, text)
        return findings

    def _places(self, batch: Batch, acks: list[_Ack], verdicts: list[_Verdict]) -> list[int]:
        """Which command each row of the reply is about: by orderLinkId first, by position for a
        refused row that names none."""
        place_of = {
            self.ids.text(command.client_id): place for place, command in enumerate(batch.commands)
        }
        if len(place_of) != len(batch.commands):
            raise _Contradiction("the batch itself names an order twice")
        places: list[int] = []
        for row, (ack, verdict) in enumerate(zip(acks, verdicts, strict=True)):
            link_id = ack.order_link_id or ""
            place = row if not link_id and verdict.code != 0 else place_of.get(link_id, -1)
            if place < 0:
                raise _Contradiction(f"row {row} names a foreign order {link_id!r:.60}")
            places.append(place)
        if len(set(places)) != len(places):
            raise _Contradiction("two rows name the same order")
        in_order = places == list(range(len(places)))
        if not in_order and len({verdict.code for verdict in verdicts}) > 1:
            # The codes are aligned with the rows by position only. Once the rows are out of the
            # order of the request, it is a guess which of the two orders the codes follow.
            raise _Contradiction("rows out of order with different codes")
        return places


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
    items = tuple(
        ItemReply(command.client_id, outcome, ret_code, ret_msg[:_MAX_TEXT], "")
        for command in batch.commands
    )
    return BatchReply(
        batch=batch,
        items=items,
        rate=NO_RATE_INFO,
        sent_ns=sent_ns,
        received_ns=received_ns,
        blocked_until_ns=blocked_until_ns,
    )


def _ack_of(batch: Batch, ack: _Ack) -> Finding:
    if batch.op == Op.PLACE and not ack.order_id:
        raise _Contradiction("an accepted create without an orderId")
    return Finding(Outcome.ACK, 0, "", ack.order_id or "")


def _all_unknown(batch: Batch, code: int, text: str) -> list[Finding]:
    return [Finding(Outcome.UNKNOWN, code, text[:_MAX_TEXT])] * len(batch.commands)
