"""The obvious twin of mmfast._core.book: json and two dictionaries."""

from __future__ import annotations

import json
import re
from fractions import Fraction

SNAPSHOT, TOP, REPEAT = 1, 2, 4
VALUE_LIMIT = 2**53
COUNT_LIMIT = 10**18
FRAME_LIMIT = 2**20
NESTING_LIMIT = 32
_PLAIN = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
#: A string of well-formed JSON, and the colon behind it if it is a key.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"([ \t\n\r]*:)?')


class BookError(ValueError):
    """Base of what the twin refuses."""


class BookFrameError(BookError):
    """Not a frame of this book."""


class BookGapError(BookError):
    """A break in ``u``."""


class Pairs(list):
    """A JSON object as its list of pairs, so that repeated keys stay visible."""


def _no_constant(text):
    raise BookFrameError(f"not JSON: {text}")


def _without_escapes(string: re.Match) -> str:
    """Escapes may stand in what is skipped. Not in a key; and text that counts is written
    without them, so a word that cannot count takes the place of text that has some."""
    if "\\" not in string[0]:
        return string[0]
    if string[1] is not None:
        raise BookFrameError("an escape in a key")
    # Half a surrogate pair is no text; encoding it fails.
    json.loads(string[0]).encode("utf-8")
    return '"escaped"'


def _tree(text: str):
    if "\\" in text:
        json.loads(text, object_pairs_hook=Pairs, parse_int=str)
        text = _STRING.sub(_without_escapes, text)
    return json.loads(
        text,
        object_pairs_hook=Pairs,
        parse_constant=_no_constant,
        # A count has no sign, not even before zero, where an int would lose it; and a number of
        # thousands of digits is well-formed, but more than an int wants to read.
        parse_int=lambda digits: -1 if digits == "-0" or len(digits) > 30 else int(digits),
    )


def _deeper(value, limit: int) -> bool:
    """Whether more than ``limit`` containers stand inside each other."""
    if not isinstance(value, list):
        return False
    children = [item for _, item in value] if isinstance(value, Pairs) else value
    return limit == 0 or any(_deeper(child, limit - 1) for child in children)


def _fields(pairs, wanted: set[str], optional: set[str]) -> dict:
    """The wanted keys of an object; anything else only has to be well formed."""
    if not isinstance(pairs, Pairs):
        raise BookFrameError("expected an object")
    found = {}
    for key, value in pairs:
        if key not in wanted | optional:
            if _deeper(value, NESTING_LIMIT):
                raise BookFrameError("nested too deeply")
            continue
        if key in found:
            raise BookFrameError(f"repeated key {key}")
        found[key] = value
    if not wanted <= set(found):
        raise BookFrameError("missing key")
    return found


def _count(value) -> int:
    if type(value) is not int or not 0 <= value < COUNT_LIMIT:
        raise BookFrameError("not a count")
    return value


