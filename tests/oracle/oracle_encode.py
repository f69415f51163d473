"""The obvious twin of mmfast._core.encode: dictionaries and json.dumps."""

from __future__ import annotations

import json
import re
from decimal import Decimal

CANCEL, AMEND, PLACE = 0, 1, 2
POST_ONLY, REDUCE_ONLY, IOC, AMEND_PRICE, AMEND_QTY = 1, 2, 4, 16, 32
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
MAX_BATCH = 20
WORDS = {CANCEL: "cancel", AMEND: "amend", PLACE: "create"}


class EncodeError(ValueError):
    """A command that must not be written."""


def _word(text, limit):
    if not re.fullmatch(r"[0-9A-Za-z_-]+", text) or len(text) > limit:
        raise EncodeError(f"not a plain word: {text!r}")
    return text


def _decimal(count, units, decimals):
    if count <= 0 or count * units > INT64_MAX:
        raise EncodeError("not a positive 64-bit number")
    return f"{Decimal(count * units).scaleb(-decimals):.{decimals}f}"


class OrderEncoder:
    """Same surface as the compiled encoder."""

    def __init__(self, category, head):
        self.category = _word(category, 16)
        self.head = _word(head, 20)
        self.instruments = {}

    def add_instrument(
        self, index, symbol, tick_decimals, tick_units, step_decimals, step_units, smp_type=""
    ):
        if not 0 <= index < 4096:
            raise EncodeError("index")
        for decimals, units in ((tick_decimals, tick_units), (step_decimals, step_units)):
            if not 0 <= decimals <= 18 or units <= 0:
                raise EncodeError("grid")
        if smp_type:
            _word(smp_type, 16)
        tick, step = (tick_units, tick_decimals), (step_units, step_decimals)
        self.instruments[index] = (_word(symbol, 32), tick, step, smp_type)

    def _item(self, op, command):
        if not isinstance(command, tuple) or len(command) != 8:
            raise EncodeError("not a command")
        # The slot is ours alone: it is not written, so it is not read either.
        fields = (command[0], *command[2:])
        if not all(isinstance(v, int) and INT64_MIN <= v <= INT64_MAX for v in fields):
            raise EncodeError("not 64-bit integers")
        own_op, _, instrument, side, flags, price_ticks, lots, client_id = command
        if own_op != op or client_id <= 0 or instrument not in self.instruments:
            raise EncodeError("operation, client id or instrument")
        symbol, tick, step, smp_type = self.instruments[instrument]
        item = {"symbol": symbol}
        if op == PLACE:
            item |= self._nature(side, flags, smp_type)
        item["orderLinkId"] = f"{self.head}{client_id:016x}"
        if op == AMEND and not flags & (AMEND_PRICE | AMEND_QTY):
            raise EncodeError("an amend of nothing")
        if op == PLACE or (op == AMEND and flags & AMEND_QTY):
            item["qty"] = _decimal(lots, *step)
        if op == PLACE or (op == AMEND and flags & AMEND_PRICE):
            item["price"] = _decimal(price_ticks, *tick)
        return item

    def _nature(self, side, flags, smp_type):
        if side not in (0, 1) or (flags & POST_ONLY and flags & IOC):
            raise EncodeError("side or flags")
        force = "IOC" if flags & IOC else "PostOnly" if flags & POST_ONLY else "GTC"
        nature = {
            "side": "Sell" if side else "Buy",
            "orderType": "Limit",
            "timeInForce": force,
            "positionIdx": 0,
        }
        if flags & REDUCE_ONLY:
            nature["reduceOnly"] = True
        if smp_type:
            nature["smpType"] = smp_type
        return nature

    def batch(self, op, commands):
        if op not in (CANCEL, AMEND, PLACE) or not 0 < len(commands) <= MAX_BATCH:
            raise EncodeError("operation or size of the batch")
        items = [self._item(op, command) for command in commands]
        return _dump({"category": self.category, "request": items})

    def single(self, op, command):
        if op not in (CANCEL, AMEND, PLACE):
            raise EncodeError("operation")
        return _dump({"category": self.category} | self._item(op, command))

    def _frame(self, word, body, req_id, timestamp_ms, recv_window_ms):
        if not isinstance(req_id, str):
            raise TypeError("req_id")
        if not (0 <= timestamp_ms <= INT64_MAX and 0 < recv_window_ms <= INT64_MAX):
            raise EncodeError("time or window")
        header = {"X-BAPI-TIMESTAMP": str(timestamp_ms), "X-BAPI-RECV-WINDOW": str(recv_window_ms)}
        front = {"reqId": _word(req_id, 36), "header": header, "op": f"order.{word}"}
        return _dump(front | {"args": [json.loads(body)]})

    def batch_frame(self, op, commands, *envelope):
        body = self.batch(op, commands)
        return self._frame(f"{WORDS[op]}-batch", body, *envelope)

    def single_frame(self, op, command, *envelope):
        body = self.single(op, command)
        return self._frame(WORDS[op], body, *envelope)


def _dump(body):
    return json.dumps(body, separators=(",", ":")).encode("ascii")
