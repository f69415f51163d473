"""A picture that has been in doubt for too long opens nothing, at the limit plus one unit."""

from __future__ import annotations

import msgspec
import pytest
from engine_world import MS, execution, order_update, position
from kernel_desk import MID, Desk, ops

from mmfast.engine.orders.order import Order
from mmfast.engine.orders.order_states import State
from mmfast.messages import Alert, Flag, Mode, ModeChange, Op, OrderStatus, Outcome, Side

LIMIT_MS = 4_000


def quoting(limit_ms: int = LIMIT_MS, **about: int) -> Desk:
    """Two instruments, each with two quotes a side."""
    desk = Desk(2, max_doubt_ms=limit_ms, stale_book_ms=60_000, **about).start()
    desk.settle()
    assert desk.kernel.open_orders() == 8
    return desk


def in_the_dark(limit_ms: int = LIMIT_MS) -> Desk:
    """The quotes of the first are moved, and nobody knows what became of that."""
    desk = quoting(limit_ms)
    desk.later(100).book(0, MID + 20)
    desk.ack(desk.flush(), Outcome.UNKNOWN)
    return desk


def own(desk: Desk, side: Side) -> list[Order]:
    """Quotes of the first instrument."""
    orders = [one for one in desk.kernel._orders if one.instrument == 0]
    return [one for one in orders if one.side == side]


def tell(desk: Desk, orders: list[Order], status: OrderStatus) -> None:
    desk.ms += 1
    for one in orders:
        lots, ticks = one.pending_lots or one.lots, one.pending_price_ticks or one.price_ticks
        desk.feed(
            order_update(
                one.client_id,
                status,
                side=one.side,
                price_ticks=ticks,
                lots=lots,
                updated_ms=desk.ms,
            )
        )


def told(desk: Desk) -> list[str]:
    return [alert.text for alert in desk.requests(Alert) if alert.code == "doubt"]


@pytest.mark.parametrize("beyond_ms", [0, 1])
def test_a_doubt_of_the_limit_lets_pass_and_one_millisecond_more_does_not(beyond_ms: int) -> None:
    """The asks have turned out to be gone; the bids are still in the dark. May asks be placed?"""
    desk = in_the_dark()
    desk.later(LIMIT_MS + beyond_ms)
    tell(desk, own(desk, Side.SELL), OrderStatus.CANCELLED)
    assert ops(desk.flush()) == ({} if beyond_ms else {"PLACE": 2})


def test_the_last_look_holds_back_what_was_decided_before_the_limit_and_leaves_after_it() -> None:
    desk = in_the_dark()
    desk.later(LIMIT_MS).book(1, MID + 20)
    tell(desk, own(desk, Side.SELL), OrderStatus.CANCELLED)
    batches = {batch.op: batch for batch in desk.flush()}
    asks, others = batches[Op.PLACE], batches[Op.AMEND]
    later_ns = desk.now_ns + MS
    assert desk.kernel.last_look(asks, desk.now_ns) == ""
    assert desk.kernel.last_look(others, later_ns) == ""
    assert desk.kernel.last_look(asks, later_ns) == "C00USDT: only reduces by now"


def test_the_last_look_goes_by_the_mode_as_well_and_lets_shrink() -> None:
    desk = quoting()
    desk.feed(execution(0, "e1", 15, seq=40), ModeChange(Mode.REDUCE_ONLY, "operator"))
    sent = {batch.op: batch for batch in desk.flush()}
    assert [one.lots for one in sent[Op.AMEND].commands] == [5]
    assert desk.kernel.last_look(sent[Op.AMEND], desk.now_ns) == ""
    assert desk.kernel.last_look(sent[Op.CANCEL], desk.now_ns) == ""
    grown = sent[Op.AMEND].commands[0]._replace(lots=11)
    batch = msgspec.structs.replace(sent[Op.AMEND], commands=(grown,))
    assert desk.kernel.last_look(batch, desk.now_ns) == "C00USDT: only reduces by now"


