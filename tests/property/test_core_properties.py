"""Stateless properties: compiled and twin answer alike, whatever they are asked."""

from __future__ import annotations

import string

import oracle_encode
import oracle_fixed
import oracle_sign
from answers import answer, fenced
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfast._core import encode, fixed, sign

INT64 = st.integers(-(2**63), 2**63 - 1)
DECIMALS = st.integers(0, 18)
EXAMPLES = settings(max_examples=300, deadline=None)

# Near misses are worth more than noise: digits, signs and points in any arrangement.
NUMBERLIKE = st.one_of(
    st.text("0123456789.", max_size=24),
    st.text("0123456789.+-eE _", max_size=12),
    st.text(max_size=6),
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.builds("{}.{}".format, INT64, st.integers(0, 10**20)),
)


@EXAMPLES
@given(NUMBERLIKE, DECIMALS, st.integers(1, 10**6))
def test_decimals_parse_alike(text, decimals, unit):
    for name, arguments in (
        ("parse_units", (text, decimals)),
        ("parse_units", (text.encode("utf-8", "surrogatepass"), decimals)),
        ("parse_grid", (text, decimals, unit)),
        ("split_step", (text,)),
    ):
        found = answer(getattr(fixed, name), *arguments)
        assert found == answer(getattr(oracle_fixed, name), *arguments), name


@EXAMPLES
@given(INT64, DECIMALS)
def test_formatting_and_parsing_are_inverse(units, decimals):
    text = fixed.format_units(units, decimals)
    assert text == oracle_fixed.format_units(units, decimals)
    assert fixed.parse_units(text, decimals) == units
    assert len(text.partition(b".")[2]) == decimals


@EXAMPLES
@given(INT64, st.one_of(st.integers(1, 1000), st.integers(1, 2**63 - 1)))
def test_rounding_stays_within_one_step_on_its_side(value, step):
    low, high = answer(fixed.floor_to, value, step), answer(fixed.ceil_to, value, step)
    assert low == answer(oracle_fixed.floor_to, value, step)
    assert high == answer(oracle_fixed.ceil_to, value, step)
    if low != "OverflowError":
        assert low % step == 0
        assert low <= value < low + step
    if high != "OverflowError":
        assert high % step == 0
        assert high - step < value <= high


@EXAMPLES
@given(INT64, INT64)
def test_products_are_exact_or_refused(a, b):
    assert answer(fixed.mul, a, b) == answer(oracle_fixed.mul, a, b)


KEYS = st.text(string.ascii_letters + string.digits + string.punctuation, min_size=1, max_size=140)


@EXAMPLES
@given(
    KEYS.map(lambda text: text[:128]),
    KEYS,
    st.integers(1, 60_000),
    st.integers(0, 2**63 - 1),
    st.binary(max_size=500),
    st.binary(max_size=500),
)
def test_signatures_are_the_standard_librarys(api_key, secret, window, timestamp, one, two):
    core, twin = sign.Signer(api_key, secret, window), oracle_sign.Signer(api_key, secret, window)
    assert fenced(core.sign, one) == twin.sign(one)
    assert core.sign_pair(one, two) == twin.sign_pair(one, two)
    assert fenced(lambda body: core.request_lines(timestamp, body), two) == twin.request_lines(
        timestamp, two
    )
    pair = (timestamp, one, two)
    assert core.request_lines_pair(*pair) == twin.request_lines_pair(*pair)


WORDS = st.one_of(
    st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=34),
    st.text(max_size=4),
)
SMALL = st.integers(-1, 3)
COMMANDS = st.tuples(
    SMALL,
    st.integers(0, 9),
    SMALL,
    st.integers(-1, 2),
    st.integers(0, 63),
    st.one_of(st.integers(-1, 10**7), INT64),
    st.one_of(st.integers(-1, 10**7), INT64),
    st.one_of(st.integers(-1, 10**12), INT64),
)
GRIDS = st.tuples(DECIMALS, st.integers(1, 10**4), DECIMALS, st.integers(1, 10**4))


@EXAMPLES
@given(WORDS, WORDS, st.lists(st.tuples(WORDS, GRIDS, WORDS), max_size=3), st.data())
def test_bodies_are_what_json_would_write(category, head, instruments, data):
    core, twin = (answer(module.OrderEncoder, category, head) for module in (encode, oracle_encode))
    if isinstance(core, str):
        assert core == twin == "EncodeError"
        return
    for index, (symbol, grid, smp_type) in enumerate(instruments):
        arguments = (index, symbol, *grid, smp_type)
        added = answer(core.add_instrument, *arguments)
        assert added == answer(twin.add_instrument, *arguments)
    op = data.draw(st.integers(-1, 3))
    # Mostly batches of one operation, else hardly any would be written.
    forced = data.draw(st.booleans())
    commands = [
        (op, *command[1:]) if forced else command
        for command in data.draw(st.lists(COMMANDS, max_size=22))
    ]
    envelope = (data.draw(WORDS), data.draw(INT64), data.draw(INT64))
    assert answer(core.batch, op, commands) == answer(twin.batch, op, commands)
    framed = [answer(one.batch_frame, op, commands, *envelope) for one in (core, twin)]
    assert framed[0] == framed[1]
    for command in commands[:2]:
        assert answer(core.single, op, command) == answer(twin.single, op, command)
        framed = [answer(one.single_frame, op, command, *envelope) for one in (core, twin)]
        assert framed[0] == framed[1]
