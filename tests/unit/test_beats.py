"""All that looks around now and then does so on common beats."""

from __future__ import annotations

import pytest

from mmfast.clock import until_beat_s


@pytest.mark.parametrize("every_s", [0.02, 0.1, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("loop_s", [0.0, 0.001, 0.2499, 7.77, 86_400.3, 10_000_000.123])
def test_a_wait_ends_on_a_beat_and_never_at_once(loop_s: float, every_s: float) -> None:
    wait_s = until_beat_s(loop_s, every_s)
    assert every_s / 10 <= wait_s <= 1.1 * every_s
    beats = (loop_s + wait_s) / every_s
    assert beats == pytest.approx(round(beats), abs=1e-6)


def test_slower_beats_fall_on_faster_ones() -> None:
    """What is armed at different times and at different paces still shares its turns."""
    ends = {round(at + until_beat_s(at, 0.25), 9) for at in (5.01, 5.1, 5.2)}
    ends |= {round(at + until_beat_s(at, 1.0), 9) for at in (4.3, 4.8)}
    assert ends == {5.25, 5.0}


def test_a_timer_that_fires_early_is_not_followed_by_a_second_look() -> None:
    assert until_beat_s(0.4999, 0.5) == pytest.approx(0.5001)
