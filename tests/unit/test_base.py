"""The ground everything stands on: units, ids, clock."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfast.clock import SystemClock, VenueClock
from mmfast.errors import ConfigError, InvariantError, MmfastError, VenueError
from mmfast.ids import MAX_LINK_ID_CHARS, ClientIds
from mmfast.messages import OrderStatus
from mmfast.units import (
    MAX_LEVELS,
    NOT_OURS,
    NS_PER_MS,
    quote_text,
    slot_instrument,
    slot_level,
    slot_of,
    slot_side,
)


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.ns = 5_000_000_000
        self.wall = 1_700_000_000_000

    def now_ns(self) -> int:
        return self.ns

    def wall_ms(self) -> int:
        return self.wall

    def move_ms(self, ms: int) -> None:
        self.ns += ms * NS_PER_MS
        self.wall += ms


@given(st.integers(0, 5000), st.integers(0, 1), st.integers(0, MAX_LEVELS - 1))
def test_slots_name_one_seat_each(instrument: int, side: int, level: int) -> None:
    slot = slot_of(instrument, side, level)
    assert (slot_instrument(slot), slot_side(slot), slot_level(slot)) == (instrument, side, level)


@pytest.mark.parametrize(
    ("value_e8", "text"),
    [(0, "0.00000000"), (1, "0.00000001"), (-1, "-0.00000001"), (-150_000_000, "-1.50000000")],
)
def test_money_is_told_to_its_last_digit(value_e8: int, text: str) -> None:
    assert quote_text(value_e8) == text


def test_ids_are_unique_legal_and_come_back() -> None:
    ids = ClientIds("mmfa1", epoch=7)
    texts = [ids.text(ids.next()) for _ in range(1000)]
    assert len(set(texts)) == 1000
    for text in texts:
        assert len(text) <= MAX_LINK_ID_CHARS
        assert re.fullmatch(r"[0-9A-Za-z_-]+", text)
        assert ids.text(ids.parse(text)) == text


def test_epochs_never_share_an_id() -> None:
    first, second = ClientIds("mmfa1", 1), ClientIds("mmfa1", 2)
    assert {first.next() for _ in range(500)}.isdisjoint({second.next() for _ in range(500)})


@pytest.mark.parametrize(
    "foreign",
    ["", "manual-1", "mmfa1-", "mmfa1-zzzzzzzzzzzzzzzz", "mmfa2-0000000100000001",
     "mmfa1-00000001000000010", "mmfa1-000000010000000A", "xmmfa1-000000010000001",
     "mmfa1-8000000000000000", "mmfa1-ffffffffffffffff"],
)  # fmt: skip
def test_ids_of_others_are_not_ours(foreign: str) -> None:
    assert ClientIds("mmfa1", 1).parse(foreign) == NOT_OURS


@given(st.text(max_size=40))
def test_parsing_any_text_never_fails(text: str) -> None:
    ids = ClientIds("mmfa1", 1)
    found = ids.parse(text)
    assert found == NOT_OURS or ids.text(found) == text


@pytest.mark.parametrize("stem", ["", "a", "has space", "x" * 20, "ümlaut", "semi;colon"])
def test_a_stem_the_venue_would_refuse_is_refused_here(stem: str) -> None:
    with pytest.raises(ConfigError, match="order_prefix"):
        ClientIds(stem, 1)


def test_an_epoch_out_of_range_is_our_bug() -> None:
    for epoch in (0, -1, 1 << 31):
        with pytest.raises(InvariantError):
            ClientIds("mmfa1", epoch)


def test_venue_clock_keeps_the_sample_with_the_shortest_round_trip() -> None:
    clock = HandClock()
    venue = VenueClock(clock)
    assert not venue.synced
    ahead_ns = 30_000 * NS_PER_MS

    def truth_ns() -> int:
        return clock.wall * NS_PER_MS + ahead_ns

    def sample(out_ms: int, back_ms: int) -> None:
        sent = clock.now_ns()
        clock.move_ms(out_ms)
        read = truth_ns()
        clock.move_ms(back_ms)
        venue.observe(sent, clock.now_ns(), read)

    sample(40, 4)
    first_error = abs(venue.venue_ms() * NS_PER_MS - truth_ns())
    sample(2, 2)
    assert venue.synced
    assert abs(venue.venue_ms() * NS_PER_MS - truth_ns()) <= NS_PER_MS < first_error
    sample(200, 1)
    assert abs(venue.venue_ms() * NS_PER_MS - truth_ns()) <= NS_PER_MS
    assert venue.uncertainty_ns <= 3 * NS_PER_MS


def test_a_step_of_the_host_clock_does_not_move_venue_time() -> None:
    clock = HandClock()
    venue = VenueClock(clock)
    venue.observe(clock.now_ns(), clock.now_ns(), clock.wall * NS_PER_MS)
    before = venue.venue_ms()
    clock.wall += 3_600_000
    assert venue.venue_ms() == before
    assert venue.skew_ms() == 3_600_000


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(1, 500)), min_size=1, max_size=50))
def test_the_offset_is_never_wrong_by_more_than_half_the_worst_round_trip(
    trips: list[tuple[int, int]],
) -> None:
    clock = HandClock()
    venue = VenueClock(clock)
    ahead_ns = -7_000 * NS_PER_MS
    for out_ms, back_ms in trips:
        sent = clock.now_ns()
        clock.move_ms(out_ms)
        read = clock.wall * NS_PER_MS + ahead_ns
        clock.move_ms(back_ms)
        venue.observe(sent, clock.now_ns(), read)
        truth_ms = (clock.wall * NS_PER_MS + ahead_ns) // NS_PER_MS
        assert abs(venue.venue_ms() - truth_ms) <= max(o + b for o, b in trips) // 2 + 1


def test_system_clock_moves_forward() -> None:
    clock = SystemClock()
    first = clock.now_ns()
    assert clock.now_ns() >= first
    assert clock.wall_ms() > 1_600_000_000_000


def test_errors_form_one_tree_and_say_what_happened() -> None:
    error = VenueError(10006, "Too many visits!", "order/create")
    assert isinstance(error, MmfastError)
    assert "10006" in str(error)
    assert "order/create" in str(error)
    both = ConfigError([("$.a", "expected x"), ("$.b", "expected y")])
    assert "$.a: expected x" in str(both)
    assert "$.b: expected y" in str(both)


def test_finals_are_the_states_an_order_cannot_leave() -> None:
    finals = {status for status in OrderStatus if status.is_final}
    assert finals == {
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.REJECTED,
        OrderStatus.EXPIRED_UNSENT,
    }


@given(st.lists(st.tuples(st.integers(1, 3_000), st.integers(1, 3_000)), min_size=1, max_size=20))
def test_a_timestamp_is_never_ahead_of_the_venue(trips: list[tuple[int, int]]) -> None:
    clock = HandClock()
    venue = VenueClock(clock)
    ahead_ns = 30_000 * NS_PER_MS
    for out_ms, back_ms in trips:
        sent = clock.now_ns()
        clock.move_ms(out_ms)
        read = clock.wall * NS_PER_MS + ahead_ns
        clock.move_ms(back_ms)
        venue.observe(sent, clock.now_ns(), read)
        truth_ms = (clock.wall * NS_PER_MS + ahead_ns) // NS_PER_MS
        best_ms = min(sum(trip) for trip in trips)
        assert venue.stamp_ms() <= truth_ms
        assert best_ms > 0
    drift_ms = sum(map(sum, trips)) // 2_000
    assert truth_ms - venue.stamp_ms() <= max(map(sum, trips)) + drift_ms + 1


@pytest.mark.parametrize("leap_ms", [3_600_000, -3_600_000, 1_000])
def test_a_leap_is_believed_at_once_though_the_sample_is_a_slow_one(leap_ms: int) -> None:
    clock = HandClock()
    venue = VenueClock(clock)

    def sample(ahead_ms: int, trip_ms: int) -> None:
        sent = clock.now_ns()
        clock.move_ms(trip_ms)
        read = (clock.wall + ahead_ms - trip_ms // 2) * NS_PER_MS
        venue.observe(sent, clock.now_ns(), read)

    sample(0, 2)
    assert venue.leaps == 0
    sample(leap_ms, 900)
    assert venue.leaps == 1
    assert abs(venue.venue_ms() - clock.wall - leap_ms) <= 450


def test_an_old_sample_gives_way_as_the_clocks_drift() -> None:
    clock = HandClock()
    venue = VenueClock(clock)
    venue.observe(clock.now_ns(), clock.now_ns() + 1, clock.wall * NS_PER_MS)
    fresh = venue.uncertainty_ns
    clock.move_ms(1_000_000)
    assert fresh < NS_PER_MS
    assert venue.uncertainty_ns == pytest.approx(500 * NS_PER_MS, rel=0.01)
    sent = clock.now_ns()
    clock.move_ms(100)
    venue.observe(sent, clock.now_ns(), (clock.wall - 50) * NS_PER_MS)
    assert venue.uncertainty_ns == 50 * NS_PER_MS
