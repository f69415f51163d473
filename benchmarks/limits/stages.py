"""The stages of the hot path inside the core, each a contest with its C limit.

What the contenders make is compared before anybody takes their time.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable

import c_limits
import frames as book_frames
from race import LIMIT, Contest, Lane, timed

from mmfast._core import book, coalesce, encode, sign
from mmfast.messages import Command, Flag, Op, Side

KEY, SECRET, WINDOW_MS = "k" * 18, "0123456789abcdef0123456789abcdef0123", 5000
TIME_MS = 1_700_000_000_000


def _same(ours: object, theirs: object) -> None:
    if ours != theirs:
        raise AssertionError(f"the core and the C limit differ: {ours!r:.300} {theirs!r:.300}")


def sign_stage(stage: str, size: int) -> Contest:
    """One signature, and one of two made together."""
    signer, secret, body = sign.Signer(KEY, SECRET, WINDOW_MS), SECRET.encode(), b"x" * size
    text = f"{TIME_MS}{KEY}{WINDOW_MS}".encode() + body
    _same(signer.sign(body), c_limits.sign(secret, body, 1)[1])
    _same(signer.sign_pair(body, body), c_limits.sign_two(secret, body, body, 1)[1])
    _same(signer.sign(text).encode() in signer.request_lines_pair(TIME_MS, body, body)[1], True)
    return Contest(
        stage,
        {
            LIMIT: lambda number: c_limits.sign(secret, body, number)[0],
            "mmfast": timed("call(body)", call=signer.sign, body=body),
            "C limit, two together": lambda number: c_limits.sign_two(secret, body, body, number)[
                0
            ],
            "mmfast pair": timed("call(body, body)", 2, call=signer.sign_pair, body=body),
            "mmfast request pair": timed(
                "call(time, body, body)",
                2,
                call=signer.request_lines_pair,
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
head = sign(time, body)
"""


def request_stage(op: Op, stage: str = "request_20") -> Contest:
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
    for line in signer.request_lines(TIME_MS, body).split(b"\r\n"):
        _same(line in head, True)
    names = {"op": op, "batch": batch, "time": TIME_MS}
    return Contest(
        stage,
        {
            LIMIT: lambda number: limit.run(TIME_MS, number)[0],
            "C limit, body only": lambda number: limit.run(TIME_MS, number, sign=False)[0],
            "mmfast rest": timed(REST, encode=encoder.batch, sign=signer.request_lines, **names),
            "mmfast ws": timed(
                "encode(op, batch, 'q-1', time, 5000)", encode=encoder.batch_frame, **names
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


def book_stage(stage: str, depth: int, frames: list[bytes], *, ring: bool) -> Contest:
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
    return Contest(
        stage,
        {
            LIMIT: lambda number: limit.run(number, ring=ring)[0],
            "mmfast": timed(APPLY, len(frames), **names),
            "mmfast, top read": timed(APPLY_AND_READ, len(frames), **names),
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


def _table(count: int) -> tuple[coalesce.IntentTable, c_limits.Intents, timeit.Timer]:
    """Ours, theirs, and how ours is filled: by the call that the engine makes, from a loop of
    Python's, which is counted too."""
    rows = intents(count)
    table, limit = coalesce.IntentTable(count), c_limits.Intents(rows, count)
    fill = timeit.Timer(PUT_EACH, globals={"put": table.put_fields, "rows": rows})
    fill.timeit(1)
    _same(table.drain(count, count, count), limit.run(1)[2])
    return table, limit, fill


def put_stage(stage: str, count: int) -> Contest:
    """Put, per command, with ``count`` commands in the table."""
    table, limit, fill = _table(count)
    empty = timeit.Timer("drain(n, n, n)", globals={"drain": table.drain, "n": count})
    return Contest(
        stage,
        {
            LIMIT: lambda number: limit.run(number)[0],
            "mmfast": _either(fill, empty, count, first=True),
        },
    )


def drain_stage(stage: str, count: int) -> Contest:
    """Drain, per command, with ``count`` commands in the table."""
    table, limit, fill = _table(count)
    empty = timeit.Timer("drain(n, n, n)", globals={"drain": table.drain, "n": count})
    return Contest(
        stage,
        {
            LIMIT: lambda number: limit.run(number)[1],
            "mmfast": _either(fill, empty, count, first=False),
        },
    )


def _either(fill: timeit.Timer, empty: timeit.Timer, count: int, *, first: bool) -> Lane:
    """Filling and emptying in turns; the fastest of one of the two, per command."""

    def lane(number: int) -> float:
        took = float("inf")
        for _ in range(number):
            one, two = fill.timeit(1), empty.timeit(1)
            took = min(took, one if first else two)
        return took / count * 1e9

    return lane


def _requests(op: Op, stage: str) -> tuple[str, Callable[[], Contest]]:
    return stage, lambda: request_stage(op, stage)


def _books(
    stage: str, depth: int, frames: Callable[[int], list[bytes]], *, ring: bool
) -> tuple[str, Callable[[], Contest]]:
    return stage, lambda: book_stage(stage, depth, frames(depth), ring=ring)


#: Every stage that lies inside the compiled core, by its name.
CORE: dict[str, Callable[[], Contest]] = dict(
    [
        ("sign_1k", lambda: sign_stage("sign_1k", 1024)),
        ("sign_200", lambda: sign_stage("sign_200", 200)),
        ("sign_3400", lambda: sign_stage("sign_3400", 3400)),
        _requests(Op.PLACE, "request_20"),
        _requests(Op.AMEND, "request_20_amend"),
        _requests(Op.CANCEL, "request_20_cancel"),
        _books("book_16", 50, book_frames.steady, ring=True),
        _books("book_16_depth_1", 1, lambda _: book_frames.single_level(), ring=True),
        _books("book_16_depth_200", 200, book_frames.steady, ring=True),
        _books("book_level_1", 1, book_frames.steady, ring=True),
        *(
            _books(f"book_{name}_depth_{depth}", depth, made, ring=False)
            for name, made in book_frames.ADVERSARIAL.items()
            for depth in (50, 200)
        ),
        ("coalesce_put", lambda: put_stage("coalesce_put", 80)),
        ("coalesce_drain", lambda: drain_stage("coalesce_drain", 80)),
        ("coalesce_put_8000", lambda: put_stage("coalesce_put_8000", 8000)),
        ("coalesce_drain_8000", lambda: drain_stage("coalesce_drain_8000", 8000)),
    ]
)
