"""Later seeds draw limits that are in the way; earlier ones are the stories that they were, and
what truly rests at the venue never passes what is drawn."""

from __future__ import annotations

import json

import interpreted
import pytest

from mmfast import config
from mmfast.simtest.limit_draws import FIRST_SEED, LimitLines, limits_of
from mmfast.simtest.main import Job, failure_text, run_seed
from mmfast.simtest.swarm import Plan, plan_of
from mmfast.simtest.world import run_plan

OPEN = b'max_open_notional_quote: "1500"'


def drawn() -> Plan:
    """The first seed whose orders are bounded tightly, of two instruments or more."""
    for seed in range(FIRST_SEED, FIRST_SEED + 100):
        plan = plan_of(seed, 1.0)
        if OPEN in plan.config and len(plan.symbols) > 1:
            return plan
    raise AssertionError("no seed of a hundred draws a tight limit")


@pytest.mark.parametrize("seed", [1, 8069, 30_263, FIRST_SEED - 1])
def test_seeds_that_are_kept_draw_none(seed: int) -> None:
    assert limits_of(seed) == LimitLines()
    plan = plan_of(seed, 1.0)
    assert b"max_open_notional_quote" not in plan.config
    assert b"breakers" not in plan.config


def test_every_limit_is_drawn_tight_and_wide() -> None:
    rows = [config.parse(plan_of(FIRST_SEED + i, 1.0).config) for i in range(40)]
    for name in (
        "max_open_notional_quote",
        "max_portfolio_notional_quote",
        "portfolio_shock_bps",
        "max_open_orders",
        "max_messages_per_symbol_per_s",
        "max_doubt_ms",
    ):
        assert len({getattr(row.risk, name) for row in rows}) > 1, name
    assert len({row.planner.reducing_reserve_percent for row in rows}) == 3
    assert {row.breakers == config.BreakersConfig() for row in rows} == {True, False}
    assert not any(row.breakers.ack_halt_ms or row.breakers.lag_halt_ms for row in rows)


@pytest.mark.simtest
@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + 4))
def test_a_seed_with_limits_breaks_no_promise(seed: int) -> None:
    report = run_seed(Job(seed, 2.0))
    assert not report.violations, failure_text(report)
    assert report.checked["I18"] == 1, "the end of the seed was not reached"


@pytest.mark.simtest
def test_what_rests_stays_within_the_limit_that_is_in_its_way() -> None:
    world, _ = run_plan(drawn())
    assert world.findings.violations == []
    assert world.findings.marks["held back by open_notional"] > 0


@pytest.mark.simtest
def test_an_engine_that_does_not_look_is_caught() -> None:
    assert "orders worth" in interpreted.json_of(__file__)[0]


if __name__ == "__main__":
    from mmfast.engine.risk.exposure import Exposure

    Exposure._is_too_much_open = lambda *_: False  # type: ignore[method-assign]
    Exposure._worst_case = lambda *_: ""  # type: ignore[method-assign]
    found, _ = run_plan(drawn())
    print(json.dumps([str(one) for one in found.findings.violations]))  # noqa: T201
