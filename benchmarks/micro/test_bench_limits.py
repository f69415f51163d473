"""What the core costs against the C limit of the same work, in one interleaved run.

The gates leave about a quarter over what a quiet machine shows, and more where one of the two
sides is the interpreter, which a busy machine slows while it does not slow the SHA instructions.
A gate fails only if three runs in turn are beyond it: noise passes, a slower core does not.
"""

from __future__ import annotations

import frames
import pytest
import stages

import mmfast._core as core
from mmfast.messages import Op

ATTEMPTS = 3


@pytest.fixture(autouse=True)
def _release_only():
    assert core.BUILD == "release", f"benchmarks need the release build, found {core.BUILD}"


def hold(measure, gates):
    """Each contender is at most so many times the limit, in one of a few runs."""
    best = dict.fromkeys(gates, float("inf"))
    for _ in range(ATTEMPTS):
        rows = measure()
        best = {name: min(took, stages.ratio(rows, name)) for name, took in best.items()}
        if all(best[name] <= at_most for name, at_most in gates.items()):
            return
    beyond = {name: round(took, 2) for name, took in best.items() if took > gates[name]}
    raise AssertionError(f"times the C limit: {beyond}, at most {gates}")


def test_the_gate_bites():
    """A planted slowdown of a third is seen."""
    slow = [stages.Row("s", "mmfast", 133.0, "ns", 1.33)]
    with pytest.raises(AssertionError, match=r"1\.33"):
        hold(lambda: slow, {"mmfast": 1.25})
    hold(lambda: slow, {"mmfast": 1.4})


@pytest.mark.parametrize(
    ("size", "one", "pair"), [(200, 1.6, 1.25), (1024, 1.3, 0.95), (3400, 1.25, 0.85)]
)
def test_sign(size, one, pair):
    portable = core.sign.BACKEND == "portable"
    # Without SHA instructions nothing is gained by two together.
    pair = 1.6 if portable else pair
    gates = {"mmfast": one, "mmfast pair": pair, "mmfast request pair": pair + 0.05}
    hold(lambda: stages.sign_stage("sign", size), gates)


@pytest.mark.parametrize(("op", "at_most"), [(Op.PLACE, 1.6), (Op.AMEND, 1.8), (Op.CANCEL, 2.1)])
def test_requests_of_20_orders(op, at_most):
    gates = {"mmfast rest": at_most, "mmfast ws": at_most / 2}
    hold(lambda: stages.request_stage(op), gates)


@pytest.mark.parametrize("depth", [1, 50, 200])
def test_book_frames_of_16_changes_against_the_ring(depth):
    made = frames.single_level() if depth == 1 else frames.steady(depth)
    gates = {"mmfast": 1.9, "mmfast, top read": 2.5}
    hold(lambda: stages.book_stage("book_16", depth, made, ring=True), gates)


@pytest.mark.parametrize("name", frames.ADVERSARIAL)
@pytest.mark.parametrize("depth", [50, 200])
def test_adversarial_frames_against_the_flat_array(name, depth):
    made = frames.ADVERSARIAL[name](depth)
    hold(lambda: stages.book_stage("book", depth, made, ring=False), {"mmfast": 2.0})


@pytest.mark.parametrize("count", [80, 8000])
def test_coalesce(count):
    """Against a limit of one or two nanoseconds the ratios are wide: what is measured beside it
    is the making and reading of Python's own integers and tuples."""

    def measure():
        put, drain = stages.coalesce_stages(count)
        return [row._replace(contender=f"{row.stage} {row.contender}") for row in (*put, *drain)]

    gates = {
        "coalesce_put mmfast": 15.0,
        "coalesce_put mmfast put()": 60.0,
        "coalesce_drain mmfast": 30.0,
    }
    hold(measure, gates)
