"""Every end rests on evidence that can be named, is told once, and is not undone by late news."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest
from engine_world import draft, execution, order_update, reply
from kernel_desk import Desk

from mmfast.engine.orders.endings import EVIDENCE_OF, MAX_UNTOLD, REMEMBERED, Ending, Evidence
from mmfast.engine.orders.order_states import TRANSITIONS, Event, State, following, is_final
from mmfast.engine.orders.orders import OrderTable
from mmfast.errors import InvariantError
from mmfast.messages import (
    Alert,
    Command,
    Mode,
    Op,
    OrderAbsent,
    OrderStatus,
    Outcome,
    ResolveOrder,
    Stream,
    StreamState,
)
from mmfast.units import NS_PER_S

WORKING, FILLED = OrderStatus.WORKING, OrderStatus.FILLED
CANCELLED, UNKNOWN = OrderStatus.CANCELLED, OrderStatus.UNKNOWN_STATUS


@pytest.fixture
def desk() -> Desk:
    return Desk(1).start()


@pytest.mark.parametrize(("state", "event"), [*product(State, Event)], ids=lambda one: one.name)
def test_every_pair_of_state_and_event_is_in_the_table_or_a_bug_of_ours(
    state: State, event: Event
) -> None:
    after = TRANSITIONS.get((state, event))
    if after is None:
        with pytest.raises(InvariantError, match=f"{state.name} must not meet {event.name}"):
            following(state, event)
    else:
        assert following(state, event) == after
        assert is_final(after) <= (event in EVIDENCE_OF), "an end without evidence"


def test_what_is_evidence_of_an_end_leads_to_one_somewhere() -> None:
    leading = {event for (_, event), after in TRANSITIONS.items() if is_final(after)}
    assert leading == set(EVIDENCE_OF)


def test_silence_and_snapshots_are_no_evidence() -> None:
    for state in State:
        for event in (Event.LOST, Event.GONE, Event.MISSING, Event.ACK, Event.SEEN):
            after = TRANSITIONS.get((state, event))
            assert after is None or not is_final(after), (state, event)


def news(desk: Desk, one: Command, status: OrderStatus, **changes: object) -> None:
    fields = {"side": one.side, "price_ticks": one.price_ticks, "lots": one.lots, "updated_ms": 7}
    desk.feed(order_update(one.client_id, status, **{**fields, **changes}))


@pytest.mark.parametrize(
    ("outcome", "end", "evidence"),
    [
        (Outcome.REJECT, State.REJECTED, Evidence.REPLY),
        (Outcome.THROTTLED, State.REJECTED, Evidence.REPLY),
        (Outcome.NOT_SENT, State.EXPIRED_UNSENT, Evidence.NOTHING_SENT),
        (Outcome.LOCAL_REJECT, State.EXPIRED_UNSENT, Evidence.NOTHING_SENT),
    ],
)
def test_an_end_by_reply_names_it(
    desk: Desk, outcome: Outcome, end: State, evidence: Evidence
) -> None:
    (batch,) = desk.flush()
    desk.ack([batch], outcome)
    told = desk.kernel.take_outcomes()
    assert told == [Ending(one.client_id, end, evidence, 0) for one in batch.commands]
    desk.ack([batch], outcome)
    assert desk.kernel.take_outcomes() == [], "an end is told once"


@pytest.mark.parametrize(
    ("status", "cum", "end"),
    [
        (FILLED, 10, State.FILLED),
        (CANCELLED, 4, State.CANCELLED),
        (OrderStatus.REJECTED, 0, State.REJECTED),
    ],
)
@pytest.mark.parametrize("outcome", [Outcome.ACK, Outcome.UNKNOWN, None])
def test_an_end_by_report_names_it(
    desk: Desk, status: OrderStatus, cum: int, end: State, outcome: Outcome | None
) -> None:
    (batch,) = desk.flush()
    if outcome is not None:
        desk.ack([batch], outcome)
    one = batch.commands[0]
    for _ in range(2):
        news(desk, one, status, cum_lots=cum)
    assert desk.kernel.take_outcomes() == [Ending(one.client_id, end, Evidence.REPORT, cum)]


@pytest.mark.parametrize(("seen", "end"), [(False, State.EXPIRED_UNSENT), (True, State.CANCELLED)])
def test_an_end_by_searches_names_them(desk: Desk, seen: bool, end: State) -> None:
    (batch,) = desk.flush()
    one = batch.commands[0]
    if seen:
        news(desk, one, WORKING)
    desk.ack([batch], Outcome.UNKNOWN)
    if seen:
        desk.later(10)
        desk.snapshot()
    absent = OrderAbsent(client_id=one.client_id, evidence="test")
    desk.feed(absent, absent)
    told = [ending for ending in desk.kernel.take_outcomes() if ending.client_id == one.client_id]
    assert told == [Ending(one.client_id, end, Evidence.SEARCHES, 0)]


def test_no_other_outcome_ends_anything(desk: Desk) -> None:
    (batch,) = desk.flush()
    desk.ack([batch], Outcome.UNKNOWN)
    desk.ack([batch], Outcome.GONE)
    desk.ack([batch], Outcome.ACK)
    desk.later(3_600_000)
    desk.flush()
    assert desk.kernel.take_outcomes() == []
    assert desk.kernel.view(desk.now_ns).unknown == len(batch.commands)


def test_an_answer_that_names_another_order_proves_nothing(desk: Desk) -> None:
    (batch,) = desk.flush()
    answer = reply(batch, Outcome.REJECT, desk.now_ns)
    first, second, *others = answer.items
    desk.feed(msgspec.structs.replace(answer, items=(second, first, *others)))
    ended = {ending.client_id for ending in desk.kernel.take_outcomes()}
    assert ended == {item.client_id for item in others}
    asked = {request.client_id for request in desk.requests(ResolveOrder)}
    assert asked == {first.client_id, second.client_id}


def test_a_fill_that_names_only_the_venues_id_is_our_orders(desk: Desk) -> None:
    """As fast executions and takeovers are told."""
    (batch,) = desk.settle()
    one = batch.commands[0]
    fill = execution(0, "nameless", 4, side=one.side, venue_id=f"venue-{one.client_id}")
    desk.feed(fill, fill)
    assert desk.kernel.counters.fills == 1
    assert desk.kernel.counters.foreign_events == 0
    assert desk.kernel._orders.get(one.client_id).booked_lots == 4


def test_an_order_in_doubt_is_asked_about_though_the_private_stream_is_down(desk: Desk) -> None:
    (batch,) = desk.flush()
    desk.feed(StreamState(Stream.PRIVATE, False))
    desk.kernel.take_requests()
    desk.ack([batch], Outcome.UNKNOWN)
    asked = {request.client_id for request in desk.requests(ResolveOrder)}
    assert asked == {one.client_id for one in batch.commands}


# -- after the end ----------------------------------------------------------------------


@pytest.mark.parametrize("fill_by", ["execution", "report"])
def test_a_fill_of_an_order_that_never_lived_is_told_and_booked(desk: Desk, fill_by: str) -> None:
    (batch,) = desk.flush()
    desk.ack([batch], Outcome.NOT_SENT)
    one = batch.commands[0]
    desk.kernel.take_requests()
    for _ in range(2):
        if fill_by == "execution":
            desk.feed(execution(one.client_id, "impossible", 10, side=one.side))
        else:
            news(desk, one, FILLED, cum_lots=10)
    assert [alert.code for alert in desk.requests(Alert)] == ["zombie_fill"]
    lots = desk.kernel.view(desk.now_ns).instruments[0].position_lots
    assert abs(lots) == (10 if fill_by == "execution" else 0)


def test_late_fills_of_an_order_that_the_venue_ended_are_no_alarm(desk: Desk) -> None:
    (batch,) = desk.flush()
    desk.ack([batch])
    one = batch.commands[0]
    news(desk, one, FILLED, cum_lots=10)
    desk.kernel.take_requests()
    for number in range(2):
        desk.feed(execution(one.client_id, f"late {number}", 5, side=one.side, seq=number + 1))
    news(desk, one, FILLED, cum_lots=10, updated_ms=9)
    assert desk.requests(Alert) == []
    assert desk.kernel.counters.zombies == 0


# -- words that nobody knows yet --------------------------------------------------------


def test_an_unknown_status_is_asked_about_and_moves_nothing(desk: Desk) -> None:
    (batch,) = desk.settle()
    one = batch.commands[0]
    desk.kernel.take_requests()
    before = desk.kernel.view(desk.now_ns).instruments[0]
    news(desk, one, UNKNOWN, updated_ms=99)
    assert [asked.client_id for asked in desk.requests(ResolveOrder)] == [one.client_id]
    assert desk.kernel.view(desk.now_ns).instruments[0] == before
    assert desk.kernel.take_outcomes() == []


def test_an_order_of_ours_nobody_knows_with_an_unknown_status_may_rest(desk: Desk) -> None:
    (batch,) = desk.flush()
    desk.ack([batch], Outcome.REJECT)
    one = batch.commands[0]
    news(desk, one, UNKNOWN)
    cancels = [c for b in desk.flush() if b.op is Op.CANCEL for c in b.commands]
    assert [c.client_id for c in cancels] == [one.client_id]


def test_an_unknown_status_after_the_venues_own_final_word_changes_nothing(desk: Desk) -> None:
    (batch,) = desk.settle()
    one = batch.commands[0]
    news(desk, one, CANCELLED, updated_ms=50)
    news(desk, one, UNKNOWN, updated_ms=99)
    assert desk.kernel.counters.zombies == 0
    assert desk.kernel.mode is Mode.TRADING


# -- bounds -----------------------------------------------------------------------------


def test_what_is_remembered_of_ended_orders_has_a_bound() -> None:
    table = OrderTable(1, 2 * NS_PER_S)
    for client_id in range(1, REMEMBERED + 2):
        table.place(draft(Op.PLACE, client_id), client_id, client_id)
        table.on_reply(Op.PLACE, client_id, Outcome.NOT_SENT, "", client_id, 0, 0)
    assert 1 not in table.endings
    assert all(client_id in table.endings for client_id in (2, REMEMBERED + 1))
    assert len(table.endings.take()) == MAX_UNTOLD
    assert table.endings.take() == []
