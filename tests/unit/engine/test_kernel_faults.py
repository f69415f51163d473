"""The kernel against a failing market, a failing network, and the truth about money."""

from __future__ import annotations

import pytest
from engine_world import (
    SECOND,
    book_frame,
    execution,
    make_instrument,
    make_params,
    order_update,
    position,
)
from kernel_desk import MID, Desk, ops

from mmfast.engine.orders.orders import CONFIRM_NS
from mmfast.messages import (
    AccountSnapshot,
    Alert,
    BookFrame,
    InstrumentChange,
    Mode,
    Op,
    OrderAbsent,
    OrderStatus,
    Outcome,
    ReadAccount,
    ResolveOrder,
    Resubscribe,
    Stream,
    StreamState,
)


@pytest.fixture
def desk() -> Desk:
    return Desk().start()


# -- the market -----------------------------------------------------------------------


def test_a_silent_book_is_pulled_by_the_clock_alone(desk: Desk) -> None:
    desk.settle()
    desk.later(2500).book(1, MID)
    desk.feed(StreamState(Stream.TRADE, True))
    wake_ns = desk.kernel.next_wake_ns(desk.now_ns)
    while wake_ns <= 6 * SECOND:
        desk.now_ns = wake_ns
        assert desk.flush() == []
        wake_ns = desk.kernel.next_wake_ns(desk.now_ns)
    desk.now_ns = 6 * SECOND + 1
    batches = desk.flush()
    assert ops(batches) == {"CANCEL": 4}
    assert {c.instrument for b in batches for c in b.commands} == {0}
    reasons = [v.pull_reason for v in desk.kernel.view(desk.now_ns).instruments]
    assert reasons == ["book stale", ""]


def test_a_gap_pulls_the_instrument_and_asks_for_a_new_stream(desk: Desk) -> None:
    desk.settle()
    gap = book_frame("C00USDT", 1, 2, 99).replace(b"snapshot", b"delta")
    desk.feed(BookFrame(0, gap))
    assert [r.instrument for r in desk.requests(Resubscribe)] == [0]
    assert ops(desk.flush()) == {"CANCEL": 4}


def test_an_instrument_that_stops_trading_is_pulled(desk: Desk) -> None:
    desk.settle()
    desk.feed(InstrumentChange(make_instrument(0, status="Settling")))
    assert ops(desk.flush()) == {"CANCEL": 4}
    assert desk.kernel.view(desk.now_ns).instruments[0].pull_reason == "instrument is Settling"


# -- orders in doubt ------------------------------------------------------------------


def test_an_unknown_outcome_is_asked_about_never_resent_and_blocks_its_slot(desk: Desk) -> None:
    [batch] = desk.flush()
    desk.ack([batch], Outcome.UNKNOWN)
    asked = desk.requests(ResolveOrder)
    assert [r.client_id for r in asked] == [c.client_id for c in batch.commands]
    desk.book(0, MID + 50)
    assert desk.flush() == []
    assert desk.kernel.view(desk.now_ns).unknown == 8
    for one in batch.commands:
        desk.feed(OrderAbsent(client_id=one.client_id, evidence="test"))
    fresh = desk.flush()
    assert ops(fresh) == {"PLACE": 8}
    assert not {c.client_id for b in fresh for c in b.commands} & {
        c.client_id for c in batch.commands
    }


def test_not_sent_is_tried_again_with_new_ids_after_a_pause(desk: Desk) -> None:
    [batch] = desk.flush()
    desk.ack([batch], Outcome.NOT_SENT, message="connect failed")
    assert desk.flush() == []
    desk.now_ns = desk.kernel.next_wake_ns(desk.now_ns)
    [again] = desk.flush()
    assert len(again.commands) == 8
    assert {c.client_id for c in again.commands}.isdisjoint(c.client_id for c in batch.commands)
    assert desk.kernel.counters.not_sent == 8


