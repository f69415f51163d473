"""The shadow plan of a policy is what that policy sends, and what it would take."""

from __future__ import annotations

import random

import pytest
from engine_world import MS, SECOND, command, make_params, reply
from kernel_desk import MID, Desk

from mmfast.engine.params import BatchParams, PlannerParams, RequoteBy
from mmfast.engine.planning.shadow import Cost, ShadowBook, cost_of, orders_by_op
from mmfast.messages import Batch, Category, Op, Outcome, RateInfo

CALLS = 6


def twins(**params: object) -> tuple[Desk, Desk]:
    desks = (
        Desk(4, batch=BatchParams(enabled=enabled), **params).start() for enabled in (True, False)
    )
    batched, sequential = desks
    return batched, sequential


def sent(batches: list[Batch]) -> tuple[list[int], list[int]]:
    calls, orders = [0] * CALLS, [0] * CALLS
    for batch in batches:
        calls[batch.op * 2 + batch.single] += 1
        orders[batch.op * 2 + batch.single] += len(batch.commands)
    return calls, orders


def shadow(desk: Desk, batches: list[Batch], *, enabled: bool) -> Cost:
    size, limits = desk.params.planner.max_batch_orders, [1000] * 3
    return cost_of(orders_by_op(batches), BatchParams(enabled=enabled), size, limits, 20 * MS)


@pytest.mark.parametrize("requote_by", RequoteBy)
@pytest.mark.parametrize("size", [3, 20])
def test_a_shadow_is_what_a_twin_with_that_policy_really_sends(
    requote_by: RequoteBy, size: int
) -> None:
    """Two engines of different policy on the same events; each casts the other's shadow."""
    planner = PlannerParams(initial_limit=1000, max_batch_orders=size)
    batched, sequential = twins(planner=planner, requote_by=requote_by)
    rng = random.Random(7)
    moved = 0
    for _ in range(40):
        for instrument in range(4):
            mid = MID + rng.randrange(-300, 300)
            if rng.random() < 0.6:
                batched.book(instrument, mid)
                sequential.book(instrument, mid)
        one, other = batched.settle(), sequential.settle()
        assert shadow(batched, one, enabled=False)[:2] == sent(other)
        assert shadow(sequential, other, enabled=True)[:2] == sent(one)
        moved += sum(sent(one)[1])
        batched.later(1100), sequential.later(1100)
    assert moved > 200, "the market must have moved"


def test_batches_share_a_round_trip_and_single_calls_wait_for_each_other() -> None:
    orders, limits = [20, 0, 21], [100, 100, 100]
    batched = cost_of(orders, BatchParams(), 20, limits, 50 * MS)
    assert batched == Cost([1, 0, 0, 0, 2, 0], [20, 0, 0, 0, 21, 0], 50 * MS)
    sequential = cost_of(orders, BatchParams(enabled=False), 20, limits, 50 * MS)
    assert sequential == Cost([0, 20, 0, 0, 0, 21], [0, 20, 0, 0, 0, 21], 41 * 50 * MS)
    assert cost_of([0, 0, 0], BatchParams(), 20, limits, 50 * MS).time_ns == 0


@pytest.mark.parametrize(("orders", "windows"), [(10, 0), (11, 1), (20, 1), (21, 2)])
def test_orders_beyond_a_limit_wait_whole_windows(orders: int, windows: int) -> None:
    for batch in (BatchParams(planned=False), BatchParams(enabled=False)):
        cost = cost_of([orders, 5, 0], batch, 20, [10, 10, 10], 0)
        assert cost.time_ns == windows * SECOND


@pytest.mark.parametrize(
    ("orders", "calls", "windows"),
    [(10, [1, 0], 0), (13, [1, 3], 0), (20, [1, 10], 0), (21, [1, 10], 1), (41, [2, 10], 2)],
)
def test_a_policy_that_spills_goes_on_in_single_calls(
    orders: int, calls: list[int], windows: int
) -> None:
    cost = cost_of([orders, 0, 0], BatchParams(planned=True), 20, [10, 10, 10], 0)
    assert cost.calls[:2] == calls
    assert sum(cost.orders) == orders
    assert cost.time_ns == windows * SECOND


def test_a_half_that_is_not_coalesced_is_single_calls_in_the_shadow_too() -> None:
    batch = BatchParams(coalesce_cancel=False)
    assert cost_of([5, 0, 5], batch, 20, [100] * 3, 0).calls == [0, 5, 0, 0, 1, 0]


def test_the_book_learns_limit_and_round_trip_from_replies_and_adds_up() -> None:
    book = ShadowBook(make_params(planner=PlannerParams(initial_limit=1000, safety_percent=100)))
    commands = tuple(command(Op.PLACE, 1 + i, level=i) for i in range(15))
    batch = Batch(
        batch_id=1, tick_id=1, op=Op.PLACE, category=Category.LINEAR, single=False,
        commands=commands,
    )  # fmt: skip
    book.tick([batch], 0)
    assert book.totals[True].time_ns == 0, "no round trip is known yet"
    answer = reply(batch, Outcome.ACK, SECOND, rate=RateInfo(10, 5, 0))
    book.learn(type(answer)(**{**_fields(answer), "received_ns": SECOND + 30 * MS}))
    book.tick([batch], 2 * SECOND)
    assert book.totals[True].time_ns == 30 * MS, "15 orders, two budgets of 10"
    assert book.totals[False].time_ns == 15 * 30 * MS + SECOND
    assert book.totals[True].calls[Op.PLACE * 2 :] == [2, 5]
    assert book.totals[False].calls[Op.PLACE * 2 + 1] == 30
    assert book.ticks == 2


