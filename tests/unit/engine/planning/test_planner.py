"""The planner: never more than the venue allows, cancels first, the fewest requests."""

from __future__ import annotations

import random
from collections import deque

import msgspec
import pytest
from engine_world import MS, SECOND, command, reply

from mmfast.engine.params import BatchParams, PlannerParams
from mmfast.engine.planning.bucket import Bucket
from mmfast.engine.planning.planner import (
    DEADLINE_PASSED,
    LIMIT_FELL,
    BatchPolicy,
    PlannedPolicy,
    Planner,
    SequentialPolicy,
    policy_of,
)
from mmfast.messages import Category, Op, Outcome, RateInfo


def planner(limit: int = 100, *, sequential: bool = False, **params) -> Planner:
    policy = SequentialPolicy() if sequential else BatchPolicy()
    return Planner(PlannerParams(initial_limit=limit, **params), policy, Category.LINEAR)


def commands(op: Op, count: int):
    return [command(op, n + 1) for n in range(count)]


def send(plan: Planner, op: Op, count: int, now_ns: int):
    return plan.pack(op, commands(op, count), 1, now_ns)


@pytest.mark.parametrize(
    ("count", "size", "calls"), [(40, 20, 2), (41, 20, 3), (1, 20, 1), (0, 20, 0)]
)
def test_n_commands_are_ceil_n_over_max_requests(count: int, size: int, calls: int) -> None:
    batches = send(planner(max_batch_orders=size), Op.PLACE, count, 0)
    assert len(batches) == calls
    assert sum(len(b.commands) for b in batches) == count
    assert all(not b.single and len(b.commands) <= size for b in batches)


def test_sequential_means_one_order_per_request_from_the_single_budget() -> None:
    plan = planner(sequential=True)
    batches = send(plan, Op.PLACE, 5, 0)
    assert [(b.single, len(b.commands)) for b in batches] == [(True, 1)] * 5
    used = {(b.op, b.single): b.used for b in plan.budgets(0)}
    assert used[Op.PLACE, True] == 5
    assert used[Op.PLACE, False] == 0


def test_batch_ids_are_unique_over_all_operations() -> None:
    plan = planner(max_batch_orders=2)
    ids = [b.batch_id for op in Op for b in send(plan, op, 5, 0)]
    assert len(set(ids)) == len(ids) == 9


def test_a_switched_off_half_is_not_packed() -> None:
    plan = Planner(PlannerParams(initial_limit=100), BatchPolicy(False, True), Category.LINEAR)
    assert [b.single for b in send(plan, Op.CANCEL, 3, 0)] == [True] * 3
    assert [b.single for b in send(plan, Op.PLACE, 3, 0)] == [False]


def test_the_configuration_names_the_policy() -> None:
    assert type(policy_of(BatchParams(enabled=True))) is PlannedPolicy
    assert type(policy_of(BatchParams(enabled=True, planned=False))) is BatchPolicy
    assert isinstance(policy_of(BatchParams(enabled=False)), SequentialPolicy)


def test_only_the_safe_share_of_the_limit_is_used() -> None:
    plan = planner(100, safety_percent=90)
    assert plan.allowance(0, 0)[2] == 90
    send(plan, Op.PLACE, 60, 0)
    assert plan.allowance(0, 0)[2] == 30


def test_an_order_counts_until_a_second_after_its_reply() -> None:
    plan = planner(100, safety_percent=100)
    [batch] = send(plan, Op.PLACE, 20, 0)
    later = 5 * SECOND
    assert plan.allowance(later, 0)[2] == 80, "unanswered: the venue may count it only now"
    plan.on_reply(reply(batch, Outcome.ACK, later), later)
    assert plan.allowance(later + SECOND - 1, 0)[2] == 80
    assert plan.opens_ns(later, [Op.PLACE]) == later + SECOND
    assert plan.allowance(later + SECOND, 0)[2] == 100


