"""What the core costs against the C limit of the same work, stage by stage.

A stage fails if it costs a quarter more than ``baseline.json`` lets it expect (see ``compare``),
and the baseline itself must keep what is promised.
"""

from __future__ import annotations

import compare
import promises
import pytest
import stages


@pytest.mark.parametrize("stage", stages.CORE)
def test_stage(judge, stage):
    judge(stages.CORE[stage]())


def test_the_baseline_keeps_the_promises():
    baseline = compare.known()
    broken = {
        key: baseline[key[0]][key[1]].to_limit
        for key, at_most in promises.TIMES_THE_LIMIT.items()
        if baseline[key[0]][key[1]].to_limit > at_most
    }
    assert not broken, f"recorded beyond what is promised: {broken}"
