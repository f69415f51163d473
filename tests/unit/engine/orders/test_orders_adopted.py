"""Orders that the table took in from the venue, changes nobody confirms, late departures."""

from __future__ import annotations

import pytest
from engine_world import SECOND, order_update
from order_bench import Bench

from mmfast.engine.orders.order_states import State
from mmfast.engine.orders.orders import CONFIRM_NS, OrderTable
from mmfast.errors import InvariantError
from mmfast.messages import Op, OrderStatus, Outcome

WORKING, PARTLY = OrderStatus.WORKING, OrderStatus.PARTIALLY_FILLED


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(("op", "act"), [(Op.AMEND, Bench.amend), (Op.CANCEL, Bench.cancel)])
def test_an_accepted_change_that_no_report_shows_is_asked_about(bench: Bench, op, act) -> None:
    order = bench.live()
    act(bench)
    bench.answer(op, Outcome.ACK)
    assert bench.table.due_for_resolve(bench.now_ns + CONFIRM_NS - 1) == []
    assert bench.table.due_for_resolve(bench.now_ns + CONFIRM_NS) == [order]


def test_fills_of_an_adopted_order_count_at_full_size_until_their_executions_come(
    bench: Bench,
) -> None:
    bench.table.adopt(order_update(77, PARTLY, lots=9, cum_lots=2, updated_ms=5), bench.now_ns)
    assert bench.table.open_lots[0] == 9, "the position may not contain them yet"
    bench.table.on_execution(77, 2, bench.now_ns)
    assert bench.table.open_lots[0] == 7
    bench.table.on_execution(77, 3, bench.now_ns)
    assert bench.table.open_lots[0] == 4


def test_an_execution_behind_the_report_it_was_adopted_with_is_not_filled_twice(
    bench: Bench,
) -> None:
    """A zombie is found half filled; its execution comes after it, then its end."""
    order = bench.table.adopt(
        order_update(77, PARTLY, lots=20, cum_lots=6, updated_ms=5), bench.now_ns
    )
    bench.table.on_execution(77, 6, bench.now_ns)
    assert (order.cum_lots, bench.table.open_lots[0]) == (6, 14)
    ended = order_update(77, OrderStatus.CANCELLED, lots=20, cum_lots=6, updated_ms=6)
    bench.table.on_update(ended, bench.now_ns)
    assert (order.state, order.cum_lots) == (State.CANCELLED, 6)
    assert bench.table.open_lots[0] == 0


def test_an_adopted_order_that_was_filled_counts_until_its_execution_comes(bench: Bench) -> None:
    """The report of the end overtakes the execution: the position does not contain it yet."""
    bench.table.adopt(order_update(77, WORKING, lots=9, updated_ms=5), bench.now_ns)
    ended = order_update(77, OrderStatus.FILLED, lots=9, cum_lots=9, updated_ms=6)
    bench.table.on_update(ended, bench.now_ns)
    assert bench.table.open_lots[0] == 9
    assert [order.client_id for order in bench.table.unbooked()] == [77]
    bench.table.on_execution(77, 9, bench.now_ns)
    assert (bench.table.open_lots[0], bench.table.unbooked()) == (0, [])


def test_executions_read_with_an_adopted_order_are_credited_to_it(bench: Bench) -> None:
    bench.table.adopt(order_update(77, PARTLY, lots=9, cum_lots=4, updated_ms=5), bench.now_ns)
    bench.table.credit(77, 4)
    assert bench.table.open_lots[0] == 5
    ended = order_update(77, OrderStatus.CANCELLED, lots=9, cum_lots=4, updated_ms=6)
    bench.table.on_update(ended, bench.now_ns)
    assert (bench.table.open_lots[0], bench.table.unbooked()) == (0, [])


def test_no_more_is_credited_than_was_filled(bench: Bench) -> None:
    bench.table.adopt(order_update(77, PARTLY, lots=9, cum_lots=4, updated_ms=5), bench.now_ns)
    bench.table.credit(77, 6)
    assert bench.table.open_lots[0] == 5


def test_an_adopted_order_that_cannot_be_found_any_more_was_cancelled(bench: Bench) -> None:
    order = bench.table.adopt(order_update(77, WORKING, updated_ms=5), bench.now_ns)
    bench.cancel(77)
    bench.answer(Op.CANCEL, Outcome.GONE, 77)
    assert order.state is State.UNKNOWN
    assert bench.table.on_absent(77, bench.now_ns).after is State.CANCELLED
    assert bench.table.strays.all() == []


def test_a_blind_cancel_that_never_left_proves_nothing_about_the_order(bench: Bench) -> None:
    order = bench.place()
    bench.answer(Op.PLACE, Outcome.ACK)
    bench.cancel()
    bench.answer(Op.CANCEL, Outcome.NOT_SENT)
    assert order.state is State.UNKNOWN, "accepted is not resting"
    assert bench.table.due_for_resolve(bench.now_ns) == [order]