@pytest.mark.parametrize("op", [Op.PLACE, Op.AMEND])
def test_an_order_without_a_reply_counts_until_a_second_after_it_is_void(op: Op) -> None:
    plan = planner(limit=10, safety_percent=100)
    plan.void_ns = 3 * SECOND
    [batch] = send(plan, op, 10, 0)
    plan.on_reply(reply(batch, [Outcome.UNKNOWN] * 6 + [Outcome.ACK] * 4, 0), 500 * MS)
    assert plan.allowance(1_500 * MS - 1, 0)[op] == 0
    assert plan.allowance(1_500 * MS, 0)[op] == 4
    assert plan.allowance(3 * SECOND, 0)[op] == 4
    assert plan.opens_ns(3 * SECOND, [op]) == 4 * SECOND
    assert plan.allowance(4 * SECOND - 1, 0)[op] == 4
    assert plan.allowance(4 * SECOND, 0)[op] == 10


def test_a_flush_is_due_when_what_was_lost_is_void() -> None:
    plan = planner(limit=10)
    plan.void_ns = 3 * SECOND
    [batch] = send(plan, Op.PLACE, 9, 0)
    plan.on_reply(reply(batch, Outcome.UNKNOWN, 0), SECOND)
    assert plan.opens_ns(2_500 * MS, [Op.PLACE]) == 3 * SECOND


def test_a_cancel_without_a_reply_holds_up_other_cancels_for_a_second_only() -> None:
    plan = planner(limit=10, safety_percent=100, cancel_reserve_percent=0)
    plan.void_ns = 6 * SECOND
    [batch] = send(plan, Op.CANCEL, 10, 0)
    plan.on_reply(reply(batch, Outcome.UNKNOWN, 0), 500 * MS)
    assert plan.allowance(1_500 * MS - 1, 0)[Op.CANCEL] == 0
    assert plan.allowance(1_500 * MS, 0)[Op.CANCEL] == 10


def test_requests_lost_out_of_turn_are_all_kept_until_they_are_void() -> None:
    """Two ways out may give up what left first last."""
    bucket = Bucket(10, 100)
    bucket.spend(7)
    bucket.lose(3, 5 * SECOND)
    bucket.lose(4, 4 * SECOND)
    assert bucket.left(5 * SECOND - 1) == 3
    assert bucket.left(5 * SECOND) == 3
    assert bucket.left(6 * SECOND) == 10


def test_what_never_left_costs_nothing() -> None:
    plan = planner(100, safety_percent=100)
    [batch] = send(plan, Op.PLACE, 20, 0)
    plan.on_reply(reply(batch, Outcome.NOT_SENT, MS, message=DEADLINE_PASSED), MS)
    assert plan.allowance(MS, 0)[2] == 100


def test_limits_are_learned_up_and_down_at_once() -> None:
    plan = planner(10, safety_percent=100, cancel_reserve_percent=0)
    [batch] = send(plan, Op.CANCEL, 2, 0)
    plan.on_reply(reply(batch, Outcome.ACK, 0, rate=RateInfo(600, 598, -1)), 0)
    assert plan.allowance(0, 0)[0] == 598
    [batch] = send(plan, Op.CANCEL, 2, 0)
    plan.on_reply(reply(batch, Outcome.ACK, 0, rate=RateInfo(20, 16, -1)), 0)
    assert plan.allowance(0, 0)[0] == 16


def test_a_reply_that_was_overtaken_does_not_raise_a_limit_again() -> None:
    plan = planner(600, safety_percent=100, cancel_reserve_percent=0)
    first, second = (send(plan, Op.AMEND, 1, now_ns)[0] for now_ns in (0, MS))
    plan.on_reply(reply(second, Outcome.ACK, 5 * MS, rate=RateInfo(4, 2, -1)), 5 * MS)
    late = reply(first, Outcome.ACK, 6 * MS, rate=RateInfo(600, 599, -1))
    plan.on_reply(msgspec.structs.replace(late, sent_ns=0), 6 * MS)
    assert plan.allowance(2 * SECOND, 0)[1] == 4
    [third] = send(plan, Op.AMEND, 1, 2 * SECOND)
    told = reply(third, Outcome.ACK, 2 * SECOND, rate=RateInfo(600, 599, -1))
    plan.on_reply(told, 2 * SECOND)
    assert plan.allowance(2 * SECOND, 0)[1] == 599


