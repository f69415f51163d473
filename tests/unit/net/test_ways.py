"""Which way orders leave: every row of the table, and that no behaviour of the two ways makes
orders flutter between them. Time is a number here."""

from __future__ import annotations

import random

import pytest

from mmfast.net import ways
from mmfast.net.ways import Way, WayChoice, WayPolicy
from mmfast.units import NS_PER_MS, NS_PER_S

POLICY = WayPolicy()


class Bench:
    """A choice, a clock, and a world that behaves as told."""

    def __init__(self, *, up: bool = True) -> None:
        self.now_ns = 1_000 * NS_PER_S
        self.choice = WayChoice(self.now_ns, POLICY)
        if up:
            self.choice.socket(True, self.now_ns)
            assert self.decide() is Way.SOCKET

    def decide(self) -> Way | None:
        return self.choice.decide(self.now_ns)

    def socket(self, takes: bool) -> Way | None:
        self.choice.socket(takes, self.now_ns)
        return self.decide()

    def wait(self, seconds: float) -> Way | None:
        self.now_ns += int(seconds * NS_PER_S)
        return self.decide()

    def acks(self, way: Way, ms: float, count: int = 15) -> Way | None:
        for _ in range(count):
            self.choice.acked(way, int(ms * NS_PER_MS), self.now_ns)
        return self.decide()

    def probes(self, way: Way, ms: float) -> Way | None:
        for _ in range(5):
            self.choice.probed(way, int(ms * NS_PER_MS), self.now_ns)
        return self.decide()

    def failures(self, way: Way, count: int) -> Way | None:
        for _ in range(count):
            self.choice.failed(way, 2 * NS_PER_S, self.now_ns)
        return self.wait(0.2)

    def until(self, way: Way | None, most_s: float = 1_000.0) -> float:
        """Seconds until this way is chosen."""
        began_ns = self.now_ns
        while self.decide() is not way:
            self.now_ns += NS_PER_S // 10
            assert self.now_ns - began_ns < most_s * NS_PER_S, f"never {way}"
        return (self.now_ns - began_ns) / NS_PER_S


# Every row of the table.


def test_at_the_start_the_socket_has_a_grace_and_then_rest_stands_in() -> None:
    bench = Bench(up=False)
    assert bench.decide() is None
    assert bench.wait(2.9) is None
    assert bench.wait(0.2) is Way.REST
    early = Bench(up=False)
    assert early.wait(1) is None
    assert early.socket(True) is Way.SOCKET
    assert early.choice.switches == {Way.SOCKET: 1, Way.REST: 0, None: 0}


def test_a_lost_socket_leaves_rest_at_once() -> None:
    bench = Bench()
    assert bench.socket(False) is Way.REST
    assert bench.choice.why == ways.SOCKET_DOWN


def test_a_socket_that_is_back_must_stay_up_before_it_is_trusted() -> None:
    bench = Bench()
    bench.socket(False)
    bench.wait(30)
    assert bench.socket(True) is Way.REST, "the stay counts from its return"
    assert bench.until(Way.SOCKET) == pytest.approx(2, abs=0.2)
    assert bench.choice.why == ways.SOCKET_UP


def test_a_ban_of_rest_leaves_the_socket_even_within_a_stay() -> None:
    bench = Bench()
    bench.socket(False)
    bench.choice.shut(Way.REST, bench.now_ns + 600 * NS_PER_S)
    assert bench.decide() is None
    assert bench.choice.why == ways.NO_WAY
    assert bench.socket(True) is Way.SOCKET
    assert bench.socket(False) is None
    assert bench.wait(599) is None
    assert bench.wait(2) is Way.REST, "the ban is over"


