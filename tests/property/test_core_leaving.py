"""What leaves: the check says of any bytes what its twin says, and never lets a limit be passed."""

from __future__ import annotations

import json
from decimal import Decimal

import oracle_leaving
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmfast._core import encode, leaving
from mmfast.messages import Command, Flag, Op, Side

HEAD = "mmf1-"
MID_X2 = 200_000
EXAMPLES = settings(max_examples=150, deadline=None)
#: name, tick decimals and units, step decimals and units, lots, tick-lots, collar, distance.
ROWS = (
    ("BTCUSDT", 1, 1, 3, 1, 20, 1_500_000, 100_000, 1_000_000),
    ("ETHUSDT", 2, 5, 2, 2, 1_000, 10**9, 0, 50_000),
    ("BTCUSDC", 0, 25, 0, 10, 3, 10**18, 10_000_000, 100_000_000),
)
TICKS = st.integers(MID_X2 // 2 - 1_100, MID_X2 // 2 + 1_100) | st.integers(1, 10**9)
FLAGS = st.sampled_from([int(Flag.POST_ONLY), int(Flag.POST_ONLY | Flag.REDUCE_ONLY)])
COMMANDS = st.builds(
    Command,
    st.just(Op.PLACE),
    st.just(0),
    st.integers(0, len(ROWS) - 1),
    st.sampled_from(Side),
    FLAGS,
    TICKS,
    st.integers(1, 30) | st.integers(1, 10**6),
    st.integers(1, 2**62),
)
CHANGED = st.sampled_from([Flag.AMEND_PRICE, Flag.AMEND_QTY, Flag.AMEND_PRICE | Flag.AMEND_QTY])


def checks(mids: tuple[int, ...] = (MID_X2,) * len(ROWS), second: int = -1):
    made = []
    for module in (leaving, oracle_leaving):
        check = module.LeavingCheck("linear", HEAD, len(ROWS))
        for index, row in enumerate(ROWS):
            check.allow(index, *row)
            check.see(index, mids[index], second)
        made.append(check)
    return made


def encoder(smp: str = "") -> encode.OrderEncoder:
    made = encode.OrderEncoder("linear", HEAD)
    for index, row in enumerate(ROWS):
        made.add_instrument(index, *row[:5], smp)
    return made


def said(check, how: str, op: int, data: bytes) -> int:
    """The count of orders, or 0 for a refusal."""
    try:
        return getattr(check, how)(op, data)
    except (leaving.LeavingError, oracle_leaving.LeavingError):
        return 0


def agreed(
    how: str,
    op: int,
    data: bytes,
    mids: tuple[int, ...] = (MID_X2,) * len(ROWS),
    second: int = -1,
) -> int:
    ours, twin = (said(check, how, op, data) for check in checks(mids, second))
    assert ours == twin, data
    return ours


def lawful(command: Command, second: int = MID_X2) -> bool:
    """By the limits alone, from the integers before they were written."""
    _, _, _, _, _, lots, value, collar, distance = ROWS[command.instrument]
    beyond = command.price_ticks * 2 - MID_X2
    sign = -1 if command.side else 1
    return (
        command.lots <= lots
        and command.lots * command.price_ticks <= value
        and abs(beyond) * 10**8 <= MID_X2 * distance
        and beyond * sign * 10**8 <= MID_X2 * collar
        and (command.price_ticks * 2 - second) * sign * 10**8 <= second * collar
    )


@EXAMPLES
@given(st.lists(COMMANDS, min_size=1, max_size=20), st.sampled_from(["", "CancelMaker"]))
def test_creates_leave_exactly_when_the_limits_bear_all_of_them(batch, smp):
    writer = encoder(smp)
    expected = len(batch) if all(map(lawful, batch)) else 0
    assert agreed("body", Op.PLACE, writer.batch(Op.PLACE, batch)) == expected
    frame = writer.batch_frame(Op.PLACE, batch, "1-7", 1_700_000_000_000, 2000)
    assert agreed("frame", Op.PLACE, frame) == expected
    one = batch[0]
    single = writer.single_frame(Op.PLACE, one, "1-7", 1_700_000_000_000, 2000)
    assert agreed("frame", Op.PLACE, single) == lawful(one)
    assert agreed("body", Op.PLACE, writer.single(Op.PLACE, one)) == lawful(one)


@EXAMPLES
@given(st.lists(COMMANDS, min_size=1, max_size=4), st.integers(MID_X2 - 2_500, MID_X2 + 2_500))
def test_creates_keep_the_collar_of_both_references(batch, second):
    expected = len(batch) if all(lawful(one, second) for one in batch) else 0
    body = encoder().batch(Op.PLACE, batch)
    assert agreed("body", Op.PLACE, body, second=second) == expected


@EXAMPLES
@given(st.lists(st.tuples(COMMANDS, CHANGED), min_size=1, max_size=20))
def test_amends_are_read_like_creates(pairs):
    batch = [one._replace(op=Op.AMEND, flags=int(what)) for one, what in pairs]
    writer = encoder()
    body = writer.batch(Op.AMEND, batch)
    found = agreed("body", Op.AMEND, body)
    for one in batch:
        _, _, _, _, _, lots, value, _, distance = ROWS[one.instrument]
        if found and one.flags & Flag.AMEND_QTY:
            assert one.lots <= lots
        if found and one.flags & Flag.AMEND_PRICE:
            assert abs(one.price_ticks * 2 - MID_X2) * 10**8 <= MID_X2 * distance
            if one.flags & Flag.AMEND_QTY:
                assert one.lots * one.price_ticks <= value
    frame = writer.batch_frame(Op.AMEND, batch, "1-7", 1_700_000_000_000, 2000)
    assert agreed("frame", Op.AMEND, frame) == found
    assert agreed("frame", Op.PLACE, frame) == 0, "the operation stands in the bytes"
    assert agreed("body", Op.PLACE, body) == 0


GOOD = encoder().batch(
    Op.PLACE,
    [
        Command(Op.PLACE, 0, 0, Side.BUY, int(Flag.POST_ONLY), 99_990, 15, 1 << 33),
        Command(Op.PLACE, 0, 1, Side.SELL, int(Flag.POST_ONLY), 100_001, 100, 2 << 33),
    ],
)


@EXAMPLES
@given(st.data())
def test_mutated_bytes_are_refused_or_lawful_all_the_same(data):
    """Whatever is done to good bytes, the two agree, and what passes keeps every limit."""
    text = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        how = data.draw(st.sampled_from(["set", "cut", "digit", "double"]))
        if how == "set":
            text[at] = data.draw(st.integers(0, 255))
        elif how == "digit":
            text[at : at + 1] = b"%d" % data.draw(st.integers(0, 99))
        elif how == "cut":
            del text[at : at + data.draw(st.integers(1, 30))]
        else:
            text[at:at] = text[at : at + data.draw(st.integers(1, 200))]
        if not text:
            return
    count = agreed("body", Op.PLACE, bytes(text))
    if not count:
        return
    orders = json.loads(text)["request"]
    assert len(orders) == count
    for order in orders:
        row = next(row for row in ROWS if row[0] == order["symbol"])
        assert order["timeInForce"] == "PostOnly"
        assert order["orderLinkId"].startswith(HEAD)
        lots = Decimal(order["qty"]).scaleb(row[3]) / row[4]
        ticks = Decimal(order["price"]).scaleb(row[1]) / row[2]
        assert lots == int(lots)
        assert ticks == int(ticks)
        assert 0 < lots <= row[5]
        assert lots * ticks <= row[6]


@pytest.mark.parametrize(("lots", "passes"), [(20, 1), (27, 1), (28, 0)])
def test_an_amend_counts_what_is_filled_beside_what_shall_rest(lots, passes):
    amend = Command(Op.AMEND, 0, 0, Side.BUY, int(Flag.AMEND_QTY), 99_990, lots, 1 << 33)
    body = encoder().single(Op.AMEND, amend)
    create = encoder().single(
        Op.PLACE, amend._replace(op=Op.PLACE, price_ticks=99_001, flags=int(Flag.POST_ONLY))
    )
    for check in checks():
        assert said(check, "body", Op.AMEND, body) == (lots <= 20)
        check.see_filled(0, 7)
        check.see_filled(0, 3)
        assert said(check, "body", Op.AMEND, body) == passes
        assert said(check, "body", Op.PLACE, create) == 0, "too valuable, whatever is filled"
        check.see(0, MID_X2, -1)
        assert said(check, "body", Op.AMEND, body) == (lots <= 20), "forgotten"


def place(**changes) -> bytes:
    """A buy of 15 lots at 9999.0, with something else in its bytes."""
    order = {
        "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "timeInForce": "PostOnly",
        "positionIdx": 0, "orderLinkId": f"{HEAD}0000000200000001", "qty": "0.015",
        "price": "9999.0",
    }  # fmt: skip
    request = {"category": "linear", "request": [order | changes]}
    return json.dumps(request, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({}, 1),
        ({"qty": "0.016"}, 0),  # 0.015 is worth 1,499,850 tick-lots, one lot more too much
        ({"qty": "0.020", "price": "7500.0"}, 0),
        ({"symbol": "ETHUSDC"}, 0),
        ({"symbol": "BTCUSD"}, 0),
        ({"symbol": "BTCUSDTX"}, 0),
        ({"side": "buy"}, 0),
        ({"orderType": "Market"}, 0),
        ({"timeInForce": "GTC"}, 0),
        ({"timeInForce": "IOC"}, 0),
        ({"positionIdx": 1}, 0),
        ({"reduceOnly": False}, 0),
        ({"orderLinkId": "mmf2-0000000200000001"}, 0),
        ({"orderLinkId": f"{HEAD}000000020000000"}, 0),
        ({"orderLinkId": f"{HEAD}000000020000000G"}, 0),
        ({"qty": "-0.015"}, 0),
        ({"qty": "0"}, 0),
        ({"qty": "0.0155"}, 0),
        ({"qty": "1e-2"}, 0),
        ({"qty": "NaN"}, 0),
        ({"qty": "99999999999999999999"}, 0),
        ({"qty": 0.015}, 0),
        ({"price": "0"}, 0),
        ({"price": "-9999.0"}, 0),
        ({"price": "9999.05"}, 0),
        ({"price": "9900.0"}, 1),  # 100 bp of 10,000
        ({"price": "9899.9"}, 0),
        ({"side": "Sell", "price": "9990.0"}, 1),  # 10 bp
        ({"side": "Sell", "price": "9989.9"}, 0),
        ({"takeProfit": "1"}, 0),
    ],
)  # fmt: skip
def test_each_limit_passes_at_its_value_and_refuses_one_unit_beyond(changes, passes):
    assert agreed("body", Op.PLACE, place(**changes)) == passes