def told(
    plan: Planner, op: Op, limit: int, now_ns: int = SECOND, outcome: Outcome = Outcome.ACK
) -> None:
    """One order leaves, and the reply names a limit (-1: none)."""
    [batch] = send(plan, op, 1, now_ns)
    answer = reply(batch, outcome, now_ns, rate=RateInfo(limit, -1, -1))
    plan.on_reply(msgspec.structs.replace(answer, sent_ns=now_ns), now_ns)


def limits(plan: Planner, *, single: bool = False) -> list[int]:
    """Of cancels, amends and creates."""
    return [row.limit for row in plan.budgets(0) if row.single is single]


def test_the_first_withdrawal_leaves_by_what_the_creates_were_told() -> None:
    """Forty quotes, four hundred a second, no cancel sent before: two requests at once."""
    plan = planned(10, safety_percent=90, cancel_reserve_percent=20)
    told(plan, Op.PLACE, 400)
    assert plan.allowance(0, 40)[0] >= 40
    batches = send(plan, Op.CANCEL, 40, 0)
    assert [(b.single, len(b.commands)) for b in batches] == [(False, 20), (False, 20)]


def test_what_was_named_for_batches_says_nothing_of_single_calls() -> None:
    plan = planner(10)
    told(plan, Op.PLACE, 400)
    assert limits(plan) == [400, 400, 400]
    assert limits(plan, single=True) == [10, 10, 10]


def test_of_several_that_were_named_the_least_is_assumed() -> None:
    plan = planner(10)
    told(plan, Op.PLACE, 400)
    told(plan, Op.AMEND, 150)
    assert limits(plan) == [150, 150, 400]
    told(plan, Op.PLACE, 4)
    assert limits(plan) == [4, 150, 4], "a limit that falls takes what is assumed with it"
    told(plan, Op.PLACE, 600)
    assert limits(plan) == [150, 150, 600]


def test_the_first_reply_of_its_own_ends_the_guess_up_and_down() -> None:
    for own in (2, 1_000):
        plan = planner(10)
        told(plan, Op.PLACE, 400)
        told(plan, Op.CANCEL, own)
        told(plan, Op.PLACE, 300)
        assert limits(plan)[0] == own


def test_10006_takes_a_guess_back_for_good() -> None:
    """The reply names no limit: all that is known is that it was too many."""
    plan = planner(10)
    told(plan, Op.PLACE, 400)
    told(plan, Op.CANCEL, -1, SECOND, Outcome.THROTTLED)
    assert limits(plan) == [10, 400, 400]
    told(plan, Op.PLACE, 300)
    assert limits(plan) == [10, 300, 300]
    told(plan, Op.PLACE, 3)
    assert limits(plan) == [3, 3, 3]
    told(plan, Op.CANCEL, 300, 2 * SECOND)
    assert limits(plan) == [300, 3, 3], "what the venue names ends that too"


def test_a_refusal_that_names_its_limit_is_obeyed_within_that_reply() -> None:
    plan = planner(10)
    told(plan, Op.PLACE, 400)
    told(plan, Op.AMEND, 20, SECOND, Outcome.THROTTLED)
    assert limits(plan) == [20, 20, 400]


def test_no_guess_is_ever_above_what_the_venue_has_said() -> None:
    """Against a reading of the replies from outside, whatever comes in whatever order."""
    dice = random.Random(7)
    for _ in range(200):
        assumed = dice.choice((5, 10, 600))
        plan = planned(assumed)
        named: dict[Op, int] = {}
        refused: set[Op] = set()
        for now_s in range(1, 15):
            op = dice.choice(list(Op))
            limit = dice.choice((-1, 1, 10, 20, 400, 1_000))
            outcome = dice.choice((Outcome.ACK, Outcome.ACK, Outcome.THROTTLED))
            told(plan, op, limit, 2 * now_s * SECOND, outcome)
            if limit > 0:
                named[op] = limit
            elif outcome is Outcome.THROTTLED and op not in named:
                refused.add(op)
            least = min(named.values(), default=assumed)
            for one, now in zip(Op, limits(plan), strict=True):
                most = min(least, assumed) if one in refused else least
                assert now == named[one] if one in named else now <= most