class Book:
    """Same surface as the compiled book."""

    def __init__(self, symbol, depth, tick_decimals, tick_units, step_decimals, step_units):
        self.symbol = symbol
        self.depth = depth
        self.tick = Fraction(tick_units, 10**tick_decimals)
        self.step = Fraction(step_units, 10**step_decimals)
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.reset()

    def reset(self):
        self.valid = False
        self.update_id = self.seq = self.cts_ms = self.ts_ms = 0
        self.sides = ({}, {})

    def _grid(self, text, size: Fraction) -> int:
        if not isinstance(text, str) or not _PLAIN.fullmatch(text):
            raise BookFrameError(f"not a number: {text!r}")
        text = text.lstrip("0")
        if "." in text:
            text = text.rstrip("0")
        # With a digit at both ends this is too large or off any grid, and too much to compute.
        if len(text) > 400:
            raise BookFrameError("too long")
        steps = Fraction("0" + text) / size
        if steps.denominator != 1 or steps > VALUE_LIMIT:
            raise BookFrameError(f"off the grid or too large: {text!r}")
        return int(steps)

    def _changes(self, rows) -> list[tuple[int, int]]:
        if not isinstance(rows, list) or isinstance(rows, Pairs):
            raise BookFrameError("expected a list")
        if len(rows) > 2 * self.depth + 16:
            raise BookFrameError("too many changes")
        changes = []
        for row in rows:
            if not isinstance(row, list) or isinstance(row, Pairs) or len(row) != 2:
                raise BookFrameError("expected a pair")
            ticks, lots = self._grid(row[0], self.tick), self._grid(row[1], self.step)
            if ticks == 0:
                raise BookFrameError("price is zero")
            changes.append((ticks, lots))
        return changes

    def _parse(self, frame: bytes) -> tuple[dict, dict, tuple]:
        if len(frame) > FRAME_LIMIT:
            raise BookFrameError("too long")
        try:
            tree = _tree(frame.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise BookFrameError(str(error)) from error
        top = _fields(tree, {"topic", "type", "ts", "data"}, {"cts"})
        data = _fields(top["data"], {"s", "b", "a", "u", "seq"}, set())
        for key in ("ts", "cts"):
            top[key] = _count(top.get(key, 0))
        for key in ("u", "seq"):
            _count(data[key])
        if top["topic"] != f"orderbook.{self.depth}.{self.symbol}" or data["s"] != self.symbol:
            raise BookFrameError("another book")
        if top["type"] not in ("snapshot", "delta"):
            raise BookFrameError("another type")
        return top, data, (self._changes(data["b"]), self._changes(data["a"]))

    def apply(self, frame: bytes) -> int:
        top, data, changes = self._parse(frame)
        before = self._top()
        repeat = self.depth == 1 and self.valid and data["u"] == self.update_id
        overwrite = top["type"] == "snapshot" or data["u"] == 1
        if not overwrite and not (self.valid and data["u"] == self.update_id + 1):
            self.valid = False
            raise BookGapError("gap")
        if overwrite:
            self.sides = ({}, {})
            self.valid = True
        for side in (0, 1):
            for ticks, lots in changes[side]:
                self.sides[side].pop(ticks, None)
                if lots:
                    self.sides[side][ticks] = lots
            for ticks, _ in self.levels(side, 10**9)[self.depth :]:
                del self.sides[side][ticks]
        self.update_id, self.seq = data["u"], data["seq"]
        self.ts_ms, self.cts_ms = top["ts"], top["cts"]
        if self._top() != before:
            return TOP | (SNAPSHOT if overwrite else 0)
        if overwrite:
            return REPEAT if repeat else SNAPSHOT
        return 0

    def levels(self, side, count):
        ordered = sorted(self.sides[side].items(), reverse=side == 0)
        return ordered[: max(count, 0)]

    def _best(self, side):
        return (self.levels(side, 1) or [(0, 0)])[0]

    def _top(self):
        return self._best(0), self._best(1)

    bid_ticks = property(lambda self: self._best(0)[0])
    bid_lots = property(lambda self: self._best(0)[1])
    ask_ticks = property(lambda self: self._best(1)[0])
    ask_lots = property(lambda self: self._best(1)[1])
    bid_count = property(lambda self: len(self.sides[0]))
    ask_count = property(lambda self: len(self.sides[1]))

    def _two_sided(self):
        return bool(self.sides[0] and self.sides[1])

    def mid_x2(self):
        return self.bid_ticks + self.ask_ticks if self._two_sided() else 0

    def microprice_x256(self):
        if not self._two_sided():
            return 0
        (bid, bid_lots), (ask, ask_lots) = self._top()
        return (bid * ask_lots + ask * bid_lots) * 256 // (bid_lots + ask_lots)

    def crossed(self):
        return self._two_sided() and self.bid_ticks >= self.ask_ticks

    def lots_at(self, side, ticks):
        return self.sides[side].get(ticks, 0)

    def lots_better(self, side, ticks):
        better = (lambda t: t > ticks) if side == 0 else (lambda t: t < ticks)
        return sum(lots for t, lots in self.sides[side].items() if better(t))