def test_an_ack_the_stream_never_confirms_is_asked_about(desk: Desk) -> None:
    batches = desk.flush()
    desk.ack(batches)
    desk.now_ns += CONFIRM_NS - 1
    desk.flush()
    assert desk.requests(ResolveOrder) == []
    assert desk.kernel.next_wake_ns(desk.now_ns) <= desk.now_ns + 1
    desk.now_ns += 1
    desk.flush()
    assert len(desk.requests(ResolveOrder)) == 8


def test_a_zombie_is_cancelled_at_once_with_an_alarm(desk: Desk) -> None:
    [batch] = desk.flush()
    desk.ack([batch], Outcome.REJECT, code=110007)
    zombie = batch.commands[0].client_id
    desk.feed(order_update(zombie, OrderStatus.WORKING, updated_ms=5))
    assert [a.code for a in desk.requests(Alert)].count("zombie_order") == 1
    cancels = [c for b in desk.flush() if b.op is Op.CANCEL for c in b.commands]
    assert [c.client_id for c in cancels] == [zombie]
    assert desk.kernel.mode is Mode.TRADING


def test_an_order_that_is_not_ours_is_never_touched(desk: Desk) -> None:
    desk.settle()
    desk.feed(order_update(0, OrderStatus.WORKING, link_id="somebody", updated_ms=9))
    assert desk.flush() == []
    assert desk.kernel.counters.foreign_events == 1


def test_refusals_back_off_and_are_told_once(desk: Desk) -> None:
    told = 0
    for _ in range(3):
        batches = desk.flush()
        desk.ack(batches, Outcome.REJECT, code=110007, message="balance")
        told += sum(a.code == "order_refused" for a in desk.requests(Alert))
    assert told == 1
    assert desk.kernel.counters.reject_codes == {110007: desk.kernel.counters.orders_rejected}
    assert desk.flush() == []
    desk.now_ns = desk.kernel.next_wake_ns(desk.now_ns)
    assert desk.now_ns > SECOND


def test_a_second_reply_to_a_batch_gives_no_budget_back(desk: Desk) -> None:
    batches = desk.flush()
    desk.ack(batches)
    desk.ack(batches)
    assert [b.used for b in desk.kernel.view(desk.now_ns).budgets if b.used] == [8]
    assert all(b.used == 0 for b in desk.kernel.view(desk.now_ns + SECOND).budgets)


def test_an_order_sent_after_a_reading_began_may_be_absent_from_it(desk: Desk) -> None:
    asked_ns = desk.now_ns
    desk.later(5)
    [batch] = desk.flush()
    desk.ack([batch])
    rows = (position(0), position(0, instrument=1))
    read = AccountSnapshot(orders=(), executions=(), positions=rows, asked_ns=asked_ns)
    desk.feed(read)
    assert desk.requests(ResolveOrder) == []
    assert desk.kernel.view(desk.now_ns).unknown == 0


# -- money ----------------------------------------------------------------------------


def test_fills_move_position_pnl_and_quotes(desk: Desk) -> None:
    [placed] = desk.settle()
    bid = placed.commands[0]
    fill = execution(bid.client_id, "e1", 10, price_ticks=bid.price_ticks, seq=5)
    done = {"price_ticks": bid.price_ticks, "cum_lots": 10, "updated_ms": 60}
    desk.feed(fill, fill, order_update(bid.client_id, OrderStatus.FILLED, **done))
    view = desk.kernel.view(desk.now_ns).instruments[0]
    assert view.position_lots == 10
    assert view.fees_e8 == 10
    assert view.unrealized_e8 == 10 * (MID - bid.price_ticks) * 10_000
    assert desk.kernel.counters.fills == 1
    assert desk.kernel.counters.orders_filled == 1
    placed_again = [c for b in desk.flush() if b.op is Op.PLACE for c in b.commands]
    assert placed_again[0].price_ticks == bid.price_ticks - 2, "a tenth of 20 ticks of skew"


