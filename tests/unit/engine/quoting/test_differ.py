"""The differ: keep what is near enough, move what is not, leave alone what is in doubt."""

from __future__ import annotations

import pytest
from engine_world import SECOND, draft, make_symbol, order_update

from mmfast.engine.orders.draft import Draft
from mmfast.engine.orders.orders import OrderTable
from mmfast.engine.params import RequoteBy
from mmfast.engine.quoting.bus import CommandBus, Intent
from mmfast.engine.quoting.differ import QUOTING, Differ, Stance
from mmfast.engine.quoting.quoter import NO_QUOTES, Level, Quotes
from mmfast.ids import ClientIds
from mmfast.messages import Flag, Op, OrderStatus, Outcome, Side
from mmfast.units import slot_side

PRICE = 100_000
TOLERANCE = 5
"""Ticks: 0.5 bp of the price."""
PULLED = Stance(pulled=True)
HOLDING = Stance(holding=True)


class Desk:
    """One instrument, one level a side."""

    def __init__(self, requote_by: RequoteBy = RequoteBy.REPLACE) -> None:
        self.orders = OrderTable(1, 2 * SECOND)
        self.bus = CommandBus(1, amend_replaces=requote_by is RequoteBy.AMEND)
        self.differ = Differ(self.orders, self.bus, ClientIds("mmt1", 3), 1, requote_by)
        self.tick = 0
        self.diff((PRICE, 10))  # from now on it looks at one level

    def resting(self, client_id: int = 1, *, seen: bool = True, cum: int = 0, **changes):
        self.tick += 1
        place = draft(Op.PLACE, client_id, price_ticks=PRICE, **changes)
        order = self.orders.place(place, self.tick, SECOND)
        self.orders.on_reply(Op.PLACE, client_id, Outcome.ACK, "", self.tick, SECOND, SECOND)
        if seen:
            status = OrderStatus.PARTIALLY_FILLED if cum else OrderStatus.WORKING
            row = order_update(client_id, status, price_ticks=PRICE, cum_lots=cum, updated_ms=1)
            self.orders.on_update(row, SECOND)
        return order

    def diff(self, bid: tuple[int, int] | None, stance: Stance = QUOTING, *, put: bool = False):
        """What one look puts on the bus, as (operation, price, lots); left there if ``put``."""
        return self.look(Quotes([Level(*bid)], []) if bid else NO_QUOTES, stance, put=put)

    def look(self, quotes: Quotes, stance: Stance = QUOTING, *, put: bool = False):
        wanted = list(self.bus.wanted)
        self.differ.begin()
        self.differ.put(0, quotes, make_symbol().requote_tolerance_e4, stance)
        if self.bus.wanted == wanted:
            return []
        self.taken = [] if put else [Intent._make(row) for row in self.bus.drain()]
        return self.held() if put else [(i.op, i.price_ticks, i.lots) for i in self.taken]

    def held(self):
        return [(i.op, i.price_ticks, i.lots) for i in self.bus.held(0)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_empty_slot_is_filled_post_only_with_a_new_id(desk: Desk) -> None:
    desk.look(Quotes([Level(PRICE, 10)], [Level(PRICE + 9, 7)]))
    bid, ask = desk.taken
    assert (bid.op, slot_side(bid.slot)) == (Op.PLACE, Side.BUY)
    assert (bid.price_ticks, bid.lots) == (PRICE, 10)
    assert (slot_side(ask.slot), ask.lots) == (Side.SELL, 7)
    assert bid.flags == ask.flags == Flag.POST_ONLY
    assert bid.client_id != ask.client_id


@pytest.mark.parametrize("drift", [1 - TOLERANCE, 0, TOLERANCE])
def test_a_quote_near_enough_keeps_its_queue_position(desk: Desk, drift: int) -> None:
    desk.resting()
    assert desk.diff((PRICE + drift, 10)) == []


def test_a_quote_that_moved_is_replaced_in_its_slot(desk: Desk) -> None:
    desk.resting()
    wanted = (PRICE + TOLERANCE + 1, 10)
    assert desk.diff(wanted) == [(Op.CANCEL, 0, 0), (Op.PLACE, *wanted)]


def test_the_bus_makes_an_amend_of_it_where_that_is_the_policy() -> None:
    desk = Desk(RequoteBy.AMEND)
    desk.resting()
    desk.diff((PRICE + 50, 10), put=True)
    assert desk.held() == [(Op.AMEND, PRICE + 50, 10)]


def test_a_slot_no_longer_wanted_is_cancelled(desk: Desk) -> None:
    desk.resting()
    assert desk.diff(None) == [(Op.CANCEL, PRICE, 10)]


def test_slots_once_used_are_still_looked_at_when_levels_shrink(desk: Desk) -> None:
    desk.look(Quotes([Level(PRICE, 10), Level(PRICE - 10, 10)], []))
    outer = Draft()
    outer.fill(*desk.taken[1])
    desk.orders.place(outer, 1, SECOND)
    desk.orders.on_reply(Op.PLACE, outer.client_id, Outcome.ACK, "", 1, SECOND, SECOND)
    row = order_update(outer.client_id, OrderStatus.WORKING, price_ticks=PRICE - 10)
    desk.orders.on_update(row, SECOND)
    assert desk.diff((PRICE, 10)) == [(Op.CANCEL, PRICE - 10, 10), (Op.PLACE, PRICE, 10)]


@pytest.mark.parametrize(
    ("cum", "refilled"), [(4, False), (5, False), (6, True), (9, True)], ids=str
)
def test_a_partly_filled_quote_is_refilled_below_half(cum: int, refilled: bool) -> None:
    desk = Desk()
    desk.resting(cum=cum)
    assert bool(desk.diff((PRICE, 10))) == refilled


def test_less_size_is_an_amend_in_place_whatever_the_policy(desk: Desk) -> None:
    desk.resting()
    assert desk.diff((PRICE, 6)) == [(Op.AMEND, PRICE, 6)]


def test_more_size_follows_the_policy() -> None:
    for policy, ops in ((RequoteBy.AMEND, [Op.AMEND]), (RequoteBy.REPLACE, [Op.CANCEL, Op.PLACE])):
        desk = Desk(policy)
        desk.resting()
        assert [op for op, _, _ in desk.diff((PRICE, 12))] == ops


def test_an_order_in_flight_or_in_doubt_is_left_alone(desk: Desk) -> None:
    order = desk.resting(seen=False)
    assert desk.diff((PRICE + 50, 10)) == []
    desk.orders.on_missing(order, SECOND)
    assert desk.diff(None) == [], "unknown: only the venue can tell"


def test_a_pulled_instrument_cancels_at_once_also_what_is_not_proved(desk: Desk) -> None:
    order = desk.resting(seen=False)
    desk.look(NO_QUOTES, PULLED)
    [cancel] = desk.taken
    assert (cancel.op, cancel.client_id) == (Op.CANCEL, order.client_id)
    assert cancel.flags & Flag.URGENT


def test_a_hold_places_nothing_but_lets_quotes_go(desk: Desk) -> None:
    assert desk.diff((PRICE, 10), HOLDING) == []
    desk.resting()
    assert desk.diff((PRICE, 12), HOLDING) == []
    assert desk.diff((PRICE + 50, 10), HOLDING) == [(Op.CANCEL, PRICE, 10)]


@pytest.mark.parametrize("requote_by", RequoteBy)
def test_a_reduce_only_quote_is_replaced_when_reducing_is_over(requote_by: RequoteBy) -> None:
    """The venue cuts it to the position for ever, and refuses an amend to more than that."""
    desk = Desk(requote_by)
    desk.resting(flags=int(Flag.POST_ONLY | Flag.REDUCE_ONLY))
    assert desk.diff((PRICE, 10), Stance(reducing=True)) == []
    assert desk.diff((PRICE, 12)) == [(Op.CANCEL, PRICE, 10)]
    assert desk.diff((PRICE, 10)) == [(Op.CANCEL, PRICE, 10)]


def test_reducing_orders_say_so_on_the_wire(desk: Desk) -> None:
    desk.look(Quotes([Level(PRICE, 10)], []), Stance(reducing=True))
    [place] = desk.taken
    assert place.flags == Flag.POST_ONLY | Flag.REDUCE_ONLY


def test_unsent_intent_that_is_still_right_is_not_put_again(desk: Desk) -> None:
    desk.diff((PRICE, 10), put=True)
    assert desk.diff((PRICE, 10)) == []
    assert desk.diff((PRICE + 1, 10), put=True) == [(Op.PLACE, PRICE + 1, 10)]
    assert desk.held() == [(Op.PLACE, PRICE + 1, 10)]


def test_unsent_intent_that_is_no_longer_wanted_is_forgotten(desk: Desk) -> None:
    desk.diff((PRICE, 10), put=True)
    assert desk.diff(None) == []
    assert desk.held() == []
    desk.resting()
    desk.diff((PRICE + 50, 10), put=True)
    assert desk.diff((PRICE, 10)) == [], "the market came back"
    assert desk.held() == []


def test_an_unsent_move_is_not_put_twice_and_follows_the_market(desk: Desk) -> None:
    desk.resting()
    desk.diff((PRICE + 50, 10), put=True)
    assert desk.diff((PRICE + 50, 10)) == []
    desk.diff((PRICE + 60, 10), put=True)
    assert desk.held() == [(Op.CANCEL, 0, 0), (Op.PLACE, PRICE + 60, 10)]


def test_a_place_left_behind_under_a_resting_order_does_not_annul_its_cancel(desk: Desk) -> None:
    """The cancel of a replacement left alone, for lack of budget, and was refused."""
    order = desk.resting()
    desk.diff((PRICE + 50, 10), put=True)
    desk.bus.drain(1, 0, 0)
    assert desk.held() == [(Op.PLACE, PRICE + 50, 10)]
    desk.diff(None, put=True)
    assert [(i.op, i.client_id) for i in desk.bus.held(0)] == [(Op.CANCEL, order.client_id)]


def test_what_waits_for_an_order_in_flight_is_forgotten(desk: Desk) -> None:
    order = desk.resting()
    desk.diff((PRICE + 50, 10), put=True)
    desk.bus.drain(1, 0, 0)
    desk.orders.cancel(order.client_id, 9, SECOND)
    assert desk.diff((PRICE + 50, 10)) == []
    assert desk.held() == []


def test_an_urgent_cancel_overtakes_the_ordinary_one_that_waits(desk: Desk) -> None:
    desk.resting()
    desk.diff(None, put=True)
    assert desk.bus.urgent_cancels() == 0
    assert desk.diff(None) == []
    desk.diff(None, PULLED, put=True)
    assert desk.bus.urgent_cancels() == 1


def test_a_wholly_filled_order_waits_for_its_own_report(desk: Desk) -> None:
    desk.resting()
    desk.orders.on_execution(1, 10, SECOND)
    assert desk.diff((PRICE, 10)) == []