def test_what_left_late_may_act_so_much_later(bench: Bench) -> None:
    """One order per call: the last of a tick leaves long after it was decided."""
    order = bench.live()
    bench.amend(lots=15)
    left_ns = bench.now_ns + 5 * SECOND
    bench.now_ns = left_ns + SECOND
    bench.table.on_reply(Op.AMEND, 1, Outcome.UNKNOWN, "", bench.tick, left_ns, bench.now_ns)
    assert order.sent_ns == left_ns
    bench.now_ns = left_ns + bench.table.expiry_ns - 1
    bench.find(WORKING, updated_ms=10)
    assert order.state is State.UNKNOWN, "it may still be accepted"
    bench.now_ns += 1
    bench.find(WORKING, updated_ms=10)
    assert (order.state, order.lots) == (State.LIVE, 10)


def test_an_amend_that_never_left_counts_no_more_though_the_order_is_in_doubt(
    bench: Bench,
) -> None:
    order = bench.live()
    bench.amend(lots=15)
    bench.table.on_missing(order, bench.now_ns)
    bench.answer(Op.AMEND, Outcome.NOT_SENT)
    assert order.state is State.UNKNOWN
    assert bench.table.open_lots[0] == 10


def test_a_trade_proves_that_an_order_lived_whatever_a_reply_says_later(bench: Bench) -> None:
    order = bench.place()
    bench.answer(Op.PLACE, Outcome.UNKNOWN)
    bench.trade(4)
    assert bench.answer(Op.PLACE, Outcome.REJECT) is None
    assert order.state is State.UNKNOWN
    assert bench.table.on_absent(1, bench.now_ns).after is State.CANCELLED


def test_an_accepted_order_that_a_snapshot_lacks_is_asked_about_at_once(bench: Bench) -> None:
    order = bench.place()
    bench.answer(Op.PLACE, Outcome.ACK)
    bench.table.on_missing(order, bench.now_ns)
    assert order.state is State.UNKNOWN
    assert bench.table.due_for_resolve(bench.now_ns) == [order]


@pytest.mark.parametrize("state", [state for state in State if state < State.FILLED])
def test_only_the_slot_of_an_order_whose_cancel_left_is_filled_anew(
    bench: Bench, state: State
) -> None:
    bench.live(1).code = state
    leaving = (State.CANCELLING, State.CANCELLING_BLIND, State.CANCEL_ACKED)
    if state in leaving:
        assert bench.table.by_slot[0] is not bench.place(2)
    else:
        with pytest.raises(InvariantError, match="cancel must leave first"):
            bench.place(2)


@pytest.mark.parametrize(("window_s", "expiry_s"), [(1, 3), (2, 3), (5, 6), (10, 11)])
def test_no_request_is_void_before_its_window_and_a_margin(window_s: int, expiry_s: int) -> None:
    assert OrderTable(1, window_s * SECOND).expiry_ns == expiry_s * SECOND


def test_a_reply_to_another_operation_of_the_same_tick_answers_nothing(bench: Bench) -> None:
    order = bench.live()
    bench.cancel()
    assert bench.answer(Op.AMEND, Outcome.NOT_SENT) is None
    assert order.state is State.CANCELLING


def test_a_report_takes_back_that_a_snapshot_did_not_show_the_order(bench: Bench) -> None:
    order = bench.live()
    bench.cancel()
    bench.table.on_missing(order, bench.now_ns)
    bench.see(WORKING, updated_ms=11)
    bench.answer(Op.CANCEL, Outcome.NOT_SENT)
    assert order.state is State.LIVE


def test_where_the_venue_tells_no_time_its_latest_word_counts(bench: Bench) -> None:
    order = bench.place()
    bench.answer(Op.PLACE, Outcome.ACK)
    bench.see(WORKING, updated_ms=0)
    bench.see(WORKING, updated_ms=0, price_ticks=99_000)
    assert order.price_ticks == 99_000


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.ACK, State.LIVE),
        (Outcome.UNKNOWN, State.LIVE),
        (Outcome.GONE, State.LIVE),
        (Outcome.REJECT, State.UNKNOWN),
        (Outcome.THROTTLED, State.UNKNOWN),
        (Outcome.NOT_SENT, State.UNKNOWN),
    ],
)
def test_a_reply_behind_the_report_of_a_new_order(
    bench: Bench, outcome: Outcome, state: State
) -> None:
    """The stream has shown it: a lost reply takes nothing back, a refusal is a contradiction."""
    order = bench.place()
    bench.see(WORKING)
    bench.answer(Op.PLACE, outcome)
    assert order.state is state
    assert bench.table.open_lots[0] == 10
