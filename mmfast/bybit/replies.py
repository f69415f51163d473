"""Replies to order requests: what each proves about each command, whichever way it came.

The rule of reading: an item is ACK only if the reply says so about that very order. Whatever
does not add up (lengths, foreign or repeated ids, wrong types, text that is no JSON) leaves every
command of the batch UNKNOWN, because then the reply proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from operator import attrgetter
from typing import Final, TypeAlias

import msgspec

from mmfast._core.acks import Acks, Reply
from mmfast._core.encode import MAX_BATCH
from mmfast.bybit.ret_codes import outcome_of
from mmfast.ids import ClientIds
from mmfast.messages import Batch, ItemReply, Op, Outcome, RateInfo

MAX_TEXT: Final = 200
"""Characters kept of a text of the venue."""
UNREADABLE: Final = (ValueError, RecursionError, msgspec.MsgspecError)
"""What decoding raises for bytes that are not what they should be."""

Items = Sequence[ItemReply]
PlainReply: TypeAlias = "Reply[RateInfo]"
"""A reply that refuses nothing as a whole, read by the core."""


class _Ack(msgspec.Struct, rename="camel", gc=False):
    order_id: str | None = ""
    order_link_id: str | None = ""


class _Acks(msgspec.Struct):
    rows: list[_Ack] = msgspec.field(name="list")


class _Verdict(msgspec.Struct, gc=False):
    code: int
    msg: str | None = ""


class _Verdicts(msgspec.Struct):
    rows: list[_Verdict] = msgspec.field(name="list")


class _AnyList(msgspec.Struct):
    rows: list[msgspec.Raw] | None = msgspec.field(default=None, name="list")


_DONE_TEXT: Final = b'{"code":0,"msg":"OK"}'
_DONE: Final = [_Verdict(0, "OK")] * MAX_BATCH
_code: Final = attrgetter("code")
_as_item: Final[Callable[[tuple[object, ...]], ItemReply]] = partial(tuple.__new__, ItemReply)


class _Contradiction(Exception):
    """The reply does not add up; the text says how."""


class ReplyReader:
    """Reads replies to the batches of one engine, which names its orders by ``ids``."""

    def __init__(self, ids: ClientIds) -> None:
        self._ids = ids
        self.plain = Acks(ids.head, ItemReply, Outcome.ACK, RateInfo)
        """The short way, where the reply is spelled as the venue spells it."""
        self._ack = msgspec.json.Decoder(_Ack)
        self._acks = msgspec.json.Decoder(_Acks)
        self._verdicts = msgspec.json.Decoder(_Verdicts)
        self._any_list = msgspec.json.Decoder(_AnyList | None)
        rows = range(MAX_BATCH + 1)
        self._id_lines = ["\n".join([f"{ids.head}%016x"] * count) for count in rows]
        self._all_done = [b'{"list":[%b]}' % b",".join([_DONE_TEXT] * count) for count in rows]

    def of_plain(self, batch: Batch, reply: PlainReply, *, trade_socket: bool = False) -> Items:
        """What a plain reply proves, aligned with the commands. Never raises."""
        if not batch.single:
            # All accepted, in our own order: by far the most frequent reply.
            items = self.plain.accepted(reply, batch.commands)
            if items is not None:
                return items
        return self.items(batch, 0, "", reply.data, reply.ret_ext_info, trade_socket=trade_socket)

    def items(
        self,
        batch: Batch,
        ret_code: int,
        ret_msg: str,
        result: bytes,
        ext_info: bytes,
        *,
        trade_socket: bool = False,
    ) -> Items:
        """What one reply envelope proves, aligned with the commands. Never raises.

        ``result`` is the JSON of ``result`` (REST) or ``data`` (trade socket), ``ext_info`` that
        of ``retExtInfo``.
        """

        def judge(code: int) -> Outcome:
            return outcome_of(code, batch.op, trade_socket=trade_socket)

        try:
            if ret_code != 0:
                return self._of_refusal(batch, ret_code, ret_msg, result, ext_info, judge)
            if batch.single:
                return self._of_single(batch, result)
            return self._of_rows(batch, result, ext_info, judge)
        except _Contradiction as contradiction:
            return same_of_all(batch, Outcome.UNKNOWN, 0, f"contradictory reply: {contradiction}")
        except UNREADABLE as error:
            return same_of_all(batch, Outcome.UNKNOWN, 0, f"unreadable reply: {error}")

    def _of_refusal(
        self,
        batch: Batch,
        ret_code: int,
        ret_msg: str,
        result: bytes,
        ext_info: bytes,
        judge: Callable[[int], Outcome],
    ) -> Items:
        """The whole request was refused; a reply that lists items all the same contradicts it."""
        for part in (result, ext_info):
            listed = self._any_list.decode(part)
            if listed is not None and listed.rows:
                raise _Contradiction(f"retCode {ret_code} with a list of items")
        return same_of_all(batch, judge(ret_code), ret_code, ret_msg)

    def _of_single(self, batch: Batch, result: bytes) -> Items:
        ack = self._ack.decode(result)
        client_id = batch.commands[0].client_id
        expected = self._ids.text(client_id)
        if ack.order_link_id != expected:
            raise _Contradiction(
                f"expected orderLinkId {expected}, found {ack.order_link_id!r:.60}"
            )
        return (ItemReply(client_id, Outcome.ACK, 0, "", _venue_id(batch, ack)),)

    def _of_rows(
        self, batch: Batch, result: bytes, ext_info: bytes, judge: Callable[[int], Outcome]
    ) -> Items:
        count = len(batch.commands)
        if count > MAX_BATCH:
            raise _Contradiction(f"a batch of {count} commands cannot have been sent")
        # Texts that are equal to the byte mean the same: no code of any row has to be read.
        all_done = bytes(ext_info) == self._all_done[count]
        acks = self._acks.decode(result).rows
        verdicts = _DONE[:count] if all_done else self._verdicts.decode(ext_info).rows
        if len(acks) != count or len(verdicts) != count:
            raise _Contradiction(
                f"expected {count} items, found {len(acks)} in result and {len(verdicts)} codes"
            )
        client_ids = [command.client_id for command in batch.commands]
        if len(set(client_ids)) != count:
            raise _Contradiction("the batch itself names an order twice")
        # One text of all ids says as much as one comparison for each: it has the same number
        # of lines, and a line break within an id would make one more.
        link_ids = [ack.order_link_id or "" for ack in acks]
        if "\n".join(link_ids) != self._id_lines[count] % tuple(client_ids):
            texts = list(map(self._ids.text, client_ids))
            acks, verdicts = _in_place(texts, acks, verdicts)
        if all_done or not any(map(_code, verdicts)):
            venue_ids = [ack.order_id for ack in acks]
            if not all(venue_ids):
                venue_ids = [_venue_id(batch, ack) for ack in acks]
            # All accepted: by far the most frequent reply, made without a loop of our own.
            told = zip(client_ids, repeat(Outcome.ACK), repeat(0), repeat(""), venue_ids)
            return tuple(map(_as_item, told))
        return tuple(
            ItemReply(client_id, Outcome.ACK, 0, "", _venue_id(batch, ack))
            if verdict.code == 0
            else ItemReply(
                client_id, judge(verdict.code), verdict.code, (verdict.msg or "")[:MAX_TEXT], ""
            )
            for client_id, ack, verdict in zip(client_ids, acks, verdicts, strict=True)
        )


def same_of_all(batch: Batch, outcome: Outcome, ret_code: int, ret_msg: str) -> Items:
    """The same about every command."""
    text = ret_msg[:MAX_TEXT]
    return tuple(
        ItemReply(command.client_id, outcome, ret_code, text, "") for command in batch.commands
    )


def _in_place(
    texts: Sequence[str], acks: Sequence[_Ack], verdicts: Sequence[_Verdict]
) -> tuple[list[_Ack], list[_Verdict]]:
    """The rows in the order of the commands: by orderLinkId first, by position for a refused row
    that names none."""
    place_of = {text: place for place, text in enumerate(texts)}
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
    rows = sorted(range(len(places)), key=places.__getitem__)
    return [acks[row] for row in rows], [verdicts[row] for row in rows]


def _venue_id(batch: Batch, ack: _Ack) -> str:
    """The venue's id of an accepted order."""
    if batch.op == Op.PLACE and not ack.order_id:
        raise _Contradiction("an accepted create without an orderId")
    return ack.order_id or ""
