"""Mutated inputs: the core answers as its twin does, and never anything worse than a refusal.

``--fuzz-count`` sets the inputs per target; ``--fuzz-count 1000000`` is a long run.
"""

from __future__ import annotations

import json

import oracle_book
import oracle_coalesce
import oracle_encode
import oracle_fixed
import pytest
from book_frames import Market, frame
from fuzzer import Fuzzer

from mmfast._core import book, coalesce, encode, fixed


@pytest.fixture
def count(pytestconfig):
    return pytestconfig.getoption("--fuzz-count")


def answer(call, *arguments):
    try:
        return call(*arguments)
    except (ValueError, OverflowError) as error:
        return type(error).__name__


GRID = (1, 1, 3, 1)
BASE = frame(
    "snapshot", 100, [("65000.1", "4.312"), ("65000", "0.1")], [("65000.2", "1")], depth=50
)
FRAMES = [
    BASE,
    frame("delta", 101, [("65000.1", "0"), ("64999.9", "7")], [("65000.3", "0.001")]),
    frame("delta", 101, [], [], cts=None, ts_first=True),
    frame("delta", 1, [("65000.1", "3")], [("65000.2", "2.5")]),
    frame("delta", 101, [], []).replace(b'"cts":', b'"x":{"y":[1.5,null,{"z":"w"}]},"cts":'),
    Market(seed=1, depth=50).next(),
]
STATE = ("valid", "update_id", "seq", "ts_ms", "cts_ms", "bid_ticks", "ask_lots", "bid_count")


def in_question(data):
    """Text the twin reads otherwise: it decodes escapes, and checks the encoding of skipped text.

    Such frames must still be refused or applied as a whole, but the two need not agree on which.
    """
    return b"\\" in data or not data.isascii()


def book_state(one):
    return [getattr(one, name) for name in STATE] + [one.levels(0, 99), one.levels(1, 99)]


def test_book_frames(count):
    fuzzer = Fuzzer(FRAMES, seed=11)
    core, twin = book.Book("BTCUSDT", 50, *GRID), oracle_book.Book("BTCUSDT", 50, *GRID)
    applied = 0
    for data in fuzzer.inputs(count):
        core.apply(BASE)
        twin.apply(BASE)
        before = book_state(core)
        found = answer(core.apply, data)
        applied += isinstance(found, int)
        if found == "BookFrameError":
            assert book_state(core) == before, data
        if in_question(data):
            continue
        assert found == answer(twin.apply, data), data
        assert book_state(core) == book_state(twin), data
        if isinstance(found, int) and len(data) < 2000:
            fuzzer.keep(data)
    # A fuzzer whose inputs are all refused would test only the first lines of the parser.
    assert applied > count // 50


NUMBERS = [
    b"65000.10",
    b"-0.001",
    b"+7",
    b"9223372036854775807",
    b"0.000000000000000001",
    b"000.50",
    b"1",
]


def test_decimals(count):
    fuzzer = Fuzzer(NUMBERS, seed=12)
    parsed = 0
    for data in fuzzer.inputs(count):
        decimals = fuzzer.random.randint(0, 18)
        found = answer(fixed.parse_units, data, decimals)
        assert found == answer(oracle_fixed.parse_units, data, decimals), (data, decimals)
        assert answer(fixed.split_step, data) == answer(oracle_fixed.split_step, data), data
        if isinstance(found, int):
            parsed += 1
            assert fixed.parse_units(fixed.format_units(found, decimals), decimals) == found
            if len(data) < 60:
                fuzzer.keep(data)
    assert parsed > count // 50


def test_intents(count):
    """Bytes as a program: each four are one call."""
    fuzzer = Fuzzer([bytes(range(64)), bytes(64), bytes(range(0, 256, 3))], seed=13)
    for program in fuzzer.inputs(count // 10):
        core, twin = coalesce.IntentTable(5), oracle_coalesce.IntentTable(5)
        for at in range(0, len(program) - 3, 4):
            verb, slot, flags, value = program[at : at + 4]
            if verb % 8 < 2:
                command = (verb % 4, slot % 6, 0, 1, flags & 63, value, value + 1, at + 1)
                call = ("put_all", [command] * (1 + verb % 2))
            elif verb % 8 < 5:
                call = ("put", verb % 4, slot % 6, flags & 63, value, value + 1, at + 1)
            elif verb % 8 == 5:
                call = ("drain", slot % 4, flags % 4, value % 4)
            elif verb % 8 == 6:
                call = ("clear", slot % 6)
            else:
                call = ("set_amend_replaces", value & 1)
            name, *arguments = call
            found = answer(getattr(core, name), *arguments)
            assert found == answer(getattr(twin, name), *arguments), (program, at, call)
        assert len(core) == len(twin)
        assert core.drain(9, 9, 9) == twin.drain(9, 9, 9), program
        assert len(core) == 0


ODD = [0, 1, -1, 2**31, 2**53, 2**62, 2**63 - 1, 2**63, -(2**63), 2**64, 1.0, "1", None, b"1"]


def test_encoder_against_json(count):
    fuzzer = Fuzzer([b""], seed=14)
    rng = fuzzer.random
    core, twin = encode.OrderEncoder("linear", "f-"), oracle_encode.OrderEncoder("linear", "f-")
    for one in (core, twin):
        one.add_instrument(0, "BTCUSDT", 1, 1, 3, 1)
        one.add_instrument(2, "XRPUSDT", 4, 5, 0, 10, "CancelBoth")
    written = 0
    for _ in range(count):
        op = rng.randint(0, 2)
        commands = []
        for _ in range(rng.choice((1, 1, 2, 20, 21, 0))):
            side, flags = rng.randint(0, 1), rng.choice((1, 2, 8, 16, 32, 48, 57))
            price, lots = rng.randint(1, 10**7), rng.randint(1, 10**6)
            command = [op, 4, rng.choice((0, 2)), side, flags, price, lots, rng.getrandbits(62) + 1]
            if rng.random() < 0.05:
                command[rng.randrange(8)] = rng.choice(ODD)
            commands.append(tuple(command))
        found = answer(core.batch, op, commands)
        assert found == answer(twin.batch, op, commands), commands
        if isinstance(found, bytes):
            written += 1
            assert len(json.loads(found)["request"]) == len(commands)
    assert written > count // 10
