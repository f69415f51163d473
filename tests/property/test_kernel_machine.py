"""The kernel against a model venue and a bad network, checked after every step.

Invariants: no id is used for two orders (I1); every command is accounted for (I3); position plus
all that is or may become open stays within the limit of its side (I4); when the faults end,
engine and venue agree (I6); the rate limits hold (I7); one mutation of an order is in flight at
a time (I12). A failure names its seed.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from engine_world import MS, SECOND, book_frame, make_instrument, make_params
from hypothesis import given, settings
from hypothesis import strategies as st
from model_venue import ModelVenue, advance, foreign_order, leftover_order

from mmfast.engine.kernel import Kernel
from mmfast.engine.params import BatchParams, EngineParams, PlannerParams, RequoteBy
from mmfast.ids import ClientIds
from mmfast.messages import (
    Batch,
    BookFrame,
    BookReset,
    Mode,
    ModeChange,
    Op,
    Outcome,
    ReadAccount,
    ResolveOrder,
    Resubscribe,
    Severity,
    Stream,
    StreamState,
)

INSTRUMENTS = 3
MAX_POSITION = 35
LIMIT = 60
STREAM_LAG_NS = 2 * SECOND
"""An up private stream is late by at most this; a later one counts as down (the shell watches)."""


def params(*, batched: bool, requote_by: RequoteBy, parallel: int = 2) -> EngineParams:
    return make_params(
        INSTRUMENTS,
        symbol={"max_position_lots": MAX_POSITION, "levels": 2, "order_lots": 10},
        batch=BatchParams(enabled=batched, max_parallel_symbols=parallel),
        planner=PlannerParams(initial_limit=5, max_batch_orders=4, safety_percent=90),
        requote_by=requote_by,
    )


class World:
    """The kernel, the venue, and what lies between."""

    def __init__(self, seed: int, *, batched: bool, requote_by: RequoteBy) -> None:
        self.rng = random.Random(seed)
        self.venue = ModelVenue(self.rng, INSTRUMENTS, rate_limit=LIMIT)
        self.venue.now_ns = SECOND
        instruments = tuple(make_instrument(i) for i in range(INSTRUMENTS))
        self.instruments = instruments
        self.requote_by = requote_by
        self.batched = batched
        self.kernel = Kernel(
            instruments,
            params(batched=batched, requote_by=requote_by),
            ClientIds("mmt1", epoch=3),
        )
        self.mids = [100_000] * INSTRUMENTS
        self.updates = [0] * INSTRUMENTS
        self.reading_ns = -1
        self.placed: Counter[int] = Counter()
        self.unanswered: Counter[int] = Counter()
        self.sent: dict[tuple[Op, bool], list[tuple[int, int]]] = {}
        self.foreign = foreign_order(self.venue, 0)
        leftover_order(self.venue, 1)
        self.errors: list[str] = []

    # -- steps ------------------------------------------------------------------------

    def feed(self, event: object) -> None:
        self.kernel.on_event(event, self.venue.now_ns)  # type: ignore[arg-type]
        self._serve()

    def _serve(self) -> None:
        for request in self.kernel.take_requests():
            if isinstance(request, ResolveOrder):
                self.venue.ask(request)
            elif isinstance(request, ReadAccount):
                self.reading_ns = self.venue.now_ns
            elif isinstance(request, Resubscribe):
                self.feed(BookReset(request.instrument))
            elif request.severity is Severity.ERROR:
                self.errors.append(request.text)

    def book(self, instrument: int) -> None:
        mid = self.mids[instrument] = max(self.mids[instrument] + self.rng.randint(-30, 30), 50_000)
        self.updates[instrument] += 1
        symbol = self.instruments[instrument].symbol
        data = book_frame(symbol, mid - 2, mid + 2, self.updates[instrument])
        self.feed(BookFrame(instrument, data))

    def stream(self, stream: Stream, *, up: bool) -> None:
        if stream is Stream.PRIVATE:
            self.venue.private_up = up
            self.venue.up_since_ns = self.venue.now_ns
            if not up:
                self.venue.stream.clear()
        self.feed(StreamState(stream, up))

    def read_account(self) -> None:
        if self.reading_ns >= 0 and self.venue.private_up:
            asked_ns, self.reading_ns = self.reading_ns, -1
            self.feed(self.venue.snapshot(max(asked_ns, self.venue.up_since_ns)))

    def flush(self) -> None:
        batches = self.kernel.flush(self.venue.now_ns)
        self._serve()
        for batch in batches:
            reason = self.kernel.last_look(batch, self.venue.now_ns)
            assert not reason, f"a batch fresh from a flush must pass the last look: {reason}"
            self._note(batch)
            self.venue.send(batch)

    def _note(self, batch: Batch) -> None:
        for command in batch.commands:
            if batch.op is Op.PLACE:
                self.placed[command.client_id] += 1
            self.unanswered[command.client_id] += 1
        row = self.sent.setdefault((batch.op, batch.single), [])
        row.append((self.venue.now_ns, len(batch.commands)))

    def deliver_reply(self, index: int) -> None:
        answer = self.venue.replies.pop(index)
        for command, item in zip(answer.batch.commands, answer.items, strict=True):
            self.unanswered[command.client_id] -= 1
            if item.outcome is Outcome.NOT_SENT and answer.batch.op is Op.PLACE:
                assert command.client_id not in self.venue.orders
        self.feed(answer)

    def deliver_stream(self) -> None:
        if self.venue.stream:
            self.feed(self.venue.stream.popleft()[1])

    def ask(self) -> None:
        for row in self.venue.answers():
            self.feed(row)

    def reconfigure(self) -> None:
        self.batched = not self.batched
        chosen = params(
            batched=self.batched, requote_by=self.requote_by, parallel=self.rng.choice([1, 3])
        )
        self.kernel.reconfigure(chosen, self.venue.now_ns)

    def step(self) -> None:
        rng, venue = self.rng, self.venue
        advance(venue, rng.choice([0, 0.2, 1, 5, 20, 60]))
        while venue.stream and venue.stream[0][0] < venue.now_ns - STREAM_LAG_NS:
            self.deliver_stream()
        action = rng.random()
        if action < 0.25:
            self.book(rng.randrange(INSTRUMENTS))
        elif action < 0.45:
            self.flush()
        elif action < 0.62:
            venue.step_wire()
        elif action < 0.74 and venue.replies:
            self.deliver_reply(rng.randrange(len(venue.replies)))
        elif action < 0.88:
            self.deliver_stream()
        elif action < 0.92:
            venue.fill_something()
        elif action < 0.95:
            self.ask()
        elif action < 0.97:
            self.read_account()
        else:
            self.rare()

    def rare(self) -> None:
        rng = self.rng
        kind = rng.randrange(8)
        if kind == 0:
            self.stream(Stream.PRIVATE, up=not self.venue.private_up)
        elif kind == 1 and not self.venue.private_up:
            self.stream(Stream.PRIVATE, up=True)
        elif kind == 2:
            self.reconfigure()
        elif kind == 3:
            self.feed(BookReset(rng.randrange(INSTRUMENTS)))
        elif kind == 4:
            mode = rng.choice([Mode.REDUCE_ONLY, Mode.DRAINING, Mode.HALTED, Mode.SYNCING])
            self.feed(ModeChange(mode, "test"))
        elif kind == 5 or kind == 6:
            self.feed(ModeChange(Mode.TRADING, "test"))
        else:
            advance(self.venue, rng.choice([200, 1500, 4000]))

    # -- what must hold ---------------------------------------------------------------

    def check(self) -> None:
        kernel, venue = self.kernel, self.venue
        assert all(count == 1 for count in self.placed.values()), "I1: an id was placed twice"
        assert all(count <= 1 for count in self.unanswered.values()), "I12: two in flight"
        orders = kernel._orders
        assert orders.open_lots == orders.recount(), "worst-case sums must equal a recount"
        for instrument in range(INSTRUMENTS):
            for side in (0, 1):
                worst = venue.worst_side(instrument, side)
                assert worst <= MAX_POSITION, f"I4: {worst} lots could be held on side {side}"
        self._check_rates()
        assert venue.throttled == 0, "I7: the venue had to throttle us"
        assert not self.errors
        assert self.foreign.is_open or self.foreign.cum_lots == self.foreign.lots
        self._check_accounts()

    def _check_rates(self) -> None:
        horizon = self.venue.now_ns - SECOND
        for key, rows in self.sent.items():
            recent = [row for row in rows if row[0] > horizon]
            self.sent[key] = recent
            usable = LIMIT * 90 // 100
            total = sum(count for _, count in recent)
            assert total <= usable, f"I7: {key} sent {total} in a second"

    def _check_accounts(self) -> None:
        c = self.kernel.counters
        held = len(self.kernel._bus)
        gone = sum(c.coalesced) + sum(c.refused.values()) + c.obsolete
        assert sum(c.wanted) == sum(c.sent) + gone + held, "I3: a command is unaccounted for"

    def settle(self) -> None:
        """The faults end; a while later engine and venue must agree on everything."""
        self.venue.faults = False
        self.feed(ModeChange(Mode.TRADING, "settle"))
        if not self.venue.private_up:
            self.stream(Stream.PRIVATE, up=True)
        for turn in range(400):
            advance(self.venue, 50)
            if turn < 390 and turn % 20 == 0:
                for instrument in range(INSTRUMENTS):
                    self.book(instrument)
            while self.venue.stream:
                self.deliver_stream()
            while self.venue.replies:
                self.deliver_reply(0)
            self.ask()
            self.read_account()
            self.flush()
            for _ in range(len(self.venue.wire)):
                self.venue.step_wire()
            self.check()

    def check_agreement(self) -> None:
        kernel, venue = self.kernel, self.venue
        view = kernel.view(venue.now_ns)
        assert view.mode is Mode.TRADING
        assert view.unknown == 0
        assert view.in_flight == 0
        own = {
            (order.client_id, order.side, order.price_ticks, order.leaves_lots)
            for order in kernel._orders
        }
        assert own == venue.own_open(), "I6: open orders differ"
        assert [v.position_lots for v in view.instruments] == venue.positions, "I5: positions"
        assert not kernel._orders.unbooked()
        assert all(order.slot >= 0 for order in kernel._orders), (
            "orders nobody wants must have been cancelled"
        )


def run(seed: int, *, batched: bool, requote_by: RequoteBy, steps: int = 700) -> World:
    world = World(seed, batched=batched, requote_by=requote_by)
    world.stream(Stream.PRIVATE, up=True)
    world.stream(Stream.PUBLIC, up=True)
    for _ in range(steps):
        world.step()
        world.check()
    world.settle()
    world.check_agreement()
    return world


@pytest.mark.parametrize("requote_by", list(RequoteBy))
@pytest.mark.parametrize("batched", [True, False])
@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_engine_stays_true_to_the_venue_whatever_happens(
    batched: bool, requote_by: RequoteBy, seed: int
) -> None:
    run(seed, batched=batched, requote_by=requote_by)


def test_the_runs_are_worth_something() -> None:
    """Each kind of event the invariants are about must have happened in these runs."""
    seen: Counter[str] = Counter()
    for seed in range(4):
        c = run(seed, batched=True, requote_by=RequoteBy.REPLACE).kernel.counters
        seen += Counter(
            fills=c.fills,
            unknown=c.unknown,
            gone=c.gone,
            not_sent=c.not_sent,
            rejects=sum(c.reject_codes.values()),
            placed=c.orders_placed,
            cancelled=c.orders_cancelled,
            coalesced=sum(c.coalesced),
            modes=c.mode_changes,
            open_position=c.refused.get("open_position", 0),
        )
    floor = {"placed": 50, "cancelled": 20, "fills": 10, "coalesced": 10, "modes": 4, "unknown": 5}
    for name in (*floor, "gone", "not_sent", "rejects", "open_position"):
        assert seen[name] >= floor.get(name, 1), (name, seen)


def test_equal_seeds_give_equal_runs() -> None:
    def story(seed: int) -> list[object]:
        world = run(seed, batched=True, requote_by=RequoteBy.AMEND, steps=300)
        c = world.kernel.counters
        return [sorted(world.placed), c.sent, c.calls, c.fills, world.venue.own_open()]

    assert story(11) == story(11)
    assert 5 * MS < SECOND  # units of this module: a run spans many rate windows
