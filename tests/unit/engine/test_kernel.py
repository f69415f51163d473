"""The kernel as a whole: what it quotes, and in which modes it may."""

from __future__ import annotations

import pytest
from engine_world import (
    IDS,
    SECOND,
    execution,
    make_instrument,
    make_params,
    order_update,
)
from kernel_desk import MID, Desk, ops
from model_venue import LEFTOVER_ID

from mmfast.engine.kernel import Kernel
from mmfast.engine.params import BatchParams, EngineParams, PlannerParams, RequoteBy
from mmfast.engine.quoting.quoter import Level, Quotes
from mmfast.errors import InvariantError
from mmfast.messages import (
    Batch,
    BookReset,
    Flag,
    Mode,
    ModeChange,
    Op,
    OrderStatus,
    Outcome,
    RateInfo,
    ReadAccount,
    ResolveOrder,
    Stream,
    StreamState,
    WalletUpdate,
)


@pytest.fixture
def desk() -> Desk:
    return Desk().start()


# -- quoting --------------------------------------------------------------------------


def test_a_start_quotes_both_sides_of_all_instruments_in_one_batch(desk: Desk) -> None:
    assert desk.kernel.mode is Mode.TRADING
    assert desk.kernel.wants_flush
    [batch] = desk.flush()
    assert (batch.op, batch.single, len(batch.commands)) == (Op.PLACE, False, 8)
    assert {c.instrument for c in batch.commands} == {0, 1}
    assert all(c.flags & Flag.POST_ONLY for c in batch.commands)
    assert not desk.kernel.wants_flush
    assert desk.flush() == []


def test_a_burst_of_frames_is_one_decision(desk: Desk) -> None:
    desk.settle()
    for mid in range(MID + 10, MID + 100, 10):
        desk.book(0, mid)
    assert ops(desk.flush()) == {"AMEND": 4}
    assert desk.kernel.counters.ticks == 2


def test_quotes_move_by_one_amend_each_or_by_replacement() -> None:
    for requote_by, expected in (
        (RequoteBy.AMEND, {"AMEND": 8}),
        (RequoteBy.REPLACE, {"CANCEL": 8, "PLACE": 8}),
    ):
        desk = Desk(requote_by=requote_by).start()
        desk.settle()
        for instrument in range(2):
            desk.book(instrument, MID + 50)
        batches = desk.settle()
        assert ops(batches) == expected
        assert [b.op for b in batches] == sorted(b.op for b in batches), "cancels leave first"


def test_an_amend_names_only_what_changes_and_counts_what_was_filled(desk: Desk) -> None:
    [placed] = desk.settle()
    bid = placed.commands[0]
    desk.feed(
        execution(bid.client_id, "e1", 4, price_ticks=bid.price_ticks),
        order_update(
            bid.client_id,
            OrderStatus.PARTIALLY_FILLED,
            price_ticks=bid.price_ticks,
            cum_lots=4,
            updated_ms=50,
        ),
    )
    desk.book(0, MID + 50)
    amends = {c.client_id: c for b in desk.flush() for c in b.commands}
    assert amends[bid.client_id].lots == 14, "ten shall rest, four are filled"
    assert amends[bid.client_id].flags == Flag.AMEND_PRICE | Flag.AMEND_QTY
    other = next(c for c in amends.values() if c.lots == 10)
    assert other.flags == Flag.AMEND_PRICE


def test_forty_cancels_and_forty_places_are_four_calls() -> None:
    desk = Desk(10, symbol={"levels": 2}, requote_by=RequoteBy.REPLACE).start()
    desk.settle()
    for instrument in range(10):
        desk.book(instrument, MID + 70)
    batches = desk.flush()
    assert ops(batches) == {"CANCEL": 40, "PLACE": 40}
    assert len(batches) == 4


