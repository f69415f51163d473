"""The order table: outcomes from evidence only, and what is in doubt counts at full size."""

from __future__ import annotations

import pytest
from engine_world import MS, SECOND, order_update
from order_bench import Bench

from mmfast.engine.orders.order import NO_SLOT
from mmfast.engine.orders.order_states import (
    CANCELLABLE,
    FIRST_FINAL,
    IN_FLIGHT,
    TRANSITIONS,
    Event,
    State,
    following,
)
from mmfast.engine.orders.orders import CONFIRM_NS, REASK_NS, OrderTable
from mmfast.errors import InvariantError
from mmfast.messages import Op, OrderStatus, Outcome, Side

WORKING, PARTLY = OrderStatus.WORKING, OrderStatus.PARTIALLY_FILLED
FILLED, CANCELLED = OrderStatus.FILLED, OrderStatus.CANCELLED
EXPIRY_NS = 3 * SECOND


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_every_event_of_the_outside_is_listed_for_every_state_it_can_meet() -> None:
    replies = {Event.ACK, Event.REFUSED, Event.UNSENT, Event.GONE, Event.LOST}
    acts = {Event.SEND_AMEND, Event.SEND_CANCEL}
    for state in State:
        for event in set(Event) - acts - replies:
            assert ((state, event) in TRANSITIONS) == (state < FIRST_FINAL), (state, event)
        if IN_FLIGHT[state]:
            assert all((state, event) in TRANSITIONS for event in replies), state
            assert not any((state, event) in TRANSITIONS for event in acts), state


def test_finals_are_never_left_and_nothing_leads_back_to_placing() -> None:
    for (before, _), after in TRANSITIONS.items():
        assert before < FIRST_FINAL
        assert after not in (State.PLACING, State.PLACING_SEEN) or before <= State.PLACING_SEEN


def test_an_unlisted_pair_is_a_bug_of_ours() -> None:
    with pytest.raises(InvariantError, match="AMENDING must not meet SEND_CANCEL"):
        following(State.AMENDING, Event.SEND_CANCEL)


def test_an_ack_is_not_life_only_the_stream_is(bench: Bench) -> None:
    order = bench.place()
    bench.answer(Op.PLACE, Outcome.ACK)
    assert order.state is State.PLACED
    bench.see(WORKING)
    assert order.state is State.LIVE


def test_the_stream_may_be_faster_than_the_ack(bench: Bench) -> None:
    order = bench.place()
    bench.see(WORKING)
    assert order.state is State.PLACING_SEEN
    bench.answer(Op.PLACE, Outcome.ACK)
    assert order.state is State.LIVE


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.REJECT, Outcome.THROTTLED])
def test_a_proven_refusal_ends_the_order_and_frees_slot_and_exposure(
    bench: Bench, outcome: Outcome
) -> None:
    bench.place()
    assert bench.table.open_lots[0] == 10
    change = bench.answer(Op.PLACE, outcome)
    assert change.after in (State.REJECTED, State.EXPIRED_UNSENT)
    assert bench.table.by_slot[0] is None
    assert bench.table.open_lots[0] == 0
    assert len(bench.table) == 0


def test_an_unknown_create_counts_in_full_until_the_venue_proves_its_end(bench: Bench) -> None:
    order = bench.place()
    bench.answer(Op.PLACE, Outcome.UNKNOWN)
    assert order.state is State.UNKNOWN
    assert bench.table.due_for_resolve(bench.now_ns) == [order]
    assert bench.table.open_lots[0] == 10
    assert bench.table.by_slot[0] is order
    bench.now_ns += 3600 * SECOND  # time alone proves nothing
    assert bench.table.open_lots[0] == 10
    change = bench.table.on_absent(1, bench.now_ns)
    assert change.after is State.EXPIRED_UNSENT
    assert bench.table.open_lots[0] == 0


def test_an_unknown_create_that_turns_up_is_taken_for_live(bench: Bench) -> None:
    order = bench.place()
    bench.answer(Op.PLACE, Outcome.UNKNOWN)
    bench.see(WORKING)
    assert order.state is State.LIVE


def test_a_late_refusal_settles_an_unknown_create_and_a_late_ack_does_not(bench: Bench) -> None:
    order = bench.place()
    bench.answer(Op.PLACE, Outcome.UNKNOWN)
    bench.answer(Op.PLACE, Outcome.ACK)
    assert order.state is State.UNKNOWN
    assert bench.answer(Op.PLACE, Outcome.REJECT).after is State.REJECTED


def test_unknown_orders_are_asked_about_again_and_again(bench: Bench) -> None:
    order = bench.place()
    bench.answer(Op.PLACE, Outcome.UNKNOWN)
    assert bench.table.due_for_resolve(bench.now_ns) == [order]
    assert bench.table.due_for_resolve(bench.now_ns + REASK_NS - 1) == []
    assert bench.table.due_for_resolve(bench.now_ns + REASK_NS) == [order]


