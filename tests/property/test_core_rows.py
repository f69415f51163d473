"""Order rows: what is read straight from the bytes is what the twin and the long way read."""

from __future__ import annotations

import json

import oracle_rows
import pytest
from answers import fenced
from batches import linear_instrument
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfast._core import rows
from mmfast.bybit.private import PrivateDecoder
from mmfast.bybit.rows import RowReader
from mmfast.errors import RemoteProtocolError
from mmfast.ids import ClientIds

FIELDS = (
    "client_id", "link_id", "venue_id", "instrument", "side", "status", "price_ticks", "lots",
    "cum_lots", "leaves_lots", "reject_reason", "cancel_type", "updated_ms", "reduce_only",
)  # fmt: skip
STATUSES = {"New": (1, False), "Filled": (3, True), "Cancelled": (4, True)}
HEAD = "fz-"


LOTS = sorted(FIELDS).index("lots")


def made(**values):
    return tuple(sorted(values.items()))


EXAMPLES = settings(max_examples=400, deadline=None)

SIZES = st.one_of(
    st.sampled_from(["", "0", "0.000", "0.010", "1", "00.5", "1.", ".5", "9223372036854775.807"]),
    st.decimals(0, 10**7, places=3).map(str),
)
ODD_SIZES = st.sampled_from(
    ["-1", "+1", "1e3", "0.0001", "9223372036854775.808", "9" * 30, " 1", "1 ", ".", "x", "1.2.3"]
)
LINKS = st.one_of(
    st.integers(0, 2**64 - 1).map(lambda number: f"{HEAD}{number:016x}"),
    st.sampled_from(["", "manual-17", "fz-000000010000000A", "fz-+000000100000001", HEAD]),
)
TEXTS = st.one_of(
    st.sampled_from(["", "EC_NoError", "EC_PerCancelRequest", "x" * 15, "y" * 16, "z" * 17]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\')),
)
ODD_TEXTS = st.sampled_from(['"', "\\", "\x7f", "\n", "\u00e9", "\u20ac" * 9, "a" * 20 + '"'])
ROW = {
    "category": st.sampled_from(["linear", "", "spot", "linea"]),
    "symbol": st.sampled_from(["BTCUSDT", "ETHUSDT", "BTCUSD", "BTCUSDTX", ""]),
    "orderId": TEXTS,
    "orderLinkId": LINKS,
    "side": st.sampled_from(["Buy", "Sell"]),
    "orderStatus": st.sampled_from(sorted(STATUSES)),
    "price": st.decimals(0, 10**6, places=1).map(str),
    "qty": SIZES,
    "cumExecQty": SIZES,
    "leavesQty": SIZES,
    "rejectReason": TEXTS,
    "cancelType": TEXTS,
    "updatedTime": st.one_of(st.integers(0, 10**16).map(str), st.sampled_from(["", "-1", "1x"])),
    "reduceOnly": st.booleans(),
    "avgPrice": TEXTS,
    "triggerDirection": st.integers(-5, 10**20),
    "cumFeeDetail": st.dictionaries(TEXTS, TEXTS, max_size=2),
    "qtx": st.lists(st.none(), max_size=2),
}
OPTIONAL = (
    "category", "orderLinkId", "price", "qty", "cumExecQty", "leavesQty", "rejectReason",
    "cancelType", "updatedTime", "reduceOnly", "avgPrice", "triggerDirection", "cumFeeDetail",
    "qtx",
)  # fmt: skip
ODD = {
    "category": st.none(),
    "symbol": st.none(),
    "orderId": ODD_TEXTS | st.none() | st.integers(),
    "side": st.sampled_from(["", "buy", "Buyer"]),
    "orderStatus": st.sampled_from(["", "Teleported", "new"]),
    "orderLinkId": ODD_TEXTS,
    "price": ODD_SIZES | st.just("0.05"),
    "qty": ODD_SIZES | st.integers(),
    "cumExecQty": ODD_SIZES,
    "leavesQty": ODD_SIZES,
    "rejectReason": ODD_TEXTS | st.none(),
    "reduceOnly": st.none() | st.sampled_from(["", 0, 1, "true"]),
    "avgPrice": ODD_TEXTS,
}
ROWS = st.fixed_dictionaries(
    {name: ROW[name] for name in ROW if name not in OPTIONAL},
    optional={name: ROW[name] for name in OPTIONAL},
)


@st.composite
def frames(draw, odd=False):
    """A frame as the venue might write it; with ``odd``, one with something wrong or rare."""
    data = draw(st.lists(ROWS, max_size=4))
    if odd and data:
        name = draw(st.sampled_from(sorted(ODD)))
        data[-1][name] = draw(ODD[name])
    topic = draw(st.sampled_from(["order", "order.linear"]))
    parts = {"id": draw(TEXTS), "topic": topic, "creationTime": draw(st.integers(0, 10**15 - 1))}
    separators = draw(st.sampled_from([(",", ":"), (", ", ":")]))
    return json.dumps({**parts, "data": data}, separators=separators, ensure_ascii=False).encode()


def both():
    readers = []
    for module in (rows, oracle_rows):
        reader = module.OrderRows("linear", HEAD, made, FIELDS, (0, 1), STATUSES)
        reader.add("BTCUSDT", 0, 1, 1, 3, 1)
        reader.add("ETHUSDT", 1, 2, 5, 3, 10)
        readers.append(reader)
    return readers


CORE, TWIN = both()
OURS = (linear_instrument(), linear_instrument(1, "ETHUSDT", 2, 2))


class LongReader(RowReader):
    """Never takes the short way."""

    def plain_orders(self, frame):
        return None


@EXAMPLES
@given(frames())
def test_plain_frames_are_read_as_the_twin_reads_them(frame):
    found = fenced(CORE.read, frame)
    try:
        expected = TWIN.read(frame)
    except ValueError:
        # A number off the grid of its instrument.
        assert found is None
        return
    assert found == expected


@EXAMPLES
@given(frames(odd=True), st.data())
def test_odd_frames_are_left_to_the_long_way_or_read_alike(frame, data):
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(frame)))
        frame = data.draw(
            st.sampled_from([frame[:at], frame[at:], frame[:at] + b" " + frame[at:], frame * 2])
        )
    found = fenced(CORE.read, frame)
    if found is not None:
        assert found == TWIN.read(frame)


