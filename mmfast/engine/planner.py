"""The planner: how much may leave now, and in which requests.

The venue counts orders, not requests, in a rolling second, separately for each operation and
for the single and the batch form of it: six buckets. What does not fit stays intent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from mmfast._core.acks import Accepted
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
_LATE_ONES: Final = 64
"""Requests that may stop counting while one is under way, as far as we care."""
MOST_ORDERS: Final = 1 << 40
"""A limit beyond this is none: no header may lead our sums out of 64 bits."""
PLACES_KEPT_PERCENT: Final = 20
_NOT_SENT: Final = int(Outcome.NOT_SENT)
_LOCAL_REJECT: Final = int(Outcome.LOCAL_REJECT)
_THROTTLED: Final = int(Outcome.THROTTLED)
_CANCEL: Final = int(Op.CANCEL)
_AMEND: Final = int(Op.AMEND)
_PLACE: Final = int(Op.PLACE)
_OPS: Final = tuple(Op)
_NO_COMMANDS: Final[tuple[int, int, int]] = (0, 0, 0)


class Bucket:
    """One rolling-second budget, in orders.

    An order counts from the moment it is sent until one second after its reply: the venue
    counted it somewhere between, so whatever the delays were, our window contains the venue's.
    """

    __slots__ = (
        "_cooled",
        "_cooling",
        "_cooling_sum",
        "_lowered_ns",
        "closed_until_ns",
        "in_flight",
        "limit",
        "percent",
    )

    def __init__(self, limit: int, percent: int) -> None:
        self.limit = limit
        self.percent = percent
        self.in_flight = 0
        self.closed_until_ns = 0
        self._cooling: deque[tuple[int, int]] = deque()
        self._cooling_sum = 0
        self._cooled: deque[tuple[int, int]] = deque(maxlen=_LATE_ONES)
        """The newest that stopped counting: the venue's figure may be from before that."""
        self._lowered_ns = 0

    def usable(self) -> int:
        """The share of the limit that we use; at least one order, or nothing would move."""
        return max(self.limit * self.percent // 100, 1)

    def used(self, now_ns: int) -> int:
        """Orders that the venue may still be counting."""
        while self._cooling_sum and self._cooling[0][0] <= now_ns:
            cooled = self._cooling.popleft()
            self._cooling_sum -= cooled[1]
            self._cooled.append(cooled)
        return self.in_flight + self._cooling_sum

    def left(self, now_ns: int) -> int:
        """Orders that may leave now."""
        if now_ns < self.closed_until_ns:
            return 0
        return max(self.usable() - self.used(now_ns), 0)

    def spend(self, orders: int) -> None:
        """They leave."""
        self.in_flight += orders

    def settle(self, orders: int, unspent: int, now_ns: int) -> None:
        """Their reply is here; ``unspent`` of them never reached the venue."""
        self.in_flight -= orders
        if orders > unspent:
            self._cool(orders - unspent, now_ns)

    def learn(self, rate: RateInfo, sent_ns: int, now_ns: int) -> None:
        """Take the venue's own figures; where it counts more than we do, it is right.

        Replies overtake each other: what was asked before the reply that lowered the limit had
        come may tell the limit from before that, and does not raise it again. The venue counted
        some time after ``sent_ns``: what has stopped counting since then it may have counted.
        """
        if rate.limit > 0:
            limit = min(rate.limit, MOST_ORDERS)
            if limit < self.limit:
                self._lowered_ns = now_ns
            if limit < self.limit or sent_ns >= self._lowered_ns:
                self.limit = limit
        if rate.remaining >= 0:
            unseen = self.limit - min(rate.remaining, MOST_ORDERS) - self.used(now_ns)
            if unseen > 0:
                for at_ns, orders in self._cooled:
                    unseen -= orders if at_ns > sent_ns else 0
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

    @property
    def ranks(self) -> bool:
        """Are commands sent by their worth, or in turn, when a budget is short?"""
        ...

    def packs(self, op: int) -> bool:
        """Many orders of this operation in one request, or one order in each."""
        ...

    def spills(self, op: int, *, urgent: bool) -> bool:
        """May orders go on in single requests when the batch budget is spent?"""
        ...


class BatchPolicy:
    """Packs across symbols: N commands of one operation are ceil(N / max batch) requests."""

    __slots__ = ("_packs",)
    ranks = False

    def __init__(self, coalesce_cancel: bool = True, coalesce_place: bool = True) -> None:
        self._packs = (coalesce_cancel, coalesce_place, coalesce_place)

    def packs(self, op: int) -> bool:
        """By the half that the operation belongs to."""
        return self._packs[op]

    def spills(self, op: int, *, urgent: bool) -> bool:
        """Urgent cancels only: quotes can wait, risk cannot."""
        return urgent and op == Op.CANCEL and self._packs[op]


class PlannedPolicy(BatchPolicy):
    """Packs likewise, and goes on in single requests when a batch budget is spent: the venue
    counts the two apart, so an operation that is short of budget has twice as much of it."""

    __slots__ = ()
    ranks = True

    def spills(self, op: int, *, urgent: bool) -> bool:  # noqa: ARG002 - both alike
        """Whatever is packed."""
        return self._packs[op]


class SequentialPolicy:
    """The same intent, one order per request; the batch budgets are left alone."""

    __slots__ = ()
    ranks = False

    def packs(self, op: int) -> bool:  # noqa: ARG002 - the answer is the same for all
        """Never."""
        return False

    def spills(self, op: int, *, urgent: bool) -> bool:  # noqa: ARG002 - the same for all
        """Never."""
        return False


def policy_of(batch: BatchParams) -> Policy:
    """The policy that the configuration asks for."""
    if not batch.enabled:
        return SequentialPolicy()
    kind = PlannedPolicy if batch.planned else BatchPolicy
    return kind(batch.coalesce_cancel, batch.coalesce_place)


class Planner:
    """Budgets and packing of one category and account. Time is an argument."""

    __slots__ = (
        "_buckets",
        "_category",
        "_failures",
        "_last_id",
        "_packs",
        "_reserve_percent",
        "_shut_ns",
        "_size",
        "_spilled",
        "_spills",
        "_spills_urgent",
        "ranks",
    )

    def __init__(self, params: PlannerParams, policy: Policy, category: Category) -> None:
        self._category = category
        self._last_id = 0
        self._failures = 0
        self._shut_ns = 0
        self._buckets = [
            Bucket(params.initial_limit, params.safety_percent) for _ in range(2 * len(Op))
        ]
        self._spilled = [Bucket(params.spill_requests_per_s, 100) for _ in Op]
        self.reconfigure(params, policy)

    def reconfigure(self, params: PlannerParams, policy: Policy) -> None:
        """New parameters; what was learned and spent stays, whichever policy spent it."""
        self._size = params.max_batch_orders
        self._reserve_percent = params.cancel_reserve_percent
        self._packs = [policy.packs(op) for op in Op]
        self.ranks = policy.ranks
        """Commands leave by their worth when a budget is short."""
        self._spills = [policy.spills(op, urgent=False) for op in Op]
        self._spills_urgent = policy.spills(_CANCEL, urgent=True)
        for bucket in self._buckets:
            bucket.percent = params.safety_percent
        for spilled in self._spilled:
            spilled.limit = params.spill_requests_per_s

    def allowance(self, now_ns: int, urgent_cancels: int) -> tuple[int, int, int]:
        """Cancels, amends and places that may leave now. Cancels beyond the ordinary share
        are allowed for the urgent ones only."""
        if now_ns < self._shut_ns:
            return _NO_COMMANDS
        return (
            self._cancels_left(now_ns, urgent_cancels),
            self._left(_AMEND, now_ns),
            self._left(_PLACE, now_ns),
        )

    def places_kept(self) -> int:
        """Of the budget for new orders, what no moved quote may use: fills leave gaps."""
        usable = self._bucket(_PLACE).usable()
        if self._spills[_PLACE]:
            usable += self._single(_PLACE).usable()
        return usable * PLACES_KEPT_PERCENT // 100

    def pack(self, op: int, commands: list[Command], tick_id: int, now_ns: int) -> list[Batch]:
        """The requests for commands of one operation, paid from their budgets.

        The caller keeps within the allowance of the same instant.
        """
        batches: list[Batch] = []
        together = 0
        if self._packs[op]:
            together = len(commands)
            if self._spills[op] or (op == _CANCEL and self._spills_urgent):
                together = min(together, self._bucket(op).left(now_ns))
                self._count_spilled(op, len(commands) - together, now_ns)
        for at in range(0, together, self._size):
            part = tuple(commands[at : min(at + self._size, together)])
            batches.append(self._batch(op, part, tick_id, False))
        batches += [self._batch(op, (one,), tick_id, True) for one in commands[together:]]
        return batches

    def on_reply(self, reply: BatchReply, now_ns: int, *, connected: bool = False) -> None:
        """Give back or keep the budget, and learn what the venue says about it. ``connected``:
        if it did not leave, that was for a reason of ours, not for want of a connection."""
        batch = reply.batch
        bucket = self._single(batch.op) if batch.single else self._together(batch.op)
        unspent = throttled = 0
        if not isinstance(reply.items, Accepted):
            for item in reply.items:
                outcome = item.outcome
                if outcome in (_NOT_SENT, _LOCAL_REJECT):
                    unspent += 1
                elif outcome == _THROTTLED:
                    throttled += 1
        bucket.settle(len(batch.commands), unspent, now_ns)
        bucket.learn(reply.rate, reply.sent_ns, now_ns)
        if throttled:
            bucket.close(now_ns)
        self._shut_ns = max(self._shut_ns, reply.blocked_until_ns)
        if unspent < len(reply.items):
            self._failures = 0
        elif not connected and DEADLINE_PASSED not in reply.items[0].ret_msg:
            self._pause(now_ns)

    def opens_ns(self, now_ns: int, ops: Sequence[int]) -> int:
        """When commands of these operations may get further than now."""
        if now_ns < self._shut_ns:
            return self._shut_ns
        return min([self._op_opens_ns(op, now_ns) for op in ops])

    def budgets(self, now_ns: int) -> tuple[BudgetView, ...]:
        """The six buckets as they stand."""
        return tuple(
            [
                BudgetView(
                    op=Op(key // 2),
                    single=bool(key & 1),
                    limit=bucket.limit,
                    used=bucket.used(now_ns),
                    left=bucket.left(now_ns),
                )
                for key, bucket in enumerate(self._buckets)
            ]
        )

    def _cancels_left(self, now_ns: int, urgent_cancels: int) -> int:
        """The reserve is one share of both budgets: what is left beside it, wherever it lies,
        is for all cancels, and the rest for the urgent ones."""
        bucket = self._bucket(_CANCEL)
        left = bucket.left(now_ns)
        reserve = self._reserve(bucket)
        most = left
        if self._spills_urgent:
            single = self._single(_CANCEL)
            most += single.left(now_ns)
            if self._spills[_CANCEL]:
                reserve += self._reserve(single)
                left = self._left(_CANCEL, now_ns)
        ordinary = max(min(left, most - reserve), 0)
        if not self._spills[_CANCEL]:
            ordinary = max(left - reserve, 0)
        return max(ordinary, min(urgent_cancels, most))

    def _reserve(self, bucket: Bucket) -> int:
        return bucket.usable() * self._reserve_percent // 100

    def _left(self, op: int, now_ns: int) -> int:
        """What may leave, in batches and, where the policy spills, in single requests beyond."""
        left = self._bucket(op).left(now_ns)
        if self._spills[op]:
            spilled: Bucket = self._spilled[op]
            left += min(self._single(op).left(now_ns), spilled.left(now_ns))
        return left

    def _count_spilled(self, op: int, requests: int, now_ns: int) -> None:
        """Single requests are many for the address limit, so a second has only so many."""
        if requests > 0:
            spilled: Bucket = self._spilled[op]
            spilled.spend(requests)
            spilled.settle(requests, 0, now_ns)

    def _op_opens_ns(self, op: int, now_ns: int) -> int:
        """The first budget to open, of those that the operation may be paid from."""
        opens_ns = self._bucket(op).opens_ns(now_ns)
        if self._spills[op] or (op == _CANCEL and self._spills_urgent):
            opens_ns = min(opens_ns, self._single(op).opens_ns(now_ns))
        return opens_ns

    def _bucket(self, op: int) -> Bucket:
        """The one that an operation is paid from."""
        return self._together(op) if self._packs[op] else self._single(op)

    def _together(self, op: int) -> Bucket:
        return self._buckets[2 * op]

    def _single(self, op: int) -> Bucket:
        return self._buckets[2 * op + 1]

    def _batch(self, op: int, commands: tuple[Command, ...], tick_id: int, single: bool) -> Batch:
        bucket = self._single(op) if single else self._together(op)
        bucket.spend(len(commands))
        self._last_id += 1
        return Batch(
            batch_id=self._last_id,
            tick_id=tick_id,
            op=_OPS[op],
            category=self._category,
            single=single,
            commands=commands,
        )

    def _pause(self, now_ns: int) -> None:
        """Without a connection every flush would fail at once: wait a little longer each time."""
        pause_ns = min(FIRST_PAUSE_NS << min(self._failures, 20), LONGEST_PAUSE_NS)
        self._failures += 1
        self._shut_ns = max(self._shut_ns, now_ns + pause_ns)