def test_sequential_sends_the_same_intent_one_order_per_call() -> None:
    def intent(batches: list[Batch]) -> list[tuple]:
        return sorted((c.op, c.slot, c.price_ticks, c.lots) for b in batches for c in b.commands)

    batched = Desk().start()
    single = Desk(batch=BatchParams(enabled=False)).start()
    for desk in (batched, single):
        desk.settle()
        for instrument in range(2):
            desk.book(instrument, MID + 50)
    one, many = batched.flush(), single.flush()
    assert intent(one) == intent(many)
    assert len(one) == 1
    assert [(b.single, len(b.commands)) for b in many] == [(True, 1)] * 8


def test_the_switch_to_sequential_and_back_loses_and_doubles_nothing(desk: Desk) -> None:
    [in_flight] = desk.flush()
    off = make_params(2, batch=BatchParams(enabled=False))
    desk.kernel.reconfigure(off, desk.now_ns)
    assert desk.flush() == [], "what is in flight is not touched"
    desk.ack([in_flight])
    desk.show([in_flight])
    assert desk.flush() == [], "and it is what is wanted"
    desk.kernel.reconfigure(desk.params, desk.now_ns)
    desk.book(0, MID + 50)
    assert ops(desk.settle()) == {"AMEND": 4}
    assert desk.kernel.open_orders() == 8


def test_at_most_so_many_instruments_are_visited_in_one_flush() -> None:
    desk = Desk(5, batch=BatchParams(max_parallel_symbols=2)).start()
    seen = []
    while desk.kernel.wants_flush:
        seen.append({c.instrument for b in desk.settle() for c in b.commands})
    assert seen[:3] == [{0, 1}, {2, 3}, {4}]


def test_what_the_budget_does_not_pay_waits_and_leaves_as_it_is_wanted_then() -> None:
    desk = Desk(
        batch=BatchParams(planned=False),
        planner=PlannerParams(initial_limit=5, safety_percent=100),
    ).start()
    [first] = desk.flush()
    assert len(first.commands) == 5
    assert not desk.kernel.wants_flush, "a flush could do nothing now"
    desk.ack([first], rate=RateInfo(5, 0, -1))
    desk.show([first])
    opens_ns = desk.kernel.next_wake_ns(desk.now_ns)
    assert opens_ns == desk.now_ns + SECOND
    desk.later(500).book(1, MID + 50)
    assert Op.PLACE not in {b.op for b in desk.flush()}
    desk.now_ns = opens_ns
    places = [c for b in desk.flush() if b.op is Op.PLACE for c in b.commands]
    assert len(places) == 3
    assert all(abs(c.price_ticks - MID - 50) <= 31 for c in places), "at the market of now"


def test_a_planned_tick_takes_what_the_batches_cannot_pay_into_single_requests() -> None:
    desk = Desk(planner=PlannerParams(initial_limit=5, safety_percent=100)).start()
    batches = desk.flush()
    assert [(b.single, len(b.commands)) for b in batches] == [(False, 5)] + [(True, 1)] * 3
    sent = [c.client_id for b in batches for c in b.commands]
    assert len(set(sent)) == 8, "each quote once, in one form or the other"


def test_unsent_intent_of_an_instrument_that_was_not_visited_is_not_sent() -> None:
    """It was decided on a market that has moved since."""
    desk = Desk(
        2,
        batch=BatchParams(max_parallel_symbols=1, planned=False),
        planner=PlannerParams(initial_limit=2, safety_percent=100),
    ).start()
    [first] = desk.flush()
    assert desk.flush() == [], "the second instrument is visited, the budget is spent"
    for instrument in range(2):
        desk.book(instrument, MID + 400)
    desk.ack([first], rate=RateInfo(100, 98, -1))
    [second] = desk.flush()
    assert {one.instrument for one in second.commands} == {0}
    [third] = desk.flush()
    assert {one.instrument for one in third.commands} == {1}
    for one in second.commands + third.commands:
        assert abs(one.price_ticks - MID - 400) < 100


def test_a_strategy_can_be_plugged_in() -> None:
    class OneBid:
        def quote(self, instrument, params, top, position_lots):
            return Quotes([Level(top.bid_ticks - 1, 3)], [])

    desk = Desk(1, strategy=OneBid()).start()
    [batch] = desk.flush()
    assert [(c.price_ticks, c.lots) for c in batch.commands] == [(MID - 3, 3)]


