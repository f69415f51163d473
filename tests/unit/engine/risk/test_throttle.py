"""C7: fills of one side within a window pass at the limit and halt at one more."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import execution
from kernel_desk import Desk

from mmfast.engine.risk.throttle import FillThrottle
from mmfast.messages import Mode, ModeChange, Side
from mmfast.units import NS_PER_MS


def throttle(fills: int, window_ms: int = 100) -> FillThrottle:
    made = FillThrottle(2)
    made.set_limit(fills, window_ms)
    return made


def halts(made: FillThrottle, instrument: int, side: int, now_ns: int) -> bool:
    return bool(made.passed("BTCUSDT", instrument, Side(side), now_ns))


def test_the_limit_passes_and_one_more_does_not() -> None:
    made = throttle(3)
    assert [halts(made, 0, 0, at) for at in range(4)] == [False, False, False, True]


def test_sides_and_instruments_are_counted_apart() -> None:
    made = throttle(1)
    seats = [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [halts(made, *seat, 0) for seat in seats] == [False] * 4
    assert [halts(made, *seat, 0) for seat in seats] == [True] * 4


@pytest.mark.parametrize(("later_ns", "stops"), [(-1, True), (0, False)])
def test_a_fill_leaves_the_window_when_it_is_as_old_as_it(later_ns: int, stops: bool) -> None:
    made = throttle(1)
    halts(made, 0, 0, 7)
    assert halts(made, 0, 0, 7 + 100 * NS_PER_MS + later_ns) is stops


def test_after_a_halt_counting_begins_anew() -> None:
    made = throttle(1)
    assert [halts(made, 0, 0, 0) for _ in range(4)] == [False, True, False, True]


def fill(number: int, **changes: Any) -> Any:
    return execution(changes.pop("client_id", 0x77), f"e{number}", 1, seq=number, **changes)


def test_the_kernel_asks_for_a_halt_once_the_fills_of_a_side_pass_the_limit() -> None:
    desk = Desk(max_fills_per_side=2).start()
    own = desk.settle()[0].commands[0].client_id
    desk.feed(*(fill(n, client_id=own) for n in (10, 11)))
    desk.feed(fill(11, client_id=own))  # told twice
    desk.feed(fill(12, client_id=own, side=Side.SELL), fill(13, client_id=0, venue_id="theirs"))
    assert desk.requests(ModeChange) == []
    desk.feed(fill(14, client_id=own))
    [halt] = desk.requests(ModeChange)
    assert halt.mode is Mode.HALTED
    assert "buy fills" in halt.reason


def test_fills_of_before_the_start_are_no_repetition() -> None:
    desk = Desk(max_fills_per_side=1)
    desk.feed(*(fill(n) for n in range(10, 20)))
    assert desk.requests(ModeChange) == []


def test_fills_that_cross_the_cancels_of_a_halt_ask_for_no_other() -> None:
    """Nor do they when it is over: who resumed has seen them."""
    desk = Desk(max_fills_per_side=1).start()
    own = desk.settle()[0].commands[0].client_id
    desk.feed(fill(10, client_id=own), fill(11, client_id=own))
    [halt] = desk.requests(ModeChange)
    desk.feed(halt)
    desk.feed(*(fill(n, client_id=own) for n in range(12, 16)))
    desk.feed(ModeChange(Mode.TRADING, "resumed"))
    assert desk.requests(ModeChange) == []
    desk.feed(fill(16, client_id=own))
    assert desk.requests(ModeChange) == [], "counting has begun anew"
    desk.feed(fill(17, client_id=own))
    assert len(desk.requests(ModeChange)) == 1