@pytest.mark.parametrize("beyond_ms", [0, 1])
def test_a_position_that_differs_is_such_a_doubt(beyond_ms: int) -> None:
    desk = quoting()
    desk.feed(position(5, seq=40))
    desk.later(LIMIT_MS + beyond_ms)
    tell(desk, own(desk, Side.SELL)[:1], OrderStatus.CANCELLED)
    sent = ops(desk.flush())
    assert sent == ({"CANCEL": 3} if beyond_ms else {"PLACE": 1})


def test_an_execution_that_explains_the_position_settles_it_at_once() -> None:
    desk = quoting()
    desk.feed(position(5, seq=40))
    desk.later(LIMIT_MS + 1)
    desk.feed(execution(0, "e1", 5, seq=40))
    tell(desk, own(desk, Side.SELL)[:1], OrderStatus.CANCELLED)
    assert ops(desk.flush())["PLACE"] == 1


@pytest.mark.parametrize("beyond_ms", [0, 1])
def test_a_request_that_is_accepted_and_never_shown_counts_from_when_it_left(
    beyond_ms: int,
) -> None:
    desk = quoting()
    desk.later(100).book(0, MID + 20)
    desk.ack(desk.flush())
    desk.later(3_500).flush()
    assert own(desk, Side.BUY)[0].state is State.AMENDED
    desk.later(500 + beyond_ms)
    tell(desk, own(desk, Side.SELL)[:1], OrderStatus.CANCELLED)
    assert ops(desk.flush()) == ({} if beyond_ms else {"PLACE": 1})


def test_the_other_instrument_is_quoted_on() -> None:
    desk = in_the_dark()
    desk.later(LIMIT_MS + 1).book(1, MID + 20)
    assert ops(desk.settle()) == {"AMEND": 4}


def test_what_shrinks_the_position_goes_on_and_what_could_build_one_is_withdrawn() -> None:
    desk = quoting()
    desk.feed(execution(0, "e1", 15, seq=40))
    desk.feed(position(16, seq=41))
    desk.later(LIMIT_MS + 1)
    desk.book(0)
    tell(desk, own(desk, Side.SELL)[:1], OrderStatus.CANCELLED)
    sent = {batch.op: batch.commands for batch in desk.flush()}
    assert {one.side for one in sent[Op.CANCEL]} == {Side.BUY}
    [smaller], [anew] = sent[Op.AMEND], sent[Op.PLACE]
    assert (smaller.side, smaller.lots) == (Side.SELL, 5)
    assert (anew.side, anew.lots) == (Side.SELL, 10)
    assert anew.flags & Flag.REDUCE_ONLY


def test_it_is_told_once_and_when_it_is_over() -> None:
    desk = in_the_dark()
    told(desk)
    desk.later(LIMIT_MS + 1_000).flush()
    [text] = told(desk)
    assert text.startswith("C00USDT: an order or the position has been in doubt for longer than")
    desk.later(1_000).flush()
    assert not told(desk)
    tell(desk, own(desk, Side.BUY) + own(desk, Side.SELL), OrderStatus.CANCELLED)
    desk.later(1_000)
    assert ops(desk.flush()) == {"PLACE": 4}
    assert told(desk) == ["C00USDT: settled, quoted again"]


def test_one_doubt_after_another_is_not_one_long_one() -> None:
    desk = in_the_dark()
    for mid in (MID + 40, MID + 20, MID + 40):
        desk.later(LIMIT_MS - 1_000)
        tell(desk, own(desk, Side.BUY) + own(desk, Side.SELL), OrderStatus.WORKING)
        desk.book(0, mid)
        moved = desk.flush()
        assert ops(moved) == {"AMEND": 4}
        desk.ack(moved, Outcome.UNKNOWN)
    tell(desk, own(desk, Side.SELL), OrderStatus.CANCELLED)
    assert ops(desk.flush())["PLACE"] == 2


def test_without_a_limit_any_doubt_lets_pass() -> None:
    desk = in_the_dark(limit_ms=0)
    desk.later(50_000)
    tell(desk, own(desk, Side.SELL), OrderStatus.CANCELLED)
    assert ops(desk.flush()) == {"PLACE": 2}
    assert desk.now_ns > 50_000 * MS