def test_a_ban_keeps_a_slow_and_silent_socket_in_use() -> None:
    bench = Bench()
    bench.choice.shut(Way.REST, bench.now_ns + 600 * NS_PER_S)
    bench.wait(10)
    bench.probes(Way.REST, 1)
    assert bench.acks(Way.SOCKET, 5_000) is Way.SOCKET
    assert bench.failures(Way.SOCKET, 20) is Way.SOCKET
    bench.choice.throttled(bench.now_ns)
    assert bench.decide() is Way.SOCKET


def test_a_throttled_socket_rests_a_while() -> None:
    bench = Bench()
    bench.choice.throttled(bench.now_ns)
    assert bench.decide() is Way.REST
    assert bench.choice.why == ways.SOCKET_THROTTLED
    assert bench.until(Way.SOCKET) == pytest.approx(3, abs=0.2)


def test_a_silent_socket_is_left_after_three_requests_without_a_reply() -> None:
    bench = Bench()
    bench.wait(10)
    assert bench.failures(Way.SOCKET, 2) is Way.SOCKET
    bench.wait(1)
    assert bench.acks(Way.SOCKET, 5, count=1) is Way.SOCKET
    bench.wait(1)
    assert bench.failures(Way.SOCKET, 2) is Way.SOCKET, "in a row"
    bench.wait(1)
    assert bench.failures(Way.SOCKET, 1) is Way.REST
    assert bench.choice.why == ways.SOCKET_SILENT


def test_rest_that_fails_is_left_for_a_socket_that_is_up() -> None:
    bench = Bench()
    bench.choice.socket(False, bench.now_ns)
    for _ in range(9):  # a long stay, by many losses
        bench.until(Way.REST)
        bench.choice.socket(True, bench.now_ns)
        bench.until(Way.SOCKET)
        bench.choice.socket(False, bench.now_ns)
    bench.until(Way.REST)
    bench.choice.socket(True, bench.now_ns)
    assert bench.wait(10) is Way.REST
    assert bench.failures(Way.REST, 3) is Way.SOCKET
    assert bench.choice.why == ways.REST_SILENT


# Slowness.


@pytest.mark.parametrize(
    ("socket_ms", "rest_ms", "expected"),
    [
        (100, 20, Way.REST),
        (51, 20, Way.REST),
        (50, 20, Way.SOCKET),  # twice as long and 10 ms: not yet more than that
        (12, 1, Way.SOCKET),  # many times as long, but what are 11 ms
        (13, 1, Way.REST),
        (20, 100, Way.SOCKET),
    ],
)
def test_only_a_clearly_slower_socket_is_left(
    socket_ms: float, rest_ms: float, expected: Way
) -> None:
    bench = Bench()
    bench.wait(10)
    bench.probes(Way.REST, rest_ms)
    bench.acks(Way.SOCKET, socket_ms)
    assert bench.wait(0.2) is expected


def test_a_few_slow_replies_are_no_slow_socket() -> None:
    bench = Bench()
    bench.wait(10)
    bench.probes(Way.REST, 5)
    bench.acks(Way.SOCKET, 5, count=8)
    bench.acks(Way.SOCKET, 4_000, count=7)
    assert bench.wait(0.2) is Way.SOCKET, "the median is what counts"
    bench.acks(Way.SOCKET, 4_000, count=1)
    assert bench.wait(0.2) is Way.REST


@pytest.mark.parametrize("missing", ["socket", "rest", "stale"])
def test_without_fresh_measurements_of_both_nothing_is_slow(missing: str) -> None:
    bench = Bench()
    bench.wait(10)
    if missing != "rest":
        bench.probes(Way.REST, 1)
    if missing == "stale":
        bench.now_ns += 61 * NS_PER_S
    bench.acks(Way.SOCKET, 500, count=4 if missing == "socket" else 15)
    assert bench.wait(0.2) is Way.SOCKET


