"""No door of the core takes a float: a price of 1.9 ticks must fail, not become 1."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mmfast._core import book, coalesce, encode, fixed, sign

TABLE = coalesce.IntentTable(4)
BOOK = book.Book("X", 50, 1, 1, 3, 1)
ENCODER = encode.OrderEncoder("linear", "h-")
SIGNER = sign.Signer("key", "secret", 5000)

DOORS = {
    "IntentTable": (coalesce.IntentTable, [4]),
    "put": (TABLE.put, [2, 1, 0, 100, 10, 5]),
    "peek": (TABLE.peek, [1]),
    "clear": (TABLE.clear, [1]),
    "count": (TABLE.count, [1]),
    "drain": (TABLE.drain, [1, 1, 1]),
    "Book": (lambda *numbers: book.Book("X", *numbers), [50, 1, 1, 3, 1]),
    "levels": (BOOK.levels, [0, 5]),
    "lots_at": (BOOK.lots_at, [0, 5]),
    "lots_better": (BOOK.lots_better, [0, 5]),
    "add_instrument": (
        lambda index, *grid: ENCODER.add_instrument(index, "X", *grid),
        [0, 1, 1, 3, 1],
    ),
    "format_units": (fixed.format_units, [5, 1]),
    "format_grid": (fixed.format_grid, [5, 1, 5]),
    "parse_units": (lambda decimals: fixed.parse_units("1", decimals), [1]),
    "parse_grid": (lambda *numbers: fixed.parse_grid("1", *numbers), [1, 5]),
    "floor_to": (fixed.floor_to, [5, 2]),
    "ceil_to": (fixed.ceil_to, [5, 2]),
    "mul": (fixed.mul, [5, 2]),
    "request_lines": (lambda time: SIGNER.request_lines(time, b""), [5]),
    "Signer": (lambda window: sign.Signer("key", "secret", window), [5]),
}


@pytest.mark.parametrize("door", DOORS)
def test_only_integers_come_in(door):
    call, arguments = DOORS[door]
    call(*arguments)
    for place, value in enumerate(arguments):
        for wrong in (float(value), value + 0.9, Decimal(value), str(value), None):
            with pytest.raises(TypeError):
                call(*arguments[:place], wrong, *arguments[place + 1 :])


def test_a_command_with_a_float_is_not_written():
    ENCODER.add_instrument(0, "X", 1, 1, 3, 1)
    good = (2, 0, 0, 0, 1, 100, 10, 5)
    ENCODER.single(2, good)
    for place in (0, 2, 3, 4, 5, 6, 7):
        command = (*good[:place], float(good[place]), *good[place + 1 :])
        with pytest.raises(encode.EncodeError, match="64-bit integers"):
            ENCODER.single(2, command)
