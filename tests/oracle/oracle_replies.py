"""The obvious twin of the reading of order replies: json, and one rule after the other.

Only the table of return codes is shared with what it judges; that table is data.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from mmfast.bybit.ret_codes import outcome_of
from mmfast.messages import Batch, Op, Outcome

#: What is known of one command: its outcome, and the venue's id of an accepted order.
Verdict = tuple[Outcome, str]
ODD_STATUS = {403: Outcome.THROTTLED} | dict.fromkeys((400, 401, 404), Outcome.REJECT)


class ProvesNothing(Exception):
    """The reply does not add up."""


def judge_rest(batch: Batch, status: int, body: bytes, name: Callable[[int], str]) -> list[Verdict]:
    """What an HTTP reply proves about each command; ``name`` writes an orderLinkId."""
    if status in ODD_STATUS:
        return _all(batch, ODD_STATUS[status])
    try:
        if status not in (200, 429):
            raise ProvesNothing(status)
        reply = read(body)
        ret_code = _integer(reply, "retCode")
        _text(reply, "retMsg")
        if status == 429 and ret_code == 0:
            raise ProvesNothing("too many, but fine")
        return judge(batch, ret_code, reply.get("result"), reply.get("retExtInfo"), name)
    except ProvesNothing:
        return _all(batch, Outcome.UNKNOWN)


def judge_socket(batch: Batch, data: bytes, name: Callable[[int], str]) -> list[Verdict] | None:
    """What a message of the trade socket proves; None if it is no message at all."""
    word = {Op.PLACE: "create", Op.AMEND: "amend", Op.CANCEL: "cancel"}[batch.op]
    expected = f"order.{word}" if batch.single else f"order.{word}-batch"
    try:
        reply = read(data)
        ret_code = _integer(reply, "retCode")
        for key in ("retMsg", "op", "reqId"):
            _text(reply, key)
        # The budget is read from the header, so a number there has to be one.
        json.dumps(reply.get("header"), allow_nan=False)
    except (ProvesNothing, ValueError):
        return None
    try:
        op = _text(reply, "op")
        # A refusal from before the message was looked at has no operation to name.
        if op != expected and (op or ret_code == 0):
            raise ProvesNothing("an answer to something else")
        parts = reply.get("data"), reply.get("retExtInfo")
        return judge(batch, ret_code, *parts, name, trade_socket=True)
    except ProvesNothing:
        return _all(batch, Outcome.UNKNOWN)


def judge(
    batch: Batch,
    ret_code: int,
    result: object,
    ext_info: object,
    name: Callable[[int], str],
    *,
    trade_socket: bool = False,
) -> list[Verdict]:
    """What an envelope proves. Raises :class:`ProvesNothing`."""
    wanted = [name(command.client_id) for command in batch.commands]
    if ret_code != 0:
        for part in (result, ext_info):
            if part is not None and _object(part).get("list") not in (None, []):
                raise ProvesNothing("refused, with items")
        return _all(batch, outcome_of(ret_code, batch.op, trade_socket=trade_socket))
    if batch.single:
        if _text(_object(result), "orderLinkId") != wanted[0]:
            raise ProvesNothing("another order")
        return [(Outcome.ACK, _accepted(batch, _object(result)))]
    rows, codes = _rows(result), [_integer(row, "code") for row in _rows(ext_info)]
    for row in _rows(ext_info):
        _text(row, "msg")
    if not len(rows) == len(codes) == len(wanted):
        raise ProvesNothing("not as many rows as commands")
    verdicts: dict[str, Verdict] = {}
    names = []
    for row, code, own in zip(rows, codes, wanted, strict=True):
        _text(row, "orderId")
        named = _text(row, "orderLinkId") or (own if code else "")
        names.append(named)
        verdicts[named] = (
            (outcome_of(code, batch.op, trade_socket=trade_socket), "")
            if code
            else (Outcome.ACK, _accepted(batch, row))
        )
    if set(verdicts) != set(wanted):
        raise ProvesNothing("an order twice, or another order")
    if names != wanted and len(set(codes)) > 1:
        raise ProvesNothing("do the codes follow the rows, or the request?")
    return [verdicts[own] for own in wanted]


def read(body: bytes) -> dict:
    """The object in a body that is well-formed from end to end."""

    def refuse(text: str) -> None:
        raise ValueError(text)

    def whole(digits: str) -> int:
        return int(digits) if len(digits) < 40 else 10**39

    try:
        tree = json.loads(body.decode("utf-8"), parse_constant=refuse, parse_int=whole)
        # Half a surrogate pair cannot be written again.
        json.dumps(tree, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise ProvesNothing(str(error)) from error
    return _object(tree)


def says_twice(body: bytes) -> bool:
    """Whether an object of a readable reply has a key twice. The last one counts then, as in any
    reader of JSON; a reader may also say that such a reply proves nothing."""
    repeats: list[str] = []

    def watch(pairs: list[tuple[str, object]]) -> dict:
        keys = [key for key, _ in pairs]
        repeats.extend(key for key in keys if keys.count(key) > 1)
        return dict(pairs)

    json.loads(body.decode("utf-8"), object_pairs_hook=watch, parse_int=str)
    return bool(repeats)


def _all(batch: Batch, outcome: Outcome) -> list[Verdict]:
    return [(outcome, "")] * len(batch.commands)


def _object(value: object) -> dict:
    if not isinstance(value, dict):
        raise ProvesNothing("expected an object")
    return value


def _rows(value: object) -> list[dict]:
    rows = _object(value).get("list")
    if not isinstance(rows, list):
        raise ProvesNothing("expected a list")
    return [_object(row) for row in rows]


def _integer(value: dict, key: str) -> int:
    found = value.get(key)
    if type(found) is not int:
        raise ProvesNothing(f"expected {key} as an integer")
    return found


def _text(value: dict, key: str) -> str:
    found = value.get(key)
    if found is not None and not isinstance(found, str):
        raise ProvesNothing(f"expected {key} as text")
    return found or ""


def _accepted(batch: Batch, row: dict) -> str:
    venue_id = _text(row, "orderId")
    if batch.op == Op.PLACE and not venue_id:
        raise ProvesNothing("an accepted create without an orderId")
    return venue_id