def test_a_socket_slow_by_its_heartbeats_too_is_not_returned_to() -> None:
    bench = Bench()
    bench.wait(10)
    for _ in range(30):
        bench.probes(Way.REST, 5)
        bench.probes(Way.SOCKET, 300)
        if bench.choice.way is Way.SOCKET:
            bench.acks(Way.SOCKET, 300)
        else:
            bench.acks(Way.REST, 8)
        bench.wait(10)
    assert bench.choice.way is Way.REST
    assert bench.choice.switches[Way.REST] == 1
    for _ in range(8):
        bench.probes(Way.SOCKET, 5)
        bench.wait(10)
    assert bench.choice.way is Way.SOCKET, "it has recovered"


def test_rest_that_proves_slower_still_is_left_early() -> None:
    bench = Bench()
    bench.wait(10)
    bench.probes(Way.REST, 5)
    bench.acks(Way.SOCKET, 100)
    assert bench.wait(0.2) is Way.REST
    bench.acks(Way.REST, 900)
    bench.wait(1)
    # Remembered: what the socket's orders took a moment ago is better than this.
    assert bench.wait(5) is Way.SOCKET
    assert bench.choice.why in (ways.REST_SLOW, ways.SOCKET_UP)


# No fluttering.


def test_a_storm_of_losses_leads_to_ever_longer_stays() -> None:
    bench = Bench()
    for _ in range(36_000):  # an hour: the socket is lost two seconds after each return
        if bench.choice.way is Way.SOCKET and bench.now_ns % (2 * NS_PER_S) == 0:
            bench.socket(False)
            bench.socket(True)
        bench.wait(0.1)
    # 2, 4, 8 ... 256, and 300 ever after: not one every four seconds.
    assert 10 <= bench.choice.switches[Way.REST] <= 22


def test_after_a_calm_time_a_loss_is_a_new_story() -> None:
    bench = Bench()
    for _ in range(5):
        bench.socket(False)
        bench.socket(True)
        bench.until(Way.SOCKET)
    bench.wait(120)
    bench.socket(False)
    bench.socket(True)
    assert bench.until(Way.SOCKET) == pytest.approx(2, abs=0.2)


def test_when_the_orders_of_both_are_slow_and_the_probes_are_not_nobody_flutters() -> None:
    """What probes do not show could call orders back and forth for ever."""
    bench = Bench()
    for _ in range(36_000):
        for way in Way:
            bench.choice.probed(way, 2 * NS_PER_MS, bench.now_ns)
        assert bench.choice.way is not None
        bench.choice.acked(bench.choice.way, 400 * NS_PER_MS, bench.now_ns)
        bench.wait(0.1)
    assert bench.choice.switches[Way.REST] <= 40, "within an hour"


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_the_way_is_one_that_is_open_and_changes_are_rare(seed: int) -> None:
    rng = random.Random(seed)  # a seeded test
    bench = Bench()
    soft = 0
    takes, shut_ns = True, 0
    for _ in range(6_000):
        event, before, was_takes = rng.random(), bench.choice.way, takes
        if event < 0.02:
            takes = not takes
        elif event < 0.022:
            shut_ns = bench.now_ns + 30 * NS_PER_S
            bench.choice.shut(Way.REST, shut_ns)
        elif event < 0.5 and before is not None:
            bench.choice.acked(before, rng.randrange(1, 400) * NS_PER_MS, bench.now_ns)
        elif event < 0.6 and before is not None:
            bench.choice.failed(before, 2 * NS_PER_S, bench.now_ns)
        else:
            bench.choice.probed(rng.choice(list(Way)), rng.randrange(50) * NS_PER_MS, bench.now_ns)
        way = bench.socket(takes)
        banned = bench.now_ns < shut_ns
        assert way is not Way.SOCKET or takes
        assert way is not Way.REST or not banned
        assert (way is None) == (banned and not takes)
        changed = way is not before and before is Way.SOCKET
        soft += changed and takes and was_takes
        bench.now_ns += NS_PER_S // 10
    assert soft <= 6_000 // 10 // 5, "at most one such change in a dwelling time"