@pytest.mark.parametrize(
    ("side", "second", "passes"),
    [
        ("Buy", 199_781, 1),  # 9999.0 is twice 99,990 ticks, and 10 bp of this 199.781
        ("Buy", 199_780, 0),
        ("Buy", 300_000, 1),  # the mid is the lower one
        ("Sell", 200_180, 1),
        ("Sell", 200_181, 0),
        ("Sell", 100_000, 1),
    ],
)
def test_the_collar_is_that_of_the_stricter_reference(side, second, passes):
    body = place(side=side)
    assert agreed("body", Op.PLACE, body, second=second) == passes


@pytest.mark.parametrize("price_x2", [0, 1 << 55, 1 << 62])
def test_without_a_reference_no_price_leaves(price_x2):
    assert agreed("body", Op.PLACE, place(), (price_x2,) * len(ROWS)) == 0
    assert agreed("body", Op.PLACE, place(), second=price_x2) == 0
    amend = Command(Op.AMEND, 0, 0, Side.BUY, int(Flag.AMEND_PRICE), 99_990, 9, 1 << 33)
    body = encoder().single(Op.AMEND, amend)
    assert agreed("body", Op.AMEND, body) == 1
    assert agreed("body", Op.AMEND, body, second=price_x2) == 0


def test_without_a_mid_no_price_leaves_whatever_the_second_reference():
    for mid_x2 in (0, -1):
        assert agreed("body", Op.PLACE, place(), (mid_x2,) * len(ROWS), MID_X2) == 0


