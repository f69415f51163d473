"""Order rows: what is read straight from the bytes is what the twin and the long way read."""

from __future__ import annotations

import json

import oracle_positions
import oracle_rows
import pytest
from answers import fenced
from batches import linear_instrument
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfast._core import positions, rows
from mmfast.bybit.private import PrivateDecoder
from mmfast.bybit.rows import RowReader
from mmfast.errors import RemoteProtocolError
from mmfast.ids import ClientIds
from mmfast.runtime.records import line_of, row_of

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


def both_of_positions():
    readers = []
    for module in (positions, oracle_positions):
        reader = module.PositionRows("linear", made, POSITION_FIELDS)
        reader.add("BTCUSDT", 0, 1, 1, 3, 1)
        reader.add("ETHUSDT", 1, 2, 5, 3, 10)
        readers.append(reader)
    return readers


CORE, TWIN = both()
OURS = (linear_instrument(), linear_instrument(1, "ETHUSDT", 2, 2))


class LongReader(RowReader):
    """Never takes the short way."""

    def plain(self, frame):
        return None


POSITION_FIELDS = ("instrument", "lots", "entry_value_e8", "updated_ms", "seq")
PRICES = st.one_of(
    st.sampled_from(["", "0", "65000.25", "3641.075", "0.00000001", "123456789.123456789"]),
    st.decimals(0, 10**6, places=9).map(str),
    SIZES,
)
POSITION = {
    "symbol": ROW["symbol"],
    "category": st.sampled_from(["linear", ""]),
    "side": st.sampled_from(["Buy", "Sell", "", "None"]),
    "size": SIZES,
    "entryPrice": PRICES,
    "avgPrice": PRICES,
    "updatedTime": ROW["updatedTime"],
    "seq": st.integers(-1, 10**18),
    "positionIdx": st.just(0),
    "autoAddMargin": st.integers(),
    "tpslMode": TEXTS,
}
ODD_POSITIONS = {
    "symbol": st.none(),
    "category": st.sampled_from(["spot", "linea", None]),
    "side": ODD_TEXTS | st.none(),
    "size": ODD_SIZES | st.integers(),
    "entryPrice": ODD_SIZES | st.none() | st.sampled_from(["9" * 40, "1.234567890123456789"]),
    "avgPrice": ODD_SIZES,
    "seq": st.sampled_from([-2, 2**63, 2**64, 1.5, "17", "", None, "-1"]),
    "positionIdx": st.sampled_from([1, 2, -1, None, "0", 0.0]),
    "tpslMode": ODD_TEXTS,
}
POSITIONS = st.fixed_dictionaries(
    {name: POSITION[name] for name in ("symbol", "size")},
    optional={name: POSITION[name] for name in POSITION if name not in ("symbol", "size")},
)


@st.composite
def position_frames(draw, odd=False):
    """A frame of positions, in any order of its keys."""
    data = draw(st.lists(POSITIONS, max_size=4))
    if odd and data:
        name = draw(st.sampled_from(sorted(ODD_POSITIONS)))
        data[-1][name] = draw(ODD_POSITIONS[name])
    topic = draw(st.sampled_from(["position", "position.linear"]))
    parts = {"topic": topic, "data": data, "creationTime": draw(st.integers(0, 10**15 - 1))}
    separators = draw(st.sampled_from([(",", ":"), (", ", ":")]))
    return json.dumps(parts, separators=separators, ensure_ascii=False).encode()


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
@given(st.one_of(position_frames(), position_frames(odd=True)))
def test_positions_are_read_as_the_twin_reads_them_or_left_to_the_long_way(frame):
    core, twin = both_of_positions()
    found = fenced(core.read, frame)
    if found is not None:
        assert found == twin.read(frame)


def test_a_position_as_the_venue_tells_it_takes_the_short_way():
    core, twin = both_of_positions()
    told = {"symbol": "ETHUSDT", "side": "Sell", "size": "0.01", "entryPrice": "3641.0750000005"}
    row = told | {"positionIdx": 0, "updatedTime": "17", "seq": 5, "cumRealisedPnl": "-0.5"}
    flat = {"symbol": "BTCUSDT", "side": "", "size": "0", "entryPrice": "0", "seq": -1}
    whole = {"topic": "position", "creationTime": 9, "data": [row, flat, row | {"symbol": "X"}]}
    frame = json.dumps(whole, separators=(",", ":")).encode()
    assert core.read(frame) == twin.read(frame)
    assert core.read(frame)[:2] == (9, 1)
    assert dict(core.read(frame)[2][0])["entry_value_e8"] == 3_641_075_000
    assert core.read(frame.replace(b'"position"', b'"order"')) is None


