"""The planner: how much may leave now, and in which requests.

The venue counts orders, not requests, in a rolling second, separately for each operation and
for the single and the batch form of it: six buckets. What does not fit stays intent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final, Protocol

from mmfast.engine.params import BatchParams, PlannerParams
from mmfast.engine.view import BudgetView
from mmfast.messages import Batch, BatchReply, Category, Command, Op, Outcome, RateInfo
from mmfast.units import NS_PER_MS, NS_PER_S

WINDOW_NS: Final = NS_PER_S
FIRST_PAUSE_NS: Final = 10 * NS_PER_MS
"""After a request that found no connection; doubled with each further one, up to:"""
LONGEST_PAUSE_NS: Final = NS_PER_S
DEADLINE_PASSED: Final = "tick deadline passed before sending"
"""``ret_msg`` of commands that the shell gave back because their tick was over."""
_UNSPENT: Final = (Outcome.NOT_SENT, Outcome.LOCAL_REJECT)


class Bucket:
    """One rolling-second budget, in orders.

    An order counts from the moment it is sent until one second after its reply: the venue
    counted it somewhere between, so whatever the delays were, our window contains the venue's.
    """

    __slots__ = ("_cooling", "_cooling_sum", "closed_until_ns", "in_flight", "limit", "percent")

    def __init__(self, limit: int, percent: int) -> None:
        self.limit = limit
        self.percent = percent
        self.in_flight = 0
        self.closed_until_ns = 0
        self._cooling: deque[tuple[int, int]] = deque()
        self._cooling_sum = 0

    @property
    def usable(self) -> int:
        """The share of the limit that we use; at least one order, or nothing would move."""
        return max(self.limit * self.percent // 100, 1)

    def used(self, now_ns: int) -> int:
        """Orders that the venue may still be counting."""
        cooling = self._cooling
        while cooling and cooling[0][0] <= now_ns:
            self._cooling_sum -= cooling.popleft()[1]
        return self.in_flight + self._cooling_sum

    def left(self, now_ns: int) -> int:
        """Orders that may leave now."""
        if now_ns < self.closed_until_ns:
            return 0
        return max(self.usable - self.used(now_ns), 0)

    def spend(self, orders: int) -> None:
        """They leave."""
        self.in_flight += orders

    def settle(self, orders: int, unspent: int, now_ns: int) -> None:
        """Their reply is here; ``unspent`` of them never reached the venue."""
        self.in_flight -= orders
        if orders > unspent:
            self._cool(orders - unspent, now_ns)

    def learn(self, rate: RateInfo, now_ns: int) -> None:
        """Take the venue's own figures; where it counts more than we do, it is right."""
        if rate.limit > 0:
            self.limit = rate.limit
        if rate.remaining >= 0:
            unseen = self.limit - rate.remaining - self.used(now_ns)
            if unseen > 0:
                self._cool(unseen, now_ns)

    def close(self, now_ns: int) -> None:
        """The venue said too many: a whole window later it has forgotten everything."""
        self.closed_until_ns = now_ns + WINDOW_NS

    def opens_ns(self, now_ns: int) -> int:
        """When more may leave than now, as far as that is known."""
        if now_ns < self.closed_until_ns:
            return self.closed_until_ns
        self.used(now_ns)
        return self._cooling[0][0] if self._cooling else now_ns + WINDOW_NS

    def _cool(self, orders: int, now_ns: int) -> None:
        self._cooling.append((now_ns + WINDOW_NS, orders))
        self._cooling_sum += orders


class Policy(Protocol):
    """How intent becomes requests."""

    def packs(self, op: int) -> bool:
        """Many orders of this operation in one request, or one order in each."""
        ...

    def spills(self, op: int) -> bool:
        """May urgent orders use single requests when the batch budget is spent?"""
        ...


class BatchPolicy:
    """Packs across symbols: N commands of one operation are ceil(N / max batch) requests."""

    __slots__ = ("_packs",)

    def __init__(self, coalesce_cancel: bool = True, coalesce_place: bool = True) -> None:
        self._packs = (coalesce_cancel, coalesce_place, coalesce_place)

    def packs(self, op: int) -> bool:
        """By the half that the operation belongs to."""
        return self._packs[op]

    def spills(self, op: int) -> bool:
        """Cancels only: quotes can wait, risk cannot."""
        return op == Op.CANCEL and self._packs[op]


class SequentialPolicy:
    """The same intent, one order per request; the batch budgets are left alone."""

    __slots__ = ()

    def packs(self, op: int) -> bool:  # noqa: ARG002 - the answer is the same for all
        """Never."""
        return False

    def spills(self, op: int) -> bool:  # noqa: ARG002 - the answer is the same for all
        """Never."""
        return False


def policy_of(batch: BatchParams) -> Policy:
    """The policy that the configuration asks for."""
    if batch.enabled:
        return BatchPolicy(batch.coalesce_cancel, batch.coalesce_place)
    return SequentialPolicy()


