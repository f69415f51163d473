"""The shadow plan: what the commands of a tick would cost if they were sent the other way.

A pure function of what a tick really sends: no second engine runs, nothing is sent, and equal
ticks give equal figures. Where the budget is plentiful the figure is what a twin engine with the
other policy would send on the same events; where it is short, the time says how long it would wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mmfast._core.acks import Accepted
from mmfast.engine.bucket import WINDOW_NS
from mmfast.engine.params import BatchParams, EngineParams
from mmfast.engine.planner import policy_of
from mmfast.messages import Batch, BatchReply, Op, Outcome

_OPS: Final = tuple(Op)
_BUCKETS: Final = 2 * len(_OPS)
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
) -> Cost:
    """The calls for ``orders`` of each operation under the policy that ``batch`` asks for.

    Batches leave at once and share one round trip, single calls of the sequential policy wait for
    each other. ``limits`` are orders per rolling second by operation, of either form: what a policy
    that spills has beyond them goes by single calls, what is still beyond waits whole windows, and
    the windows of the operations pass side by side.
    """
    policy = policy_of(batch)
    calls, paid = [0] * _BUCKETS, [0] * _BUCKETS
    waits = 0
    for op, count in enumerate(orders):
        limit = max(limits[op], 1)
        spills = policy.spills(op, urgent=False)
        single = count
        if policy.packs(op):
            single = min(max(count - limit, 0), limit) if spills else 0
        together = count - single
        calls[op * 2], calls[op * 2 + 1] = -(-together // max_batch_orders), single
        paid[op * 2], paid[op * 2 + 1] = together, single
        waits = max(waits, -(-count // (limit * (1 + spills))) - 1)
    trips = sum(calls)
    if batch.enabled:
        trips = min(trips, 1)
    return Cost(calls, paid, trips * round_trip_ns + waits * WINDOW_NS)


class ShadowBook:
    """Adds up the cost of both policies over the ticks of a run. What the venue's replies tell
    (limits, round trips) is learned here.

    Ticks that differ in nothing but the round trip are only counted, and costed together when
    somebody wants to know: nobody reads the totals as often as the engine ticks.
    """

    __slots__ = ("_limits", "_planner", "_round_trip_ns", "_totals", "_uncosted", "_ways", "ticks")

    def __init__(self, params: EngineParams) -> None:
        self.ticks = 0
        self._totals = {
            enabled: Cost([0] * _BUCKETS, [0] * _BUCKETS, 0) for enabled in (True, False)
        }
        self._uncosted: dict[tuple[int, ...], tuple[int, int]] = {}
        """By orders and limits of the operations: how many ticks, the sum of their round trips."""
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

    def tick(self, batches: Sequence[Batch]) -> None:
        """Count what one tick sends, both ways."""
        self.ticks += 1
        kind = (*orders_by_op(batches), *self._limits)
        ticks, trips_ns = self._uncosted.get(kind, (0, 0))
        self._uncosted[kind] = ticks + 1, trips_ns + self._round_trip_ns
        if len(self._uncosted) > _MOST_KINDS:
            self._settle()

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
            for way in self._ways:
                one = self._cost(kind, way, 0)
                # The time is a fixed part and a multiple of the round trip: sums may go in.
                trips = self._cost(kind, way, trips_ns).time_ns - one.time_ns
                total = self._totals[way.enabled]
                self._totals[way.enabled] = Cost(
                    [old + new * ticks for old, new in zip(total.calls, one.calls, strict=True)],
                    [old + new * ticks for old, new in zip(total.orders, one.orders, strict=True)],
                    total.time_ns + one.time_ns * ticks + trips,
                )

    def _cost(self, kind: Sequence[int], way: BatchParams, round_trip_ns: int) -> Cost:
        planner = self._planner
        orders, limits = kind[: len(_OPS)], kind[len(_OPS) :]
        usable = [limit * planner.safety_percent // 100 for limit in limits]
        return cost_of(orders, way, planner.max_batch_orders, usable, round_trip_ns)
