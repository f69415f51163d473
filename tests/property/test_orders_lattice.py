"""One order's events, in every order and with repeats, must end in the same truth."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

import pytest
from engine_world import (
    SECOND,
    draft,
    execution,
    make_instrument,
    make_params,
    order_update,
    position,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfast.engine.kernel import Kernel
from mmfast.engine.orders.orders import OrderTable
from mmfast.ids import ClientIds
from mmfast.messages import (
    AccountSnapshot,
    Execution,
    Op,
    OrderStatus,
    Outcome,
    Stream,
    StreamState,
)

WORKING, PARTLY = OrderStatus.WORKING, OrderStatus.PARTIALLY_FILLED
ID = (3 << 32) | 1


def seen(status: OrderStatus, updated_ms: int, cum: int = 0, **changes: Any) -> Any:
    return order_update(ID, status, updated_ms=updated_ms, cum_lots=cum, **changes)


def traded(name: str, lots: int, seq: int) -> Execution:
    return execution(ID, name, lots, seq=seq)


STORIES: dict[str, list[Any]] = {
    "filled in two trades": [
        seen(WORKING, 1),
        traded("a", 4, 1),
        seen(PARTLY, 2, 4),
        traded("b", 6, 2),
        seen(OrderStatus.FILLED, 3, 10),
        Outcome.ACK,
    ],
    "cancelled after a part": [
        seen(WORKING, 1),
        traded("a", 4, 1),
        seen(PARTLY, 2, 4),
        seen(OrderStatus.CANCELLED, 3, 4),
        Outcome.ACK,
    ],
    "filled twice by the venue's word": [
        seen(WORKING, 1),
        traded("a", 10, 1),
        seen(OrderStatus.FILLED, 2, 10),
        seen(OrderStatus.FILLED, 3, 10, reject_reason="EC_OrigClOrdIDDoesNotExist"),
        Outcome.UNKNOWN,
    ],
    "refused by the matching engine": [
        seen(OrderStatus.CANCELLED, 1, reject_reason="EC_PostOnlyWillTakeLiquidity"),
        Outcome.ACK,
    ],
}
ENDS = {
    "filled in two trades": (10, 1, 0),
    "cancelled after a part": (4, 0, 1),
    "filled twice by the venue's word": (10, 1, 0),
    "refused by the matching engine": (0, 0, 1),
}


def play(events: list[Any]) -> tuple[Any, ...]:
    """The end of a story, told by the whole account: position, finals, what is still open."""
    kernel = Kernel((make_instrument(),), make_params(1), ClientIds("mmt1", 3))
    kernel.on_event(StreamState(Stream.PRIVATE, True), 0)
    rows = (position(0),)
    kernel.on_event(AccountSnapshot(orders=(), executions=(), positions=rows, asked_ns=0), 0)
    orders: OrderTable = kernel._orders
    orders.place(draft(Op.PLACE, ID), 1, 0)
    floor = 0
    for now_ns, event in enumerate(events, start=1):
        if isinstance(event, Outcome):
            orders.on_reply(Op.PLACE, ID, event, "", 1, 0, now_ns)
        else:
            kernel.on_event(event, now_ns)
        order = orders.get(ID)
        assert orders.open_lots == orders.recount()
        if order is not None:
            assert order.cum_lots >= floor, "a filled size never falls"
            floor = order.cum_lots
        view = kernel.view(now_ns).instruments[0]
        assert view.position_lots + orders.open_lots[0] >= floor, "bought lots are counted"
    c = kernel.counters
    view = kernel.view(SECOND).instruments[0]
    assert orders.open_lots == [0, 0]
    assert kernel.open_orders() == 0
    assert not orders.unbooked()
    assert c.zombies == 0
    return view.position_lots, c.orders_filled, c.orders_cancelled


@pytest.mark.parametrize("name", STORIES)
def test_every_order_of_events_ends_alike(name: str) -> None:
    for events in permutations(STORIES[name]):
        assert play(list(events)) == ENDS[name]


@pytest.mark.parametrize("name", STORIES)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_repeats_change_nothing(name: str, seed: int) -> None:
    rng = random.Random(seed)
    story = STORIES[name]
    stream = [event for event in story if not isinstance(event, Outcome)]
    events = story + rng.choices(stream, k=rng.randint(1, 5))
    rng.shuffle(events)
    assert play(events) == ENDS[name]


AMENDED = [
    seen(WORKING, 1),
    Outcome.ACK,
    "amend",
    traded("a", 3, 1),
    seen(PARTLY, 2, 3),
    seen(PARTLY, 3, 3, lots=14, price_ticks=99_950),
    "amend ack",
]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_an_amend_ends_with_the_venues_values_however_its_news_are_shuffled(seed: int) -> None:
    """What follows the amend may come in any order; the latest report has the last word."""
    rng = random.Random(seed)
    tail = AMENDED[3:]
    rng.shuffle(tail)
    orders = OrderTable(1, 2 * SECOND)
    order = orders.place(draft(Op.PLACE, ID), 1, 0)
    for now_ns, event in enumerate([*AMENDED[:3], *tail], start=1):
        if event == "amend":
            orders.amend(draft(Op.AMEND, ID, price_ticks=99_950, lots=14), 2, now_ns)
        elif event == "amend ack":
            orders.on_reply(Op.AMEND, ID, Outcome.ACK, "", 2, now_ns, now_ns)
        elif isinstance(event, Outcome):
            orders.on_reply(Op.PLACE, ID, event, "", 1, now_ns, now_ns)
        elif isinstance(event, Execution):
            orders.on_execution(ID, event.lots, now_ns)
        else:
            orders.on_update(event, now_ns)
        if order.seen and order.state.name != "PLACING":
            assert orders.open_lots[0] >= 14 - 3 or now_ns <= 2, "the larger size counts"
        assert orders.open_lots == orders.recount()
    assert (order.price_ticks, order.lots, order.cum_lots) == (99_950, 14, 3)
    assert order.state.name == "LIVE"
    assert orders.open_lots[0] == 11
