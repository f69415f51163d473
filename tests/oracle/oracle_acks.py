"""The slow twin of mmfast._core.acks: json and comparisons, one by one."""

from __future__ import annotations

import json
from types import SimpleNamespace

from oracle_rows import id_of, without_repeats

RATE = ("X-Bapi-Limit", "X-Bapi-Limit-Status", "X-Bapi-Limit-Reset-Timestamp")
DONE = {"code": 0, "msg": "OK"}


class Acks:
    """Same surface; raises what json and missing keys raise for a reply that is not plain."""

    def __init__(self, head, item, ack, rate):
        self._head = head
        self._item = item
        self._ack = ack
        self._rate = rate

    def socket(self, frame):
        reply = self._read(frame, "data")
        header = reply["header"]
        numbers = [header[name] for name in RATE]
        if not all(text.isdigit() and len(text) <= 18 for text in numbers):
            raise ValueError("no numbers")
        rate = self._rate(map(int, numbers))
        return SimpleNamespace(
            req_id=text(reply["reqId"]), op=text(reply["op"]), rate=rate, **vars(_parts(reply))
        )

    def http(self, body):
        return _parts(self._read(body, "result"))

    def accepted(self, reply, commands):
        if set(reply.data) != {"list"} or reply.ret_ext_info != {"list": [DONE] * len(commands)}:
            raise ValueError("more than a list, or a refusal")
        ids = [command[7] for command in commands]
        named = [id_of(self._head, row["orderLinkId"]) for row in reply.data["list"]]
        venue_ids = [text(row["orderId"]) for row in reply.data["list"]]
        if named != ids or len(set(ids)) != len(ids) or not all(ids) or not all(venue_ids):
            raise ValueError("other orders")
        return tuple(
            self._item((number, self._ack, 0, "", venue_id))
            for number, venue_id in zip(ids, venue_ids, strict=True)
        )

    def _read(self, frame, where):
        reply = json.loads(bytes(frame).decode(), object_pairs_hook=without_repeats)
        if type(reply["retCode"]) is not int or reply["retCode"] != 0:
            raise ValueError("refused")
        text(reply["retMsg"])
        return {**reply, "data": reply[where]}


def text(value):
    if not isinstance(value, str):
        raise TypeError(f"no text: {value}")
    return value


def _parts(reply):
    return SimpleNamespace(data=reply["data"], ret_ext_info=reply["retExtInfo"])