def test_a_fill_seen_by_its_order_before_its_execution_leaves_no_hole_in_the_limit() -> None:
    desk = Desk(1, symbol={"levels": 1, "max_position_lots": 10}).start()
    [placed] = desk.settle()
    bid = placed.commands[0]
    row = {"price_ticks": bid.price_ticks, "cum_lots": 10, "updated_ms": 60}
    desk.feed(order_update(bid.client_id, OrderStatus.FILLED, **row))
    assert desk.flush() == [], "the ten lots are bought, though no execution says so yet"
    assert desk.kernel.counters.refused == {"open_position": 1}
    desk.feed(execution(bid.client_id, "e1", 10, price_ticks=bid.price_ticks))
    sides = {(c.op, c.side) for b in desk.flush() for c in b.commands}
    assert (Op.PLACE, 0) not in sides


def test_a_position_that_stays_different_has_the_account_read(desk: Desk) -> None:
    desk.settle()
    desk.kernel.take_requests()
    desk.feed(position(7, seq=9))
    for _ in range(5):
        desk.later(1000)
        desk.flush()
    assert desk.requests(ReadAccount)
    desk.snapshot(positions=(position(7, seq=9), position(0, instrument=1)))
    assert desk.kernel.view(desk.now_ns).instruments[0].position_lots == 7
    assert any(a.code == "position_corrected" for a in desk.requests(Alert))


def test_executions_that_never_come_do_not_block_for_ever() -> None:
    desk = Desk(1, symbol={"levels": 1, "max_position_lots": 10}, stale_book_ms=10**6).start()
    [placed] = desk.settle()
    row = {"price_ticks": placed.commands[0].price_ticks, "cum_lots": 10, "updated_ms": 60}
    desk.feed(order_update(placed.commands[0].client_id, OrderStatus.FILLED, **row))
    for _ in range(30):
        desk.later(1000)
        desk.flush()
    alerts = [a.code for a in desk.kernel.take_requests() if isinstance(a, Alert)]
    assert alerts.count("executions_missing") == 1


def test_a_risk_refusal_is_told_once_and_again_after_it_was_over() -> None:
    desk = Desk(1, symbol={"max_order_value_e8": 10**6}).start()
    codes = []
    for _ in range(3):
        assert desk.flush() == []
        desk.book(0, MID)
        codes += [a.code for a in desk.requests(Alert) if a.code.startswith("refused")]
    assert codes == ["refused_order_value"]
    desk.kernel.reconfigure(make_params(1), desk.now_ns)
    assert ops(desk.settle()) == {"PLACE": 4}
    desk.kernel.reconfigure(make_params(1, symbol={"max_order_value_e8": 10**6}), desk.now_ns)
    desk.book(0, MID + 100)
    assert desk.flush() == []
    assert [a.code for a in desk.requests(Alert)] == ["refused_order_value"]


@pytest.mark.parametrize("told", ["by the snapshot", "by the stream before it", "by both"])
def test_a_fill_of_the_run_before_counts_once_however_it_is_told(told: str) -> None:
    """The position that is read contains it; the execution may come again, from two places."""
    desk = Desk(1)
    old = execution(0, "before the crash", 3, seq=5)
    desk.feed(StreamState(Stream.PUBLIC, True), StreamState(Stream.PRIVATE, True))
    if told != "by the snapshot":
        desk.feed(old)
    rows = () if told == "by the stream before it" else (old,)
    desk.snapshot(executions=rows, positions=(position(7, seq=5, entry_value_e8=7 * 10**9),))
    desk.feed(old)
    assert desk.kernel.view(desk.now_ns).instruments[0].position_lots == 7
    desk.feed(execution(0, "after it", 2, seq=6))
    assert desk.kernel.view(desk.now_ns).instruments[0].position_lots == 9
    assert [alert.code for alert in desk.requests(Alert)].count("position_corrected") == 0
