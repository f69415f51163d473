"""CommandBus: one intent per slot, newer over older, nothing stale, nothing sent twice."""

from __future__ import annotations

import math
import random

import pytest

from mmfast.engine.params import PlannerParams
from mmfast.engine.planning.planner import BatchPolicy, Planner
from mmfast.engine.quoting.bus import SLOTS_PER_INSTRUMENT, CommandBus, Intent
from mmfast.messages import Category, Command, Flag, Op, Side
from mmfast.units import slot_instrument, slot_of, slot_side

PRICE, LOTS = 50_000, 10


def command(op: Op, client_id: int, instrument: int = 0, level: int = 0, **changes) -> Command:
    side = changes.pop("side", Side.BUY)
    fields = {"flags": 0, "price_ticks": PRICE, "lots": LOTS} | changes
    return Command(
        op=op,
        slot=slot_of(instrument, side, level),
        instrument=instrument,
        side=side,
        client_id=client_id,
        **fields,
    )


def drained(bus: CommandBus, **limits: int) -> list[Intent]:
    return [Intent._make(item) for item in bus.drain(**limits)]


@pytest.fixture
def bus() -> CommandBus:
    return CommandBus(instruments=10)


def test_a_newer_place_of_a_slot_replaces_the_older_one(bus: CommandBus) -> None:
    bus.put(command(Op.PLACE, 1, price_ticks=100))
    assert bus.put(command(Op.PLACE, 2, price_ticks=101)) == 1
    assert drained(bus) == [(Op.PLACE, 0, 0, 101, LOTS, 2)]
    assert bus.coalesced[Op.PLACE] == 1


def test_a_cancel_put_twice_leaves_once(bus: CommandBus) -> None:
    bus.put(command(Op.CANCEL, 7))
    bus.put(command(Op.CANCEL, 7))
    assert [(i.op, i.client_id) for i in drained(bus)] == [(Op.CANCEL, 7)]
    assert drained(bus) == []


def test_a_place_cancelled_before_it_left_was_never_needed(bus: CommandBus) -> None:
    bus.put(command(Op.PLACE, 1))
    assert bus.put(command(Op.CANCEL, 1)) == 2
    assert len(bus) == 0
    assert drained(bus) == []
    assert sum(bus.wanted) == sum(bus.coalesced) == 2


def test_a_cancel_beats_the_amend_before_it(bus: CommandBus) -> None:
    bus.put(command(Op.AMEND, 7, price_ticks=99))
    bus.put(command(Op.CANCEL, 7))
    assert [(i.op, i.client_id) for i in drained(bus)] == [(Op.CANCEL, 7)]
    assert bus.coalesced == [0, 1, 0]


def test_cancel_and_place_of_a_slot_become_one_amend_where_the_policy_says_so() -> None:
    bus = CommandBus(instruments=1, amend_replaces=True)
    bus.put(command(Op.CANCEL, 7))
    bus.put(command(Op.PLACE, 8, price_ticks=51_000, lots=4))
    [amend] = drained(bus)
    assert (amend.op, amend.client_id) == (Op.AMEND, 7)
    assert (amend.price_ticks, amend.lots) == (51_000, 4)
    assert amend.flags & Flag.AMEND_PRICE
    assert amend.flags & Flag.AMEND_QTY


@pytest.mark.parametrize("half", ["coalesce_cancel", "coalesce_place"])
def test_with_a_half_switched_off_cancel_and_place_stay_two_commands(half: str) -> None:
    bus = CommandBus(instruments=1, amend_replaces=True, **{half: False})
    bus.put(command(Op.CANCEL, 7))
    bus.put(command(Op.PLACE, 8))
    assert [(i.op, i.client_id) for i in drained(bus)] == [(Op.CANCEL, 7), (Op.PLACE, 8)]


def test_one_intent_per_slot_holds_with_both_halves_switched_off() -> None:
    bus = CommandBus(instruments=1, coalesce_cancel=False, coalesce_place=False)
    for client_id, price in ((1, 100), (2, 101), (3, 102)):
        bus.put(command(Op.PLACE, client_id, price_ticks=price))
    assert [i.price_ticks for i in drained(bus)] == [102]


def test_a_replacing_place_never_leaves_before_its_cancel(bus: CommandBus) -> None:
    bus.put(command(Op.CANCEL, 7))
    bus.put(command(Op.PLACE, 8))
    assert drained(bus, max_cancels=0) == []
    assert [i.op for i in drained(bus, max_cancels=1, max_places=0)] == [Op.CANCEL]
    assert [i.client_id for i in drained(bus, max_cancels=0)] == [8]


