"""The slow twin of mmfast._core.rows: json, fractions and dictionaries.

It reads more than the compiled reader, which answers None for whatever is not plain; of what the
compiled reader does read, both have to say the same.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction

NAMES = (
    "orderLinkId", "orderId", "price", "qty", "cumExecQty", "leavesQty", "rejectReason",
    "cancelType", "updatedTime",
)  # fmt: skip
DECIMAL = re.compile(r"[0-9]*\.?[0-9]*")
HEX = re.compile(r"[0-9a-f]{16}")


class OrderRows:
    """Same surface as the compiled reader; raises ValueError where that answers None."""

    def __init__(self, category, head, make, fields, sides, statuses):
        self._root = "order"
        self._category = category
        self._head = head
        self._make = make
        self._fields = fields
        self._sides = dict(zip(("Buy", "Sell"), sides, strict=True))
        self._statuses = statuses
        self._markets = {}

    def add(self, symbol, index, tick_decimals, tick_units, step_decimals, step_units):
        tick = Fraction(tick_units, 10**tick_decimals)
        self._markets[symbol] = index, tick, Fraction(step_units, 10**step_decimals)

    def read(self, frame):
        told = json.loads(frame.decode(), object_pairs_hook=without_repeats)
        if told["topic"] not in (self._root, f"{self._root}.{self._category}"):
            raise ValueError("another topic")
        ours = [row for row in told.get("data", []) if self._is_ours(row)]
        dropped = len(told.get("data", [])) - len(ours)
        return told.get("creationTime", 0), dropped, tuple(map(self._event, ours))

    def _is_ours(self, row):
        if row["symbol"] in self._markets and row.get("category", "") not in ("", self._category):
            raise ValueError("another category")
        return row["symbol"] in self._markets

    def _event(self, row):
        index, tick, step = self._markets[row["symbol"]]
        link, venue, price, qty, cum, leaves, reason, cancel, updated = (
            row.get(name) or "" for name in NAMES
        )
        status, final = self._statuses[row["orderStatus"]]
        values = (
            self._id(link), link, venue, index, self._sides[row["side"]], status,
            steps(price, tick), steps(qty, step), steps(cum, step),
            0 if final else steps(leaves, step), reason, cancel,
            int(updated) if updated.isdigit() and len(updated) <= 15 else 0,
            row.get("reduceOnly") is True,
        )  # fmt: skip
        return self._make(**dict(zip(self._fields, values, strict=True)))

    def _id(self, link):
        return id_of(self._head, link)


def id_of(stem, link):
    head, digits = link[:-16], link[-16:]
    if head != stem or not HEX.fullmatch(digits):
        return 0
    number = int(digits, 16)
    return 0 if number >> 63 else number


def without_repeats(pairs):
    found = dict(pairs)
    wanted = {
        *NAMES,
        "topic",
        "data",
        "creationTime",
        "symbol",
        "side",
        "orderStatus",
        "list",
        "size",
        "entryPrice",
        "avgPrice",
        "seq",
        "positionIdx",
    }
    if len(found) != len(pairs) and any(
        [key for key, _ in pairs].count(name) > 1 for name in wanted
    ):
        raise ValueError("a repeated key")
    return found


def steps(text, step):
    if not text:
        return 0
    if not DECIMAL.fullmatch(text) or not any(map(str.isdigit, text)):
        raise ValueError(f"not a plain decimal: {text!r}")
    count = Fraction(f"0{text}0" if "." in text else text) / step
    if count.denominator != 1 or count >= 1 << 63:
        raise ValueError(f"off the grid: {text!r}")
    return int(count)
