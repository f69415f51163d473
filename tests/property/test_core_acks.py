"""Replies: what is read straight from the bytes is what the twin reads."""

from __future__ import annotations

import json

import oracle_acks
import pytest
from answers import fenced
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfast._core import acks

HEAD = "fz-"
EXAMPLES = settings(max_examples=400, deadline=None)
TEXTS = st.one_of(
    st.sampled_from(["", "linear", "x" * 15, "y" * 16, "z" * 17]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\')),
)
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
RATE = dict(zip(oracle_acks.RATE, ("1200", "1180", "1700000001800"), strict=True))
ODD_MESSAGES = st.sampled_from(
    [
        {"retCode": 10006},
        {"retCode": 0.0},
        {"retCode": False},
        {"retMsg": None},
        {"retExtInfo": {"list": []}},
        {"retExtInfo": {"list": [{"code": 110001, "msg": "gone"}]}},
        {"header": None},
        {"header": {"X-Bapi-Limit": "20", "X-Bapi-Limit-Status": "19"}},
        {"header": RATE | {"X-Bapi-Limit": "20.5"}},
        {"header": RATE | {"X-Bapi-Limit": ""}},
        {"header": RATE | {"X-Bapi-Limit": "1" * 19}},
        {"header": {name.lower(): value for name, value in RATE.items()}},
        {"reqId": None},
        {"op": "\u00e9"},
        {"data": {}},
        {"data": {"list": [], "more": 1}},
        {"data": [1]},
        {"more": {"deep": [1, {"list": []}]}},
    ]
)
MISSES = (ValueError, KeyError, TypeError, AttributeError)


class Item(tuple):
    """A kind of tuple."""

    __slots__ = ()


class Rate(tuple):
    """Another."""

    __slots__ = ()


ACKS = [module.Acks(HEAD, Item, 0, Rate) for module in (acks, oracle_acks)]


def commands_for(told):
    """The commands that the rows of a reply are about."""
    links = [row["orderLinkId"] for row in told]
    return tuple((2, 0, 0, 0, 0, 1, 1, int(str(link)[-16:] or "0", 16)) for link in links)


def message(told, way="socket", **changes):
    """A reply that accepts all rows, as the venue writes it; ``data`` stands for ``result``."""
    parts = {
        "reqId": "1-7",
        "retCode": 0,
        "retMsg": "OK",
        "op": "order.create-batch",
        "data": {"list": told},
        "retExtInfo": {"list": [oracle_acks.DONE] * len(told)},
        "header": RATE | {"Traceid": "00"},
        "connId": "c-1",
    } | changes
    if way == "http":
        parts = {"result" if name == "data" else name: part for name, part in parts.items()}
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()


def read(reader, way, data, commands, call=lambda read, data: read(data)):
    """The reply, and what it proves."""
    reply = call(getattr(reader, way), data)
    return reply, None if reply is None else reader.accepted(reply, commands)


@EXAMPLES
@given(st.lists(ACK_ROWS, max_size=21), st.sampled_from(["socket", "http"]), st.data())
def test_replies_that_accept_everything_are_read_as_the_twin_reads_them(told, way, data):
    commands = commands_for(told)
    kinds = ["no", "no", "row", "order", "fewer", "more", "message", "cut"]
    odd = data.draw(st.sampled_from(kinds))
    changes = data.draw(ODD_MESSAGES) if odd == "message" else {}
    if told and odd == "row":
        told[data.draw(st.integers(0, len(told) - 1))].update(data.draw(ODD_ACKS))
    elif odd == "order":
        commands = tuple(data.draw(st.permutations(commands)))
    elif odd == "fewer":
        commands = commands[1:]
    elif odd == "more":
        commands += commands[:1]
    frame = message(told, way, **changes)
    if odd == "cut":
        at = data.draw(st.integers(0, len(frame)))
        put = data.draw(st.sampled_from([b"", b" ", b'"', b"}", b"1"]))
        frame = frame[:at] + put + frame[at:]
    core, twin = ACKS
    try:
        reply, expected = read(twin, way, frame, commands)
    except MISSES:
        reply = expected = None
    found, items = read(core, way, frame, commands, fenced)
    # What is not ASCII is right, but not plain; nor is what is spelled in another way.
    plain = frame.isascii() and odd != "cut" and len(told) <= 20
    assert items == expected or (items is None and not plain)
    if items is not None:
        assert all(type(item) is Item for item in items)
        assert [items.venue_id(row, "") for row in range(len(items))] == [i[4] for i in items]
    if items is not None and way == "socket":
        assert (found.req_id, found.op, found.rate) == (reply.req_id, reply.op, reply.rate)
        assert type(found.rate) is Rate


@pytest.mark.parametrize("odd", [b"1E400", b"7", b"null", b'{"deep":"1"}', b'["1"]'])
def test_a_header_that_is_not_all_text_is_left_to_the_long_way(odd):
    """A number that no reader of JSON can hold, for one, makes the whole reply prove nothing."""
    plain = message([])
    assert ACKS[0].socket(plain) is not None
    assert ACKS[0].socket(plain.replace(b'"Traceid":"00"', b'"Traceid":' + odd)) is None


def test_what_is_not_judged_is_handed_on_as_it_was_written():
    refused = {"list": [{"code": 110001, "msg": 'say "no"'}]}
    frame = message([{"odd": [1]}], retExtInfo=refused)
    reply = ACKS[0].socket(frame)
    assert (reply.ret_code, reply.ret_msg) == (0, "")
    assert json.loads(reply.data) == {"list": [{"odd": [1]}]}
    assert json.loads(reply.ret_ext_info) == refused
    assert ACKS[0].accepted(reply, ()) is None


def test_items_are_a_sequence_like_the_tuple_of_them():
    told = [{"orderId": f"v{n}", "orderLinkId": f"{HEAD}{n:016x}"} for n in (7, 8, 9)]
    commands = commands_for(told)
    _, items = read(ACKS[0], "http", message(told, "http"), commands)
    alike = tuple(Item((n, 0, 0, "", f"v{n}")) for n in (7, 8, 9))
    assert (items, tuple(items), repr(items), hash(items)) == (
        alike, alike, repr(alike), hash(alike),
    )  # fmt: skip
    assert items == read(ACKS[0], "http", message(told, "http"), commands)[1]
    assert items != alike[1:]
    assert items[1] is items[1] == alike[1]
    assert items[1:] == alike[1:]
    assert (items.index(alike[2]), items.count(alike[0]), alike[0] in items) == (2, 1, True)
    assert items.commands is commands
    assert (items.client_id(1), items.instrument(1)) == (8, 0)
    known = str(b"v7", "ascii")
    assert items.venue_id(0, known) is known
    assert items.venue_id(0, None) == items.venue_id(0, "v8") == "v7"
    for row in (-1, 3):
        with pytest.raises(IndexError, match="a row of 3"):
            items.venue_id(row, "")


def test_what_is_no_command_of_ours_is_accepted_by_nothing():
    told = [{"orderId": "v", "orderLinkId": f"{HEAD}0000000000000007"}]
    core, _ = ACKS
    reply = core.socket(message(told))
    assert core.accepted(reply, ((2, 0, 0, 0, 0, 1, 1, 7),)) == ((7, 0, 0, "", "v"),)
    for command in ([2, 0, 0, 0, 0, 1, 1, 7], (7,), "x" * 8, (2, 0, 0, 0, 0, 1, 1, "7")):
        assert core.accepted(reply, (command,)) is None
    assert core.accepted(reply, ((2, 0, 0, 0, 0, 1, 1, 7 + 2**64),)) is None
    assert core.accepted(reply, ((2, 0, 0, 0, 0, 1, 1, 7),) * 65) is None
    assert core.accepted(core.socket(message([])), ()) == ()
    for item, rate in ((list, Rate), (Item, dict)):
        with pytest.raises(TypeError, match=r"a kind of tuple, found (list|dict)"):
            acks.Acks(HEAD, item, 0, rate)
