"""The default tier on virtual time: figures that depend on seeds, not on the machine.

All of them, in both scenarios, are printed by ``make bench-tier``.
"""

from __future__ import annotations

import pytest
import tier

from mmfast.engine.params import RequoteBy

SEEDS = (3, 5)
LANDS_MORE = 1.9
"""How many times what the best batched contender lands."""


@pytest.fixture(scope="module")
def scores():
    return {way.name: tier.score_of(way, seeds=SEEDS) for way in tier.WAYS}


def test_the_planner_is_never_refused_for_its_rate(scores):
    assert scores["planner"].refused == 0
    assert scores["batched"].refused > 0, "the market does not ask for more than the tier allows"


def test_the_planner_lands_more_than_batches_alone_and_quotes_nearer(scores):
    batched = [score for name, score in scores.items() if "batched" in name]
    planner = scores["planner"]
    assert planner.landed_per_s >= LANDS_MORE * max(score.landed_per_s for score in batched)
    assert planner.mean_error_bps < min(score.mean_error_bps for score in batched)


def test_where_quotes_move_by_cancel_and_place_it_lands_as_much_more_without_its_reserves():
    """The contenders keep nothing for cancels that reduce risk; what the reserves cost stands in
    docs/performance.md."""
    names = ("batched", "batched, paced", "planner, no reserves")
    *batched, planner = (
        tier.score_of(way, seeds=SEEDS, requote_by=RequoteBy.REPLACE)
        for way in tier.WAYS
        if way.name in names
    )
    assert len(batched) == 2
    assert planner.refused == 0
    assert planner.landed_per_s >= LANDS_MORE * max(score.landed_per_s for score in batched)


def test_the_planner_quotes_nearer_and_in_fewer_calls_an_action_than_one_order_a_call(scores):
    planner, sequential = scores["planner"], scores["sequential"]
    assert planner.mean_error_bps < sequential.mean_error_bps
    assert planner.calls / planner.landed < sequential.calls / sequential.landed


def test_the_same_seed_gives_the_same_figures():
    once, again = (tier.score_of(tier.WAYS[-1], seeds=(3,), seconds=4) for _ in range(2))
    assert once == again


@pytest.mark.parametrize(
    ("wanted", "resting", "bps"),
    [
        ([10_000.0], [10_000.0], 0.0),
        ([10_000.0], [10_003.0], 3.0),
        ([10_000.0], [10_005.0], tier.ABSENT_BPS),
        ([10_000.0], [], tier.ABSENT_BPS),
        ([10_000.0, 9_990.0], [9_990.0], tier.ABSENT_BPS),
        ([], [10_000.0], 0.0),
    ],
)
def test_quote_error_of_one_side(wanted, resting, bps):
    assert tier.cheapest_error_bps(wanted, resting) == pytest.approx(bps)
