"""A tiny exchange with an unreliable network round it, to drive the kernel with.

It knows nothing of the engine but its messages. Requests may be lost, refused, cut short, or
applied long after their reply was given up; replies and stream events come late, twice and out
of order. Everything is drawn from one seeded generator.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from engine_world import IDS, MS, SECOND, execution, order_update, position, reply
from msgspec.structs import replace

from mmfast.messages import (
    AccountSnapshot,
    Batch,
    BatchReply,
    Command,
    Flag,
    Op,
    OrderAbsent,
    OrderStatus,
    Outcome,
    RateInfo,
    ResolveOrder,
)

RECV_WINDOW_NS = 2 * SECOND
EXPIRY_NS = RECV_WINDOW_NS + SECOND
RATE_LIMIT_CODE = 10006


@dataclass
class Resting:
    """One order at the venue."""

    client_id: int
    instrument: int
    side: int
    price_ticks: int
    lots: int
    cum_lots: int = 0
    status: OrderStatus = OrderStatus.WORKING
    updated_ms: int = 0
    foreign: bool = False

    @property
    def is_open(self) -> bool:
        return not self.status.is_final

    @property
    def leaves(self) -> int:
        return self.lots - self.cum_lots if self.is_open else 0


@dataclass
class Flight:
    """One batch on the wire. ``answered`` ones may still be applied until they expire."""

    batch: Batch
    sent_ns: int
    answered: bool = False


@dataclass
class ModelVenue:
    """The truth, and what is on its way from and to it."""

    rng: random.Random
    instruments: int
    rate_limit: int = 100
    faults: bool = True
    now_ns: int = 0
    orders: dict[int, Resting] = field(default_factory=dict)
    positions: list[int] = field(default_factory=list)
    position_seq: list[int] = field(default_factory=list)
    executions: list[Any] = field(default_factory=list)
    wire: list[Flight] = field(default_factory=list)
    replies: list[BatchReply] = field(default_factory=list)
    stream: deque[Any] = field(default_factory=deque)
    questions: dict[int, int] = field(default_factory=dict)
    absences: Counter[int] = field(default_factory=Counter)
    spent: dict[tuple[Op, bool], list[int]] = field(default_factory=dict)
    private_up: bool = False
    up_since_ns: int = 0
    ms: int = 1_700_000_000_000
    seq: int = 0
    throttled: int = 0

    def __post_init__(self) -> None:
        self.positions = [0] * self.instruments
        self.position_seq = [-1] * self.instruments

    # -- requests ---------------------------------------------------------------------

    def send(self, batch: Batch) -> None:
        self.wire.append(Flight(batch, self.now_ns))

    def step_wire(self) -> None:
        """Something happens to one random request."""
        self.wire = [f for f in self.wire if not (f.answered and self._expired(f))]
        if not self.wire:
            return
        flight = self.rng.choice(self.wire)
        fate = self.rng.random() if self.faults else 1.0
        if flight.answered:
            self.wire.remove(flight)
            self._apply(flight)  # after its reply was given up: the engine must not have guessed
        elif self._expired(flight):
            self.wire.remove(flight)
            self._answer(flight, Outcome.UNKNOWN)
        elif fate < 0.04:
            flight.answered = True
            self._answer(flight, Outcome.UNKNOWN)
        elif fate < 0.08:
            self.wire.remove(flight)
            self._apply(flight)
            self._answer(flight, Outcome.UNKNOWN)
        elif fate < 0.11:
            self.wire.remove(flight)
            self._answer(flight, Outcome.NOT_SENT)
        else:
            self.wire.remove(flight)
            self.replies.append(
                reply(flight.batch, self._apply(flight), flight.sent_ns, rate=self._rate(flight))
            )

    def _expired(self, flight: Flight) -> bool:
        return self.now_ns > flight.sent_ns + RECV_WINDOW_NS

    def _answer(self, flight: Flight, outcome: Outcome) -> None:
        self.replies.append(reply(flight.batch, outcome, flight.sent_ns))

    def _rate(self, flight: Flight) -> RateInfo:
        used = len(self._window(flight.batch))
        return RateInfo(self.rate_limit, max(self.rate_limit - used, 0), -1)

    def _window(self, batch: Batch) -> list[int]:
        key = (batch.op, batch.single)
        kept = [at for at in self.spent.get(key, []) if at > self.now_ns - SECOND]
        self.spent[key] = kept
        return kept

    def _apply(self, flight: Flight) -> list[Outcome]:
        window = self._window(flight.batch)
        outcomes = []
        for command in flight.batch.commands:
            if len(window) >= self.rate_limit:
                self.throttled += 1
                outcomes.append(Outcome.THROTTLED)
                continue
            window.append(self.now_ns)
            if self.faults and self.rng.random() < 0.02:
                outcomes.append(Outcome.REJECT)
                continue
            outcomes.append(self._apply_one(command))
        return outcomes

    def _apply_one(self, command: Command) -> Outcome:
        if command.op is Op.PLACE:
            assert command.client_id not in self.orders, "I1: an id was used for two orders"
            order = Resting(
                command.client_id,
                command.instrument,
                command.side,
                command.price_ticks,
                command.lots,
            )
            self.orders[order.client_id] = order
            if self.faults and self.rng.random() < 0.05:
                order.status = OrderStatus.CANCELLED  # post-only, it would have crossed
                self._tell(order, reject_reason="EC_PostOnlyWillTakeLiquidity")
            else:
                self._tell(order)
            return Outcome.ACK
        order = self.orders.get(command.client_id)
        if order is None or not order.is_open:
            return Outcome.GONE
        if command.op is Op.CANCEL:
            order.status = OrderStatus.CANCELLED
        else:
            if command.lots <= order.cum_lots:
                return Outcome.REJECT
            if command.flags & Flag.AMEND_PRICE:
                order.price_ticks = command.price_ticks
            if command.flags & Flag.AMEND_QTY:
                order.lots = command.lots
        self._tell(order)
        return Outcome.ACK

    # -- the market -------------------------------------------------------------------

    def fill(self, order: Resting, lots: int) -> None:
        order.cum_lots += lots
        whole = order.cum_lots == order.lots
        order.status = OrderStatus.FILLED if whole else OrderStatus.PARTIALLY_FILLED
        self.seq += 1
        self.positions[order.instrument] += lots * (1 - 2 * order.side)
        self.position_seq[order.instrument] = self.seq
        row = execution(
            0 if order.foreign else order.client_id,
            f"exec-{self.seq}",
            lots,
            instrument=order.instrument,
            side=order.side,
            price_ticks=order.price_ticks,
            seq=self.seq,
            exec_ms=self.ms,
        )
        self.executions.append(row)
        self._tell(order)
        self._emit(row)
        self._emit(self.position_row(order.instrument))

    def fill_something(self) -> None:
        own = self.orders.values()
        resting = [order for order in own if order.is_open and not order.foreign]
        if resting:
            order = self.rng.choice(resting)
            self.fill(order, self.rng.randint(1, order.leaves))

    def position_row(self, instrument: int) -> Any:
        return position(
            self.positions[instrument],
            self.position_seq[instrument],
            abs(self.positions[instrument]) * 100_000 * 10_000,
            instrument,
        )

    # -- what it tells ----------------------------------------------------------------

    def row(self, order: Resting, reject_reason: str = "") -> Any:
        return order_update(
            0 if order.foreign else order.client_id,
            order.status,
            instrument=order.instrument,
            side=order.side,
            price_ticks=order.price_ticks,
            lots=order.lots,
            cum_lots=order.cum_lots,
            leaves_lots=order.leaves,
            updated_ms=order.updated_ms,
            reject_reason=reject_reason,
            venue_id=f"venue-{order.client_id}",
        )

    def _tell(self, order: Resting, reject_reason: str = "") -> None:
        self.ms += 1
        order.updated_ms = self.ms
        self._emit(self.row(order, reject_reason))

    def _emit(self, row: Any) -> None:
        if not self.private_up:
            return
        self.stream.append((self.now_ns, row))
        if self.faults and self.rng.random() < 0.1:
            self.stream.append((self.now_ns, row))
        if self.faults and self.rng.random() < 0.1 and len(self.stream) > 1:
            self.stream[-1], self.stream[-2] = self.stream[-2], self.stream[-1]

    def snapshot(self, asked_ns: int) -> AccountSnapshot:
        return AccountSnapshot(
            orders=tuple(self.row(order) for order in self.orders.values() if order.is_open),
            executions=tuple(self.executions[-500:]),
            positions=tuple(self.position_row(i) for i in range(self.instruments)),
            asked_ns=asked_ns,
        )

    # -- questions --------------------------------------------------------------------

    def ask(self, request: ResolveOrder) -> None:
        known = self.questions.get(request.client_id, 0)
        self.questions[request.client_id] = max(known, request.sent_ns)

    def answers(self) -> list[Any]:
        """What queries would tell now: the order's row, or after its expiry the proof."""
        rows: list[Any] = []
        for client_id, sent_ns in list(self.questions.items()):
            void = self.now_ns > max(sent_ns + EXPIRY_NS, self.up_since_ns) and self.private_up
            order = self.orders.get(client_id)
            if order is not None:
                own = [row for row in self.executions if row.client_id == client_id]
                rows += [*own, replace(self.row(order), asked_ns=self.now_ns)]
                if void or not order.is_open:
                    del self.questions[client_id]
            elif void:
                self.absences[client_id] += 1
                if self.absences[client_id] >= 2:
                    del self.questions[client_id]
                    rows.append(OrderAbsent(client_id=client_id, evidence="model"))
        return rows

    def worst_side(self, instrument: int, side: int) -> int:
        """Position on one side, if all that is open or may yet become open were filled."""
        sizes = {
            order.client_id: order.leaves
            for order in self.orders.values()
            if order.instrument == instrument and order.side == side and not order.foreign
        }
        for flight in self.wire:
            if flight.answered and self._expired(flight):
                continue
            for command in flight.batch.commands:
                if command.instrument != instrument or command.side != side:
                    continue
                known = self.orders.get(command.client_id)
                if command.op is Op.PLACE and known is None:
                    sizes[command.client_id] = command.lots
                elif command.op is Op.AMEND and known is not None and known.is_open:
                    raised = max(command.lots, known.lots) - known.cum_lots
                    sizes[command.client_id] = max(sizes[command.client_id], raised)
        return self.positions[instrument] * (1 - 2 * side) + sum(sizes.values())

    def own_open(self) -> set[tuple[int, int, int, int]]:
        return {
            (order.client_id, order.side, order.price_ticks, order.leaves)
            for order in self.orders.values()
            if order.is_open and not order.foreign
        }


def foreign_order(venue: ModelVenue, instrument: int) -> Resting:
    """An order of somebody else on the same account."""
    order = Resting(-1 - len(venue.orders), instrument, 0, 99_000, 7, foreign=True)
    venue.orders[order.client_id] = order
    return order


LEFTOVER_ID = IDS.parse(IDS.head + f"{(2 << 32) | 5:016x}")


def leftover_order(venue: ModelVenue, instrument: int) -> Resting:
    """An order of an earlier run of ours."""
    order = Resting(LEFTOVER_ID, instrument, 1, 101_000, 3, cum_lots=1)
    venue.orders[order.client_id] = order
    return order


def advance(venue: ModelVenue, ms: float) -> None:
    """Time passes."""
    venue.now_ns += int(ms * MS)
    venue.ms += max(int(ms), 0)