@EXAMPLES
@given(st.one_of(frames(), frames(odd=True)))
def test_the_decoder_says_the_same_both_ways(frame):
    ids = ClientIds("fz", epoch=1)
    short, long = PrivateDecoder(OURS, ids), PrivateDecoder(OURS, ids)
    long.reader.__class__ = LongReader
    said = []
    for decoder in (short, long):
        try:
            answer = decoder.decode(frame)
        except RemoteProtocolError as error:
            answer = str(error)
        reader = decoder.reader
        said.append((answer, decoder.malformed, reader.dropped, reader.unknown_words))
    assert said[0] == said[1]


@pytest.mark.parametrize("cut", ["topic", "data", "creationTime", "id"])
def test_which_keys_a_frame_needs(cut):
    whole = {"id": "1", "topic": "order", "creationTime": 7, "data": []}
    whole.pop(cut)
    frame = json.dumps(whole, separators=(", ", ":")).encode()
    assert CORE.read(frame) == (None if cut == "topic" else (7 * (cut != "creationTime"), 0, ()))


@pytest.mark.parametrize(
    "frame",
    [
        b'{"x":{"topic":"greek"},"topic":"order","data":[]}',
        b'{"data":[],"topic":"order"}',
        b'{"topic":"order","topic":"order","data":[]}',
        b'{"topic":"order","data":[],"data":[]}',
        b'{"topic":"order","creationTime":1,"creationTime":1}',
        b'{"topic":"order","creationTime":1000000000000000}',
        b'{"topic":"order","creationTime":1.0}',
        b'{"topic":"order","data":null}',
        b'{"topic":"order","data":[null]}',
        b'{"topic":"order","data":[{}]}',
        b'{"topic":"order","data":[]}x',
        b'{"topic":"order","data":[],}',
        b'{"topic":"order.spot","data":[]}',
        b'{"topic":"order.linearx","data":[]}',
        b'{"topic":"orders","data":[]}',
        b'{"topic":"execution","data":[]}',
        b'{"topic": "order","data":[]}',
        b'{"topic" :"order","data":[]}',
        b'{"\\u0074opic":"order","data":[]}',
        b"[]",
        b"{}",
        b"",
    ],
)
def test_anything_out_of_the_ordinary_is_left_alone(frame):
    assert fenced(CORE.read, frame) is None


