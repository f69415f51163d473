"""The table of intents: whatever is asked of it, in whatever order, it answers as its twin."""

from __future__ import annotations

import oracle_coalesce
from answers import answer
from byte_program import Draws
from fuzzer import Target

from mmfast._core import coalesce

SLOTS = 6
REFUSALS = frozenset({"ValueError", "OverflowError", "TypeError"})
#: Verbs by a byte modulo 16: mostly puts, or every sequence would soon be empty.
VERBS = ("put",) * 7 + ("put_fields",) * 2 + ("drain",) * 3
VERBS += ("clear", "clear_all", "set_amend_replaces", "peek")


class Intents(Target):
    """Bytes as a program of calls. The tables live on, emptied, so that what an earlier program
    left behind would show."""

    seeds = (bytes(range(64)), bytes(64), bytes(range(0, 256, 3)), bytes(range(255, 0, -2)))
    #: A cancel, a place and an amend of slot 0, and a drain of all.
    tokens = (
        b"\x00\x00\x00\x00\x00\x00\x00\x05",
        b"\x00\x02\x00\x01\x07\x07\x00\x06",
        b"\x00\x01\x00\x30\x08\x08\x00\x05",
        b"\x09\x09\x09\x09",
    )
    kept_size = 100
    reaches = frozenset({"+drained", "+left", "+refused"})

    def __init__(self) -> None:
        self._core = coalesce.IntentTable(SLOTS)
        self._twin = oracle_coalesce.IntentTable(SLOTS)

    def check(self, data: bytes) -> str:
        core, twin = self._core, self._twin
        for table in (core, twin):
            table.clear_all()
            table.set_amend_replaces(False)
        draws = Draws(data)
        saved, refused, put_count, out_count = core.saved, False, 0, 0
        while draws.left() > 0:
            name, *arguments = _call(draws)
            found = answer(getattr(core, name), *arguments)
            said = answer(getattr(twin, name), *arguments)
            if isinstance(found, str):
                assert said in REFUSALS, (name, arguments)
                refused = True
                continue
            assert found == said, (name, arguments)
            put_count += name in ("put", "put_fields")
            out_count += len(found) if name == "drain" else 0
            out_count += found if name in ("clear", "clear_all") else 0
            assert len(core) == len(twin)
        assert put_count == out_count + core.saved - saved + len(core), "lost or doubled"
        return self._finish(out_count, refused)

    def _finish(self, out_count: int, refused: bool) -> str:
        core, twin = self._core, self._twin
        for slot in range(SLOTS):
            assert core.peek(slot) == twin.peek(slot)
        for op in range(3):
            assert core.count(op) == twin.count(op)
        assert core.saved == twin.saved
        left = core.drain(9, 9, 9)
        assert left == twin.drain(9, 9, 9)
        # Whatever was held, one slot's cancel is out before its place.
        order = [command[0] for command in left]
        assert order == sorted(order)
        assert len(core) == 0
        return "+refused" if refused else "+drained" if out_count else "+left"


def _call(draws: Draws) -> tuple:
    name = draws.pick(VERBS)
    if name in ("put", "put_fields"):
        return (name, *_terms(draws))
    if name == "drain":
        return name, draws.byte() % 5 - 1, draws.byte() % 5 - 1, draws.doubtful(draws.byte() % 4)
    if name == "set_amend_replaces":
        return name, bool(draws.byte() & 1)
    if name == "clear_all":
        return (name,)
    return name, draws.doubtful(draws.byte() % (SLOTS + 1))


def _terms(draws: Draws) -> tuple:
    """Operation, slot, flags, price, lots and client id; the last but one may be anything."""
    op, slot, flags = draws.byte() % 4, draws.byte() % SLOTS, draws.byte() & 63
    price, kind = draws.byte() + 1, draws.byte()
    terms = [op, slot, flags, price, draws.byte() + 1, draws.byte() + 1]
    if op == 3:
        terms[0] = draws.pick((0, 1, 2))
    if kind == 255:
        terms[draws.byte() % 6] = draws.doubtful(2**40)
    return tuple(terms)