def test_an_ack_without_news_from_the_stream_is_asked_about(bench: Bench) -> None:
    order = bench.place()
    bench.answer(Op.PLACE, Outcome.ACK)
    assert bench.table.due_for_resolve(bench.now_ns + CONFIRM_NS - 1) == []
    assert bench.table.due_for_resolve(bench.now_ns + CONFIRM_NS) == [order]


def test_only_one_mutation_of_an_order_is_in_flight(bench: Bench) -> None:
    bench.live()
    bench.amend(price_ticks=99_000)
    with pytest.raises(InvariantError):
        bench.cancel()
    with pytest.raises(InvariantError):
        bench.amend(price_ticks=98_000)


def test_an_id_is_never_placed_twice_not_even_after_its_end(bench: Bench) -> None:
    bench.place()
    bench.answer(Op.PLACE, Outcome.NOT_SENT)
    with pytest.raises(InvariantError, match="never used twice"):
        bench.place()


def test_a_slot_is_not_filled_over_a_resting_order(bench: Bench) -> None:
    bench.live(1)
    with pytest.raises(InvariantError, match="cancel must leave first"):
        bench.place(2)


def test_a_replacement_may_leave_with_the_cancel_and_both_count(bench: Bench) -> None:
    old = bench.live(1)
    bench.cancel(1)
    new = bench.place(2)
    assert bench.table.by_slot[0] is new
    assert old.slot == NO_SLOT
    assert bench.table.open_lots[0] == 20
    bench.see(CANCELLED, 1, updated_ms=11)
    assert bench.table.by_slot[0] is new
    assert bench.table.open_lots[0] == 10


def test_a_cancel_that_found_nothing_is_no_proof_of_a_cancel(bench: Bench) -> None:
    order = bench.live()
    bench.cancel()
    bench.answer(Op.CANCEL, Outcome.GONE)
    assert order.state is State.UNKNOWN
    assert bench.table.open_lots[0] == 10
    change = bench.see(FILLED, cum_lots=10, updated_ms=11)
    assert change.after is State.FILLED


def test_a_fill_that_beats_the_cancel_wins_and_the_late_reply_says_nothing(bench: Bench) -> None:
    bench.live()
    bench.cancel()
    bench.see(FILLED, cum_lots=10, updated_ms=11)
    assert bench.answer(Op.CANCEL, Outcome.GONE) is None
    assert bench.see(FILLED, cum_lots=10, updated_ms=12) is None  # the venue's second Filled
    bench.trade(10)
    assert bench.table.open_lots[0] == 0


def test_a_cancel_acked_but_not_shown_ends_only_by_the_stream(bench: Bench) -> None:
    order = bench.live()
    bench.cancel()
    bench.answer(Op.CANCEL, Outcome.ACK)
    bench.see(PARTLY, cum_lots=4, updated_ms=11)  # a fill from before the cancel
    assert order.state is State.CANCEL_ACKED
    assert bench.see(CANCELLED, cum_lots=4, updated_ms=12).after is State.CANCELLED


def test_a_cancel_that_did_nothing_shows_by_the_same_report_long_after(bench: Bench) -> None:
    order = bench.live()
    bench.cancel()
    bench.answer(Op.CANCEL, Outcome.ACK)
    bench.now_ns += CONFIRM_NS
    bench.find(WORKING, updated_ms=10)
    assert order.state is State.LIVE


def test_an_amend_in_doubt_counts_the_larger_size(bench: Bench) -> None:
    order = bench.live()
    bench.amend(lots=15)
    assert bench.table.open_lots[0] == 15
    bench.answer(Op.AMEND, Outcome.UNKNOWN)
    assert bench.table.open_lots[0] == 15
    bench.see(WORKING, lots=15, updated_ms=11)
    assert (order.state, order.lots) == (State.LIVE, 15)


def test_an_amend_downwards_frees_nothing_before_it_is_shown(bench: Bench) -> None:
    bench.live()
    bench.amend(lots=4)
    bench.answer(Op.AMEND, Outcome.ACK)
    assert bench.table.open_lots[0] == 10
    bench.see(WORKING, lots=4, updated_ms=11)
    assert bench.table.open_lots[0] == 4


def test_news_from_before_an_amend_do_not_decide_it(bench: Bench) -> None:
    order = bench.live()
    bench.amend(price_ticks=99_000)
    bench.answer(Op.AMEND, Outcome.ACK)
    bench.now_ns += CONFIRM_NS  # even very late news: a stream may lag
    bench.see(PARTLY, cum_lots=1, updated_ms=11)
    assert (order.state, order.price_ticks, order.cum_lots) == (State.AMENDED, 100_000, 1)
    bench.see(PARTLY, cum_lots=1, price_ticks=99_000, updated_ms=12)
    assert (order.state, order.price_ticks) == (State.LIVE, 99_000)


def test_a_lost_amend_did_not_happen_once_it_is_void_and_the_order_unchanged(bench: Bench) -> None:
    order = bench.live()
    bench.amend(lots=15)
    bench.answer(Op.AMEND, Outcome.UNKNOWN)
    bench.now_ns += EXPIRY_NS - 1
    bench.find(WORKING, updated_ms=10)
    assert order.state is State.UNKNOWN, "the request may still be accepted"
    bench.now_ns += 1
    bench.find(WORKING, updated_ms=10)
    assert (order.state, order.lots) == (State.LIVE, 10)
    assert bench.table.open_lots[0] == 10


