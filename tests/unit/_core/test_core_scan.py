"""The JSON scanner takes what json.loads takes, and nothing else."""

from __future__ import annotations

import json
import random

import pytest

GOOD = [
    "0",
    "-0",
    "12",
    "-1.5",
    "1e9",
    "1E+9",
    "1.25e-3",
    '""',
    '"a\\"b"',
    '"\\u00e9\\n\\/"',
    '"\\ud83d\\ude00 \\ud800\\uDFFF \\ue000"',
    '"é \u20ac \U0001f600 \U0010ffff \x7f"',
    "true",
    "false",
    "null",
    "[]",
    "{}",
    " [ 1 , 2 ] ",
    '{"a":1,"b":[{},{"c":null}]}',
    '{"a" : {"b" : [] } }',
    "[" * 32 + "]" * 32,
    '{"a":' * 32 + "1" + "}" * 32,
    "[[],[],{}]",
]
BAD = [
    "",
    " ",
    "-",
    "01",
    "+1",
    "1.",
    ".5",
    "1e",
    "1e+",
    "--1",
    '"',
    '"a',
    '"\\x"',
    '"\\u12g4"',
    '"\\u12',
    '"\\ud83d"',
    '"\\ude00"',
    '"\\ud83d\\ud83d\\ude00"',
    '"\\ud83d\\n"',
    '"\\ud83d\\u0041"',
    '{"\\u0061":1}',
    '{"a":[{"b\\n":1}]}',
    '"\t"',
    "tru",
    "nulll",
    "True",
    "NaN",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{,}",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "{a:1}",
    "{1:2}",
    "[}",
    "{]",
    "[1}",
    '{"a":1]',
    "]",
    "}",
    "[[]",
    "1 2",
    "[]]",
]


@pytest.mark.parametrize("text", GOOD)
def test_well_formed_values_are_skipped_whole(probe, text):
    json.loads(text)
    assert probe.skips(text.encode())


@pytest.mark.parametrize("text", BAD)
def test_malformed_values_are_refused(probe, text):
    assert not probe.skips(text.encode())


def test_nesting_has_a_limit(probe):
    assert not probe.skips(b"[" * 33 + b"]" * 33)
    assert not probe.skips(b"[" * 100_000)


def test_every_cut_is_refused(probe):
    whole = b'{"a":[1.5,"x\\u0041\\"",{"b":null,"c":[true,false,-2e+5]}]}'
    assert probe.skips(whole)
    assert not any(probe.skips(whole[:size]) for size in range(len(whole)))


def test_strings_end_at_their_quote(probe):
    assert probe.string_span(b' "ab\\"c" x') == b'ab\\"c'
    assert probe.string_span(b"ab") is None


def test_text_is_utf_8_as_python_reads_it(probe):
    rng = random.Random(7)
    borders = [0x20, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0]
    borders += [0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFE, 0xFF]
    whole = broken = 0
    for _ in range(40_000):
        text = bytes(rng.choices(borders, k=rng.randint(1, 4)))
        try:
            text.decode("utf-8")
            valid = True
        except UnicodeDecodeError:
            valid = False
        assert probe.skips(b'"%b"' % text) == valid, text
        assert not probe.skips(b'"%b' % text)
        whole += valid
        broken += not valid
    assert min(whole, broken) > 300
