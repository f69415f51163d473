"""Bodies of order requests: exact bytes, or a refusal."""

from __future__ import annotations

import json

import pytest

CANCEL, AMEND, PLACE = 0, 1, 2
POST_ONLY, REDUCE_ONLY, IOC, URGENT, PRICE, QTY = 1, 2, 4, 8, 16, 32
ID = 7 << 32 | 42
LINK = "mmfa-000000070000002a"


def place(instrument=0, side=0, flags=POST_ONLY, price=650001, lots=10, client_id=ID):
    return (PLACE, 5, instrument, side, flags, price, lots, client_id)


@pytest.fixture
def encoder(encode):
    e = encode.OrderEncoder("linear", "mmfa-")
    e.add_instrument(0, "BTCUSDT", 1, 1, 3, 1)
    e.add_instrument(2, "10000SATSUSDT", 7, 5, 0, 100, "CancelMaker")
    return e


def test_a_place_says_everything(encoder):
    assert encoder.batch(PLACE, [place()]) == (
        b'{"category":"linear","request":[{"symbol":"BTCUSDT","side":"Buy","orderType":"Limit",'
        b'"timeInForce":"PostOnly","positionIdx":0,"orderLinkId":"mmfa-000000070000002a",'
        b'"qty":"0.010","price":"65000.1"}]}'
    )