@st.composite
def alike(draw, row, changes):
    """Frames whose rows say nearly the same in nearly the same order, as the venue's do; now and
    then a byte of one is another."""
    said = []
    for _ in range(draw(st.integers(1, 4))):
        data = []
        for _ in range(draw(st.integers(0, 4))):
            changed = {name: draw(changes[name]) for name in draw(_some_of(changes))}
            names = list((row | changed).items())
            if draw(st.integers(0, 9)) == 0:
                at = draw(st.integers(0, len(names) - 1))
                names.append(names.pop(at))
            data.append(dict(names))
        topic = "order" if row is QUIET_ORDER else "position"
        frame = json.dumps({"topic": topic, "data": data}, separators=(",", ":")).encode()
        if draw(st.integers(0, 3)) == 0:
            at = draw(st.integers(0, len(frame) - 1))
            frame = frame[:at] + draw(st.sampled_from([b"x", b'"', b"}", b",", b" "])) + frame[at:]
        said.append(frame)
    return said


def _some_of(changes):
    return st.lists(st.sampled_from(sorted(changes)), max_size=2, unique=True)


QUIET_ORDER = {
    "blockTradeId": "", "symbol": "BTCUSDT", "orderId": "v", "side": "Buy", "smpGroup": 0,
    "orderStatus": "New", "cancelType": "UNKNOWN", "qty": "0.010", "tpslMode": "", "price": "7.0",
    "cumFeeDetail": {}, "updatedTime": "17", "category": "linear", "closedPnl": "0",
}  # fmt: skip
QUIET_POSITION = {
    "positionIdx": 0, "riskId": 1, "symbol": "BTCUSDT", "side": "Sell", "size": "1.5",
    "tradeMode": 0, "seq": 4, "entryPrice": "65000.25", "category": "linear",
}  # fmt: skip


@EXAMPLES
@given(
    st.one_of(
        st.tuples(st.just(both), alike(QUIET_ORDER, ROW)),
        st.tuples(st.just(both_of_positions), alike(QUIET_POSITION, POSITION)),
    )
)
def test_what_a_reader_has_read_before_changes_nothing(readers_and_frames):
    readers, said = readers_and_frames
    used, _ = readers()
    for frame in said:
        fresh, twin = readers()
        found = fenced(used.read, frame)
        assert found == fenced(fresh.read, frame)
        if found is not None:
            assert found == twin.read(frame)


def test_a_block_is_a_collection_of_its_messages():
    reader, _ = both()
    row = {"symbol": "BTCUSDT", "orderId": "v", "side": "Sell", "orderStatus": "Filled"}
    rows_told = [row | {"orderId": f"v{number}", "qty": "0.5"} for number in range(40)]
    frame = json.dumps({"topic": "order", "data": rows_told}, separators=(",", ":")).encode()
    _, _, block = reader.read(frame)
    messages = list(block)
    assert len(block) == len(messages) == 40
    assert block == tuple(messages)
    assert block != tuple(messages[1:])
    assert block[39] == messages[39]
    assert messages[7] in block
    assert (block.venue_id(7), block.status(7), block.lots(7)) == ("v7", 3, 500)
    for row_number in (40, -1):
        with pytest.raises(IndexError, match="below 40"):
            block.client_id(row_number)
        with pytest.raises(IndexError, match="below 40"):
            block[row_number]


@EXAMPLES
@given(frames())
def test_rows_that_ended_are_journaled_as_their_messages(frame):
    """Line for line, also when nobody else keeps the frame any more."""
    found = PrivateDecoder(OURS, ClientIds("fz", epoch=1)).reader.plain(frame)
    if found is None:
        return  # that is for the long way
    _, block = found
    expected = [message for message in block if message.status.is_final]
    ended = block.finals()
    assert len(ended) == len(expected)
    del block, found
    for one, message in zip(ended, expected, strict=True):
        assert line_of(17, one) == line_of(17, message)
        assert row_of(one) == row_of(message)


@EXAMPLES
@given(st.one_of(frames(), frames(odd=True), position_frames(), position_frames(odd=True)))
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


@pytest.mark.parametrize("changed", ["BTCUSDT", "ETHUSDT"])
def test_new_grids_count_for_rows_that_come_in_turn(changed):
    """The reader expects the instruments in the order of the frame before, at their new grids."""
    reader, twin = both()
    told = [
        {"symbol": symbol, "orderId": "v", "side": "Buy", "orderStatus": "New", "qty": "0.5"}
        for symbol in ("BTCUSDT", "ETHUSDT", "ETHUSDT", "BTCUSDT", "DOGEUSDT", "ETHUSDT")
    ]
    frame = json.dumps({"topic": "order", "data": told}, separators=(",", ":")).encode()
    for _ in range(2):
        assert reader.read(frame) == twin.read(frame)
    for one in (reader, twin):
        one.add(changed, ("BTCUSDT", "ETHUSDT").index(changed), 1, 1, 1, 5)
    for _ in range(2):
        assert reader.read(frame) == twin.read(frame)


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
