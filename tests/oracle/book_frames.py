"""Book frames as the venue writes them, and a seeded market that sends them."""

from __future__ import annotations

import json
import random
from typing import Any

BIDS = [("65000.10", "4.312"), ("65000.00", "0.1"), ("64999.5", "2")]
ASKS = [("65000.20", "1.907"), ("65000.30", "0.213")]


def frame(
    kind: str,
    u: int,
    bids: list[tuple[str, str]],
    asks: list[tuple[str, str]],
    *,
    symbol: str = "BTCUSDT",
    depth: int = 50,
    seq: int = 7_000_000,
    ts: int = 1_700_000_000_002,
    cts: int | None = 1_700_000_000_000,
    ts_first: bool = False,
) -> bytes:
    """One frame in the venue's compact form; ``ts_first`` is the key order of spot and level 1."""
    head = {"topic": f"orderbook.{depth}.{symbol}"}
    head |= {"ts": ts, "type": kind} if ts_first else {"type": kind, "ts": ts}
    levels = {"b": [list(level) for level in bids], "a": [list(level) for level in asks]}
    head["data"] = {"s": symbol} | levels | {"u": u, "seq": seq}
    if cts is not None:
        head["cts"] = cts
    return json.dumps(head, separators=(",", ":")).encode("ascii")


def make(book: Any, depth: int = 50, symbol: str = "BTCUSDT") -> Any:
    """An empty book of that module: a tick of 0.1, a lot of 0.001."""
    return book.Book(symbol, depth, 1, 1, 3, 1)


def state(b: Any) -> tuple[Any, ...]:
    """All that a book shows."""
    return (
        (b.valid, b.update_id, b.seq, b.ts_ms, b.cts_ms),
        (b.bid_ticks, b.bid_lots, b.ask_ticks, b.ask_lots, b.bid_count, b.ask_count),
        (b.levels(0, 2000), b.levels(1, 2000)),
    )


class Market:
    """Two ladders that drift: a snapshot first, then deltas, all of one seed.

    Prices have one decimal in units of 0.1, sizes three in units of 0.001.
    """

    def __init__(self, seed: int, depth: int = 50, middle: int = 650_000) -> None:
        self._random = random.Random(seed)
        self._depth = depth
        self._middle = middle
        self._u = 1000
        self._seq = 5_000_000
        self._sides: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def _wanted(self, side: int) -> list[int]:
        """Prices of the window, best first; about one in three has no order."""
        step = -1 if side == 0 else 1
        ticks = self._middle if side == 1 else self._middle - 1
        prices = []
        while len(prices) < self._depth:
            if (ticks * 7 + side) % 9 % 4:
                prices.append(ticks)
            ticks += step
        return prices

    def _move(self, side: int, changes: int) -> list[tuple[str, str]]:
        levels, wanted = self._sides[side], self._wanted(side)
        window = set(wanted)
        touched = {ticks: 0 for ticks in levels if ticks not in window}
        touched |= {
            ticks: self._random.randint(1, 99_999) for ticks in wanted if ticks not in levels
        }
        for _ in range(changes):
            near = min(int(self._random.expovariate(0.15)), self._depth - 1)
            touched[wanted[near]] = self._random.randint(1, 99_999)
        for ticks, lots in touched.items():
            levels.pop(ticks, None)
            if lots:
                levels[ticks] = lots
        ordered = sorted(touched.items(), reverse=side == 0)
        return [
            (f"{t // 10}.{t % 10}", f"{q // 1000}.{q % 1000:03d}" if q else "0") for t, q in ordered
        ]

    def next(self, changes: int = 16) -> bytes:
        """The next frame; a delta has at least about ``changes`` changes, half on each side."""
        first = not self._sides[0]
        self._u += 1
        self._seq += self._random.randint(1, 50)
        if not first and self._random.random() < 0.1:
            self._middle += self._random.choice((-1, 1))
        bids = self._move(0, changes // 2)
        asks = self._move(1, changes - changes // 2)
        kind = "snapshot" if first else "delta"
        return frame(kind, self._u, bids, asks, depth=self._depth, seq=self._seq)
