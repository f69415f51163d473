"""What a message is worth: the promises of the model in docs/planner.md, on integers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfast.engine.planning.worth import (
    FIRST,
    KEEP,
    REPLACE,
    SEND,
    Facts,
    aged_e10,
    decayed_e10,
    decide,
    distance_e10,
    life_e10,
    of_cancel,
    of_move,
    of_place,
    of_resize,
    points,
    queue_e10,
    stake_e8,
)
from mmfast.messages import Op

ONE = 1024
SECOND = 1_000_000_000
STAKE = 1_000_000
DISTANCE = st.integers(-8 * ONE, 8 * ONE)
SHARE = st.integers(ONE // 2, ONE)
WIDE = st.integers(-(2**61), 2**61)


def test_a_quote_earns_most_where_it_is_wanted_and_loses_through_the_fair_price() -> None:
    assert points(ONE) == ONE
    assert points(0) == 0
    assert points(2 * ONE) == points(7 * ONE) == 0
    assert points(-ONE) == -3 * ONE


@given(DISTANCE, DISTANCE)
def test_points_rise_up_to_the_wanted_distance_and_fall_beyond(one: int, other: int) -> None:
    near, far = sorted((one, other))
    if far <= ONE:
        assert points(near) <= points(far)
    if near >= ONE:
        assert points(near) >= points(far)


@pytest.mark.parametrize("tenths", range(1, 15))
def test_points_stay_near_the_profit_rate_they_stand_for(tenths: int) -> None:
    x = tenths / 10
    assert abs(points(int(x * ONE)) / ONE - x * math.exp(1 - x)) < 0.1


@given(WIDE, WIDE)
def test_distances_are_bounded_whatever_the_prices(edge: int, wanted: int) -> None:
    assert -8 * ONE <= distance_e10(edge, wanted) <= 8 * ONE


@given(st.integers(1, 2**40))
def test_distances_are_measured_in_the_wanted_one(wanted: int) -> None:
    assert distance_e10(wanted, wanted) == ONE
    assert distance_e10(0, wanted) == 0
    assert distance_e10(-wanted, wanted) == -ONE
    assert distance_e10(wanted // 2, wanted) <= ONE // 2


@pytest.mark.parametrize(("age", "nearer"), [(0, 0), (1, ONE // 2), (2, ONE), (9, ONE)])
def test_an_old_book_brings_the_fair_price_nearer(age: int, nearer: int) -> None:
    assert aged_e10(ONE, age * SECOND, 2 * SECOND) == ONE - nearer


@given(st.integers(1, 2**53), st.integers(0, 2**53), st.integers(1, 2**40))
def test_the_front_of_the_queue_is_worth_a_tick_at_most(own: int, ahead: int, wanted: int) -> None:
    share = queue_e10(own, ahead, wanted)
    assert queue_e10(own, 0, wanted) == ONE
    assert max(ONE // 2, ONE - 256 * ONE // wanted - 1) <= share <= ONE
    assert queue_e10(own, 2 * ahead, wanted) <= share


@pytest.mark.parametrize(("moves", "life"), [(0, ONE), (1, ONE), (2, ONE // 2), (16, ONE // 16)])
def test_a_restless_quote_stays_right_for_a_short_while(moves: int, life: int) -> None:
    assert life_e10(moves * ONE) == life


def test_moves_are_forgotten_within_a_second() -> None:
    assert decayed_e10(ONE, 0) == ONE
    assert decayed_e10(ONE, SECOND // 2) == ONE // 2
    assert decayed_e10(ONE, SECOND) == decayed_e10(ONE, 9 * SECOND) == 0


@given(DISTANCE, SHARE, SHARE, st.integers(0, ONE))
def test_a_quote_through_the_fair_price_is_worth_more_than_any_new_one(
    distance: int, now: int, then: int, life: int
) -> None:
    """Life shortens the gain, never the loss that a cancel or a move ends."""
    moved = of_move(STAKE, distance, now, then, life)
    if distance <= -ONE:
        assert moved > of_place(STAKE, ONE, ONE)
    if distance < 0:
        assert moved >= of_move(STAKE, 0, now, then, life)


@given(DISTANCE, DISTANCE)
def test_of_two_unwanted_quotes_the_nearer_goes_first_and_each_must_go(one: int, two: int) -> None:
    near, far = sorted((one, two))
    assert of_cancel(STAKE, near) >= of_cancel(STAKE, far) > 0


def test_where_the_place_in_the_queue_is_worth_more_than_the_move_it_is_kept() -> None:
    """A quote at the front, an eighth of the distance off; the new price has a long queue."""
    off = ONE + ONE // 8
    assert of_move(STAKE, off, ONE, ONE // 2, ONE) < 0
    assert of_move(STAKE, off, ONE // 2, ONE, ONE) > 0


def test_a_quote_that_would_be_moved_again_at_once_is_worth_little() -> None:
    calm = of_move(STAKE, ONE // 2, ONE, ONE, life_e10(ONE))
    restless = of_move(STAKE, ONE // 2, ONE, ONE, life_e10(20 * ONE))
    assert 19 * restless <= calm


@given(st.integers(-(2**61), 2**61), st.integers(0, 2**53), st.integers(0, 10**18), DISTANCE, SHARE)
def test_no_sum_leaves_64_bits(wanted: int, lots: int, value: int, far: int, share: int) -> None:
    stake = stake_e8(wanted, lots, value)
    assert stake >= 0
    for worth in (
        of_move(stake, far, share, share, ONE),
        of_place(stake, share, ONE),
        of_cancel(stake, far - ONE),
    ):
        assert abs(worth) < 1 << 60, "the class of what reduces risk lies above all others"


def amend(**known: int) -> Facts:
    """A resting quote an eighth too far out, to be moved to where it is wanted."""
    facts = Facts()
    facts.op = Op.AMEND
    facts.rests = True
    facts.lots = facts.resting_lots = 10
    facts.half_x256 = facts.edge_then_x256 = 4 * ONE
    facts.edge_now_x256 = 6 * ONE
    facts.tick_lot_value_e8 = 1_000
    for name, value in known.items():
        setattr(facts, name, value)
    return facts


def test_a_move_that_gains_is_sent_and_one_that_loses_its_place_is_kept() -> None:
    assert decide(amend())[0] == SEND
    at_the_front = amend(edge_now_x256=4 * ONE + 1, ahead_then_lots=1_000)
    assert decide(at_the_front) == (KEEP, decide(at_the_front)[1])
    assert decide(at_the_front)[1] <= 0


@pytest.mark.parametrize(
    ("known", "way"),
    [
        ({"has_room": True}, REPLACE),
        ({"has_room": False}, KEEP),
        ({"has_room": True, "same_price": True, "lots": 20}, KEEP),
        ({"has_room": True, "rests": False}, KEEP),
    ],
    ids=["bears both", "no room for both", "same price keeps its place", "nothing to cancel"],
)
def test_without_a_budget_of_amends(known: dict[str, int], way: int) -> None:
    facts = amend(may_amend=False, **known)
    assert decide(facts)[0] == way
    facts.may_amend = True
    assert decide(facts)[0] == SEND


def test_less_at_the_same_price_is_worth_what_a_cancel_of_the_difference_is() -> None:
    smaller = amend(same_price=True, lots=4, edge_then_x256=4 * ONE, edge_now_x256=4 * ONE)
    whole = amend(op=Op.CANCEL, lots=4, edge_now_x256=4 * ONE)
    assert decide(smaller)[1] == decide(whole)[1] * 6 // 10
    assert of_resize(STAKE, ONE, 10, 20, ONE) == of_place(STAKE, ONE, ONE) // 2


@given(st.sampled_from([Op.PLACE, Op.AMEND, Op.CANCEL]), WIDE, WIDE, st.integers(1, 2**53))
def test_what_reduces_risk_goes_before_everything_else(
    op: Op, now: int, then: int, lots: int
) -> None:
    facts = amend(op=op, edge_now_x256=now, edge_then_x256=then, lots=lots)
    _, ordinary = decide(facts)
    facts.is_first = True
    way, first = decide(facts)
    assert (way, first) == (SEND, ordinary + FIRST)
    assert abs(ordinary) < first
