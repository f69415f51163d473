"""A client is blamed for what it could know, and for nothing that a fault had not told it yet."""

from __future__ import annotations

import hmac
from typing import Any

import orjson
import pytest

from mmfast.sim.known import READ_MS

CREATE = "/v5/order/create"
LOWERED = {"kind": "limit_lowered", "path": CREATE, "per_s": 2}
HOUR_MS = 3_600_000


def blamed(trader: Any) -> dict[str, int]:
    return dict(trader.venue.audit.violations)


def excused(trader: Any) -> dict[str, int]:
    return dict(trader.venue.audit.excused)


def create(link: str, price: str = "60000") -> str:
    item = {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.001",
        "price": price,
        "orderLinkId": link,
    }
    return orjson.dumps(item).decode()


def at_once(trader: Any, links: str, **options: Any) -> list[int]:
    """Creates that leave in one instant, none of them after the reply to another was read."""
    numbers = [trader.send("POST", CREATE, create(link), **options) for link in links]
    trader.run(20)
    trader.run(READ_MS)
    return [trader.reply(number).code for number in numbers]


def test_a_lowered_limit_binds_from_the_first_reply_that_shows_it(new_trader, arm) -> None:
    trader = new_trader(tier="mm1")
    arm(trader, LOWERED)
    trader.run(1)
    assert at_once(trader, "abcd") == [0, 0, 10006, 10006]
    assert blamed(trader) == {}
    assert excused(trader) == {"over_limit": 2}
    assert at_once(trader, "e") == [10006]
    assert blamed(trader) == {"over_limit": 1}


def test_a_request_made_before_that_reply_left_is_excused_however_late_it_comes(
    new_trader, arm
) -> None:
    trader = new_trader(tier="mm1")
    arm(trader, LOWERED)
    trader.run(1)
    assert at_once(trader, "ab") == [0, 0]
    assert at_once(trader, "c", offset_ms=-60 - READ_MS) == [10006]
    assert blamed(trader) == {}


def test_a_reply_that_the_venue_itself_sent_late_was_told_late(new_trader, arm) -> None:
    """Its process was kept from its turn for half a second: what was due then leaves now."""
    trader = new_trader(tier="mm1")
    arm(trader, LOWERED)
    trader.run(1)
    numbers = [trader.send("POST", CREATE, create(link)) for link in "abc"]
    trader.run(500)
    assert [trader.reply(number).code for number in numbers] == [0, 0, 10006]
    assert at_once(trader, "defg", offset_ms=-100)[-1] == 10006
    assert blamed(trader) == {}


def test_what_the_old_limit_forbids_as_well_is_no_fault_of_the_venue(new_trader, arm) -> None:
    trader = new_trader(tier="default")
    arm(trader, LOWERED)
    trader.run(1)
    assert at_once(trader, "abcdefghijkl").count(10006) == 10
    assert (excused(trader), blamed(trader)) == ({"over_limit": 8}, {"over_limit": 2})


@pytest.mark.parametrize(
    "spoiler",
    [
        {"kind": "malform_reply", "body": "not_json"},
        {"kind": "drop_request", "when": "after", "then": "reset"},
        {"kind": "truncate_reply", "length": "claimed", "keep_bytes": 5},
    ],
    ids=lambda row: row["kind"],
)
def test_a_reply_that_does_not_come_whole_tells_nothing(new_trader, arm, spoiler) -> None:
    trader = new_trader(tier="mm1")
    arm(trader, LOWERED, spoiler | {"path": CREATE, "for_ms": 50})
    trader.run(1)
    for link in "abc":
        trader.send("POST", CREATE, create(link))
    trader.run(100)
    assert at_once(trader, "d") == [10006]
    assert (excused(trader), blamed(trader)) == ({"over_limit": 2}, {})
    at_once(trader, "e")
    assert blamed(trader) == {"over_limit": 1}


@pytest.mark.parametrize("by_ms", [HOUR_MS, -HOUR_MS, 5_000, -5_000])
def test_a_clock_that_leaps_is_known_by_the_first_refusal(trader, arm, by_ms: int) -> None:
    arm(trader, {"kind": "clock_skew", "by_ms": by_ms})
    trader.run(1)
    assert at_once(trader, "ab", window="2000") == [10002, 10002]
    assert blamed(trader) == {}
    assert excused(trader) == {"bad_timestamp": 2}
    assert at_once(trader, "c", window="2000") == [10002]
    assert blamed(trader) == {"bad_timestamp": 1}
    assert at_once(trader, "d", window="2000", offset_ms=by_ms) == [0]


def test_a_clock_that_leaps_back_is_known_by_the_next_refusal(trader, arm) -> None:
    arm(trader, {"kind": "clock_skew", "by_ms": HOUR_MS, "for_ms": 100})
    trader.run(1)
    assert at_once(trader, "a") == [10002]
    assert at_once(trader, "b", offset_ms=HOUR_MS) == [0]
    trader.run(100)
    assert at_once(trader, "c", offset_ms=HOUR_MS) == [10002]
    assert blamed(trader) == {}
    assert at_once(trader, "d", offset_ms=HOUR_MS) == [10002]
    assert blamed(trader) == {"bad_timestamp": 1}


def test_a_timestamp_that_no_clock_ever_showed_is_not_excused(trader, arm) -> None:
    arm(trader, {"kind": "clock_skew", "by_ms": HOUR_MS})
    trader.run(1)
    assert at_once(trader, "a", offset_ms=7 * HOUR_MS) == [10002]
    assert (excused(trader), blamed(trader)) == ({}, {"bad_timestamp": 1})


