"""What a frame of a book may hold: numbers in every form, and all that is refused."""

from __future__ import annotations

import json

import pytest
from book_frames import ASKS, BIDS, frame, make, state


@pytest.fixture
def loaded(book):
    b = make(book)
    assert b.apply(frame("snapshot", 100, BIDS, ASKS)) == book.SNAPSHOT | book.TOP
    return b


@pytest.mark.parametrize("form", ["compact", "spaced", "time first", "no cts"])
@pytest.mark.parametrize(
    ("price", "size"),
    [
        ("65000.1", "4.312"),
        ("65000.10", "4.3120000"),
        ("00065000.1", "04.312"),
        ("65000.", "4."),
        (".5", ".5"),
        ("65000.1.", "4"),
        ("65000.1", "4.3.1"),
        ("65000.11", "4"),
        ("65000.1", "4.3121"),
        ("900719925474099.2", "1"),
        ("900719925474099.3", "1"),
        ("9999999999999999", "1"),
        ("65000.100000000000000", "1"),
        ("123456789012345", "1"),
        ("1", "9007199254740.992"),
        ("1", "9007199254740.993"),
        ("0.0", "1"),
        ("", "1"),
        ("1", ""),
        ("1/", "1"),
        ("1:", "1"),
    ],
)
def test_numbers_mean_the_same_in_every_form(price, size, form):
    """The compact form is read by another, shorter way; it must not matter."""
    import oracle_book

    from mmfast._core import book

    others = {"ts_first": form == "time first", "cts": None if form == "no cts" else 5}
    bids = [*BIDS, (price, size), *BIDS]
    data = frame("snapshot", 7, bids, ASKS, **others)
    if form == "spaced":
        data = data.replace(b",", b" ,")
    found = []
    for module in (book, oracle_book):
        b = make(module)
        try:
            found.append((b.apply(data), state(b)))
        except ValueError as error:
            found.append((type(error).__name__, state(b)))
    assert found[0] == found[1]


