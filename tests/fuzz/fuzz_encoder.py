"""The batch encoder against a JSON parser: what was written says what the commands mean."""

from __future__ import annotations

import json
from fractions import Fraction

import oracle_encode
from answers import answer
from byte_program import Draws
from fuzzer import Target

from mmfast._core import encode

CATEGORY, HEAD = "linear", "f-"
#: Index: symbol, tick decimals and units, step decimals and units, self-match prevention.
INSTRUMENTS = {
    0: ("BTCUSDT", 1, 1, 3, 1, ""),
    2: ("XRPUSDT", 4, 5, 0, 10, "CancelBoth"),
    9: ("1000PEPEUSDT", 18, 7, 18, 1, ""),
    4095: ("A" * 32, 0, 10**6, 0, 1, "CancelMaker"),
}
INDEXES = (*INSTRUMENTS, 0, 0, 2, 5)
FLAGS = (1, 1, 1, 2, 3, 8, 16, 32, 48, 48, 57, 4, 6, 5, 0, 65_535)
AMEND_FLAGS = (16, 32, 48, 48, 17, 33, 56, 1)
SIZES = (1, 1, 1, 2, 2, 3, 4, 8, 20, 21, 0)
REQUEST_IDS = ("r-1", "x" * 36, "x" * 37, "", "ba d", 'q"', "é", "0", "_-A9")
WORDS = {0: "cancel", 1: "amend", 2: "create"}
FORCES = {0: "GTC", 1: "PostOnly", 4: "IOC"}


class Encoder(Target):
    """Bytes as commands of one batch, its frame for the trade socket, and one order alone."""

    seeds = (
        bytes(range(40)),
        bytes([2, 3]) + bytes(range(100, 0, -1)),
        bytes([1, 8]) + bytes(range(0, 250, 2)),
        bytes([0, 8]) + bytes(200),
    )
    kept_size = 100
    reaches = frozenset(
        {f"+{op} {count}" for op in (0, 1, 2) for count in (1, 2, 3, 20)} | {"EncodeError"}
    )

    def __init__(self) -> None:
        self._core = encode.OrderEncoder(CATEGORY, HEAD)
        self._twin = oracle_encode.OrderEncoder(CATEGORY, HEAD)
        for one in (self._core, self._twin):
            for index, terms in INSTRUMENTS.items():
                one.add_instrument(index, *terms)

    def check(self, data: bytes) -> str:
        draws = Draws(data)
        op = draws.byte() % 3
        count = draws.pick(SIZES)
        commands = [_command(draws, op) for _ in range(count)]
        envelope = draws.pick(REQUEST_IDS), draws.number(6), draws.number(2)
        body = self._same("batch", op, commands)
        framed = self._same("batch_frame", op, commands, *envelope)
        if commands:
            alone = self._same("single", op, commands[0])
            if isinstance(alone, bytes):
                assert json.loads(alone) == {"category": CATEGORY} | _meaning(commands[0])
            alone_framed = self._same("single_frame", op, commands[0], *envelope)
            _check_frame(alone_framed, alone, WORDS[op], envelope)
        _check_frame(framed, body, f"{WORDS[op]}-batch", envelope)
        if not isinstance(body, bytes):
            return str(body)
        assert json.loads(body) == {
            "category": CATEGORY,
            "request": [_meaning(command) for command in commands],
        }
        return f"+{op} {count}"

    def _same(self, name: str, *arguments: object) -> object:
        found = answer(getattr(self._core, name), *arguments)
        assert found == answer(getattr(self._twin, name), *arguments), (name, arguments)
        return found


def _command(draws: Draws, op: int) -> tuple:
    kind = draws.byte()
    price, lots = draws.number(3) + 1, draws.number(2) + 1
    terms = [op, 4, draws.pick(INDEXES), draws.byte() & 1]
    terms.append(draws.pick(AMEND_FLAGS if op == 1 else FLAGS))
    terms += [price, lots, draws.number(7) + 1]
    if kind >= 250:
        terms[draws.byte() % 8] = draws.doubtful(draws.number(8))
    return tuple(terms)


def _meaning(command: tuple) -> dict:
    """The item that a command stands for, as the venue's documents describe it."""
    op, _, index, side, flags, price_ticks, lots, client_id = command
    symbol, tick_decimals, tick_units, step_decimals, step_units, smp_type = INSTRUMENTS[index]
    item = {"symbol": symbol, "orderLinkId": HEAD + f"{client_id:x}".rjust(16, "0")}
    if op == 2:
        item |= {"side": ("Buy", "Sell")[side], "orderType": "Limit", "positionIdx": 0}
        item["timeInForce"] = FORCES[flags & 5]
        item |= {"reduceOnly": True} if flags & 2 else {}
        item |= {"smpType": smp_type} if smp_type else {}
    if op == 2 or (op == 1 and flags & 16):
        item["price"] = _plain(Fraction(price_ticks * tick_units, 10**tick_decimals), tick_decimals)
    if op == 2 or (op == 1 and flags & 32):
        item["qty"] = _plain(Fraction(lots * step_units, 10**step_decimals), step_decimals)
    return item


def _plain(value: Fraction, decimals: int) -> str:
    """With all its decimals, in long division: nothing of this is shared with core or twin."""
    whole, rest = divmod(value.numerator, value.denominator)
    digits = ""
    for _ in range(decimals):
        digit, rest = divmod(rest * 10, value.denominator)
        digits += str(digit)
    assert rest == 0
    return f"{whole}.{digits}" if digits else str(whole)


def _check_frame(framed: object, body: object, word: str, envelope: tuple) -> None:
    """A frame is refused with its body, or carries exactly what REST would send."""
    if not isinstance(framed, bytes):
        return
    assert isinstance(body, bytes)
    req_id, timestamp_ms, window_ms = envelope
    found = json.loads(framed)
    header = {"X-BAPI-TIMESTAMP": f"{timestamp_ms}", "X-BAPI-RECV-WINDOW": f"{window_ms}"}
    assert found == {
        "reqId": req_id,
        "header": header,
        "op": f"order.{word}",
        "args": [json.loads(body)],
    }
