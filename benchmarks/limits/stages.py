"""The stages of the hot path inside the core, each in one interleaved run with its C limit.

Every function gives rows: what a contender costs, and how many times the limit that is. The
rounds of the contenders alternate and the fastest of each counts, so that a busy machine does
not favour one of them. What they make is compared before their time is taken.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable, Mapping
from typing import NamedTuple

import c_limits
import frames as book_frames

from mmfast._core import book, coalesce, encode, sign
from mmfast.messages import Command, Flag, Op, Side

ROUNDS = 11
KEY, SECRET, WINDOW_MS = "k" * 18, "0123456789abcdef0123456789abcdef0123", 5000
TIME_MS = 1_700_000_000_000
LIMIT = "C limit"


class Row(NamedTuple):
    """One line of the report."""

    stage: str
    contender: str
    value: float
    unit: str
    ratio_to_limit: float


def timed(statement: str, number: int, units: int = 1, **names: object) -> Callable[[], float]:
    """A round: nanoseconds per unit of a statement, without the cost of a call round it."""
    timer = timeit.Timer(statement, globals=names)
    return lambda: timer.timeit(number) / number / units * 1e9


def race(stage: str, lanes: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> list[Row]:
    """Rows in the order of the lanes; the first one is the limit."""
    best = dict.fromkeys(lanes, float("inf"))
    for _ in range(rounds):
        for name, lane in lanes.items():
            best[name] = min(best[name], lane())
    limit = next(iter(best.values()))
    return [Row(stage, name, took, "ns", took / limit) for name, took in best.items()]


def ratio(rows: list[Row], contender: str) -> float:
    """Times the limit, of one contender."""
    [found] = (row.ratio_to_limit for row in rows if row.contender == contender)
    return found


def _same(ours: object, theirs: object) -> None:
    if ours != theirs:
        raise AssertionError(f"the core and the C limit differ: {ours!r:.300} {theirs!r:.300}")


def sign_stage(stage: str, size: int) -> list[Row]:
    """One signature, and one of two made together."""
    signer, secret, body = sign.Signer(KEY, SECRET, WINDOW_MS), SECRET.encode(), b"x" * size
    text = f"{TIME_MS}{KEY}{WINDOW_MS}".encode() + body
    number = 1_500_000 // (size + 300)
    _same(signer.sign(body), c_limits.sign(secret, body, 1)[1])
    _same(signer.sign_pair(body, body), c_limits.sign_two(secret, body, body, 1)[1])
    _same(signer.sign_request_pair(TIME_MS, body, body)[1], signer.sign(text))
    return race(
        stage,
        {
            LIMIT: lambda: c_limits.sign(secret, body, number)[0],
            "mmfast": timed("call(body)", number, call=signer.sign, body=body),
            "C limit, two together": lambda: c_limits.sign_two(secret, body, body, number)[0],
            "mmfast pair": timed("call(body, body)", number, 2, call=signer.sign_pair, body=body),
            "mmfast request pair": timed(
                "call(time, body, body)",
                number,
                2,
                call=signer.sign_request_pair,
                time=TIME_MS,
                body=body,
            ),
        },
    )


def commands(op: Op) -> list[Command]:
    """A batch of 20, with the messages' own types."""
    flags = {Op.PLACE: Flag.POST_ONLY, Op.AMEND: Flag.AMEND_PRICE | Flag.AMEND_QTY}
    return [
        Command(op, i, 0, Side(i & 1), flags.get(op, Flag.NONE), 650_000 + i, 10 + i, (7 << 32) + i)
        for i in range(20)
    ]


REST = """
body = encode(op, batch)
head = {"X-BAPI-API-KEY": key, "X-BAPI-TIMESTAMP": str(time), "X-BAPI-RECV-WINDOW": window,
        "X-BAPI-SIGN": sign(time, body)}
"""


