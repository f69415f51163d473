"""A changed tick size or quantity step: withdrawn, emptied, counted anew, quoted again."""

from __future__ import annotations

import msgspec
import pytest
from engine_world import BP_E4, IDS, command, execution, make_instrument, order_update, position
from kernel_desk import MID, Desk, ops

from mmfast._core.encode import OrderEncoder
from mmfast._core.leaving import LeavingError
from mmfast.engine.risk.reentry import UNITS_CHANGED, in_new_lots
from mmfast.messages import (
    AccountSnapshot,
    Alert,
    BookFrame,
    Flag,
    Instrument,
    InstrumentChange,
    Op,
    OrderAbsent,
    OrderStatus,
    Outcome,
    ReadAccount,
    ResolveOrder,
    Resubscribe,
    Side,
)

HALF = make_instrument(0, tick_units=5, tick_lot_value_e8=50_000)
"""The tick has become five times as large."""
TENFOLD = make_instrument(0, step_decimals=2, tick_lot_value_e8=100_000, max_order_lots=100_000)
"""The step has become ten times as large."""
FINER = make_instrument(0, step_decimals=4, tick_lot_value_e8=1_000, max_order_lots=10_000_000)
LARGE = {"order_lots": 20, "max_order_lots": 40, "max_position_lots": 100}


class Changing(Desk):
    """A desk whose first instrument changes its units."""

    def book_of(self, instrument: Instrument, bid_ticks: int, ask_ticks: int) -> None:
        """A snapshot of its book, written in ticks and lots of its own."""
        self.update += 1
        scale = 10**instrument.tick_decimals

        def level(ticks: int) -> str:
            units = ticks * instrument.tick_units
            return f'["{units // scale}.{units % scale}","1"]'

        frame = (
            f'{{"topic":"orderbook.50.{instrument.symbol}","type":"snapshot","ts":1700000000000,'
            f'"data":{{"s":"{instrument.symbol}","b":[{level(bid_ticks)}],'
            f'"a":[{level(ask_ticks)}],"u":{self.update},"seq":{self.update}}},'
            f'"cts":1700000000000}}'
        )
        self.feed(BookFrame(0, frame.encode()))

    def status(self) -> str:
        return self.kernel.view(self.now_ns).instruments[0].pull_reason

    def second(self) -> list:
        """A second passes; the other instrument's book lives on."""
        self.later(1001).book(1)
        return self.settle()

    def change(self, changed: Instrument) -> None:
        self.feed(InstrumentChange(changed))

    def wishes(self) -> list[InstrumentChange]:
        return self.requests(InstrumentChange)

    def empty(self, changed: Instrument, *held) -> list[InstrumentChange]:
        """From the news of the change to the proof that nothing is left."""
        self.change(changed)
        self.settle()
        self.second()
        self.later(1)
        self.snapshot(positions=held)
        return self.wishes()

    def renew(self, changed: Instrument, *held) -> None:
        """The whole way."""
        assert self.empty(changed, *held) == [InstrumentChange(changed)]
        assert self.kernel.renew_units(changed, self.now_ns)


def placed(batches: list) -> list:
    return [
        one
        for batch in batches
        for one in batch.commands
        if one.instrument == 0 and one.op is Op.PLACE
    ]


@pytest.fixture
def desk() -> Changing:
    made = Changing()
    made.start()
    return made


