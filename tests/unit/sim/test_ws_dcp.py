"""Disconnect protection: when the window runs, what stops it, and what it then ends."""

from __future__ import annotations

import pytest

from mmfast.sim.dcp import DERIVATIVES, NEVER_NS, OPTIONS, SPOT, DcpDesk
from mmfast.units import NS_PER_S

ME, OTHER = 1, 2


def at(seconds: float) -> int:
    return int(seconds * NS_PER_S)


def ready(*, window_s: int = 10, counts_silence: bool = False) -> DcpDesk:
    """A desk whose window holds since second 0, with connection 7 subscribed."""
    desk = DcpDesk(apply_ms=0, counts_silence=counts_silence)
    desk.configure(ME, DERIVATIVES, window_s, 0)
    desk.join(ME, DERIVATIVES, 7, 0)
    return desk


def test_the_window_starts_when_the_last_subscribed_connection_dies() -> None:
    desk = ready()
    desk.join(ME, DERIVATIVES, 8, at(1))
    desk.die(ME, DERIVATIVES, 7, at(20))
    assert desk.next_due_ns() == NEVER_NS
    desk.die(ME, DERIVATIVES, 8, at(30))
    assert desk.next_due_ns() == at(40)
    assert desk.due(at(40) - 1) == []
    assert desk.due(at(40)) == [(ME, DERIVATIVES)]
    # It fires once; without a new connection there is nothing more to protect.
    assert desk.next_due_ns() == NEVER_NS
    assert desk.due(at(1000)) == []


def test_only_a_ping_of_a_new_subscribed_connection_stops_the_window() -> None:
    desk = ready()
    desk.die(ME, DERIVATIVES, 7, at(20))
    desk.ping(ME, 9, at(21))  # a connection without the topic
    assert desk.next_due_ns() == at(30)
    desk.join(ME, DERIVATIVES, 8, at(22))
    assert desk.next_due_ns() == at(30)
    desk.ping(ME, 8, at(29.9))
    assert desk.next_due_ns() == NEVER_NS
    # And the next loss starts it anew.
    desk.die(ME, DERIVATIVES, 8, at(50))
    assert desk.due(at(60)) == [(ME, DERIVATIVES)]


def test_a_connection_that_came_back_but_never_pinged_does_not_help() -> None:
    desk = ready()
    desk.die(ME, DERIVATIVES, 7, at(20))
    desk.join(ME, DERIVATIVES, 8, at(22))
    desk.die(ME, DERIVATIVES, 8, at(28))
    assert desk.due(at(30)) == [(ME, DERIVATIVES)]


def test_unsubscribing_is_no_death() -> None:
    desk = ready()
    desk.leave(ME, DERIVATIVES, 7)
    assert desk.next_due_ns() == NEVER_NS
    # But it saves nobody who is dead already.
    desk.join(ME, DERIVATIVES, 8, at(1))
    desk.die(ME, DERIVATIVES, 8, at(2))
    desk.join(ME, DERIVATIVES, 9, at(3))
    desk.leave(ME, DERIVATIVES, 9)
    assert desk.next_due_ns() == at(12)


def test_accounts_and_products_are_apart() -> None:
    desk = ready(window_s=3)
    desk.configure(ME, SPOT, 20, 0)
    desk.configure(OTHER, DERIVATIVES, 5, 0)
    desk.join(ME, SPOT, 7, 0)
    desk.join(OTHER, DERIVATIVES, 8, 0)
    desk.join(ME, OPTIONS, 7, 0)  # never configured: never triggers
    for product in (DERIVATIVES, SPOT, OPTIONS):
        desk.die(ME, product, 7, at(1))
    desk.die(OTHER, DERIVATIVES, 8, at(1))
    assert desk.due(at(4)) == [(ME, DERIVATIVES)]
    assert desk.due(at(6)) == [(OTHER, DERIVATIVES)]
    assert desk.due(at(21)) == [(ME, SPOT)]
    assert desk.next_due_ns() == NEVER_NS
    assert desk.windows_s(ME) == {DERIVATIVES: 3, SPOT: 20}
    assert desk.windows_s(OTHER) == {DERIVATIVES: 5}


def test_a_new_window_holds_after_ten_seconds() -> None:
    desk = DcpDesk()
    desk.join(ME, DERIVATIVES, 7, 0)
    desk.configure(ME, DERIVATIVES, 30, 0)
    desk.die(ME, DERIVATIVES, 7, at(1))
    assert desk.next_due_ns() == at(40)  # from second 10 on, thirty seconds
    desk.join(ME, DERIVATIVES, 8, at(2))
    desk.ping(ME, 8, at(2))
    desk.configure(ME, DERIVATIVES, 3, at(100))
    desk.die(ME, DERIVATIVES, 8, at(101))
    # The old window would end at 131; the new one holds from 110 on.
    assert desk.next_due_ns() == at(113)
    desk.ping(ME, 8, at(101))  # gone: cannot ping
    assert desk.next_due_ns() == at(113)


@pytest.mark.parametrize("counts_silence", [False, True])
def test_silence_of_an_open_connection_is_a_switch(counts_silence: bool) -> None:
    desk = ready(counts_silence=counts_silence)
    desk.ping(ME, 7, at(8))
    assert desk.due(at(17.9)) == []
    fired = [(ME, DERIVATIVES)] if counts_silence else []
    assert desk.due(at(18)) == fired
    assert desk.due(at(100)) == []
    # A ping arms it again.
    desk.ping(ME, 7, at(200))
    assert desk.due(at(210)) == fired