def request_stage(op: Op, stage: str = "request_20") -> list[Row]:
    """Integers to what is handed to the HTTP client (body, signature, head), or to the socket.

    A frame of the trade socket needs no signature; its ratio is to the limit of the request all
    the same. "C limit, body only" tells what writing the digits costs.
    """
    batch = commands(op)
    encoder, signer = encode.OrderEncoder("linear", "mmfa-"), sign.Signer(KEY, SECRET, WINDOW_MS)
    encoder.add_instrument(0, "BTCUSDT", 1, 1, 3, 1)
    orders = [(c.side, c.price_ticks, c.lots, c.client_id) for c in batch]
    limit = c_limits.Request(op, SECRET.encode(), f"{KEY}{WINDOW_MS}".encode(), "mmfa-", orders)
    _, body, head = limit.run(TIME_MS, 1)
    _same(encoder.batch(op, batch), body)
    _same(signer.sign_request(TIME_MS, body).encode() in head, True)
    names = {"op": op, "batch": batch, "time": TIME_MS, "key": KEY, "window": str(WINDOW_MS)}
    return race(
        stage,
        {
            LIMIT: lambda: limit.run(TIME_MS, 300)[0],
            "C limit, body only": lambda: limit.run(TIME_MS, 300, sign=False)[0],
            "mmfast rest": timed(
                REST, 300, encode=encoder.batch, sign=signer.sign_request, **names
            ),
            "mmfast ws": timed(
                "encode(op, batch, 'q-1', time, 5000)", 300, encode=encoder.batch_frame, **names
            ),
        },
    )


APPLY = """
for frame in frames:
    apply(frame)
"""
APPLY_AND_READ = """
for frame in frames:
    apply(frame)
    top = book.bid_ticks, book.ask_ticks
"""


def book_stage(stage: str, depth: int, frames: list[bytes], *, ring: bool) -> list[Row]:
    """Frames to an applied book whose best, mid, microprice and depth can be read; with the limit
    of the ring, or of the flat array."""
    ours = book.Book("BTCUSDT", depth, 1, 1, 3, 1)
    low = book_frames.MIDDLE - c_limits.WINDOW // 2
    limit = c_limits.Frames(frames, "BTCUSDT", (1, 3), low)
    for frame in frames:
        ours.apply(frame)
    top = (ours.bid_ticks, ours.bid_lots, ours.ask_ticks, ours.ask_lots)
    _same(top, limit.run(1, ring=ring)[1][:4])
    names = {"frames": frames, "apply": ours.apply, "book": ours}
    return race(
        stage,
        {
            LIMIT: lambda: limit.run(3, ring=ring)[0],
            "mmfast": timed(APPLY, 3, len(frames), **names),
            "mmfast, top read": timed(APPLY_AND_READ, 3, len(frames), **names),
        },
    )


def intents(count: int) -> list[tuple[int, int, int, int, int, int]]:
    """A cancel and a place for each of ``count`` / 2 slots."""
    made = []
    for slot in range(count // 2):
        made.append((0, slot, 0, 0, 0, slot + 1))
        made.append((2, slot, 1, 650_000 + slot, 10, slot + 1_000_000))
    return made


PUT_EACH = """
for op, slot, flags, price, lots, client in rows:
    put(op, slot, flags, price, lots, client)
"""


def coalesce_stages(count: int) -> tuple[list[Row], list[Row]]:
    """Put and drain, per command, with ``count`` commands in the table.

    "mmfast" puts as the engine can, all commands of a tick at once; "mmfast put()" one by one
    from a Python loop, loop included.
    """
    rows, size = intents(count), count
    batch = [Command(Op(op), slot, 0, Side.BUY, *rest) for op, slot, *rest in rows]
    table, limit = coalesce.IntentTable(size), c_limits.Intents(rows, size)
    table.put_all(batch)
    _same(table.drain(size, size, size), limit.run(1)[2])
    number = 4
    fill = timeit.Timer("put(batch)", globals={"put": table.put_all, "batch": batch})
    empty = timeit.Timer("drain(n, n, n)", globals={"drain": table.drain, "n": size})
    each = timeit.Timer(PUT_EACH, globals={"put": table.put, "rows": rows})

    def first(timer: timeit.Timer, then: timeit.Timer) -> float:
        took = float("inf")
        for _ in range(number):
            took = min(took, timer.timeit(1))
            then.timeit(1)
        return took / count * 1e9

    def drained() -> float:
        took = float("inf")
        for _ in range(number):
            fill.timeit(1)
            took = min(took, empty.timeit(1))
        return took / count * 1e9

    put = race(
        "coalesce_put",
        {
            LIMIT: lambda: limit.run(5)[0],
            "mmfast": lambda: first(fill, empty),
            "mmfast put()": lambda: first(each, empty),
        },
    )
    drain = race("coalesce_drain", {LIMIT: lambda: limit.run(5)[1], "mmfast": drained})
    return put, drain
