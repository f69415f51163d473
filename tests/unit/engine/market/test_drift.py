"""A mid that leaps stops the quotes of its instrument for a while, at the limit plus one unit."""

from __future__ import annotations

import pytest
from engine_world import BP_E4, MS, make_params
from kernel_desk import MID, Desk, ops

from mmfast.engine.market.drift import Drift, DriftLimit
from mmfast.messages import Alert

LIMIT = {"max_drift_e4": 10 * BP_E4, "drift_window_ms": 1000, "drift_pause_ms": 3000}
AT_LIMIT = 100
"""10 bp of 100,000 ticks."""


def quoting(**params: int) -> Desk:
    desk = Desk(2, **(LIMIT | params)).start()
    desk.settle()
    assert desk.kernel.open_orders() == 8
    return desk


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("beyond", [0, 1])
def test_a_move_of_the_limit_is_quoted_through_and_one_unit_more_is_not(
    way: int, beyond: int
) -> None:
    """Downwards the share is of the lower price, so that less is enough."""
    desk = quoting()
    far = AT_LIMIT if way > 0 else 99
    desk.later(100).book(0, MID + way * (far + beyond))
    sent = desk.settle()
    assert ops(sent) == ({"CANCEL": 4} if beyond else {"AMEND": 4})
    assert desk.kernel.open_orders() == (4 if beyond else 8), "the other one is quoted on"


def test_the_pause_ends_by_itself_and_is_said_once() -> None:
    desk = quoting()
    desk.later(100).book(0, MID + AT_LIMIT + 1)
    desk.settle()
    told = [alert.text for alert in desk.requests(Alert) if alert.code == "drift"]
    assert told == ["C00USDT: price moved too far too fast"]
    for _ in range(29):
        desk.later(100).book(0, MID + AT_LIMIT + 1)
        desk.settle()
        assert desk.kernel.open_orders() == 4
    wake_ns = desk.kernel.next_wake_ns(desk.now_ns)
    assert wake_ns <= desk.now_ns + 100 * MS, "nothing else need happen"
    desk.later(100)
    assert ops(desk.settle()) == {"PLACE": 4}
    assert not [alert for alert in desk.requests(Alert) if alert.code == "drift"]


def test_a_slow_move_is_no_leap() -> None:
    desk = quoting()
    for step in range(1, 12):
        desk.later(1000).book(0, MID + step * AT_LIMIT)
        desk.book(1)
        desk.settle()
    assert desk.kernel.open_orders() == 8


def test_small_steps_add_up_within_the_window() -> None:
    desk = quoting()
    for step in range(1, 6):
        desk.later(90).book(0, MID + step * 25)
        desk.settle()
    assert desk.kernel.open_orders() == 4


def test_without_a_limit_nothing_is_a_leap() -> None:
    desk = quoting(max_drift_e4=0)
    desk.later(100).book(0, MID * 2)
    desk.settle()
    assert desk.kernel.open_orders() == 8


def test_a_book_that_begins_anew_is_no_leap() -> None:
    drift, limit = Drift(), DriftLimit(make_params(**LIMIT))
    assert not drift.too_far(2 * MID, 1, limit)
    drift.forget()
    assert not drift.too_far(4 * MID, 2, limit)
    assert drift.too_far(2 * MID, 3, limit)


@pytest.mark.parametrize("start_ms", range(0, 500, 50))
def test_a_move_within_half_a_window_is_seen_whenever_it_comes(start_ms: int) -> None:
    drift, limit = Drift(), DriftLimit(make_params(**LIMIT))
    now_ns = MS
    for _ in range(start_ms):
        now_ns += MS
        assert not drift.too_far(2 * MID, now_ns, limit)
    seen = False
    for step in range(11):
        seen = drift.too_far(2 * (MID + step * 11), now_ns + step * 49 * MS, limit) or seen
    assert seen