def test_where_the_venue_counts_more_it_is_right() -> None:
    """Another client of the account eats from the same budget."""
    plan = planner(100, safety_percent=100)
    [batch] = send(plan, Op.PLACE, 5, 0)
    plan.on_reply(reply(batch, Outcome.ACK, 0, rate=RateInfo(100, 40, -1)), 0)
    assert plan.allowance(0, 0)[2] == 40
    assert plan.allowance(SECOND, 0)[2] == 50, "as much is left to it as half of all"
    assert plan.allowance(2 * SECOND, 0)[2] == 100, "it has not shown again"


def test_what_stopped_counting_while_a_request_was_under_way_is_not_charged_again() -> None:
    """The venue counted the second order while it still counted the first; when the reply is
    read, the first has left our window. Seed 20037 of the simulation: the first cancel of a stop
    waited 109 ms for budget that had never been spent."""
    plan = planner(10)
    for at_ms, remaining in ((0, 9), (1_001, 8)):
        (batch,) = send(plan, Op.CANCEL, 1, at_ms * MS)
        answer = reply(batch, Outcome.ACK, at_ms * MS, rate=RateInfo(10, remaining, -1))
        plan.on_reply(answer, (at_ms + 20) * MS)
    (used,) = [b.used for b in plan.budgets(1_021 * MS) if b.op is Op.CANCEL and not b.single]
    assert used == 1


@pytest.mark.parametrize("op", list(Op))
def test_what_was_planned_under_a_higher_limit_does_not_leave_under_a_lower_one(op: Op) -> None:
    """Requests leave one after the other, and the reply to the first tells a lower limit. Seed
    490 of the simulation: ten calls left in a second, seven more than the venue allowed."""
    plan = planner(10, sequential=True, safety_percent=100, cancel_reserve_percent=0)
    first, *others = send(plan, op, 10, 0)
    assert [plan.objection(one, 0) for one in (first, *others)] == [""] * 10
    plan.on_reply(reply(first, Outcome.ACK, MS, rate=RateInfo(3, 2, -1)), MS)
    assert all(plan.objection(one, MS) == LIMIT_FELL for one in others)
    for one in others:
        plan.on_reply(reply(one, Outcome.NOT_SENT, MS), MS, connected=True)
    again = send(plan, op, 2, MS)
    assert [plan.objection(one, MS) for one in again] == ["", ""]


def test_a_throttled_order_closes_its_bucket_for_a_whole_window() -> None:
    plan = planner(100)
    [batch] = send(plan, Op.PLACE, 2, 0)
    plan.on_reply(reply(batch, [Outcome.ACK, Outcome.THROTTLED], MS), MS)
    cancels, amends, places = plan.allowance(2 * MS, 0)
    assert places == 0
    assert cancels > 0
    assert amends > 0
    assert plan.opens_ns(2 * MS, [Op.PLACE]) == MS + SECOND
    assert plan.allowance(MS + SECOND, 0)[2] > 0


def test_a_shut_door_stops_everything() -> None:
    plan = planner(100)
    [batch] = send(plan, Op.PLACE, 1, 0)
    shut_ns = 600 * SECOND
    plan.on_reply(reply(batch, Outcome.UNKNOWN, 0, blocked_until_ns=shut_ns), 0)
    assert plan.allowance(shut_ns - 1, 50) == (0, 0, 0)
    assert plan.cancels_past(commands(Op.CANCEL, 1), shut_ns - 1) is None
    assert plan.opens_ns(0, [Op.CANCEL]) == shut_ns
    assert min(plan.allowance(shut_ns, 0)) > 0