def test_it_is_quoted_in_the_new_ticks_when_all_is_read_anew(desk: Changing) -> None:
    desk.settle()
    desk.renew(HALF)
    wanted = desk.kernel.take_requests()
    assert [r.instrument for r in wanted if isinstance(r, Resubscribe)] == [0]
    assert any(isinstance(r, ReadAccount) for r in wanted)
    desk.later(1).book_of(HALF, MID // 5 - 1, MID // 5 + 1)
    assert placed(desk.settle()) == []  # the position is not read yet
    assert desk.status() == UNITS_CHANGED
    desk.snapshot()
    quotes = placed(desk.settle())
    assert len(quotes) == 4
    assert all(MID // 5 - 20 < one.price_ticks < MID // 5 + 20 for one in quotes)
    assert desk.status() == ""


def test_nothing_is_counted_anew_while_an_order_may_fill(desk: Changing) -> None:
    """A create whose outcome is unknown, an order on its way out, and fills without executions
    each hold it up; so does a reading that began before they were gone."""
    [batch] = desk.flush()
    desk.ack([batch], Outcome.UNKNOWN)
    desk.change(HALF)
    ours = [one for one in batch.commands if one.instrument == 0]
    for one in ours[1:]:
        desk.feed(OrderAbsent(client_id=one.client_id, evidence="test"))
    desk.second()
    desk.snapshot()
    assert desk.wishes() == []
    assert not desk.kernel.renew_units(HALF, desk.now_ns)
    last = ours[0]
    filled = order_update(
        last.client_id, OrderStatus.FILLED, side=last.side, lots=10, cum_lots=10, updated_ms=9
    )
    desk.feed(filled)
    desk.second()
    desk.snapshot()
    assert desk.wishes() == []  # its executions are not here
    desk.feed(execution(last.client_id, "late", 10, side=last.side, seq=4))
    began_ns = desk.now_ns
    desk.second()
    early = AccountSnapshot(orders=(), executions=(), positions=(), asked_ns=began_ns)
    desk.feed(early)
    assert desk.wishes() == []
    desk.later(1).snapshot(positions=(position(10, seq=4), position(0, instrument=1)))
    assert desk.wishes() == [InstrumentChange(HALF)]


def test_a_zombie_that_turns_up_before_the_change_over_holds_it_up(desk: Changing) -> None:
    desk.settle()
    assert desk.empty(HALF) == [InstrumentChange(HALF)]
    zombie = order_update(77, OrderStatus.WORKING, updated_ms=99)
    desk.feed(zombie)
    assert not desk.kernel.renew_units(HALF, desk.now_ns)
    assert desk.kernel._market.instruments[0].tick_units == 1
    gone = order_update(zombie.client_id, OrderStatus.CANCELLED, updated_ms=100)
    desk.second()
    desk.feed(gone)
    desk.second()
    assert not desk.kernel.renew_units(HALF, desk.now_ns)  # the proof was of another time
    desk.later(1).snapshot()
    assert desk.wishes() == [InstrumentChange(HALF)]
    assert desk.kernel.renew_units(HALF, desk.now_ns)


def test_rows_that_were_read_in_the_old_units_are_not_taken_for_new_ones(desk: Changing) -> None:
    """A reading under way during the change-over tells nothing about that instrument, and all
    about the others."""
    desk.settle()
    held = (position(20, seq=5, entry_value_e8=20 * MID * 10_000), position(0, instrument=1))
    desk.feed(execution(0, "hand", 20, seq=5))
    desk.renew(TENFOLD, *held)
    old = AccountSnapshot(
        orders=(),
        executions=(execution(0, "hand-too", 20, seq=6),),
        positions=(position(40, seq=6), position(7, seq=3, instrument=1)),
        asked_ns=desk.now_ns - 1,
    )
    desk.feed(old)
    assert [desk.kernel._inventory.lots(i) for i in (0, 1)] == [2, 7]
    assert desk.status() == UNITS_CHANGED
    desk.later(1)
    desk.snapshot(positions=(position(4, seq=6), position(7, seq=3, instrument=1)))
    assert desk.kernel._inventory.lots(0) == 4
    assert desk.status() != UNITS_CHANGED


def test_position_and_money_are_the_same_in_new_lots(desk: Changing) -> None:
    desk.settle()
    price = MID
    desk.feed(execution(0, "a", 30, seq=5), execution(0, "b", 10, side=Side.SELL, seq=6))
    kept = desk.kernel._inventory.positions[0]
    money = (kept.cost_e8, kept.realized_e8, kept.fees_e8)
    worth = kept.unrealized_e8(2 * price + 500, 10_000)
    desk.renew(TENFOLD, position(20, seq=6), position(0, instrument=1))
    assert kept.lots == 2
    assert (kept.cost_e8, kept.realized_e8, kept.fees_e8) == money
    assert kept.unrealized_e8(2 * price + 500, TENFOLD.tick_lot_value_e8) == worth
    desk.feed(execution(0, "a", 3, seq=5))  # told again, in new lots: known by its id
    desk.feed(execution(0, "older", 3, seq=4))  # it is in the position
    assert kept.lots == 2


def test_a_dispute_about_old_lots_ends_with_them(desk: Changing) -> None:
    """The account is read in new ones next; until then nothing can be said to differ."""
    desk.settle()
    desk.empty(TENFOLD)
    desk.feed(position(20, seq=9))
    assert desk.kernel._inventory.doubts.disputed() == [0]
    assert desk.kernel.renew_units(TENFOLD, desk.now_ns)
    assert desk.kernel._inventory.doubts.disputed() == []


def test_a_position_of_odd_lots_keeps_it_withdrawn_until_it_is_even(desk: Changing) -> None:
    desk.settle()
    desk.feed(execution(0, "odd", 13, seq=5))
    odd, even = (position(13, seq=5), position(20, seq=6)), position(0, instrument=1)
    desk.change(TENFOLD)
    desk.settle()
    desk.second()
    desk.later(1).snapshot(positions=(odd[0], even))
    told = desk.kernel.take_requests()
    assert not any(isinstance(one, InstrumentChange) for one in told)
    [alert] = [one for one in told if isinstance(one, Alert) and one.code == "instrument_uneven"]
    assert "found 13 of the old steps" in alert.text
    assert not desk.kernel.renew_units(TENFOLD, desk.now_ns)
    desk.feed(execution(0, "by hand", 7, seq=6))
    desk.second()
    assert desk.wishes() == [InstrumentChange(TENFOLD)]
    assert desk.kernel.renew_units(TENFOLD, desk.now_ns)
    assert desk.kernel._inventory.lots(0) == 2


def test_limits_hold_at_the_same_size_in_new_lots() -> None:
    """What is quoted, and what may leave as bytes: the limit passes and one new lot more does
    not."""
    desk = Changing(symbol=LARGE)
    desk.start()
    desk.settle()
    desk.renew(TENFOLD)
    desk.book_of(TENFOLD, MID - 2, MID + 2)
    desk.snapshot()
    quotes = placed(desk.settle())
    assert {one.lots for one in quotes} == {2}
    desk.kernel.leaving.see(0, 2 * MID, -1)
    encoder = OrderEncoder("linear", IDS.head)
    encoder.add_instrument(0, TENFOLD.symbol, 1, 1, 2, 1)

    def body(lots: int) -> bytes:
        most = command(Op.PLACE, 1, flags=Flag.POST_ONLY, price_ticks=MID, lots=lots)
        return encoder.single(Op.PLACE, most)

    assert b'"qty":"0.04"' in body(4)
    assert desk.kernel.leaving.body(Op.PLACE, body(4)) == 1
    with pytest.raises(LeavingError, match="size"):
        desk.kernel.leaving.body(Op.PLACE, body(5))


def test_sizes_that_are_no_multiple_of_the_new_step_switch_it_off() -> None:
    symbol = Changing(symbol={"max_position_lots": 105}).params.symbols[0]
    known = make_instrument(0)
    rounded = in_new_lots(symbol, known, TENFOLD)
    assert (rounded.order_lots, rounded.max_order_lots, rounded.max_position_lots) == (1, 2, 10)
    assert not rounded.enabled
    finer = in_new_lots(symbol, known, FINER)
    assert (finer.order_lots, finer.max_order_lots, finer.max_position_lots) == (100, 200, 1050)
    assert finer.enabled
    assert in_new_lots(finer, FINER, known) == symbol


def test_a_change_that_is_taken_back_costs_only_the_quotes(desk: Changing) -> None:
    desk.settle()
    desk.change(HALF)
    assert ops(desk.settle()) == {"CANCEL": 4}
    desk.change(make_instrument(0))
    assert len(placed(desk.settle())) == 4
    assert not desk.kernel.renew_units(HALF, desk.now_ns)
    settled = [a for a in desk.requests(Alert) if a.code == "instrument_units_settled"]
    assert len(settled) == 1


def test_only_the_newest_filters_are_changed_over_to(desk: Changing) -> None:
    desk.settle()
    assert desk.empty(HALF) == [InstrumentChange(HALF)]
    newer = msgspec.structs.replace(HALF, min_order_lots=2)
    desk.change(newer)
    assert not desk.kernel.renew_units(HALF, desk.now_ns)
    desk.second()
    assert desk.wishes() == [InstrumentChange(newer)]
    assert desk.kernel.renew_units(newer, desk.now_ns)


def test_the_worst_case_of_all_stays_the_same_money(desk: Changing) -> None:
    """Without a book in the new ticks yet, a position counts for what it counted for."""
    desk.settle()
    desk.feed(execution(0, "a", 20, seq=5))
    desk.later(1).book(0)
    desk.change(TENFOLD)
    desk.settle()
    desk.second()
    exposure = desk.kernel._risk.exposure
    exposure.weigh(0)
    before_e8 = exposure.worst_e8
    desk.later(1).snapshot(positions=(position(20, seq=5), position(0, instrument=1)))
    assert desk.wishes() == [InstrumentChange(TENFOLD)]
    assert desk.kernel.renew_units(TENFOLD, desk.now_ns)
    assert exposure.worst_e8 == before_e8 > 0


def test_ids_of_ended_orders_are_still_known_after_the_change(desk: Changing) -> None:
    """Late news of an order of the old units is no zombie, and its execution counts once."""
    batches = desk.settle()
    first = next(one for batch in batches for one in batch.commands if one.instrument == 0)
    desk.renew(HALF)
    late = order_update(first.client_id, OrderStatus.WORKING, price_ticks=19_990, updated_ms=1)
    desk.feed(late)
    assert desk.kernel.counters.zombies == 0
    assert desk.requests(ResolveOrder) == []


def test_half_spread_and_skew_do_not_change_with_the_units() -> None:
    symbol = Changing().params.symbols[0]
    assert in_new_lots(symbol, make_instrument(0), FINER).half_spread_e4 == 2 * BP_E4
