"""What leaves when a budget is short: what is worth most, by the model of docs/planner.md."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import BP_E4, SECOND, book_frame, make_instrument, make_params, position
from kernel_desk import MID, Desk, ops
from risk_desk import RiskDesk

from mmfast.engine.counters import Counters
from mmfast.engine.params import BatchParams, PlannerParams
from mmfast.engine.planning.ranking import Ranking
from mmfast.engine.quoting.bus import CommandBus
from mmfast.engine.quoting.quoter import Level, Quotes
from mmfast.engine.quoting.terms import Terms
from mmfast.messages import Batch, Command, Flag, Mode, ModeChange, Op, Side
from mmfast.units import slot_of

AWAY = 20
"""Half spread of the desk in ticks: the distance where a quote is wanted."""
SYMBOL = {"requote_tolerance_e4": 0, "max_distance_e4": 500 * BP_E4}


class Script:
    """Quotes what it is told to: bids and asks of each instrument, as (price, lots)."""

    def __init__(self, count: int) -> None:
        self.bids: dict[int, tuple[int, int]] = dict.fromkeys(range(count), (MID - AWAY, 10))
        self.asks: dict[int, tuple[int, int]] = {}

    def quote(self, instrument: Any, params: Any, top: Any, position_lots: int) -> Quotes:
        bids, asks = (
            [Level(*side[instrument.index])] if instrument.index in side else []
            for side in (self.bids, self.asks)
        )
        return Quotes(bids, asks)


class Market(Desk):
    """A desk with scripted quotes that all rest, and so many orders a second in each bucket."""

    def __init__(
        self,
        count: int,
        limit: int,
        *,
        planned: bool = True,
        held: tuple[int, ...] = (),
        kept: int = 0,
        **symbol: Any,
    ) -> None:
        self.script = Script(count)
        super().__init__(
            count,
            strategy=self.script,
            symbol={**SYMBOL, **symbol},
            batch=BatchParams(planned=planned),
            planner=PlannerParams(
                initial_limit=limit,
                safety_percent=100,
                cancel_reserve_percent=0,
                reducing_reserve_percent=kept,
            ),
        )
        self.start()
        if held:
            self.snapshot(positions=tuple(position(n, instrument=i) for i, n in enumerate(held)))
        while self.settle():
            self.next_second()

    def next_second(self) -> None:
        self.later(1_001)
        self.books({})

    def books(self, mids: dict[int, int]) -> None:
        for instrument in range(self.count):
            self.book(instrument, mids.get(instrument, MID))

    def sent(self) -> list[Command]:
        return leaving(self.flush())


def leaving(batches: list[Batch]) -> list[Command]:
    return [command for batch in batches for command in batch.commands]


def test_the_quote_through_the_fair_price_is_moved_before_those_that_are_only_too_far() -> None:
    market = Market(4, 1)
    for instrument, moved in enumerate((6, 4, -40, 5)):
        market.books({instrument: MID + moved})
        market.script.bids[instrument] = (MID + moved - AWAY, 10)
    market.books({0: MID + 6, 1: MID + 4, 2: MID - 40, 3: MID + 5})
    sent = market.sent()
    amended = {one.instrument for one in sent if one.op is Op.AMEND}
    assert amended == {2, 0}, "taken by whoever sells at the fair price; furthest from its place"
    assert {one.instrument for one in sent} == {0, 1, 2, 3}, "the others are replaced"


def test_in_turn_where_nothing_is_ranked() -> None:
    market = Market(3, 1, planned=False)
    market.script.bids = {i: (MID - AWAY - 5 - i, 10) for i in range(3)}
    market.books({})
    [sent] = market.sent()
    assert (sent.op, sent.instrument) == (Op.AMEND, 0)


def test_a_new_quote_of_more_edge_goes_first() -> None:
    market = Market(3, 1)
    market.script.asks = {0: (MID + AWAY, 10), 1: (MID + AWAY, 12), 2: (MID + AWAY, 15)}
    market.books({})
    assert [one.instrument for one in market.sent()] == [2, 1]


def test_a_quote_that_shrinks_a_large_position_goes_before_all_others() -> None:
    market = Market(3, 1, held=(60, 0, 49))
    market.script.asks = {0: (MID + AWAY, 10), 1: (MID + AWAY, 15), 2: (MID + AWAY, 14)}
    market.books({})
    sent = market.sent()
    assert next(one.instrument for one in sent if one.op is Op.PLACE) == 0, "60 of 100 lots"


def test_a_share_of_the_budget_is_kept_for_what_shrinks_a_position() -> None:
    """Of ten creates two are kept: eight new quotes leave, then those that reduce."""
    market = Market(12, 5, kept=20, held=(0,) * 10 + (60, 60))
    market.next_second()
    market.script.asks = dict.fromkeys(range(10), (MID + AWAY, 15))
    market.books({})
    assert ops(market.flush()) == {"PLACE": 8}
    market.script.asks = dict.fromkeys(range(12), (MID + AWAY, 10))
    market.books({})
    assert [one.instrument for one in market.sent()] == [10, 11]


def test_of_unwanted_quotes_the_nearest_is_cancelled_first() -> None:
    market = Market(3, 1)
    market.script.bids.clear()
    market.books({0: MID + 9, 1: MID - 9, 2: MID})
    assert [one.instrument for one in market.sent()] == [1, 2]


def test_moves_that_amends_cannot_pay_go_by_cancel_and_place() -> None:
    market = Market(12, 5)
    market.next_second()
    market.script.bids = dict.fromkeys(range(12), (MID - AWAY - 5, 10))
    market.books({})
    batches = market.flush()
    assert ops(batches) == {"AMEND": 10, "CANCEL": 2, "PLACE": 2}
    sent = leaving(batches)
    cancelled = {one.instrument for one in sent if one.op is Op.CANCEL}
    placed = [one for one in sent if one.op is Op.PLACE]
    assert cancelled == {one.instrument for one in placed}
    assert all(one.price_ticks == MID - AWAY - 5 and one.lots == 10 for one in placed)
    assert all(one.flags == Flag.POST_ONLY for one in placed)
    assert len({one.client_id for one in sent}) == 14
    assert {one.instrument for one in sent} == set(range(12)), "every quote moves once"


def test_what_replaces_leaves_room_for_new_quotes() -> None:
    """Of ten creates a second, two are kept and three are wanted: five are left."""
    market = Market(20, 5)
    market.next_second()
    market.script.bids = dict.fromkeys(range(20), (MID - AWAY - 5, 10))
    market.script.asks = dict.fromkeys(range(3), (MID + AWAY, 10))
    market.books({})
    assert ops(market.flush()) == {"AMEND": 10, "CANCEL": 5, "PLACE": 8}


def test_without_room_for_two_orders_a_quote_waits_for_its_amend() -> None:
    market = Market(4, 1, max_position_lots=19)
    market.next_second()
    market.script.bids = dict.fromkeys(range(4), (MID - AWAY - 5, 10))
    market.books({})
    assert ops(market.flush()) == {"AMEND": 2}


def test_a_smaller_size_is_never_sent_as_a_new_order() -> None:
    """It would lose the place in the queue that an amend downwards keeps."""
    market = Market(12, 5)
    market.next_second()
    market.script.bids = dict.fromkeys(range(12), (MID - AWAY, 5))
    market.books({})
    batches = market.flush()
    assert ops(batches) == {"AMEND": 10}
    assert all(one.flags & Flag.AMEND_QTY for one in leaving(batches))


def test_what_replaces_while_only_reducing_can_only_reduce() -> None:
    market = Market(12, 5, held=(-50,) * 12)
    market.feed(ModeChange(Mode.REDUCE_ONLY, "test"))
    market.next_second()
    market.script.bids = dict.fromkeys(range(12), (MID - AWAY - 5, 10))
    market.books({})
    sent = market.sent()
    assert {one.op for one in sent} == {Op.CANCEL, Op.PLACE}
    assert all(one.flags & Flag.REDUCE_ONLY for one in sent if one.op is Op.PLACE)


def test_with_plenty_of_budget_both_policies_send_the_same_in_the_same_order() -> None:
    both = []
    for planned in (True, False):
        market = Market(8, 100, planned=planned)
        market.script.bids = {i: (MID - AWAY - i, 10 - i % 3) for i in range(8)}
        market.script.asks = {i: (MID + AWAY + i, 10) for i in range(5)}
        market.books({3: MID - 7, 5: MID + 7})
        both.append([(one.op, one.slot, one.client_id) for one in market.sent()])
    assert both[0] == both[1]
    assert len(both[0]) > 8


def test_every_command_is_accounted_for_when_moves_are_split() -> None:
    market = Market(20, 3)
    for second in range(4):
        market.next_second()
        market.script.bids = dict.fromkeys(range(20), (MID - AWAY - 5 - second, 10))
        market.books({})
        market.settle()
    counters = market.kernel.counters
    for _ in range(3):
        market.next_second()
        market.settle()
    assert not market.settle(), "and nothing waits"
    assert counters.sent[Op.CANCEL] > 0, "some were split"
    gone = sum(counters.coalesced) + sum(counters.refused.values()) + counters.obsolete
    assert sum(counters.wanted) == sum(counters.sent) + gone


def test_every_side_is_ranked_alike() -> None:
    market = Market(2, 1)
    market.script.asks = {0: (MID + AWAY, 10), 1: (MID + AWAY, 10)}
    market.books({})
    while market.settle():
        market.next_second()
    market.next_second()
    market.script.asks = {0: (MID + AWAY + 6, 10), 1: (MID + AWAY + 50, 10)}
    market.script.bids = {0: (MID - AWAY + 6, 10), 1: (MID + 50 - AWAY, 10)}
    market.books({0: MID + 6, 1: MID + 50})
    amended = {(one.instrument, one.side) for one in market.sent() if one.op is Op.AMEND}
    assert amended == {(1, Side.SELL), (1, Side.BUY)}, "30 through the fair price, 50 too far"


@pytest.mark.parametrize("oldest", [0, 1, 2])
def test_of_unwanted_quotes_that_on_the_oldest_book_is_cancelled_first(oldest: int) -> None:
    """All are equally far from the fair price as it was; there it may be nearer by now."""
    market = Market(3, 1)
    market.script.bids.clear()
    market.later(3_000)
    for instrument in range(3):
        market.script.asks[instrument] = (MID + AWAY, 10)
        if instrument != oldest:
            market.book(instrument)
    market.feed(ModeChange(Mode.REDUCE_ONLY, "decide all anew"), ModeChange(Mode.TRADING, ""))
    cancelled = [one.instrument for one in market.sent() if one.op is Op.CANCEL]
    assert len(cancelled) == 2, "there is budget for two of the three"
    assert cancelled[0] == oldest


@pytest.mark.parametrize("restless", [0, 1])
def test_a_quote_that_would_be_moved_again_at_once_goes_after_one_that_stays(restless: int) -> None:
    """Two equal new quotes; the fair price of one of them does not stand still."""
    instruments = (make_instrument(0), make_instrument(1))
    desk = RiskDesk(instruments, make_params(2))
    bus = CommandBus(2, counters=Counters())
    terms = list(map(Terms, instruments, desk.params.symbols))
    ranking = Ranking(bus, desk.market, desk.orders, desk.inventory, terms)
    slots = [slot_of(instrument, Side.BUY, 0) for instrument in range(2)]
    update = 1
    for turn in range(9):
        for instrument, slot in enumerate(slots):
            update += 1
            mid = MID + (turn % 2 * 30 if instrument == restless else 0)
            frame = book_frame(instruments[instrument].symbol, mid - 2, mid + 2, update)
            desk.market.on_frame(instrument, frame, desk.now_ns)
            bus.put_fields(Op.PLACE, slot, Flag.POST_ONLY, mid - AWAY, 10, 100 + update)
        best = ranking.best(Op.PLACE, desk.now_ns)
        desk.now_ns += SECOND // 20
    assert best == [slots[1 - restless], slots[restless]]
    desk.now_ns += 2 * SECOND
    ranking.best(Op.PLACE, desk.now_ns)
    assert ranking.best(Op.PLACE, desk.now_ns) == slots, "calm again, they go in turn"