def test_without_a_connection_the_pause_doubles_and_ends_with_the_first_success() -> None:
    plan, now = planner(100), 0
    pauses = []
    for _ in range(12):
        [batch] = send(plan, Op.CANCEL, 1, now)
        plan.on_reply(reply(batch, Outcome.NOT_SENT, now), now)
        opens = plan.opens_ns(now, [Op.CANCEL])
        pauses.append((opens - now) // MS)
        now = opens
    assert pauses[:4] == [10, 20, 40, 80]
    assert pauses[-1] == 1000
    [batch] = send(plan, Op.CANCEL, 1, now)
    plan.on_reply(reply(batch, Outcome.ACK, now), now)
    assert plan.allowance(now, 0)[0] > 0


def test_a_passed_deadline_is_no_reason_to_pause() -> None:
    plan = planner(100)
    [batch] = send(plan, Op.PLACE, 1, 0)
    plan.on_reply(reply(batch, Outcome.NOT_SENT, 0, message=DEADLINE_PASSED), 0)
    assert min(plan.allowance(0, 0)) > 0


def test_the_cancel_reserve_is_for_urgent_cancels() -> None:
    plan = planner(100, safety_percent=100, cancel_reserve_percent=20)
    assert plan.allowance(0, 0)[0] == 80
    assert plan.allowance(0, 90)[0] == 90
    send(plan, Op.CANCEL, 80, 0)
    assert plan.allowance(0, 0)[0] == 0
    assert plan.allowance(0, 5)[0] == 5


def test_urgent_cancels_spill_into_single_requests_and_nothing_else_does() -> None:
    plan = planner(10, safety_percent=100, cancel_reserve_percent=0)
    assert plan.allowance(0, 15)[0] == 15
    batches = send(plan, Op.CANCEL, 15, 0)
    assert [(b.single, len(b.commands)) for b in batches] == [(False, 10)] + [(True, 1)] * 5
    assert plan.allowance(0, 0)[0] == 0
    assert plan.allowance(0, 99)[2] == 10


def planned(limit: int = 10, **params) -> Planner:
    params = {"safety_percent": 100, "cancel_reserve_percent": 0, **params}
    return Planner(PlannerParams(initial_limit=limit, **params), PlannedPolicy(), Category.LINEAR)


@pytest.mark.parametrize("op", Op)
def test_a_planned_operation_goes_on_in_single_requests_and_keeps_both_limits(op: Op) -> None:
    plan = planned()
    assert plan.allowance(0, 0) == (20, 20, 20)
    batches = send(plan, op, 20, 0)
    assert [(b.single, len(b.commands)) for b in batches] == [(False, 10)] + [(True, 1)] * 10
    left = plan.allowance(0, 99)
    assert left[op] == 0
    assert sorted(left) == [0, 20, 20], "the other operations have budgets of their own"


def test_a_throttled_batch_leaves_the_single_requests_open_and_back() -> None:
    plan = planned()
    [batch] = send(plan, Op.PLACE, 1, 0)
    plan.on_reply(reply(batch, Outcome.THROTTLED, MS), MS)
    assert plan.allowance(MS, 0)[2] == 10
    singles = send(plan, Op.PLACE, 10, MS)
    assert all(b.single for b in singles)
    plan.on_reply(reply(singles[0], Outcome.THROTTLED, 2 * MS), 2 * MS)
    assert plan.opens_ns(2 * MS, [Op.PLACE]) == MS + SECOND, "the batch opens first"
    [again] = send(plan, Op.PLACE, 1, MS + SECOND)
    assert not again.single


def test_spilled_requests_of_a_second_are_bounded_except_urgent_cancels() -> None:
    plan = planned(100, spill_requests_per_s=20)
    assert plan.allowance(0, 0) == (120, 120, 120)
    send(plan, Op.PLACE, 120, 0)
    send(plan, Op.CANCEL, 120, 0)
    assert plan.allowance(SECOND - 1, 0)[0] == plan.allowance(SECOND - 1, 0)[2] == 0
    assert plan.allowance(0, 500)[0] == 80, "urgent: all that the single budget has"
    assert plan.allowance(SECOND, 0)[2] == 20, "the batch is unanswered, single calls may go on"


@pytest.mark.parametrize("first", [1, 9, 10, 12, 16])
def test_the_reserve_of_both_cancel_budgets_outlives_any_order_of_spending(first: int) -> None:
    plan = planned(10, cancel_reserve_percent=20)
    assert plan.allowance(0, 0)[0] == 16
    send(plan, Op.CANCEL, first, 0)
    send(plan, Op.CANCEL, plan.allowance(0, 0)[0], 0)
    assert plan.allowance(0, 0)[0] == 0
    assert plan.allowance(0, 99)[0] == 4


def test_what_is_kept_is_a_share_of_what_may_leave() -> None:
    """Of the single calls only twenty a second may be used, however many the venue allows."""
    plan = planned(100_000, spill_requests_per_s=20, reducing_reserve_percent=10)
    [batch] = send(plan, Op.PLACE, 1, 0)
    plan.on_reply(reply(batch, Outcome.ACK, 0, rate=RateInfo(100, 99, -1)), 0)
    assert plan.kept_for_reducing(Op.PLACE) == 12
    assert plan.places_kept() == 24
    assert plan.kept_for_reducing(Op.CANCEL) == 0


def test_a_half_that_is_not_packed_does_not_spill() -> None:
    params = PlannerParams(initial_limit=10, safety_percent=100)
    plan = Planner(params, PlannedPolicy(True, False), Category.LINEAR)
    assert plan.allowance(0, 0)[1:] == (10, 10)


def test_a_reload_changes_how_much_spills_and_forgets_nothing() -> None:
    plan = planned(100, spill_requests_per_s=20)
    send(plan, Op.AMEND, 110, 0)
    params = PlannerParams(initial_limit=100, safety_percent=100, spill_requests_per_s=15)
    plan.reconfigure(params, PlannedPolicy())
    assert plan.allowance(0, 0)[1] == 5
    plan.reconfigure(params, BatchPolicy())
    assert plan.allowance(0, 0)[1] == 0


def test_a_limit_of_one_still_lets_one_through() -> None:
    assert planner(1, safety_percent=50).allowance(0, 0)[1:] == (1, 1)


def test_spending_survives_a_change_of_policy() -> None:
    plan = planner(100, safety_percent=100)
    send(plan, Op.PLACE, 30, 0)
    plan.reconfigure(PlannerParams(initial_limit=7, safety_percent=100), SequentialPolicy())
    assert plan.allowance(0, 0)[2] == 100, "the single bucket is untouched"
    plan.reconfigure(PlannerParams(initial_limit=7, safety_percent=100), BatchPolicy())
    assert plan.allowance(0, 0)[2] == 70, "the batch bucket remembers, and keeps what it learned"


def test_whatever_the_delays_the_venue_never_counts_more_than_the_limit() -> None:
    """A bucket against a venue that counts each order somewhere between send and reply."""
    rng = random.Random(3)
    limit, bucket, now = 20, Bucket(20, 100), 0
    arrivals: list[int] = []
    waiting: deque[tuple[int, int]] = deque()
    sent = 0
    for _ in range(3000):
        now += rng.randint(0, 40) * MS
        while waiting and waiting[0][0] <= now:
            due, orders = waiting.popleft()
            bucket.settle(orders, 0, due)
        orders = min(bucket.left(now), rng.randint(1, 8))
        if orders:
            bucket.spend(orders)
            sent += orders
            back = max(now + rng.randint(1, 300) * MS, waiting[-1][0] if waiting else 0)
            arrivals += [rng.randint(now, back)] * orders
            waiting.append((back, orders))
    arrivals.sort()
    window: deque[int] = deque()
    for at in arrivals:
        while window and window[0] <= at - SECOND:
            window.popleft()
        window.append(at)
        assert len(window) <= limit
    assert sent > 600, "and it must not be so careful that nothing gets through"
