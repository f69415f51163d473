"""What is counted: calls of the core that the hot path consists of, each with its own data."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import frames
import order_ticks
import private_ticks
import shell_ticks
import stages
from in_process import InProcess

from mmfast._core import book, coalesce, encode, fixed, leaving, sign
from mmfast.messages import Op

Operation = Callable[[], object]
REQUEST_ID = "q-1"
FEWER = "body_19_place"


def signing() -> dict[str, Operation]:
    """One signature, and two requests of one flush."""
    signer = sign.Signer(stages.KEY, stages.SECRET, stages.WINDOW_MS)
    small, large = b"x" * 200, b"x" * 1024
    return {
        "sign_200": lambda: signer.sign(small),
        "sign_1k": lambda: signer.sign(large),
        "sign_request_pair_1k": lambda: signer.request_lines_pair(stages.TIME_MS, large, large),
    }


def encoding() -> dict[str, Operation]:
    """Batches of 20, as bodies and as frames of the trade socket."""
    made: dict[str, Operation] = {}
    for op in Op:
        encoder = encode.OrderEncoder("linear", "mmfa-")
        encoder.add_instrument(0, "BTCUSDT", 1, 1, 3, 1)
        batch = stages.commands(op)

        def body(op=op, encoder=encoder, batch=batch) -> bytes:
            return encoder.batch(op, batch)

        def frame(op=op, encoder=encoder, batch=batch) -> bytes:
            return encoder.batch_frame(op, batch, REQUEST_ID, stages.TIME_MS, stages.WINDOW_MS)

        made[f"body_20_{op.name.lower()}"] = body
        made[f"frame_20_{op.name.lower()}"] = frame
    return made


def leaving_checks() -> dict[str, Operation]:
    """The check of a batch of 20 on its way out; ten instruments may be traded."""
    encoder = encode.OrderEncoder("linear", "mmfa-")
    encoder.add_instrument(0, "BTCUSDT", 1, 1, 3, 1)
    check = leaving.LeavingCheck("linear", "mmfa-", 10)
    commands = stages.commands(Op.PLACE)
    mid_x2 = commands[0].price_ticks + commands[-1].price_ticks
    for index, name in enumerate(("BTCUSDT", *(f"C{i:02d}USDT" for i in range(1, 10)))):
        check.allow(index, name, 1, 1, 3, 1, 10**9, 10**18, 10_000_000, 10_000_000)
        check.see(index, mid_x2, mid_x2)
    body = encoder.batch(Op.PLACE, commands)
    frame = encoder.batch_frame(Op.PLACE, commands, REQUEST_ID, stages.TIME_MS, stages.WINDOW_MS)
    return {
        "leaving_body_20": lambda: check.body(Op.PLACE, body),
        "leaving_frame_20": lambda: check.frame(Op.PLACE, frame),
    }


def fewer() -> dict[str, Operation]:
    """Nineteen orders: against these, a batch of twenty is a slowdown that the gate must find."""
    encoder = encode.OrderEncoder("linear", "mmfa-")
    encoder.add_instrument(0, "BTCUSDT", 1, 1, 3, 1)
    batch = stages.commands(Op.PLACE)[1:]
    return {FEWER: lambda: encoder.batch(Op.PLACE, batch)}


def books() -> dict[str, Operation]:
    """A whole round of frames is one operation."""
    shapes = {
        "book_16_depth_50": (50, frames.steady(50)),
        "book_16_depth_200": (200, frames.steady(200)),
        "book_level_1": (1, frames.steady(1)),
        "book_far_deltas": (50, frames.replaced(50, 100_000, snapshot=False)),
        "book_scattered": (50, frames.scattered(50, 12_000)),
    }
    made: dict[str, Operation] = {}
    for name, (depth, texts) in shapes.items():
        ours = book.Book("BTCUSDT", depth, 1, 1, 3, 1)

        def run(apply=ours.apply, texts=texts) -> None:
            for text in texts:
                apply(text)

        made[name] = run
    return made


def coalescing() -> dict[str, Operation]:
    """A tick of 80 commands, all put at once and drained."""
    rows = stages.intents(80)
    table = coalesce.IntentTable(80)

    def tick() -> object:
        put = table.put_fields
        for op, slot, flags, price_ticks, lots, client_id in rows:
            put(op, slot, flags, price_ticks, lots, client_id)
        return table.drain(80, 80, 80)

    return {"coalesce_80": tick}


def decimals() -> dict[str, Operation]:
    """A price both ways."""
    return {
        "parse_units": lambda: fixed.parse_units("65000.10", 1),
        "format_units": lambda: fixed.format_units(650_001, 1),
    }


def ticks() -> dict[str, Operation]:
    """The engine: ten books move, 80 commands leave as signed requests, the venue takes them all
    and shows them. Down and up, so that two operations in a row end where they began."""
    engine = InProcess()
    turn = itertools.count()

    def whole() -> None:
        batches, _ = engine.tick(engine.frames(5 if next(turn) % 2 else -5))
        engine.answer(batches)

    return {"engine_tick_80": whole}


@functools.cache
def private_tick() -> private_ticks.PrivateTicks:
    """The engine that hears what the venue did in a tick of 80 commands."""
    return private_ticks.ready()


@functools.cache
def order_tick() -> order_ticks.OrderTicks:
    """The engine with its trade socket, at a venue without sockets."""
    return order_ticks.OrderTicks()


@functools.cache
def shell_tick() -> shell_ticks.ShellTicks:
    """The parts of the shell that no order passes."""
    return shell_ticks.ShellTicks()


def preparations() -> dict[str, Operation]:
    """What has to happen before each run of an operation and is not counted."""
    return {
        "private_frames": private_tick().prepare,
        "send_batches": order_tick().decide,
        "batch_replies": order_tick().decide_and_send,
        "public_frames": shell_tick().prepare,
    }


def private_frames() -> dict[str, Operation]:
    """A tick's private stream, from the bytes of eight frames to the state of 80 orders."""
    return {"private_frames": private_tick().hear}


def orders() -> dict[str, Operation]:
    """A tick's four batches, from the wish to decide to the bytes of the trade socket, and its
    four replies, from their bytes to the states of 80 orders."""
    return {"send_batches": order_tick().send, "batch_replies": order_tick().hear}


def shell() -> dict[str, Operation]:
    """A tick's ten book frames from the socket to the books, its records in the journal, and what
    it adds to the histograms."""
    tick = shell_tick()
    return {"public_frames": tick.hear, "journal_tick": tick.record, "durations": tick.count}


def all_operations() -> dict[str, Operation]:
    """Everything that is counted, by name."""
    core = {**signing(), **encoding(), **leaving_checks(), **books(), **coalescing(), **decimals()}
    return {**core, **ticks(), **private_frames(), **orders(), **shell()}