def test_equal_events_at_equal_instants_give_equal_batches() -> None:
    def story() -> list[Batch]:
        desk = Desk(4).start()
        out = desk.settle()
        for turn in range(20):
            for instrument in range(4):
                desk.later(3).book(instrument, MID + 7 * ((turn * 5 + instrument) % 11))
            out += desk.settle()
        return out

    assert story() == story()


# -- modes ----------------------------------------------------------------------------


def test_nothing_is_quoted_before_the_account_was_read_while_the_stream_was_up() -> None:
    desk = Desk()
    desk.snapshot()
    desk.later(1)
    desk.feed(StreamState(Stream.PUBLIC, True), StreamState(Stream.PRIVATE, True))
    assert desk.requests(ReadAccount)
    for instrument in range(2):
        desk.book(instrument)
    assert desk.flush() == []
    assert desk.kernel.mode is Mode.SYNCING
    desk.snapshot()
    assert desk.kernel.mode is Mode.TRADING


def test_leftovers_of_an_earlier_run_are_cancelled_before_anything_is_quoted() -> None:
    desk = Desk()
    foreign = order_update(0, OrderStatus.WORKING, link_id="somebody")
    leftover = order_update(LEFTOVER_ID, OrderStatus.WORKING, instrument=1, updated_ms=1)
    desk.start(leftover, foreign)
    batches = desk.flush()
    assert [c.client_id for b in batches for c in b.commands] == [LEFTOVER_ID]
    assert ops(batches) == {"CANCEL": 1}
    desk.ack(batches)
    assert desk.kernel.mode is Mode.SYNCING
    desk.feed(order_update(LEFTOVER_ID, OrderStatus.CANCELLED, instrument=1, updated_ms=2))
    assert desk.kernel.mode is Mode.TRADING
    assert ops(desk.flush()) == {"PLACE": 8}


def test_losing_the_private_stream_pulls_everything_at_once(desk: Desk) -> None:
    desk.settle()
    desk.feed(StreamState(Stream.PRIVATE, False))
    assert desk.kernel.mode is Mode.SYNCING
    batches = desk.flush()
    assert ops(batches) == {"CANCEL": 8}
    assert all(c.flags & Flag.URGENT for b in batches for c in b.commands)
    desk.ack(batches)
    desk.feed(StreamState(Stream.PRIVATE, True))
    desk.later(1).snapshot()
    assert len(desk.requests(ResolveOrder)) == 8, "absent from a reading is not yet cancelled"
    assert desk.flush() == []
    desk.show(batches)
    assert ops(desk.flush()) == {"PLACE": 8}


@pytest.mark.parametrize("mode", [Mode.DRAINING, Mode.HALTED])
def test_a_stop_cancels_everything_also_what_was_in_flight(desk: Desk, mode: Mode) -> None:
    [late] = desk.flush()
    desk.feed(ModeChange(mode, "operator"))
    assert desk.kernel.mode is mode
    assert desk.flush() == [], "nothing to cancel before the venue has the orders"
    desk.ack([late])
    batches = desk.flush()
    assert ops(batches) == {"CANCEL": 8}
    desk.ack(batches)
    assert desk.kernel.open_orders() == 8, "accepted is not done"
    desk.show(batches)
    assert desk.kernel.open_orders() == 0
    desk.book(0, MID + 50)
    assert desk.flush() == []
    desk.feed(ModeChange(Mode.TRADING, "resume"))
    assert ops(desk.flush()) == {"PLACE": 8}


def test_reduce_only_keeps_only_what_shrinks_the_position(desk: Desk) -> None:
    desk.settle()
    desk.feed(execution(0, "manual", 13, seq=5), ModeChange(Mode.REDUCE_ONLY, "operator"))
    desk.settle()
    desk.settle()
    view = desk.kernel.view(desk.now_ns)
    assert view.instruments[0].own_bid_ticks == 0
    assert view.instruments[0].own_ask_ticks > 0
    assert view.instruments[1].working == 0


