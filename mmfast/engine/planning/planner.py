"""The planner: how much may leave now, and in which requests.

The venue counts orders, not requests, in a rolling second, separately for each operation and
for the single and the batch form of it: six buckets. What does not fit stays intent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from mmfast._core.acks import Accepted
from mmfast.engine.outbox import Outbox
from mmfast.engine.params import BatchParams, PlannerParams
from mmfast.engine.planning.bucket import Bucket
from mmfast.engine.view import BudgetView
from mmfast.messages import Batch, BatchReply, Category, Command, Op, Outcome, Severity
from mmfast.units import NS_PER_MS, NS_PER_S

FIRST_PAUSE_NS: Final = 10 * NS_PER_MS
"""After a request that found no connection; doubled with each further one, up to:"""
LONGEST_PAUSE_NS: Final = NS_PER_S
LIMIT_FELL: Final = "the limit of orders has fallen since this was planned"
DEADLINE_PASSED: Final = "tick deadline passed before sending"
"""``ret_msg`` of commands that the shell gave back because their tick was over."""
PLACES_KEPT_PERCENT: Final = 20
ALERT_AGAIN_NS: Final = 60 * NS_PER_S
"""The operator is told this often of another client that goes on."""
_NOT_SENT: Final = int(Outcome.NOT_SENT)
_LOCAL_REJECT: Final = int(Outcome.LOCAL_REJECT)
_THROTTLED: Final = int(Outcome.THROTTLED)
_UNKNOWN: Final = int(Outcome.UNKNOWN)
_CANCEL: Final = int(Op.CANCEL)
_AMEND: Final = int(Op.AMEND)
_PLACE: Final = int(Op.PLACE)
_OPS: Final = tuple(Op)
_NO_COMMANDS: Final[tuple[int, int, int]] = (0, 0, 0)


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
        "_reducing_percent",
        "_reserve_percent",
        "_shut_ns",
        "_size",
        "_spilled",
        "_spills",
        "_spills_urgent",
        "_told_ns",
        "outbox",
        "ranks",
        "void_ns",
    )

    def __init__(self, params: PlannerParams, policy: Policy, category: Category) -> None:
        self._category = category
        self._last_id = 0
        self._failures = 0
        self._shut_ns = 0
        self._told_ns = -ALERT_AGAIN_NS
        self.outbox: Outbox | None = None
        """Where the operator is told of another client; set by who has one."""
        self.void_ns = 0
        """So long after it left the venue may accept a create or an amend."""
        self._buckets = [
            Bucket(params.initial_limit, params.safety_percent) for _ in range(2 * len(Op))
        ]
        self._spilled = [Bucket(params.spill_requests_per_s, 100) for _ in Op]
        self.reconfigure(params, policy)

    def reconfigure(self, params: PlannerParams, policy: Policy) -> None:
        """New parameters; what was learned and spent stays, whichever policy spent it."""
        self._size = params.max_batch_orders
        self._reserve_percent = params.cancel_reserve_percent
        self._reducing_percent = params.reducing_reserve_percent
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
        return self._usable(_PLACE) * PLACES_KEPT_PERCENT // 100

    def kept_for_reducing(self, op: int) -> int:
        """Of the budget for amends and of that for new orders, what only those may use that
        shrink a position. Cancels have a reserve of their own, inside :meth:`allowance`."""
        if op == _CANCEL or not self.ranks:
            return 0
        return self._usable(op) * self._reducing_percent // 100

    def _usable(self, op: int) -> int:
        """What the budgets of an operation pay for in a second, spilling as far as it may."""
        usable = self._bucket(op).usable()
        if self._spills[op]:
            spilled: Bucket = self._spilled[op]
            usable += min(self._single(op).usable(), spilled.usable())
        return usable

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

    def cancels_past(self, commands: Sequence[Command], now_ns: int) -> Batch | None:
        """The first of these cancels in one request, as many as its budget pays for now; None for
        none. For those that leave past the kernel: together, whatever the policy says."""
        if now_ns < self._shut_ns:
            return None
        most = min(self._size, self._together(_CANCEL).left(now_ns))
        part = tuple(commands[:most])
        return self._batch(_CANCEL, part, 0, False) if part else None

    def on_reply(self, reply: BatchReply, now_ns: int, *, connected: bool = False) -> None:
        """Give back or keep the budget, and learn what the venue says about it. ``connected``:
        if it did not leave, that was for a reason of ours, not for want of a connection."""
        batch = reply.batch
        bucket = self._single(batch.op) if batch.single else self._together(batch.op)
        unspent = throttled = unknown = 0
        if not isinstance(reply.items, Accepted):
            for item in reply.items:
                outcome = item.outcome
                if outcome in (_NOT_SENT, _LOCAL_REJECT):
                    unspent += 1
                elif outcome == _THROTTLED:
                    throttled += 1
                elif outcome == _UNKNOWN:
                    unknown += 1
        lost = self._lose(reply, bucket, unknown, now_ns) if unknown else 0
        bucket.settle(len(batch.commands) - lost, unspent, now_ns)
        limit = bucket.limit
        found = bucket.learn(reply.rate, reply.sent_ns, now_ns)
        if bucket.limit != limit:
            self._pass_on(batch.single)
        if found:
            self._tell_of_others(batch, bucket, found, now_ns)
        if throttled:
            bucket.close(now_ns)
        self._shut_ns = max(self._shut_ns, reply.blocked_until_ns)
        if unspent < len(reply.items):
            self._failures = 0
        elif not connected and DEADLINE_PASSED not in reply.items[0].ret_msg:
            self._pause(now_ns)

    def _lose(self, reply: BatchReply, bucket: Bucket, orders: int, now_ns: int) -> int:
        """Nobody knows what became of so many. Returns how many of them stay in flight until they
        are void: all but cancels, which are needed most where no reply comes; at the worst one
        more of those is refused for its rate."""
        if reply.batch.op == _CANCEL:
            bucket.doubt(now_ns)
            return 0
        bucket.lose(orders, reply.sent_ns + self.void_ns)
        return orders

    def objection(self, batch: Batch, now_ns: int) -> str:
        """Why a batch that was planned must not leave any more; empty when it may: a reply has
        told a lower limit since, as it can where requests leave one after the other."""
        bucket = self._single(batch.op) if batch.single else self._together(batch.op)
        return LIMIT_FELL if bucket.used(now_ns) > bucket.usable() else ""

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

    def _pass_on(self, single: bool) -> None:
        """The venue gives an account one figure for creates, amends and cancels alike, so what it
        has named for some is assumed for the others of the same form, the least of it: the first
        withdrawal need not be paid from a guess that knows nothing of this account."""
        alike: list[Bucket] = self._buckets[int(single) :: 2]
        least = min([bucket.limit for bucket in alike if bucket.told])
        for bucket in alike:
            bucket.assume(least)

    def _tell_of_others(self, batch: Batch, bucket: Bucket, found: int, now_ns: int) -> None:
        if self.outbox is None or now_ns - self._told_ns < ALERT_AGAIN_NS:
            return
        self._told_ns = now_ns
        calls = "single" if batch.single else "batch"
        self.outbox.alert(
            Severity.WARNING,
            "other_client",
            f"another client of this account sends orders too: of the {bucket.limit} a second for "
            f"{calls} calls to {batch.op.name.lower()} it has used {found}; its share is left to "
            "it. Run one engine for an account, or give each a sub-account",
        )

    def _pause(self, now_ns: int) -> None:
        """Without a connection every flush would fail at once: wait a little longer each time."""
        pause_ns = min(FIRST_PAUSE_NS << min(self._failures, 20), LONGEST_PAUSE_NS)
        self._failures += 1
        self._shut_ns = max(self._shut_ns, now_ns + pause_ns)
