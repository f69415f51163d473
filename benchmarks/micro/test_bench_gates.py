"""The gate bites: a contender that was really slowed down is found, one that was not is not."""

from __future__ import annotations

import compare
import pytest
import stages
from race import race

AT_ONCE = (0, 0, 0)
"""What is slow by its own fault stays slow: no weather to wait for."""


def slowed(contest, contender, by):
    """The contest with one contender that does ``by`` more of its own work in every run."""

    def lane(number):
        took = honest(number)
        extra = honest(max(round(number * by), 1))
        return took + extra * max(round(number * by), 1) / number

    honest = contest.lanes[contender]
    return contest._replace(lanes={**contest.lanes, contender: lane})


@pytest.mark.parametrize(
    ("stage", "contender"),
    [("sign_1k", "mmfast"), ("request_20", "mmfast rest"), ("book_16", "mmfast")],
)
def test_a_planted_slowdown_is_found(stage, contender):
    contest = stages.CORE[stage]()
    baseline = {stage: compare.entries(race(contest).merged(race(contest)))}
    judgement = compare.by_baseline(baseline)
    compare.hold(lambda: race(contest), judgement)
    with pytest.raises(AssertionError, match=contender):
        compare.hold(lambda: race(slowed(contest, contender, 0.5)), judgement, AT_ONCE)
