"""Decimals: the core reads and writes numbers as its twin and as :mod:`decimal` do."""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact

import oracle_fixed
from answers import answer, fenced
from byte_program import Draws
from fuzzer import Target

from mmfast._core import fixed

#: Enough digits for anything that fits 64 bits; a result that needs more is an error here.
EXACT = Context(prec=60, traps=[Inexact])
UNITS = (1, 2, 5, 10, 25, 1000, 3, 2**62)


class Decimals(Target):
    """The first three bytes say how to read the rest."""

    seeds = tuple(
        bytes(head) + text
        for head in ((1, 0, 0), (18, 1, 7), (8, 2, 3))
        for text in (
            b"65000.10", b"-0.001", b"+7", b"9223372036854775807", b"0.000000000000000001",
            b"000.50", b"1", b"-9223372036854775808", b".5", b"5.", b"100",
        )
    )  # fmt: skip
    tokens = (b"1e-3", b"Inf", b"_", b"0x", b"9.223372036854775807", b"-9223372036854775809")
    reaches = frozenset(
        {
            "+parsed",
            "+grid",
            "+step",
            "decimals: expected N to N",
            "expected a decimal number",
            "expected a plain decimal (sign, digits, one point)",
            "expected a number that fits N bits at N decimals",
            "expected at most N decimals",
        }
    )

    def check(self, data: bytes) -> str:
        draws = Draws(data)
        decimals, unit, step = draws.byte() % 20, draws.pick(UNITS), draws.number(1) + 1
        text = draws.rest()
        units = _same("parse_units", text, decimals)
        try:
            written = text.decode("ascii")
        except UnicodeDecodeError:
            assert units == "FixedError", "text beyond ASCII was read"
        else:
            assert _same("parse_units", written, decimals) == units
        on_grid = _same("parse_grid", text, decimals, unit)
        size = _same("split_step", text)
        if isinstance(units, int):
            self._check_number(units, decimals, text, step)
            if isinstance(on_grid, int):
                assert on_grid * unit == units
                assert fixed.format_grid(on_grid, decimals, unit) == fixed.format_units(
                    units, decimals
                )
        if isinstance(size, tuple):
            places, count = size
            assert EXACT.create_decimal(count).scaleb(-places) == Decimal(text.decode())
            return "+step"
        if isinstance(units, int):
            return "+grid" if isinstance(on_grid, int) else "+parsed"
        return _words(text, decimals)

    def _check_number(self, units: int, decimals: int, text: bytes, step: int) -> None:
        value = EXACT.create_decimal(units).scaleb(-decimals, EXACT)
        assert value == Decimal(text.decode()), "not the number that decimal reads"
        formatted = _same("format_units", units, decimals)
        assert Decimal(formatted.decode()) == value, "not the number that was formatted"
        assert fixed.parse_units(formatted, decimals) == units
        for name in ("floor_to", "ceil_to", "mul"):
            _same(name, units, step)


def _same(name: str, *arguments: object) -> object:
    call = fenced if isinstance(arguments[0], bytes) else answer
    found = call(getattr(fixed, name), *arguments)
    assert found == answer(getattr(oracle_fixed, name), *arguments), (name, arguments)
    return found


def _words(text: bytes, decimals: int) -> str:
    """What the refusal expected, without its figures."""
    try:
        fixed.parse_units(text, decimals)
    except ValueError as error:
        return re.sub(r"\d+", "N", str(error).partition(", found")[0])
    raise AssertionError("refused once, read the second time")