def test_a_coarser_grid_is_known_by_the_first_refusal_or_the_instruments(trader, arm) -> None:
    arm(trader, {"kind": "tick_size_changed", "symbol": "BTCUSDT", "times": 10})
    trader.run(1)
    odd = create("a", "60000.1")
    assert trader.ask("POST", CREATE, odd).code == 10001
    assert (excused(trader), blamed(trader)) == ({"bad_parameter": 1}, {})
    trader.run(READ_MS)
    assert trader.ask("POST", CREATE, odd).code == 10001
    assert blamed(trader) == {"bad_parameter": 1}


def test_whoever_reads_the_instruments_knows_the_grid(trader, arm) -> None:
    arm(trader, {"kind": "tick_size_changed", "symbol": "BTCUSDT", "times": 10})
    trader.run(1)
    trader.get("/v5/market/instruments-info", category="linear", symbol="BTCUSDT")
    trader.run(READ_MS)
    assert trader.ask("POST", CREATE, create("a", "60000.1")).code == 10001
    assert blamed(trader) == {"bad_parameter": 1}


LIFE_MS = 5_000


def log_in(trader: Any, conn_id: int, path: str, *, ahead_ms: int = 0, secret: str = "") -> bool:
    """Open a socket and log in by a clock that is so far ahead; whether it was let in."""
    assert trader.venue.ws_open(conn_id, path, trader.now_ns)
    return log_in_late(trader, conn_id, ahead_ms=ahead_ms, secret=secret)


def log_in_late(trader: Any, conn_id: int, *, ahead_ms: int = 0, secret: str = "") -> bool:
    """Log in on a socket that is open."""
    expires = trader.venue.venue_ms(trader.now_ns) + ahead_ms + LIFE_MS
    key = (secret or "test-secret").encode()
    sign = hmac.new(key, f"GET/realtime{expires}".encode(), "sha256").hexdigest()
    login = {"op": "auth", "args": ["test-key", expires, sign]}
    before = sum(blamed(trader).values()) + sum(excused(trader).values())
    trader.venue.ws_message(conn_id, orjson.dumps(login), trader.now_ns)
    trader.run(20)
    return sum(blamed(trader).values()) + sum(excused(trader).values()) == before


@pytest.mark.parametrize("path", ["/v5/private", "/v5/trade"])
def test_a_login_that_a_leap_made_expire_is_excused_until_the_leap_is_told(
    trader, arm, path: str
) -> None:
    arm(trader, {"kind": "clock_skew", "by_ms": HOUR_MS})
    trader.run(1)
    assert not log_in(trader, 2, path)
    assert not log_in(trader, 3, path), "that refusal has told nothing of a clock"
    assert (excused(trader), blamed(trader)) == ({"refused_login": 2}, {})
    assert trader.venue.ws_open(4, path, trader.now_ns)
    at_once(trader, "a")
    trader.run(1)
    assert not log_in(trader, 5, path)
    assert blamed(trader) == {"refused_login": 1}, "the refused timestamp has told it"
    assert not log_in_late(trader, 4)
    assert excused(trader)["refused_login"] == 3, "its connection was opened before"
    assert log_in(trader, 6, path, ahead_ms=HOUR_MS)


def test_a_login_that_had_expired_by_every_clock_is_not_excused(trader, arm) -> None:
    assert not log_in(trader, 2, "/v5/private", ahead_ms=-LIFE_MS)
    assert blamed(trader) == {"refused_login": 1}
    arm(trader, {"kind": "clock_skew", "by_ms": HOUR_MS})
    trader.run(1)
    assert not log_in(trader, 3, "/v5/private", ahead_ms=-LIFE_MS)
    assert not log_in(trader, 4, "/v5/private", secret="another")
    assert (excused(trader), blamed(trader)) == ({}, {"refused_login": 3})


def test_a_login_after_a_leap_back_is_excused_by_the_clock_told_before(trader, arm) -> None:
    arm(trader, {"kind": "clock_skew", "by_ms": -HOUR_MS, "for_ms": 100})
    trader.run(1)
    at_once(trader, "a")
    assert log_in(trader, 2, "/v5/private", ahead_ms=-HOUR_MS)
    trader.run(100)
    assert not log_in(trader, 3, "/v5/private", ahead_ms=-HOUR_MS)
    assert (excused(trader)["refused_login"], blamed(trader)) == (1, {})
    at_once(trader, "b", offset_ms=-HOUR_MS)
    trader.run(1)
    assert not log_in(trader, 4, "/v5/private", ahead_ms=-HOUR_MS)
    assert blamed(trader) == {"refused_login": 1}


def test_whoever_asks_for_the_time_knows_the_clock(trader, arm) -> None:
    """No timestamp needs to be refused for that; and one by the clock so told is excused when the
    clock leaps back, until that is told."""
    arm(trader, {"kind": "clock_skew", "by_ms": -HOUR_MS, "for_ms": 100})
    trader.run(1)
    trader.get("/v5/market/time")
    assert at_once(trader, "a", offset_ms=-HOUR_MS) == [0]
    trader.run(100)
    assert at_once(trader, "b", offset_ms=-HOUR_MS) == [10002]
    assert (excused(trader), blamed(trader)) == ({"bad_timestamp": 1}, {})
    assert at_once(trader, "c", offset_ms=-HOUR_MS) == [10002]
    assert blamed(trader) == {"bad_timestamp": 1}


def test_whoever_asks_for_the_time_is_not_excused_after_it(trader, arm) -> None:
    arm(trader, {"kind": "clock_skew", "by_ms": HOUR_MS})
    trader.run(1)
    trader.get("/v5/market/time")
    assert at_once(trader, "a") == [10002]
    assert (excused(trader), blamed(trader)) == ({"bad_timestamp": 1}, {}), "it lies unread yet"
    assert at_once(trader, "b") == [10002]
    assert blamed(trader) == {"bad_timestamp": 1}
