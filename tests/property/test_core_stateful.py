"""Stateful properties: compiled and twin are driven step by step and never part."""

from __future__ import annotations

import oracle_book
import oracle_coalesce
from answers import answer
from book_frames import frame
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mmfast._core import book, coalesce

SLOTS = 6
SLOT = st.integers(0, SLOTS - 1)
FLAGS = st.sampled_from([0, 1, 2, 4, 8, 9, 16, 32, 48, 56])
LIMIT = st.integers(-1, 4)


class Intent(RuleBasedStateMachine):
    """Any sequence of puts, clears and drains."""

    @initialize(amend_replaces=st.booleans())
    def create(self, amend_replaces):
        self.core = coalesce.IntentTable(SLOTS, amend_replaces)
        self.twin = oracle_coalesce.IntentTable(SLOTS, amend_replaces)
        self.put_count = self.out_count = 0

    def both(self, name, *arguments):
        found = getattr(self.core, name)(*arguments)
        assert found == getattr(self.twin, name)(*arguments)
        return found

    @rule(
        op=st.integers(0, 2),
        slot=SLOT,
        flags=FLAGS,
        price=st.integers(1, 99),
        lots=st.integers(1, 99),
        client_id=st.integers(1, 2**63 - 1),
    )
    def put(self, op, slot, flags, price, lots, client_id):
        self.both("put", op, slot, flags, price, lots, client_id)
        self.put_count += 1

    @rule(
        op=st.integers(0, 2),
        slot=SLOT,
        flags=FLAGS,
        terms=st.tuples(*[st.integers(1, 99)] * 3),
    )
    def put_fields(self, op, slot, flags, terms):
        self.both("put_fields", op, slot, flags, *terms)
        self.put_count += 1

    @rule(op=st.integers(0, 2), limit=LIMIT)
    def take_all(self, op, limit):
        self.both("open_drain", op, limit)
        while self.both("take"):
            self.compare_taken()

    def compare_taken(self):
        for name in ("op", "slot", "flags", "price_ticks", "lots", "client_id"):
            assert getattr(self.core, f"taken_{name}") == getattr(self.twin, f"taken_{name}")
        self.out_count += 1

    @rule(op=st.integers(0, 2), slot=SLOT)
    def take_at(self, op, slot):
        if self.both("take_at", op, slot):
            self.compare_taken()

    @rule(slot=SLOT, flags=FLAGS, client_id=st.integers(1, 99))
    def split(self, slot, flags, client_id):
        self.put_count += self.both("split", slot, flags, client_id)

    @rule(op=st.integers(0, 2), slot=SLOT)
    def what_is_taken_by_slot_ends_an_open_drain(self, op, slot):
        self.core.open_drain(op, SLOTS)
        self.take_at(op, slot)
        assert not self.core.take()

    @rule(limits=st.tuples(LIMIT, LIMIT, LIMIT))
    def drain(self, limits):
        drained = self.both("drain", *limits)
        self.out_count += len(drained)
        for op, limit in enumerate(limits):
            assert sum(command[0] == op for command in drained) <= max(limit, 0)
        # A place of a slot never goes before the cancel of the same slot.
        places = {command[1] for command in drained if command[0] == coalesce.PLACE}
        assert not any(
            command[0] == coalesce.CANCEL for slot in places for command in self.core.peek(slot)
        )

    @rule(slot=SLOT)
    def clear(self, slot):
        self.out_count += self.both("clear", slot)

    @rule()
    def clear_all(self):
        self.out_count += self.both("clear_all")

    @rule(value=st.booleans())
    def switch(self, value):
        self.both("set_amend_replaces", value)

    @invariant()
    def nothing_is_lost_or_doubled(self):
        assert len(self.core) == len(self.twin)
        assert self.core.saved == self.twin.saved
        assert self.put_count == self.out_count + self.core.saved + len(self.core)
        for slot in range(SLOTS):
            self.both("peek", slot)
        assert sum(self.both("count", op) for op in range(3)) == len(self.core)
        self.both("urgent_cancels")
        self.both("held_slots")


# A narrow price range, so that levels meet; prices and sizes off the grid now and then.
PRICE = st.integers(1, 30).map(str) | st.sampled_from(["0.5", "7.5", "0", "12.50", "x"])
SIZE = st.integers(0, 4).map(str) | st.sampled_from(["0.001", "2.5000", "0.0001"])
LEVELS = st.lists(st.tuples(PRICE, SIZE), max_size=8)
GOOD = st.lists(st.tuples(st.integers(1, 30).map(str), st.integers(0, 4).map(str)), max_size=8)


