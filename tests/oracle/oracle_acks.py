"""The slow twin of mmfast._core.acks: json and comparisons, one by one."""

from __future__ import annotations

import json

from oracle_rows import id_of, without_repeats


class Acks:
    """Same surface; raises ValueError for a reply that does not accept every command in turn."""

    def __init__(self, head, item, ack):
        self._head = head
        self._item = item
        self._ack = ack

    def read(self, result, commands):
        told = json.loads(bytes(result).decode(), object_pairs_hook=without_repeats)
        if set(told) != {"list"}:
            raise ValueError("more than a list")
        ids = [command[7] for command in commands]
        named = [id_of(self._head, row["orderLinkId"]) for row in told["list"]]
        venue_ids = [row["orderId"] for row in told["list"]]
        if named != ids or len(set(ids)) != len(ids) or not all(ids) or not all(venue_ids):
            raise ValueError("other orders")
        return tuple(
            self._item((number, self._ack, 0, "", venue_id))
            for number, venue_id in zip(ids, venue_ids, strict=True)
        )
