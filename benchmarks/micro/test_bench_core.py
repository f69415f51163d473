"""What each module of the core costs, against what a Python program would do instead.

Only ratios are gated: both sides run in turns in the same process, and the fastest round of each
counts, so that a busy machine slows both. The gates are about half of what a quiet machine shows.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import timeit
from decimal import Decimal

import oracle_coalesce
import orjson
import pytest
from book_frames import Market

import mmfast._core as core
from mmfast._core import book, coalesce, encode, fixed, sign

ROUNDS = 9


@pytest.fixture(autouse=True)
def _release_only():
    assert core.BUILD == "release", f"benchmarks need the release build, found {core.BUILD}"


@pytest.fixture
def race(benchmark):
    """Times the core against a yardstick and fails below ``at_least`` times faster."""

    def run(ours, theirs, number, at_least, unit=1):
        best = [float("inf"), float("inf")]
        for _ in range(ROUNDS):
            for lane, call in enumerate((ours, theirs)):
                best[lane] = min(best[lane], timeit.timeit(call, number=number))
        ratio = best[1] / best[0]
        benchmark.extra_info["times_faster"] = round(ratio, 2)
        benchmark.extra_info["ns_per_unit"] = round(best[0] / number / unit * 1e9, 1)
        benchmark.pedantic(ours, rounds=ROUNDS, iterations=max(number // 10, 1))
        assert ratio >= at_least, f"{ratio:.2f} times the yardstick's speed, expected {at_least}"

    return run


SECRET = "0123456789abcdef0123456789abcdef0123"


@pytest.mark.parametrize(("size", "at_least"), [(200, 2.5), (1024, 2.0), (4096, 1.2)])
def test_sign_against_hmac(race, size, at_least):
    signer, key, body = sign.Signer("k" * 18, SECRET, 5000), SECRET.encode(), b"x" * size
    assert signer.sign(body) == hmac.new(key, body, hashlib.sha256).hexdigest()
    if sign.BACKEND == "portable":
        at_least = 0.3  # no SHA instructions: OpenSSL's vector code is the better one
    race(
        lambda: signer.sign(body),
        lambda: hmac.new(key, body, hashlib.sha256).hexdigest(),
        number=2000,
        at_least=at_least,
    )


def test_two_signatures_together_against_one_after_the_other(race):
    signer, body = sign.Signer("k" * 18, SECRET, 5000), b"x" * 3000
    race(
        lambda: signer.sign_pair(body, body),
        lambda: (signer.sign(body), signer.sign(body)),
        number=1000,
        at_least=1.15 if sign.BACKEND == "sha-ni" else 0.8,
        unit=2,
    )


class DictBook:
    """What a Python program does: orjson, two dicts of floats, max and min."""

    def __init__(self):
        self.sides = ({}, {})

    def apply(self, frame):
        message = orjson.loads(frame)
        data = message["data"]
        if message["type"] == "snapshot":
            self.sides = ({}, {})
        for levels, changes in zip(self.sides, (data["b"], data["a"]), strict=True):
            for price, size in changes:
                if float(size) == 0:
                    levels.pop(float(price), None)
                else:
                    levels[float(price)] = float(size)
        return max(self.sides[0]), min(self.sides[1])


@pytest.mark.parametrize(("depth", "at_least"), [(50, 5.0), (200, 8.0), (1000, 15.0)])
def test_book_frames_of_16_changes_against_orjson_and_dicts(race, depth, at_least):
    market = Market(seed=1, depth=depth)
    frames = [market.next(16) for _ in range(200)]
    ours, theirs = book.Book("BTCUSDT", depth, 1, 1, 3, 1), DictBook()

    def run_ours():
        for frame in frames:
            ours.apply(frame)
            top = ours.bid_ticks, ours.ask_ticks
        return top

    def run_theirs():
        for frame in frames:
            top = theirs.apply(frame)
        return top

    assert run_ours() == tuple(round(price * 10) for price in run_theirs())
    race(run_ours, run_theirs, number=3, at_least=at_least, unit=len(frames))


def commands(op):
    return [(op, i, 0, i & 1, 1, 650_000 + i, 10 + i, (7 << 32) + i) for i in range(20)]


def encoder():
    made = encode.OrderEncoder("linear", "mmfa-")
    made.add_instrument(0, "BTCUSDT", 1, 1, 3, 1)
    return made


@pytest.mark.parametrize(
    ("dumps", "at_least"), [(json.dumps, 4.0), (orjson.dumps, 1.3)], ids=["json", "orjson"]
)
def test_encode_against_ready_dicts(race, dumps, at_least):
    """A yardstick that is given its strings and dicts for nothing."""
    made, batch = encoder(), commands(2)
    ready = json.loads(made.batch(2, batch))
    race(lambda: made.batch(2, batch), lambda: dumps(ready), 500, at_least, unit=20)


def test_encode_against_decimals_and_orjson(race):
    made, batch = encoder(), commands(2)
    tick, step = Decimal("0.1"), Decimal("0.001")

    def theirs():
        items = [
            {
                "symbol": "BTCUSDT",
                "side": "Sell" if side else "Buy",
                "orderType": "Limit",
                "timeInForce": "PostOnly",
                "positionIdx": 0,
                "orderLinkId": f"mmfa-{client_id:016x}",
                "qty": str(lots * step),
                "price": str(price * tick),
            }
            for _, _, _, side, _, price, lots, client_id in batch
        ]
        return orjson.dumps({"category": "linear", "request": items})

    assert made.batch(2, batch) == theirs()
    race(lambda: made.batch(2, batch), theirs, 300, at_least=4.0, unit=20)


def test_coalesce_a_tick_of_80_commands_against_a_dict_of_lists(race):
    tables = coalesce.IntentTable(320), oracle_coalesce.IntentTable(320)

    def tick(table):
        def run():
            for slot in range(40):
                table.put(0, slot, 0, 0, 0, slot + 1)
                table.put(2, slot, 1, 650_000 + slot, 10, slot + 1000)
            return table.drain(100, 100, 100)

        return run

    ours, theirs = map(tick, tables)
    assert ours() == theirs()
    race(ours, theirs, number=50, at_least=4.0, unit=80)


def test_decimal_text_against_decimal(race):
    race(
        lambda: fixed.parse_units("65000.10", 1),
        lambda: int(Decimal("65000.10").scaleb(1)),
        number=5000,
        at_least=2.0,
    )
    assert fixed.parse_units("65000.10", 1) == int(Decimal("65000.10").scaleb(1))