@pytest.mark.parametrize("unit", [1, 2, 3, 5, 7, 10, 25, 64, 999, 1000])
def test_units_divide_exactly_or_refuse(unit):
    import oracle_book

    from mmfast._core import book

    for value in (0, 1, unit - 1, unit, unit + 1, 6 * unit, 10**9 // unit * unit, 10**9 + 1):
        found = []
        for module in (book, oracle_book):
            b = module.Book("X", 50, 2, unit, 2, unit)
            text = f"{value // 100}.{value % 100:02d}"
            try:
                found.append(b.apply(frame("snapshot", 7, [(text, text)], [], symbol="X")))
            except ValueError as error:
                found.append(type(error).__name__)
            found.append(b.levels(0, 9))
        assert found[:2] == found[2:]


@pytest.mark.parametrize("digits", [*range(1, 20)])
def test_counts_of_every_length(digits):
    import oracle_book

    from mmfast._core import book

    for value in (10 ** (digits - 1), 10**digits - 1):
        found = []
        for module in (book, oracle_book):
            b = make(module)
            data = frame("snapshot", value, BIDS, ASKS, seq=value, ts=value, cts=value)
            try:
                b.apply(data)
            except ValueError as error:
                found.append(type(error).__name__)
            found.append(state(b))
        assert found[: len(found) // 2] == found[len(found) // 2 :]


GOOD = json.loads(frame("delta", 101, BIDS, ASKS))


def edit(path, value):
    """The good frame with one value replaced (or removed by ...)."""
    tree = json.loads(json.dumps(GOOD))
    *way, last = path
    node = tree
    for key in way:
        node = node[key]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return json.dumps(tree, separators=(",", ":")).encode()


def beside(text):
    """The good frame with one more member at the top, written as given."""
    return json.dumps(GOOD).encode().replace(b'"cts":', text + b',"cts":')


BAD = {
    "empty": b"",
    "not json": b"hello",
    "a list": b"[]",
    "an empty object": b"{}",
    "trailing": frame("delta", 101, [], []) + b"}",
    "comma": frame("delta", 101, [], []).replace(b"},", b",},"),
    "foreign topic": edit(["topic"], "orderbook.50.ETHUSDT"),
    "foreign depth": edit(["topic"], "orderbook.200.BTCUSDT"),
    "topic prefix": edit(["topic"], "orderbook.50.BTCUSDTX"),
    "foreign symbol": edit(["data", "s"], "BTCUSD"),
    "unknown type": edit(["type"], "update"),
    "type not text": edit(["type"], 1),
    "float ts": edit(["ts"], 1.5),
    "text ts": edit(["ts"], "1"),
    "negative u": edit(["data", "u"], -1),
    "float u": edit(["data", "u"], 101.0),
    "huge u": edit(["data", "u"], 10**18),
    "null seq": edit(["data", "seq"], None),
    "negative cts": edit(["cts"], -5),
    "missing topic": edit(["topic"], ...),
    "missing type": edit(["type"], ...),
    "missing ts": edit(["ts"], ...),
    "missing data": edit(["data"], ...),
    "missing s": edit(["data", "s"], ...),
    "missing bids": edit(["data", "b"], ...),
    "missing asks": edit(["data", "a"], ...),
    "missing u": edit(["data", "u"], ...),
    "missing seq": edit(["data", "seq"], ...),
    "data not an object": edit(["data"], []),
    "bids not a list": edit(["data", "b"], {}),
    "level not a list": edit(["data", "b", 0], "65000.1"),
    "short level": edit(["data", "b", 0], ["65000.1"]),
    "long level": edit(["data", "a", 0], ["65000.1", "1", "0"]),
    "number level": edit(["data", "a", 0], [65000.1, "1"]),
    "zero price": edit(["data", "b", 0, 0], "0.0"),
    "negative price": edit(["data", "b", 0, 0], "-65000.1"),
    "signed size": edit(["data", "b", 0, 1], "+1"),
    "exponent": edit(["data", "b", 0, 1], "1e3"),
    "empty number": edit(["data", "b", 0, 1], ""),
    "space in number": edit(["data", "b", 0, 1], "1 "),
    "off-tick price": edit(["data", "b", 0, 0], "65000.15"),
    "off-step size": edit(["data", "b", 0, 1], "1.0005"),
    "oversized": edit(["data", "b", 0, 1], "9" * 40),
    "repeated key": frame("delta", 101, [], []).replace(b'"u":101', b'"u":101,"u":101'),
    "repeated top key": frame("delta", 101, [], []).replace(b'"cts":', b'"ts":1,"cts":'),
    "leading zero": frame("delta", 101, [], []).replace(b'"u":101', b'"u":0101'),
    "deep": frame("delta", 101, [], []).replace(
        b'"cts":', b'"x":' + b"[" * 33 + b"]" * 33 + b',"cts":'
    ),
    "bad utf-8": beside(b'"x":"\xff"'),
    "utf-8 longer than need be": beside(b'"x":"\xc0\xaf"'),
    "utf-8 cut off": beside(b'"x":"\xe2\x82"'),
    "a surrogate in utf-8": beside(b'"x":"\xed\xa0\x80"'),
    "half a surrogate pair": beside(b'"x":"\\ud800"'),
    "bad utf-8 in a key": beside(b'"\xff":1'),
    "a known key in other letters": beside(b'"t\\u0073":1'),
    "an escape in a key": beside(b'"x\\n":1'),
    "an escape in a number": edit(["data", "u"], 101).replace(b'"65000.10"', b'"65000\\u002e1"'),
    "a nul byte": beside(b'"x":"\x00"'),
    "a nul byte behind": frame("delta", 101, [], []) + b"\x00",
    "a byte order mark": b"\xef\xbb\xbf" + frame("delta", 101, [], []),
    "digits of another script": edit(["data", "b", 0, 1], "\u0661"),
    "bad word": frame("delta", 101, [], []).replace(b'"cts":', b'"x":nul,"cts":'),
    "bad escape": frame("delta", 101, [], []).replace(b'"cts":', b'"x":"\\q","cts":'),
    "too many": frame("delta", 101, [("1", "0")] * 117, []),
    "too long": frame("delta", 101, [], []) + b" " * 2**20,
    "utf-16": frame("delta", 101, [], []).decode().encode("utf-16"),
}


SKIPPED = {
    "text of other scripts": beside('"x":["é","€","\U0001f600"]'.encode()),
    "a surrogate pair": beside(b'"x":"\\ud83d\\ude00"'),
    "escapes in text": beside(b'"x":{"y":"\\"\\\\\\u0000"}'),
    "a number of no size": beside(b'"x":-1.5E+400'),
}


@pytest.mark.parametrize("name", SKIPPED)
def test_what_a_later_version_may_add_is_skipped(book, loaded, name):
    plain = make(book)
    plain.apply(frame("snapshot", 100, BIDS, ASKS))
    assert loaded.apply(SKIPPED[name]) == plain.apply(frame("delta", 101, BIDS, ASKS))
    assert state(loaded) == state(plain)


@pytest.mark.parametrize("name", BAD)
def test_a_malformed_frame_leaves_the_book_untouched(book, loaded, name):
    before = state(loaded)
    with pytest.raises(book.BookFrameError):
        loaded.apply(BAD[name])
    assert state(loaded) == before
    # And the good frame still fits behind it.
    loaded.apply(edit(["cts"], 1))
    assert loaded.update_id == 101


def test_every_cut_of_a_frame_is_refused(book, loaded):
    before = state(loaded)
    whole = frame("delta", 101, BIDS, ASKS)
    for size in range(len(whole)):
        with pytest.raises(book.BookFrameError):
            loaded.apply(whole[:size])
    assert state(loaded) == before


def test_errors_say_where_and_what():
    from mmfast._core import book

    b = make(book)
    with pytest.raises(book.BookFrameError, match=r"orderbook\.50\.BTCUSDT.*grid|decimals.*15"):
        b.apply(BAD["off-tick price"])
    with pytest.raises(book.BookGapError, match="expected a snapshot first, found delta u=101"):
        b.apply(frame("delta", 101, [], []))
