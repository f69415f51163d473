"""The obvious twin of mmfast._core.leaving: regular expressions and decimals."""

from __future__ import annotations

import re
from decimal import Decimal

AMEND, PLACE = 1, 2
ONE_E4 = 10**8
NUMBER = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
TEXT = r'[^"\\]*'
PLACED = (
    r'"symbol":"(?P<symbol>[^"]+)","side":"(?P<side>Buy|Sell)","orderType":"Limit",'
    r'"timeInForce":"PostOnly","positionIdx":0,(?:"reduceOnly":true,)?'
    rf'(?:"smpType":"{TEXT}",)?"orderLinkId":"(?P<link>[^"]*)"'
    rf',"qty":"(?P<qty>{NUMBER})","price":"(?P<price>{NUMBER})"}}'
)
AMENDED = (
    r'"symbol":"(?P<symbol>[^"]+)","orderLinkId":"(?P<link>[^"]*)"'
    rf'(?:,"qty":"(?P<qty>{NUMBER})")?(?:,"price":"(?P<price>{NUMBER})")?}}'
)
ITEMS = {PLACE: re.compile(PLACED), AMEND: re.compile(AMENDED)}
WORDS = {PLACE: "create", AMEND: "amend"}


class LeavingError(ValueError):
    """Bytes that must not leave."""


class LeavingCheck:
    """Same surface as the compiled check."""

    def __init__(self, category, head, instruments):
        self.opening = f'{{"category":"{category}",'
        self.head = head
        self.allowed = {}
        self.mids = [0] * instruments
        self.seconds = [0] * instruments
        self.filled = [0] * instruments

    def allow(self, index, symbol, *limits):
        self.allowed = {name: row for name, row in self.allowed.items() if row[0] != index}
        self.allowed[symbol] = (index, *limits)

    def see(self, index, mid_x2_ticks, reference_x2_ticks):
        second = mid_x2_ticks if reference_x2_ticks < 0 else reference_x2_ticks
        sound = all(0 < price_x2 < 1 << 55 for price_x2 in (mid_x2_ticks, second))
        self.mids[index] = mid_x2_ticks if sound else 0
        self.seconds[index] = second
        self.filled[index] = 0

    def see_filled(self, index, lots):
        self.filled[index] = max(self.filled[index], lots)

    def frame(self, op, data):
        head = re.match(
            rf'{{"reqId":"{TEXT}","header":{{"X-BAPI-TIMESTAMP":"{TEXT}","X-BAPI-RECV-WINDOW":'
            rf'"{TEXT}"}},"op":"order\.{WORDS.get(op, "?!")}(?:-batch)?","args":\[',
            data.decode("latin-1"),
        )
        if head is None or not data.endswith(b"]}"):
            raise LeavingError("no frame of ours")
        return self.body(op, data[head.end() : -2])

    def body(self, op, data):
        text = data.decode("latin-1")
        if op not in ITEMS or not text.startswith(self.opening):
            raise LeavingError("no body of ours")
        text = text[len(self.opening) :]
        if not text.startswith('"request":['):
            if self._item(op, text, 0) != len(text):
                raise LeavingError("something follows")
            return 1
        at, count = len('"request":['), 0
        while True:
            if text[at : at + 1] != "{":
                raise LeavingError("no item")
            at = self._item(op, text, at + 1)
            count += 1
            if count > 20:
                raise LeavingError("too many")
            if text[at : at + 1] != ",":
                break
            at += 1
        if text[at:] != "]}":
            raise LeavingError("something follows")
        return count

    def _item(self, op, text, at):
        found = ITEMS[op].match(text, at)
        if found is None:
            raise LeavingError("another spelling")
        row = self.allowed.get(found["symbol"])
        if row is None:
            raise LeavingError("not allowed")
        index, tick_places, tick, step_places, step, max_lots, max_value, collar, distance = row
        if not re.fullmatch(re.escape(self.head) + "[0-9a-f]{16}", found["link"]):
            raise LeavingError("foreign id")
        lots = ticks = 0
        if found["qty"] is not None:
            lots = _count(found["qty"], step_places, step)
            rests = lots - self.filled[index] if op == AMEND else lots
            if lots <= 0 or rests > max_lots:
                raise LeavingError("size")
            lots = rests
        if found["price"] is not None:
            ticks = _count(found["price"], tick_places, tick)
            mid = self.mids[index]
            if not 0 < ticks < 1 << 55 or ticks * lots > max_value or not mid:
                raise LeavingError("price or value")
            beyond = ticks * 2 - mid
            if abs(beyond) * ONE_E4 > mid * distance:
                raise LeavingError("distance")
            sign = {"Buy": 1, "Sell": -1}[found["side"]] if op == PLACE else 0
            for reference in (mid, self.seconds[index]):
                if sign and (ticks * 2 - reference) * sign * ONE_E4 > reference * collar:
                    raise LeavingError("collar")
        return found.end()


def _count(text, places, units):
    value = Decimal(text).scaleb(places)
    if value != int(value) or int(value) % units or value >= 1 << 63:
        raise LeavingError("off the grid")
    return int(value) // units