def test_new_grids_replace_the_old_ones():
    reader, _ = both()
    row = {"symbol": "BTCUSDT", "orderId": "v", "side": "Sell", "orderStatus": "New", "qty": "0.5"}
    frame = json.dumps({"topic": "order", "data": [row]}, separators=(",", ":")).encode()
    assert reader.read(frame)[2][0][LOTS] == ("lots", 500)
    reader.add("BTCUSDT", 0, 1, 1, 1, 5)
    assert reader.read(frame)[2][0][LOTS] == ("lots", 1)
    for tick in ((19, 1), (-1, 1), (1, 0), (1, -5)):
        with pytest.raises(ValueError, match=r"decimals|units"):
            reader.add("BTCUSDT", 0, *tick, 3, 1)


# Replies.

ACK_ROWS = st.fixed_dictionaries(
    {"orderId": TEXTS, "orderLinkId": st.integers(1, 2**63 - 1).map(lambda n: f"{HEAD}{n:016x}")},
    optional={"category": TEXTS, "symbol": TEXTS, "createAt": st.integers(0, 10**13).map(str)},
)
ODD_ACKS = st.sampled_from(
    [
        {"orderId": ""},
        {"orderId": None},
        {"orderId": "\u00e9"},
        {"orderLinkId": ""},
        {"orderLinkId": f"{HEAD}00000000000000AB"},
        {"orderLinkId": f"{HEAD}ffffffffffffffff"},
        {"orderLinkId": 7},
    ]
)


class Item(tuple):
    """A kind of tuple."""

    __slots__ = ()


ACKS = [module.Acks(HEAD, Item, 0) for module in (rows, oracle_rows)]


def commands_for(told):
    """The commands that the rows of a reply are about."""
    links = [row["orderLinkId"] for row in told]
    return tuple((2, 0, 0, 0, 0, 1, 1, int(str(link)[-16:] or "0", 16)) for link in links)


@EXAMPLES
@given(st.lists(ACK_ROWS, max_size=21), st.data())
def test_replies_that_accept_everything_are_read_as_the_twin_reads_them(told, data):
    commands = commands_for(told)
    odd = data.draw(st.sampled_from(["no", "no", "row", "order", "fewer", "more", "cut"]))
    if told and odd == "row":
        told[data.draw(st.integers(0, len(told) - 1))].update(data.draw(ODD_ACKS))
    elif odd == "order":
        commands = tuple(data.draw(st.permutations(commands)))
    elif odd == "fewer":
        commands = commands[1:]
    elif odd == "more":
        commands += commands[:1]
    result = json.dumps({"list": told}, ensure_ascii=False).encode()
    if odd == "cut":
        at = data.draw(st.integers(0, len(result)))
        result = (
            result[:at] + data.draw(st.sampled_from([b"", b" ", b'"', b"}", b"1"])) + result[at:]
        )
    core, twin = ACKS
    try:
        expected = twin.read(result, commands)
    except (ValueError, KeyError, TypeError, AttributeError):
        expected = None
    found = fenced(core.read, result, commands)
    # What is not ASCII is right, but not plain.
    assert found == expected or (found is None and (odd == "cut" or not result.isascii()))
    assert found is None or all(type(item) is Item for item in found)


def test_what_is_no_command_of_ours_is_accepted_by_nothing():
    result = b'{"list":[{"orderId":"v","orderLinkId":"%s0000000000000007"}]}' % HEAD.encode()
    core, _ = ACKS
    assert core.read(result, ((2, 0, 0, 0, 0, 1, 1, 7),)) == ((7, 0, 0, "", "v"),)
    for command in ([2, 0, 0, 0, 0, 1, 1, 7], (7,), "x" * 8, (2, 0, 0, 0, 0, 1, 1, "7")):
        assert core.read(result, (command,)) is None
    assert core.read(result, ((2, 0, 0, 0, 0, 1, 1, 7 + 2**64),)) is None
    assert core.read(result, ((2, 0, 0, 0, 0, 1, 1, 7),) * 65) is None
    assert core.read(b'{"list":[]}', ()) == ()
    with pytest.raises(TypeError, match="a kind of tuple, found list"):
        rows.Acks(HEAD, list, 0)
