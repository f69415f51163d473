"""The shadow plan: what the commands of a tick would cost if they were sent the other way.

A pure function of what a tick really sends: no second engine runs, nothing is sent, and equal
ticks give equal figures. Where the budget is plentiful the figure is what a twin engine with the
other policy would send on the same events. Where it is short, what each way has spent within the
last second counts, and the time says how long the rest would wait; later ticks owe it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from mmfast._core.acks import Accepted
from mmfast.engine.params import BatchParams, EngineParams
from mmfast.engine.planning.bucket import WINDOW_NS
from mmfast.engine.planning.planner import policy_of
from mmfast.messages import Batch, BatchReply, Op, Outcome

_OPS: Final = tuple(Op)
_BUCKETS: Final = 2 * len(_OPS)
_NOTHING: Final = (0,) * _BUCKETS
_MOST_KINDS: Final = 64
"""Kinds of ticks that are counted before they are costed."""
_SMOOTH: Final = 8
"""Of each new round trip an eighth goes into the estimate."""


class Cost(NamedTuple):
    """What one way of sending takes; lists are indexed by ``op * 2 + single``."""

    calls: list[int]
    orders: list[int]
    """Paid from each of the six budgets."""
    time_ns: int
    """From the first byte to the last reply, as estimated."""


def orders_by_op(batches: Sequence[Batch]) -> list[int]:
    """How many commands of each operation a tick sends."""
    orders = [0] * len(_OPS)
    for batch in batches:
        orders[batch.op] += len(batch.commands)
    return orders


def cost_of(
    orders: Sequence[int],
    batch: BatchParams,
    max_batch_orders: int,
    limits: Sequence[int],
    round_trip_ns: int,
    spent: Sequence[int] = _NOTHING,
) -> Cost:
    """The calls for ``orders`` of each operation under the policy that ``batch`` asks for.

    Batches leave at once and share one round trip, single calls of the sequential policy wait for
    each other. ``limits`` are orders per rolling second by operation, of either form, and ``spent``
    what this way has paid from the six budgets within the last one: what a policy that spills has
    beyond them goes by single calls, what is still beyond waits whole windows, and the windows of
    the operations pass side by side.
    """
    policy = policy_of(batch)
    calls, paid = [0] * _BUCKETS, [0] * _BUCKETS
    waits = 0
    for op, count in enumerate(orders):
        limit = max(limits[op], 1)
        packs, spills = policy.packs(op), policy.spills(op, urgent=False)
        single = 0 if packs else count
        if spills:
            beyond = max(spent[op * 2] + count - limit, 0)
            single = min(beyond, count, max(limit - spent[op * 2 + 1], 0))
        together = count - single
        calls[op * 2], calls[op * 2 + 1] = -(-together // max_batch_orders), single
        paid[op * 2], paid[op * 2 + 1] = together, single
        if count:
            before = spent[op * 2] * packs + spent[op * 2 + 1] * (spills or not packs)
            waits = max(waits, -(-(before + count) // (limit * (1 + spills))) - 1)
    trips = sum(calls)
    if batch.enabled:
        trips = min(trips, 1)
    return Cost(calls, paid, trips * round_trip_ns + waits * WINDOW_NS)


class _Spending:
    """What one way of sending has paid from its six budgets within the last second."""

    __slots__ = ("_paid", "sums")

    def __init__(self) -> None:
        self.sums = [0] * _BUCKETS
        self._paid: deque[tuple[int, Sequence[int]]] = deque()

    def forget(self, now_ns: int) -> None:
        """What was paid more than a second ago."""
        while self._paid and self._paid[0][0] + WINDOW_NS <= now_ns:
            for bucket, orders in enumerate(self._paid.popleft()[1]):
                self.sums[bucket] -= orders

    def pay(self, paid: Sequence[int], now_ns: int) -> None:
        """So many orders from each budget."""
        self._paid.append((now_ns, paid))
        for bucket, orders in enumerate(paid):
            self.sums[bucket] += orders


class ShadowBook:
    """Adds up the cost of both policies over the ticks of a run. What the venue's replies tell
    (limits, round trips) is learned here.

    Ticks for which no budget is short, and that differ in nothing but the round trip, are only
    counted, and costed together when somebody wants to know: nobody reads the totals as often as
    the engine ticks.
    """

    __slots__ = (
        "_limits",
        "_planner",
        "_round_trip_ns",
        "_spending",
        "_totals",
        "_uncosted",
        "_ways",
        "ticks",
    )

    def __init__(self, params: EngineParams) -> None:
        self.ticks = 0
        self._totals = {
            enabled: Cost([0] * _BUCKETS, [0] * _BUCKETS, 0) for enabled in (True, False)
        }
        self._uncosted: dict[tuple[int, ...], tuple[int, int]] = {}
        """By orders and limits of the operations: how many ticks, the sum of their round trips."""
        self._spending = {enabled: _Spending() for enabled in self._totals}
        self._limits = [params.planner.initial_limit] * len(_OPS)
        self._round_trip_ns = 0
        self._take(params)

    @property
    def totals(self) -> dict[bool, Cost]:
        """What all ticks so far cost, by ``BatchParams.enabled``."""
        self._settle()
        return self._totals

    def reconfigure(self, params: EngineParams) -> None:
        """New parameters; what was learned and counted stays."""
        self._settle()
        self._take(params)

    def learn(self, reply: BatchReply) -> None:
        """Take the limit and the round trip that an answered call shows."""
        if reply.rate.limit > 0:
            self._limits[reply.batch.op] = reply.rate.limit
        items = reply.items
        if isinstance(items, Accepted) or any(i.outcome != Outcome.NOT_SENT for i in items):
            taken_ns = reply.received_ns - reply.sent_ns
            known_ns = self._round_trip_ns or taken_ns
            self._round_trip_ns = known_ns + (taken_ns - known_ns) // _SMOOTH

    def tick(self, batches: Sequence[Batch], now_ns: int) -> None:
        """Count what one tick sends, both ways."""
        self.ticks += 1
        orders = orders_by_op(batches)
        usable = self._usable(self._limits)
        if self._is_short(orders, usable, now_ns):
            for way in self._ways:
                spending = self._spending[way.enabled]
                one = cost_of(
                    orders,
                    way,
                    self._planner.max_batch_orders,
                    usable,
                    self._round_trip_ns,
                    spending.sums,
                )
                spending.pay(one.orders, now_ns)
                self._add(way, one, 1, one.time_ns)
            return
        for way in self._ways:
            policy = policy_of(way)
            paid = [0] * _BUCKETS
            for op, count in enumerate(orders):
                paid[op * 2 + (not policy.packs(op))] = count
            self._spending[way.enabled].pay(paid, now_ns)
        kind = (*orders, *self._limits)
        ticks, trips_ns = self._uncosted.get(kind, (0, 0))
        self._uncosted[kind] = ticks + 1, trips_ns + self._round_trip_ns
        if len(self._uncosted) > _MOST_KINDS:
            self._settle()

    def _is_short(self, orders: Sequence[int], usable: Sequence[int], now_ns: int) -> bool:
        short = False
        for spending in self._spending.values():
            spending.forget(now_ns)
            for op, count in enumerate(orders):
                spent = max(spending.sums[op * 2], spending.sums[op * 2 + 1])
                short = short or (count > 0 and spent + count > usable[op])
        return short

    def _take(self, params: EngineParams) -> None:
        self._planner = params.planner
        self._ways = tuple(
            BatchParams(
                enabled=enabled,
                coalesce_cancel=params.batch.coalesce_cancel,
                coalesce_place=params.batch.coalesce_place,
                planned=params.batch.planned,
            )
            for enabled in self._totals
        )

    def _settle(self) -> None:
        """Cost what was only counted."""
        uncosted, self._uncosted = self._uncosted, {}
        for kind, (ticks, trips_ns) in uncosted.items():
            orders, usable = kind[: len(_OPS)], self._usable(kind[len(_OPS) :])
            for way in self._ways:
                size = self._planner.max_batch_orders
                # The time is a fixed part and a multiple of the round trip: sums may go in.
                one = cost_of(orders, way, size, usable, 0)
                trips_of_all = cost_of(orders, way, size, usable, trips_ns)
                time_ns = one.time_ns * ticks + trips_of_all.time_ns - one.time_ns
                self._add(way, one, ticks, time_ns)

    def _add(self, way: BatchParams, one: Cost, ticks: int, time_ns: int) -> None:
        total = self._totals[way.enabled]
        self._totals[way.enabled] = Cost(
            [old + new * ticks for old, new in zip(total.calls, one.calls, strict=True)],
            [old + new * ticks for old, new in zip(total.orders, one.orders, strict=True)],
            total.time_ns + time_ns,
        )

    def _usable(self, limits: Sequence[int]) -> list[int]:
        return [limit * self._planner.safety_percent // 100 for limit in limits]