def test_order_is_cancels_amends_places_with_urgent_ones_in_front(bus: CommandBus) -> None:
    bus.put(command(Op.PLACE, 1, instrument=0))
    bus.put(command(Op.CANCEL, 2, instrument=1))
    bus.put(command(Op.AMEND, 3, instrument=2))
    bus.put(command(Op.CANCEL, 4, instrument=3, flags=int(Flag.URGENT)))
    assert [i.client_id for i in drained(bus)] == [4, 2, 3, 1]


def test_what_a_drain_does_not_take_stays_and_stays_mergeable(bus: CommandBus) -> None:
    for instrument in range(5):
        bus.put(command(Op.PLACE, instrument + 1, instrument=instrument))
    assert [i.client_id for i in drained(bus, max_places=2)] == [1, 2]
    assert bus.waiting() == [2, 3, 4]
    bus.put(command(Op.PLACE, 9, instrument=3, price_ticks=77))
    assert [(i.client_id, i.price_ticks) for i in drained(bus)] == [(3, PRICE), (9, 77), (5, PRICE)]


def test_clearing_a_slot_forgets_and_counts_what_it_held(bus: CommandBus) -> None:
    bus.put(command(Op.CANCEL, 7))
    bus.put(command(Op.PLACE, 8))
    assert [i.op for i in bus.held(0)] == [Op.CANCEL, Op.PLACE]
    assert bus.clear(0) == 2
    assert bus.clear(0) == 0
    assert bus.held(0) == ()
    assert bus.coalesced == [1, 0, 1]


def test_urgent_cancels_are_counted_only_while_they_wait(bus: CommandBus) -> None:
    assert bus.urgent_cancels() == 0
    bus.put(command(Op.CANCEL, 1, flags=int(Flag.URGENT)))
    bus.put(command(Op.CANCEL, 2, level=1))
    assert bus.urgent_cancels() == 1
    bus.drain(max_cancels=1)
    assert bus.urgent_cancels() == 0


def test_every_command_is_sent_or_counted_as_coalesced() -> None:
    """Whatever is put, in any order and with any limits: totals must match."""
    rng = random.Random(5)
    bus = CommandBus(instruments=3, amend_replaces=True)
    sent = 0
    for client_id in range(1, 3000):
        op = rng.choice(list(Op))
        bus.put(
            command(op, client_id, rng.randrange(3), rng.randrange(4), side=rng.choice(list(Side)))
        )
        if rng.random() < 0.1:
            sent += len(bus.drain(rng.randrange(4), rng.randrange(4), rng.randrange(4)))
        if rng.random() < 0.05:
            bus.clear(slot_of(rng.randrange(3), Side.BUY, rng.randrange(4)))
        assert sum(bus.wanted) == sum(bus.coalesced) + sent + len(bus)
    assert min(bus.coalesced) > 100


@pytest.mark.parametrize(("cancels", "places", "size"), [(40, 40, 20), (41, 19, 20), (7, 0, 10)])
def test_a_tick_across_symbols_is_packed_into_the_fewest_requests(
    cancels: int, places: int, size: int
) -> None:
    bus = CommandBus(instruments=10)
    for n in range(cancels):
        bus.put(command(Op.CANCEL, 1 + n, n % 10, n // 10))
    for n in range(places):
        bus.put(command(Op.PLACE, 1000 + n, n % 10, n // 10, side=Side.SELL))
    params = PlannerParams(max_batch_orders=size, initial_limit=1000)
    planner = Planner(params, BatchPolicy(), Category.LINEAR)
    by_op: dict[int, list[Command]] = {op: [] for op in Op}
    for item in bus.drain(*planner.allowance(0, 0)):
        slot = item[1]
        side = Side(slot_side(slot))
        by_op[item[0]].append(Command(Op(item[0]), slot, slot_instrument(slot), side, *item[2:]))
    calls = [len(planner.pack(op, by_op[op], 1, 0)) for op in (Op.CANCEL, Op.PLACE)]
    assert calls == [math.ceil(cancels / size), math.ceil(places / size)]


def test_a_slot_out_of_range_is_refused_by_name(bus: CommandBus) -> None:
    with pytest.raises(ValueError, match="slot"):
        bus.put(command(Op.PLACE, 1, instrument=10))
    assert bus.wanted == [0, 0, 0]
    assert slot_of(9, Side.SELL, 15) < 10 * SLOTS_PER_INSTRUMENT