@pytest.mark.parametrize(
    ("flags", "force", "reduce"),
    [
        (0, "GTC", None),
        (POST_ONLY, "PostOnly", None),
        (IOC | URGENT, "IOC", None),
        (POST_ONLY | REDUCE_ONLY, "PostOnly", True),
        (REDUCE_ONLY | IOC, "IOC", True),
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_flags_and_sides(encoder, flags, force, reduce, side):
    body = json.loads(encoder.single(PLACE, place(2, side, flags, price=3, lots=7)))
    expected = {
        "category": "linear",
        "symbol": "10000SATSUSDT",
        "side": ("Buy", "Sell")[side],
        "orderType": "Limit",
        "timeInForce": force,
        "positionIdx": 0,
        "smpType": "CancelMaker",
        "orderLinkId": LINK,
        "qty": "700",
        "price": "0.0000015",
    }
    assert body == expected | ({"reduceOnly": True} if reduce else {})


@pytest.mark.parametrize(
    ("flags", "terms"),
    [
        (PRICE, {"price": "65000.1"}),
        (QTY, {"qty": "0.010"}),
        (PRICE | QTY | URGENT, {"qty": "0.010", "price": "65000.1"}),
    ],
)
def test_an_amend_says_what_changes(encoder, flags, terms):
    command = (AMEND, 5, 0, 0, flags, 650001, 10, ID)
    assert (
        json.loads(encoder.single(AMEND, command))
        == {
            "category": "linear",
            "symbol": "BTCUSDT",
            "orderLinkId": LINK,
        }
        | terms
    )


def test_cancels_need_no_price_or_size(encoder):
    body = encoder.batch(CANCEL, ((CANCEL, 5, 0, 0, 0, 0, 0, ID), (CANCEL, 9, 2, 1, 8, -1, -1, 1)))
    assert body == (
        b'{"category":"linear","request":[{"symbol":"BTCUSDT","orderLinkId":"mmfa-000000070000002a"},'
        b'{"symbol":"10000SATSUSDT","orderLinkId":"mmfa-0000000000000001"}]}'
    )


def test_a_full_batch_of_the_longest_items(encode):
    e = encode.OrderEncoder("linear", "h" * 20)
    e.add_instrument(4095, "S" * 32, 18, 1, 18, 1, "P" * 16)
    command = (PLACE, 0, 4095, 1, POST_ONLY | REDUCE_ONLY, 2**63 - 1, 2**63 - 1, 2**63 - 1)
    body = json.loads(e.batch(PLACE, [command] * encode.MAX_BATCH))
    assert len(body["request"]) == encode.MAX_BATCH == 20
    assert body["request"][19] == body["request"][0]
    assert body["request"][0]["price"] == "9.223372036854775807"
    assert body["request"][0]["orderLinkId"] == "h" * 20 + "7" + "f" * 15


def test_a_registration_replaces_the_former_one(encoder):
    encoder.add_instrument(0, "BTCUSDT", 2, 50, 2, 1)
    body = json.loads(encoder.single(PLACE, place(price=3, lots=4)))
    assert (body["price"], body["qty"]) == ("1.50", "0.04")


@pytest.mark.parametrize(
    "command",
    [
        place(instrument=1),
        place(instrument=3),
        place(instrument=-1),
        place(instrument=2**40),
        place(side=2),
        place(side=-1),
        place(price=0),
        place(price=-1),
        place(lots=0),
        place(lots=-5),
        place(client_id=0),
        place(client_id=-1),
        place(client_id=2**63),
        place(price=2**64),
        place(instrument=2, price=2**62),  # times five does not fit
        place(flags=POST_ONLY | IOC),
        (AMEND, *place()[1:]),
        place()[:7],
        (*place(), 0),
        list(place()),
        (*place()[:6], "10", ID),
        None,
    ],
)
def test_commands_that_must_not_be_written(encode, encoder, command):
    for call in (
        lambda: encoder.batch(PLACE, [place(), command]),
        lambda: encoder.single(PLACE, command),
    ):
        with pytest.raises(encode.EncodeError):
            call()
    # A refusal leaves nothing behind in the buffer.
    assert json.loads(encoder.batch(PLACE, [place()]))["request"][0]["orderLinkId"] == LINK


@pytest.mark.parametrize(
    ("flags", "price", "lots"), [(0, 1, 1), (PRICE, 0, 1), (QTY, 1, 0), (PRICE | QTY, 1, 0)]
)
def test_amends_that_must_not_be_written(encode, encoder, flags, price, lots):
    with pytest.raises(encode.EncodeError):
        encoder.single(AMEND, (AMEND, 0, 0, 0, flags, price, lots, ID))


@pytest.mark.parametrize("size", [0, 21, 40])
def test_batch_sizes(encode, encoder, size):
    with pytest.raises(encode.EncodeError):
        encoder.batch(PLACE, [place()] * size)


@pytest.mark.parametrize("op", [-1, 3])
def test_unknown_operations(encode, encoder, op):
    with pytest.raises(encode.EncodeError):
        encoder.batch(op, [(op, *place()[1:])])
    with pytest.raises(encode.EncodeError):
        encoder.single(op, (op, *place()[1:]))


@pytest.mark.parametrize("word", ["", 'a"b', "a b", "a\\b", "ä", "a/b", "a\n", "x" * 33])
def test_words_that_would_need_escaping_are_refused(encode, word):
    with pytest.raises(encode.EncodeError):
        encode.OrderEncoder(word, "h-")
    with pytest.raises(encode.EncodeError):
        encode.OrderEncoder("linear", word)
    e = encode.OrderEncoder("linear", "h-")
    with pytest.raises(encode.EncodeError):
        e.add_instrument(0, word, 1, 1, 3, 1)
    if word:
        with pytest.raises(encode.EncodeError):
            e.add_instrument(0, "BTCUSDT", 1, 1, 3, 1, word)
    with pytest.raises(encode.EncodeError):
        e.batch(CANCEL, [(CANCEL, 0, 0, 0, 0, 0, 0, 1)])


@pytest.mark.parametrize(
    "grid", [(-1, 1, 3, 1), (19, 1, 3, 1), (1, 0, 3, 1), (1, 1, 3, -1), (1, 1, 19, 1)]
)
def test_grids_are_checked(encode, grid):
    with pytest.raises(encode.EncodeError):
        encode.OrderEncoder("linear", "h-").add_instrument(0, "BTCUSDT", *grid)


def test_a_sequence_that_lies_about_its_length_is_refused():
    from mmfast._core import encode

    class Liar(list):
        def __len__(self):
            return 1

    e = encode.OrderEncoder("linear", "h-")
    e.add_instrument(0, "BTCUSDT", 1, 1, 3, 1)
    with pytest.raises(encode.EncodeError, match="than its length"):
        e.batch(PLACE, Liar([place()] * 500))
    with pytest.raises(encode.EncodeError, match="than its length"):
        e.batch(PLACE, Liar())


ENVELOPE = ("mm-7_A", 1_700_000_000_000, 5000)


@pytest.mark.parametrize(("op", "word"), [(CANCEL, "cancel"), (AMEND, "amend"), (PLACE, "create")])
def test_a_frame_of_the_trade_socket_holds_the_body(encoder, op, word):
    command = (op, 5, 0, 0, PRICE, 650001, 10, ID)
    front = (
        b'{"reqId":"mm-7_A","header":{"X-BAPI-TIMESTAMP":"1700000000000",'
        b'"X-BAPI-RECV-WINDOW":"5000"},"op":"order.'
    )
    batch = encoder.batch_frame(op, [command] * 3, *ENVELOPE)
    body = encoder.batch(op, [command] * 3)
    assert batch == front + word.encode() + b'-batch","args":[' + body + b"]}"
    single = encoder.single_frame(op, command, *ENVELOPE)
    assert single == front + word.encode() + b'","args":[' + encoder.single(op, command) + b"]}"


def test_the_largest_frame(encoder, encode):
    e = encode.OrderEncoder("c" * 16, "h" * 20)
    e.add_instrument(0, "S" * 32, 18, 1, 18, 1, "m" * 16)
    command = place(0, 1, POST_ONLY | REDUCE_ONLY, 2**63 - 1, 2**63 - 1, 2**63 - 1)
    frame = e.batch_frame(PLACE, [command] * 20, "r" * 36, 2**63 - 1, 2**63 - 1)
    assert json.loads(frame)["args"] == [json.loads(e.batch(PLACE, [command] * 20))]


@pytest.mark.parametrize(
    "envelope",
    [
        ("", 1, 1),
        ("r" * 37, 1, 1),
        ('a"b', 1, 1),
        ("a b", 1, 1),
        ("\u00e4", 1, 1),
        ("a", -1, 1),
        ("a", 1, 0),
    ],
)
def test_an_envelope_that_is_none_is_refused(encode, encoder, envelope):
    with pytest.raises(encode.EncodeError):
        encoder.batch_frame(PLACE, [place()], *envelope)
    with pytest.raises(encode.EncodeError):
        encoder.single_frame(PLACE, place(), *envelope)


@pytest.mark.parametrize("decimals", range(10))
def test_prices_of_every_length(decimals):
    """Short numbers are written by another way than long ones."""
    import oracle_encode

    from mmfast._core import encode

    made = [module.OrderEncoder("linear", "h-") for module in (encode, oracle_encode)]
    for one in made:
        one.add_instrument(0, "X", decimals, 1, 0, 1)
    for digits in range(18):
        for price in (10**digits, 10 ** (digits + 1) - 1):
            command = place(price=price, lots=price)
            assert made[0].single(PLACE, command) == made[1].single(PLACE, command)