def test_last_look_stops_what_has_become_wrong_and_never_a_cancel(desk: Desk) -> None:
    desk.settle()
    desk.book(0, MID + 50)
    [amend] = desk.flush()
    assert desk.kernel.last_look(amend, desk.now_ns) == ""
    assert "stale" in desk.kernel.last_look(amend, desk.now_ns + 6 * SECOND)
    desk.feed(BookReset(0))
    assert "C00USDT: no book" in desk.kernel.last_look(amend, desk.now_ns)
    desk.ack([amend], Outcome.NOT_SENT, message="C00USDT: no book")
    [cancel] = desk.flush()  # at once: keeping a batch back is no failure of the connection
    desk.feed(ModeChange(Mode.HALTED, "kill"))
    assert desk.kernel.last_look(cancel, desk.now_ns) == ""
    assert "HALTED" in desk.kernel.last_look(amend, desk.now_ns)


def test_without_the_trade_socket_quotes_are_pulled_until_it_is_back(desk: Desk) -> None:
    desk.settle()
    desk.feed(StreamState(Stream.TRADE, False))
    view = desk.kernel.view(desk.now_ns)
    assert (view.mode, view.mode_reason) == (Mode.SYNCING, "no way out for orders")
    batches = desk.flush()
    assert {batch.op for batch in batches} == {Op.CANCEL}
    assert sum(len(batch.commands) for batch in batches) == 8
    desk.ack(batches)
    desk.feed(StreamState(Stream.TRADE, True))
    assert desk.kernel.mode is Mode.TRADING, "the account is known: nothing has to be read again"


def test_a_trade_socket_that_is_not_up_yet_holds_the_first_quote_back() -> None:
    desk = Desk()
    desk.feed(StreamState(Stream.TRADE, False))
    desk.start()
    assert desk.kernel.mode is Mode.SYNCING
    assert desk.flush() == []
    desk.feed(StreamState(Stream.TRADE, True))
    assert {batch.op for batch in desk.flush()} == {Op.PLACE}


# -- the rest -------------------------------------------------------------------------


def test_every_command_is_accounted_for(desk: Desk) -> None:
    desk.settle()
    for mid in (MID + 40, MID + 90, MID):
        desk.book(0, mid)
        desk.settle()
    c = desk.kernel.counters
    assert sum(c.wanted) == sum(c.sent) + sum(c.coalesced)
    assert c.coalesced[Op.PLACE] == 12, "cancel and place became one amend"
    assert sum(c.calls) == 4
    assert c.orders_placed == 8
    assert c.orders_amended == 12


def test_the_view_adds_up(desk: Desk) -> None:
    desk.settle()
    view = desk.kernel.view(desk.now_ns)
    assert (view.mode, view.mode_reason) == (Mode.TRADING, "")
    assert view.working == desk.kernel.open_orders() == 8
    first = view.instruments[0]
    assert first.quoting
    assert (first.own_bid_ticks, first.own_ask_ticks) == (MID - 20, MID + 20)
    assert (first.mid_x2_ticks, first.acks, first.book_age_ms) == (2 * MID, 4, 0)
    used = {(b.op, b.single): b.used for b in view.budgets}
    assert used[Op.PLACE, False] == 8


def test_a_balance_decides_nothing(desk: Desk) -> None:
    desk.settle()
    desk.feed(WalletUpdate(coin="USDT", balance_e8=1, equity_e8=1))
    assert desk.flush() == []


@pytest.mark.parametrize(
    "params",
    [make_params(1), make_params(3)],
    ids=["too few parameters", "too many parameters"],
)
def test_misaligned_parameters_are_a_bug(params: EngineParams) -> None:
    with pytest.raises(InvariantError):
        Kernel((make_instrument(0), make_instrument(1)), params, IDS)
    with pytest.raises(InvariantError):
        Kernel((make_instrument(1),), make_params(1), IDS)
