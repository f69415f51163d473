"""The whole tick in process: ten books moved, 80 commands, from frame bytes to signed requests.

The yardstick is what a client library does for the same 80 orders and nothing more: one JSON
body and one HMAC per order, from ready values; no book, no decision, no risk, no order table.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time

from in_process import SECRET, InProcess

ROUNDS = 60
COMMANDS = 80
AT_MOST = 3.5
"""Times the yardstick; a quiet machine shows about half of it."""


def library_way(values: list[tuple[str, str, str, str, str]]) -> list[tuple[str, str]]:
    """80 single orders as a client library makes them."""
    made = []
    for symbol, side, price, qty, link_id in values:
        body = json.dumps(
            {
                "category": "linear",
                "symbol": symbol,
                "side": side,
                "orderType": "Limit",
                "qty": qty,
                "price": price,
                "timeInForce": "PostOnly",
                "positionIdx": 0,
                "orderLinkId": link_id,
            }
        )
        text = f"1700000000000benchkey2000{body}"
        made.append((body, hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()))
    return made


def test_tick_in_process_against_signing_eighty_singles(benchmark):
    engine = InProcess()
    values = [("BTCUSDT", "Buy", "64950.1", "0.010", f"bench-{i:016x}") for i in range(COMMANDS)]
    best = [float("inf"), float("inf")]
    for number in range(ROUNDS):
        frames = engine.frames((-1) ** number * (3 + number % 5))
        start = time.perf_counter()
        batches, requests = engine.tick(frames)
        middle = time.perf_counter()
        library_way(values)
        end = time.perf_counter()
        engine.answer(batches)
        assert sum(len(batch.commands) for batch in batches) == COMMANDS
        assert len(requests) == 4
        best = [min(best[0], middle - start), min(best[1], end - middle)]

    def setup():
        engine.answer(setup.batches)
        setup.number += 1
        return (engine.frames((-1) ** setup.number * (3 + setup.number % 5)),), {}

    setup.batches, setup.number = [], ROUNDS

    def tick(frames):
        setup.batches, _ = engine.tick(frames)

    benchmark.pedantic(tick, setup=setup, rounds=ROUNDS)
    ratio = best[0] / best[1]
    benchmark.extra_info["times_the_yardstick"] = round(ratio, 2)
    benchmark.extra_info["us_per_tick"] = round(best[0] * 1e6, 1)
    assert ratio <= AT_MOST, f"a tick costs {ratio:.2f} times the yardstick, at most {AT_MOST}"