def test_a_refused_amend_is_read_again_and_a_throttled_one_is_just_undone(bench: Bench) -> None:
    order = bench.live()
    bench.amend(lots=15)
    bench.answer(Op.AMEND, Outcome.THROTTLED)
    assert (order.state, bench.table.open_lots[0]) == (State.LIVE, 10)
    bench.amend(lots=15)
    bench.answer(Op.AMEND, Outcome.REJECT)
    assert (order.state, bench.table.open_lots[0]) == (State.UNKNOWN, 10)
    bench.see(WORKING, updated_ms=10)
    assert order.state is State.LIVE


def test_a_reply_to_an_earlier_request_does_not_answer_the_one_in_flight(bench: Bench) -> None:
    order = bench.live()
    bench.cancel()
    lost_tick = bench.tick
    bench.answer(Op.CANCEL, Outcome.UNKNOWN)
    bench.see(WORKING, updated_ms=10)
    bench.cancel()
    assert bench.answer(Op.CANCEL, Outcome.GONE, tick=lost_tick) is None
    assert order.state is State.CANCELLING


def test_an_unproved_order_can_be_cancelled_blind(bench: Bench) -> None:
    order = bench.place()
    bench.answer(Op.PLACE, Outcome.ACK)
    assert CANCELLABLE[order.state]
    bench.cancel()
    bench.answer(Op.CANCEL, Outcome.GONE)  # it may have overtaken its own create
    assert order.state is State.UNKNOWN
    bench.see(WORKING)
    assert order.state is State.LIVE


def test_a_snapshot_that_lacks_an_order_raises_the_question_not_the_verdict(bench: Bench) -> None:
    order = bench.live()
    bench.table.on_missing(order, bench.now_ns)
    assert order.state is State.UNKNOWN
    assert bench.table.open_lots[0] == 10


def test_missing_during_a_flight_is_asked_about_after_it(bench: Bench) -> None:
    order = bench.live()
    bench.cancel()
    bench.table.on_missing(order, bench.now_ns)
    assert order.state is State.CANCELLING
    bench.answer(Op.CANCEL, Outcome.NOT_SENT)
    assert order.state is State.UNKNOWN


def test_filled_lots_stay_in_the_worst_case_until_their_executions_move_the_position(
    bench: Bench,
) -> None:
    bench.live()
    bench.see(FILLED, cum_lots=10, updated_ms=11)
    assert len(bench.table) == 0
    assert bench.table.open_lots[0] == 10
    bench.trade(4)
    assert bench.table.open_lots[0] == 6
    bench.trade(6)
    assert bench.table.open_lots[0] == 0
    assert bench.table.unbooked() == []


def test_executions_alone_do_not_end_an_order_but_raise_the_question(bench: Bench) -> None:
    order = bench.live()
    bench.trade(10)
    assert order.state is State.LIVE
    assert order.leaves_lots == 0
    assert bench.table.due_for_resolve(bench.now_ns + CONFIRM_NS) == [order]


def test_late_news_of_an_ended_order_is_told_from_a_zombie(bench: Bench) -> None:
    bench.live(1)
    bench.see(CANCELLED, 1, updated_ms=20)
    assert bench.table.endings.is_late(order_update(1, WORKING, updated_ms=20))
    assert not bench.table.endings.is_late(order_update(1, WORKING, updated_ms=21))
    bench.place(2, side=Side.SELL)
    bench.answer(Op.PLACE, Outcome.NOT_SENT, 2)
    assert not bench.table.endings.is_late(order_update(2, WORKING, updated_ms=1)), "proven unsent"


def test_an_adopted_order_counts_and_has_no_seat(bench: Bench) -> None:
    found = order_update(77, PARTLY, lots=9, cum_lots=2, updated_ms=5, instrument=1, side=Side.SELL)
    order = bench.table.adopt(found, bench.now_ns)
    assert order.slot == NO_SLOT
    assert bench.table.strays.all() == bench.table.strays.homeless() == [order]
    assert bench.table.strays.adopted == 1
    assert bench.table.open_lots[3] == 9, "no execution of it has moved the position yet"


def test_an_execution_that_names_only_the_venue_id_finds_its_order(bench: Bench) -> None:
    bench.live()
    assert bench.table.id_of_venue_order("venue-1") == 1
    assert bench.table.id_of_venue_order("") == 0
    assert bench.table.id_of_venue_order("venue-2") == 0


def test_waiting_for_lost_executions_ends_with_the_lots_they_stood_for(bench: Bench) -> None:
    bench.live()
    bench.see(FILLED, cum_lots=10, updated_ms=11)
    assert bench.table.forgive_unbooked() == 10
    assert bench.table.open_lots == bench.table.recount() == [0, 0, 0, 0]


def test_a_request_is_void_a_margin_after_its_window() -> None:
    assert OrderTable(1, 2000 * MS).expiry_ns == EXPIRY_NS