def paid_within(paid: list[tuple[int, list[int]]], now_ns: int) -> list[int]:
    """Of the six budgets in the last second."""
    fresh = [orders for at_ns, orders in paid if at_ns + SECOND > now_ns]
    return [sum(column) for column in zip([0] * CALLS, *fresh, strict=True)]


def test_what_is_costed_late_is_what_was_counted() -> None:
    """Many kinds of ticks under limits and round trips that change, some with a short budget: read
    at the end, read after each tick, and added up by hand are the same to the nanosecond."""
    rng = random.Random(7)
    planner = PlannerParams(initial_limit=1000, safety_percent=90)
    params = make_params(planner=planner)
    late, early = ShadowBook(params), ShadowBook(params)
    limits, round_trip_ns, now_ns = [1000] * 3, 0, 0
    by_hand = dict.fromkeys((True, False), 0)
    paid: dict[bool, list[tuple[int, list[int]]]] = {True: [], False: []}
    for number in range(300):
        now_ns += rng.randint(1, 700) * MS
        op = rng.choice(list(Op))
        commands = tuple(command(op, 1 + i, level=i) for i in range(rng.randint(1, 40)))
        batch = Batch(
            batch_id=1, tick_id=1, op=op, category=Category.LINEAR, single=False,
            commands=commands,
        )  # fmt: skip
        if number % 100 == 50:
            params = make_params(planner=PlannerParams(initial_limit=1000, safety_percent=50))
            late.reconfigure(params)
            early.reconfigure(params)
        late.tick([batch], now_ns)
        early.tick([batch], now_ns)
        usable = [limit * params.planner.safety_percent // 100 for limit in limits]
        size = params.planner.max_batch_orders
        for enabled in by_hand:
            way, spent = BatchParams(enabled=enabled), paid_within(paid[enabled], now_ns)
            one = cost_of(orders_by_op([batch]), way, size, usable, round_trip_ns, spent)
            by_hand[enabled] += one.time_ns
            paid[enabled].append((now_ns, one.orders))
        assert {key: cost.time_ns for key, cost in early.totals.items()} == by_hand
        limits[op] = rng.randint(1, 90)
        took_ns = rng.randint(1, 50) * MS + number
        round_trip_ns += (took_ns - (round_trip_ns or took_ns)) // 8 if round_trip_ns else took_ns
        answer = reply(batch, Outcome.ACK, SECOND, rate=RateInfo(limits[op], 5, 0))
        for book in (late, early):
            book.learn(type(answer)(**{**_fields(answer), "received_ns": SECOND + took_ns}))
    assert late.totals == early.totals
    assert late.ticks == early.ticks == 300


def test_what_was_spent_within_the_second_is_not_spent_again() -> None:
    """Ten a second in either form: the second tick spills, the third one waits, and a second
    later all is as at first."""
    way, limits = BatchParams(planned=True), [10, 10, 10]
    assert cost_of([8, 0, 0], way, 20, limits, 0, [0] * 6).orders[:2] == [8, 0]
    assert cost_of([8, 0, 0], way, 20, limits, 0, [8, 0, 0, 0, 0, 0]).orders[:2] == [2, 6]
    third = cost_of([8, 0, 0], way, 20, limits, 0, [10, 6, 0, 0, 0, 0])
    assert (third.orders[:2], third.time_ns) == ([4, 4], SECOND)
    assert cost_of([0, 3, 0], way, 20, limits, 0, [10, 10, 0, 0, 0, 0]).time_ns == 0


def test_the_shadow_of_its_own_policy_is_what_an_engine_short_of_budget_sends() -> None:
    """At ten orders a second an engine that spills casts its own shadow: call by call."""
    limits = PlannerParams(initial_limit=10, safety_percent=100)
    batch = BatchParams(planned=True, shadow=True)
    desk = Desk(4, batch=batch, planner=limits, requote_by=RequoteBy.AMEND).start()
    book = ShadowBook(desk.params)
    rng = random.Random(3)
    really = [0] * CALLS
    for _ in range(60):
        for instrument in range(4):
            if rng.random() < 0.5:
                desk.book(instrument, MID + rng.randrange(-300, 300))
        batches = desk.settle()
        if batches:
            book.tick(batches, desk.now_ns)
        calls, _ = sent(batches)
        really = [one + more for one, more in zip(really, calls, strict=True)]
        desk.later(230)
    assert really[Op.AMEND * 2 + 1] > 20, "it must have spilled"
    assert sum(book.totals[True].calls) == pytest.approx(sum(really), rel=0.1)


def _fields(answer: object) -> dict[str, object]:
    return {name: getattr(answer, name) for name in answer.__struct_fields__}