class Planner:
    """Budgets and packing of one category and account. Time is an argument."""

    __slots__ = ("_buckets", "_category", "_failures", "_ids", "_params", "_shut_ns", "policy")

    def __init__(self, params: PlannerParams, policy: Policy, category: Category) -> None:
        self._params = params
        self._category = category
        self._ids = count(1)
        self._failures = 0
        self._shut_ns = 0
        self._buckets = tuple(
            Bucket(params.initial_limit, params.safety_percent) for _ in range(2 * len(Op))
        )
        self.policy = policy

    def reconfigure(self, params: PlannerParams, policy: Policy) -> None:
        """New parameters; what was learned and spent stays, whichever policy spent it."""
        self._params = params
        self.policy = policy
        for bucket in self._buckets:
            bucket.percent = params.safety_percent

    def allowance(self, now_ns: int, urgent_cancels: int) -> tuple[int, int, int]:
        """Cancels, amends and places that may leave now. Cancels beyond the ordinary share
        are allowed for the urgent ones only."""
        if now_ns < self._shut_ns:
            return 0, 0, 0
        bucket = self._bucket(Op.CANCEL)
        left = bucket.left(now_ns)
        ordinary = max(left - bucket.usable * self._params.cancel_reserve_percent // 100, 0)
        if self.policy.spills(Op.CANCEL):
            left += self._buckets[2 * Op.CANCEL + 1].left(now_ns)
        return (
            max(ordinary, min(urgent_cancels, left)),
            self._bucket(Op.AMEND).left(now_ns),
            self._bucket(Op.PLACE).left(now_ns),
        )

    def pack(self, op: Op, commands: Sequence[Command], tick_id: int, now_ns: int) -> list[Batch]:
        """The requests for commands of one operation, paid from their budgets.

        The caller keeps within the allowance of the same instant.
        """
        if not commands:
            return []
        if not self.policy.packs(op):
            return list(self._singles(op, commands, tick_id))
        packed = commands
        if self.policy.spills(op):
            packed = commands[: self._bucket(op).left(now_ns)]
        size = self._params.max_batch_orders
        batches = [
            self._batch(op, tuple(packed[at : at + size]), tick_id, single=False)
            for at in range(0, len(packed), size)
        ]
        batches.extend(self._singles(op, commands[len(packed) :], tick_id))
        return batches

    def on_reply(self, reply: BatchReply, now_ns: int, *, connected: bool = False) -> None:
        """Give back or keep the budget, and learn what the venue says about it. ``connected``:
        if it did not leave, that was for a reason of ours, not for want of a connection."""
        bucket = self._buckets[2 * reply.batch.op + reply.batch.single]
        unspent = throttled = 0
        for item in reply.items:
            unspent += item.outcome in _UNSPENT
            throttled += item.outcome == Outcome.THROTTLED
        bucket.settle(len(reply.batch.commands), unspent, now_ns)
        bucket.learn(reply.rate, now_ns)
        if throttled:
            bucket.close(now_ns)
        self._shut_ns = max(self._shut_ns, reply.blocked_until_ns)
        if unspent < len(reply.items):
            self._failures = 0
        elif not connected and DEADLINE_PASSED not in reply.items[0].ret_msg:
            self._pause(now_ns)

    def opens_ns(self, now_ns: int, ops: Sequence[Op]) -> int:
        """When commands of these operations may get further than now."""
        if now_ns < self._shut_ns:
            return self._shut_ns
        return min(self._bucket(op).opens_ns(now_ns) for op in ops)

    def budgets(self, now_ns: int) -> tuple[BudgetView, ...]:
        """The six buckets as they stand."""
        return tuple(
            BudgetView(
                op=Op(key // 2),
                single=bool(key & 1),
                limit=bucket.limit,
                used=bucket.used(now_ns),
                left=bucket.left(now_ns),
            )
            for key, bucket in enumerate(self._buckets)
        )

    def _bucket(self, op: int) -> Bucket:
        return self._buckets[2 * op + (not self.policy.packs(op))]

    def _singles(self, op: Op, commands: Sequence[Command], tick_id: int) -> Iterator[Batch]:
        return (self._batch(op, (command,), tick_id, single=True) for command in commands)

    def _batch(self, op: Op, commands: tuple[Command, ...], tick_id: int, *, single: bool) -> Batch:
        self._buckets[2 * op + single].spend(len(commands))
        return Batch(
            batch_id=next(self._ids),
            tick_id=tick_id,
            op=op,
            category=self._category,
            single=single,
            commands=commands,
        )

    def _pause(self, now_ns: int) -> None:
        """Without a connection every flush would fail at once: wait a little longer each time."""
        pause_ns = min(FIRST_PAUSE_NS << min(self._failures, 20), LONGEST_PAUSE_NS)
        self._failures += 1
        self._shut_ns = max(self._shut_ns, now_ns + pause_ns)
