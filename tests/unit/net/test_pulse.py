"""How long a connection may be silent before it is given up, whatever the loop was doing."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from mmfast.net.pulse import Pulse, StreamTiming

TIMING = StreamTiming()
STALL_S = 2.0
"""A longer stand-still of the loop ends all connections by itself."""
PATIENCE_S = TIMING.ping_when_idle_s + 1.1 * TIMING.watch_every_s + TIMING.pong_within_s


def until_given_up(pulse: Pulse, frames: list[float], stalls: list[float]) -> tuple[float, float]:
    """Looks as the loop allows them: each may be late by a stall. When the connection was given
    up, and when that was due; the venue says nothing but ``frames``, at these instants."""
    now = 0.0
    pulse.begin(0, now)
    late = iter(stalls)
    while True:
        due = pulse.next_look(now)
        now = due + next(late, 0.0)
        if pulse.fault(sum(at <= now for at in frames), now):
            return now, due
        pulse.wants_ping(now)


@given(
    frames=st.lists(st.floats(0.0, 30.0), max_size=40),
    stalls=st.lists(st.one_of(st.just(0.0), st.floats(0.0, STALL_S)), max_size=60),
)
def test_no_stall_makes_a_silence_look_shorter_than_it_is(
    frames: list[float], stalls: list[float]
) -> None:
    """The time to give it up comes, at the latest, when it has been silent for so long; a look
    that is late by a stall still comes before anything else that this stall delayed."""
    given_up, due = until_given_up(Pulse(TIMING), frames, stalls)
    heard = max((at for at in frames if at <= given_up), default=0.0)
    assert due <= heard + PATIENCE_S + 1e-9


def test_a_ping_that_a_stall_delays_is_waited_for_the_shorter() -> None:
    """Heard at 0.1, then the loop stands still until 4.0: the ping should have left at 2.5."""
    pulse = Pulse(TIMING)
    pulse.begin(0, 0.0)
    assert not pulse.fault(1, 0.5)
    assert not pulse.wants_ping(0.5)
    assert not pulse.fault(1, 4.0)
    assert pulse.wants_ping(4.0)
    assert pulse.next_look(5.4) == 5.5
    assert not pulse.fault(1, 5.49)
    assert pulse.fault(1, 5.5) == "no pong in time"


def test_what_came_during_a_stall_counts_from_before_it() -> None:
    """One frame came between the looks at 1.0 and 3.0; nobody can tell when."""
    pulse = Pulse(TIMING)
    pulse.begin(0, 0.0)
    assert not pulse.fault(0, 1.0)
    assert not pulse.fault(1, 3.0)
    assert pulse.wants_ping(3.0)


def test_a_late_ping_gets_time_for_its_answer() -> None:
    pulse = Pulse(TIMING)
    pulse.begin(0, 0.0)
    assert not pulse.fault(0, 20.0)
    assert pulse.wants_ping(20.0)
    assert not pulse.fault(0, 20.9)
    pulse.ponged()
    assert not pulse.fault(1, 21.1)


def test_an_answered_ping_is_followed_by_the_next_one_only_after_another_silence() -> None:
    pulse = Pulse(TIMING)
    pulse.begin(0, 0.0)
    pings = []
    frames = 0
    now = 0.0
    while now < 30.0:
        now = pulse.next_look(now)
        assert not pulse.fault(frames, now)
        if pulse.wants_ping(now):
            pings.append(now)
            pulse.ponged()
            frames += 1
    gaps = [later - earlier for earlier, later in itertools.pairwise(pings)]
    assert gaps
    assert all(TIMING.ping_when_idle_s <= gap <= TIMING.ping_when_idle_s + 1.0 for gap in gaps)


def test_a_lively_connection_is_still_pinged_now_and_then() -> None:
    pulse = Pulse(TIMING)
    pulse.begin(0, 0.0)
    pings = []
    for turn in range(1, 100):
        now = turn * 0.5
        assert not pulse.fault(turn, now)
        if pulse.wants_ping(now):
            pings.append(now)
            pulse.ponged()
    assert pings == [20.0, 40.0]


def test_a_missing_acknowledgement_is_noticed_at_its_deadline() -> None:
    pulse = Pulse(StreamTiming(ready_s=1.3))
    pulse.begin(0, 5.0)
    pulse.expect_ack(5.0)
    assert pulse.next_look(6.0) == 6.3
    assert not pulse.fault(3, 6.2)
    assert pulse.fault(4, 6.3) == "no acknowledgement in time"
    pulse.begin(4, 7.0)
    assert not pulse.fault(4, 8.6)