class Levels(RuleBasedStateMachine):
    """Any sequence of snapshots, deltas, gaps and malformed frames."""

    @initialize(depth=st.sampled_from([1, 3, 50]))
    def create(self, depth):
        self.depth = depth
        self.core = book.Book("X", depth, 1, 5, 3, 1)
        self.twin = oracle_book.Book("X", depth, 1, 5, 3, 1)
        self.u = 10

    def apply(self, data):
        found = answer(self.core.apply, data)
        assert found == answer(self.twin.apply, data)
        return found

    def frame(self, kind, u, bids, asks, **others):
        return frame(kind, u, bids, asks, symbol="X", depth=self.depth, **others)

    @rule(bids=GOOD, asks=GOOD, back=st.integers(0, 2))
    def snapshot(self, bids, asks, back):
        self.u = max(self.u - back, 2)
        assert isinstance(self.apply(self.frame("snapshot", self.u, bids, asks)), int)

    @rule(bids=GOOD, asks=GOOD, ts_first=st.booleans())
    def delta(self, bids, asks, ts_first):
        self.u += 1
        self.apply(self.frame("delta", self.u, bids, asks, ts_first=ts_first, seq=self.u * 3))

    @rule(bids=LEVELS, asks=LEVELS)
    def doubtful_delta(self, bids, asks):
        if isinstance(self.apply(self.frame("delta", self.u + 1, bids, asks)), int):
            self.u += 1

    @rule(kind=st.sampled_from(["snapshot", "delta"]), bids=GOOD, asks=GOOD)
    def restart(self, kind, bids, asks):
        self.u = 1
        assert isinstance(self.apply(self.frame(kind, 1, bids, asks)), int)

    @rule(step=st.integers(-3, 3))
    def gap(self, step):
        self.apply(self.frame("delta", max(self.u + step, 2), [("1", "1")], []))
        self.u = self.core.update_id

    @rule()
    def reset(self):
        self.core.reset()
        self.twin.reset()
        self.u = 10

    @invariant()
    def the_books_are_the_same(self):
        names = ("valid", "update_id", "seq", "ts_ms", "cts_ms", "bid_ticks", "bid_lots")
        for name in (*names, "ask_ticks", "ask_lots", "bid_count", "ask_count"):
            assert getattr(self.core, name) == getattr(self.twin, name), name
        for name in ("mid_x2", "microprice_x256", "crossed"):
            assert getattr(self.core, name)() == getattr(self.twin, name)(), name
        for side in (0, 1):
            assert self.core.levels(side, 99) == self.twin.levels(side, 99)
            assert len(self.core.levels(side, 99)) <= self.depth
            for ticks in (0, 1, 4, 20, 61):
                assert self.core.lots_at(side, ticks) == self.twin.lots_at(side, ticks)
                assert self.core.lots_better(side, ticks) == self.twin.lots_better(side, ticks)


# Clusters that lie near, on the border of and far beyond each other, seen from the book's window.
FAR_PRICE = st.builds(
    lambda base, step: str(max(base + step, 1)),
    st.sampled_from([1, 500, 1536, 2048, 2560, 4096, 9000, 1_000_000, 2**52 - 30]),
    st.integers(-40, 29),
)
FAR = st.lists(st.tuples(FAR_PRICE, st.integers(0, 2).map(str)), max_size=8)
FAR_BEST_FIRST = st.lists(FAR_PRICE, unique_by=int, max_size=18)


class FarLevels(Levels):
    """The same with prices thousands of ticks apart, and bests that jump between them."""

    @rule(bids=FAR, asks=FAR)
    def far_delta(self, bids, asks):
        self.u += 1
        self.apply(self.frame("delta", self.u, bids, asks))

    @rule(bids=FAR_BEST_FIRST, asks=FAR_BEST_FIRST)
    def far_snapshot(self, bids, asks):
        ordered = [[(p, "1") for p in sorted(side, key=int)] for side in (bids, asks)]
        data = self.frame("snapshot", self.u, ordered[0][::-1], ordered[1])
        assert isinstance(self.apply(data), int)

    @rule(levels=st.integers(0, 40), down=st.booleans())
    def everything_goes(self, levels, down):
        """Deletes of what is there, from one end: the best, or the far ones first."""
        self.u += 1
        sides = []
        for side in (0, 1):
            held = self.core.levels(side, 99)[:: -1 if down else 1][:levels]
            sides.append([(f"{ticks * 5 // 10}.{ticks * 5 % 10}", "0") for ticks, _ in held])
        self.apply(self.frame("delta", self.u, *sides))

    @invariant()
    def far_sizes_are_the_same(self):
        for side in (0, 1):
            for ticks in (*(t for t, _ in self.twin.levels(side, 99)), 2**53, 2**63 - 1, -(2**63)):
                for at in {min(ticks + step, 2**63 - 1) for step in (0, 1, 4096)}:
                    assert self.core.lots_at(side, at) == self.twin.lots_at(side, at)
                    assert self.core.lots_better(side, at) == self.twin.lots_better(side, at)


STEPS = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestIntent = Intent.TestCase
TestIntent.settings = STEPS
TestLevels = Levels.TestCase
TestLevels.settings = STEPS
TestFarLevels = FarLevels.TestCase
TestFarLevels.settings = STEPS