@pytest.mark.parametrize("orders", [20, 21])
def test_no_more_than_twenty_orders_leave_together(orders):
    request = json.loads(place())
    request["request"] *= orders
    text = json.dumps(request, separators=(",", ":")).encode()
    assert agreed("body", Op.PLACE, text) == (orders if orders <= 20 else 0)


@pytest.mark.parametrize("tail", [b"", b" ", b"{}", b",", b"]}"])
def test_nothing_may_follow(tail):
    assert agreed("body", Op.PLACE, place() + tail) == (0 if tail else 1)


@EXAMPLES
@given(st.binary(max_size=80))
@example(b"")
@example(b'{"category":"linear",')
@example(b'{"category":"linear","request":[')
def test_any_bytes_are_answered(data):
    for how in ("body", "frame"):
        for op in Op:
            assert agreed(how, op, data) == 0


def test_the_refusal_says_what_was_expected_and_what_was_found():
    check = checks()[0]
    with pytest.raises(leaving.LeavingError, match=r"size within the limit.*0\.021") as caught:
        check.body(Op.PLACE, place(qty="0.021", price="9900.0"))
    assert "BTCUSDT" in str(caught.value)


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, -1), (0, 3), (1, ""), (1, "X" * 33), (2, 19), (3, 0), (5, -1), (6, -1), (7, -1)],
)
def test_limits_that_limit_nothing_are_refused(at, value):
    row = [0, *ROWS[0]]
    row[at] = value
    with pytest.raises(ValueError, match="expected"):
        leaving.LeavingCheck("linear", HEAD, len(ROWS)).allow(*row)
