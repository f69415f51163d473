"""C5, C6 and the portfolio gate: each passes at its limit and refuses one unit more."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from engine_world import (
    SECOND,
    book_frame,
    draft,
    execution,
    make_instrument,
    make_params,
    order_update,
    position,
)
from kernel_desk import Desk as KernelDesk
from kernel_desk import ops
from risk_desk import MID, RiskDesk

from mmfast.engine.params import BP_E4, ONE_E4, AccountLimits
from mmfast.engine.risk.exposure import CONTROLS, MessageRate
from mmfast.messages import Alert, Batch, Flag, Op, OrderStatus, Outcome, Side, WalletUpdate

UNIT_E8 = 10_000
LOT_E8 = MID * UNIT_E8
"""One lot at the mid."""
WIDE = {
    "levels": 16,
    "max_position_lots": 10**6,
    "max_order_lots": 10**6,
    "max_order_value_e8": 10**17,
}


class Desk(RiskDesk):
    """Two instruments with fresh books round 100000 ticks, trading; other controls are wide."""

    def __init__(
        self, symbol: dict[str, int] | None = None, *, books: bool = True, **account: int
    ) -> None:
        instruments = (make_instrument(0), make_instrument(1))
        limits = AccountLimits(**account)
        super().__init__(instruments, make_params(2, WIDE | (symbol or {}), account=limits))
        self.risk.exposure.set_limits(self.params)
        for i in range(2 if books else 0):
            self.show_book(i)
            self.risk.exposure.weigh(i)

    def hold(self, lots: int, instrument: int = 0) -> None:
        """Have a position."""
        entry_e8 = abs(lots) * LOT_E8
        self.inventory.adopt(position(lots, instrument=instrument, entry_value_e8=entry_e8))

    def check(self, op: Op = Op.PLACE, client_id: int = 99, **changes: Any) -> str:
        """In a slot that nothing rests in, unless told otherwise."""
        return super().check(op, client_id, **({"level": 9} | changes))


# -- C5 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(("spare", "control"), [(0, ""), (-1, "open_notional")])
@pytest.mark.parametrize("of_account", [True, False])
def test_open_notional(live: bool, spare: int, control: str, of_account: bool) -> None:
    limit = {"max_open_notional_e8": 2 * 10 * (MID - 20) * UNIT_E8 + spare}
    desk = Desk(**limit) if of_account else Desk(limit)
    desk.rest(1, live=live)
    assert desk.check() == control
    assert desk.check(instrument=1) == (control if of_account else "")


def test_an_order_in_doubt_counts_until_its_end_is_proved() -> None:
    desk = Desk(max_open_notional_e8=10 * (MID - 20) * UNIT_E8)
    desk.rest(1, live=False)
    reply = (Op.PLACE, 1, Outcome.UNKNOWN, "", desk.tick, desk.now_ns, desk.now_ns)
    desk.orders.on_reply(*reply)
    assert desk.check() == "open_notional"
    desk.orders.on_absent(1, desk.now_ns)
    assert desk.check() == ""


@pytest.mark.parametrize(
    ("ticks", "lots", "control"),
    [(MID - 20, 10, ""), (MID - 19, 10, "open_notional"), (MID - 20, 11, "open_notional"),
     (MID - 30, 10, ""), (MID - 20, 9, "")],
)  # fmt: skip
def test_an_amend_counts_by_what_it_adds(ticks: int, lots: int, control: str) -> None:
    desk = Desk(max_open_notional_e8=10 * (MID - 20) * UNIT_E8)
    desk.rest(1, level=0)
    assert desk.check(Op.AMEND, 1, level=0, price_ticks=ticks, lots=lots) == control


def test_an_amend_in_flight_counts_at_the_higher_price_until_it_is_decided() -> None:
    desk = Desk()
    desk.rest(1, level=0)
    lower = draft(Op.AMEND, 1, level=0, price_ticks=MID - 40, lots=10)
    desk.orders.amend(lower, 9, desk.now_ns)
    assert desk.orders.sums.open_e8 == 10 * (MID - 20) * UNIT_E8
    desk.orders.on_reply(Op.AMEND, 1, Outcome.ACK, "", 9, desk.now_ns, desk.now_ns)
    shown = order_update(1, OrderStatus.WORKING, price_ticks=MID - 40, updated_ms=5)
    desk.orders.on_update(shown, desk.now_ns)
    assert desk.orders.sums.open_e8 == 10 * (MID - 40) * UNIT_E8


@pytest.mark.parametrize(("limit", "control"), [(2, ""), (1, "order_count")])
@pytest.mark.parametrize("of_account", [True, False])
def test_order_count(limit: int, control: str, of_account: bool) -> None:
    limits = {"max_open_orders": limit}
    desk = Desk(**limits) if of_account else Desk(limits)
    desk.rest(1, live=False)
    assert desk.check() == control
    assert desk.check(instrument=1) == (control if of_account else "")


def test_no_sum_is_left_when_all_orders_have_ended() -> None:
    desk = Desk()
    for number in range(1, 6):
        desk.rest(number, level=number, instrument=number % 2, lots=number)
    for number in range(1, 6):
        end = order_update(number, OrderStatus.CANCELLED, instrument=number % 2, lots=number)
        desk.orders.on_update(end, desk.now_ns)
    sums = desk.orders.sums
    assert [sums.open_e8, *(getattr(sums.of(i), n) for i in (0, 1) for n in ("count", "open_e8"))]
    assert sums.open_e8 == 0
    assert [(sums.of(i).count, sums.of(i).open_e8) for i in (0, 1)] == [(0, 0), (0, 0)]


def test_values_beyond_any_limit_do_not_overflow() -> None:
    desk = Desk(max_open_notional_e8=10**17)
    for number in range(1, 9):
        desk.rest(number, level=number, lots=1 << 53, price_ticks=1 << 53)
    assert desk.check(instrument=1) == "open_notional"


# -- C6 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("of_account", [True, False])
def test_message_rate(of_account: bool) -> None:
    limits = {"max_messages_per_s": 3}
    desk = Desk(**limits) if of_account else Desk(limits)
    assert [desk.check() for _ in range(4)] == ["", "", "", "message_rate"]
    assert desk.check(instrument=1) == ("message_rate" if of_account else "")
    desk.now_ns += SECOND - 1
    assert desk.check() == "message_rate"
    desk.now_ns += 1
    assert [desk.check() for _ in range(4)] == ["", "", "", "message_rate"]


def test_cancels_are_no_messages_that_can_be_too_many() -> None:
    desk = Desk(max_messages_per_s=1)
    assert desk.check() == ""
    desk.rest(1, level=0)
    assert desk.check(Op.CANCEL, 1, level=0) == ""


def test_a_message_that_another_control_refuses_is_not_counted() -> None:
    desk = Desk(max_messages_per_s=1)
    assert desk.check(lots=0) == "min_order"
    assert desk.check() == ""


@pytest.mark.parametrize(("limit", "spent"), [(2, True), (3, True), (4, False)])
def test_a_new_limit_of_the_rate_remembers_the_newest(limit: int, spent: bool) -> None:
    rate = MessageRate(4)
    for at_ns in (0, SECOND, SECOND, SECOND + 1):
        rate.spend(at_ns)
    assert rate.resized(limit).is_spent(2 * SECOND - 1) is spent


# -- the portfolio ------------------------------------------------------------------------


@pytest.mark.parametrize(("spare", "control"), [(0, ""), (-1, "portfolio")])
def test_the_worst_case_of_all_instruments(spare: int, control: str) -> None:
    """Long 30 and bids of 10 there, short 20 here: 40 and 20, and 10 more."""
    desk = Desk(max_portfolio_notional_e8=70 * LOT_E8 + spare)
    desk.hold(30, 1)
    desk.hold(-20)
    desk.rest(1, instrument=1)
    desk.rest(2, instrument=1, side=Side.SELL, price_ticks=MID + 20)
    assert desk.check(side=Side.SELL, price_ticks=MID + 20) == control
    assert desk.check(instrument=1) == control


@pytest.mark.parametrize(("lots", "control"), [(70, ""), (71, "portfolio")])
def test_what_turns_a_position_round_counts_by_the_other_side(lots: int, control: str) -> None:
    desk = Desk(max_portfolio_notional_e8=35 * LOT_E8)
    desk.hold(-35)
    assert desk.check(lots=lots) == control


def test_what_reduces_is_never_refused() -> None:
    desk = Desk(max_portfolio_notional_e8=1, margin_e4=ONE_E4)
    desk.risk.exposure.set_equity("USDT", 0)
    desk.hold(50)
    assert desk.check(side=Side.SELL, price_ticks=MID + 20, lots=100) == ""
    assert desk.check(side=Side.SELL, price_ticks=MID + 20, lots=101) == "portfolio"
    assert desk.check() == "portfolio"
    assert desk.check(flags=Flag.REDUCE_ONLY) == ""


@pytest.mark.parametrize(("shock_bps", "control"), [(1000, ""), (1001, "portfolio")])
def test_the_worst_case_is_valued_at_the_shocked_mid(shock_bps: int, control: str) -> None:
    desk = Desk(max_portfolio_notional_e8=11 * LOT_E8, portfolio_shock_e4=shock_bps * BP_E4)
    assert desk.check() == control


@pytest.mark.parametrize(("equity_e8", "control"), [(LOT_E8, ""), (LOT_E8 - 1, "margin")])
def test_margin_must_be_covered_by_equity(equity_e8: int, control: str) -> None:
    desk = Desk(margin_e4=ONE_E4 // 10)
    assert desk.check() == "", "before the venue has told the equity"
    desk.risk.exposure.set_equity("USDT", equity_e8 - 5)
    desk.risk.exposure.set_equity("USDC", 5)
    assert desk.check() == control


def test_a_price_that_moves_moves_the_worst_case() -> None:
    desk = Desk(max_portfolio_notional_e8=20 * LOT_E8)
    desk.hold(10, 1)
    assert desk.check() == ""
    frame = book_frame(desk.instruments[1].symbol, MID - 1, MID + 3, 2)
    desk.market.on_frame(1, frame, desk.now_ns)
    desk.risk.exposure.weigh(1)
    assert desk.check() == "portfolio"


def test_a_position_without_a_price_counts_at_its_entry() -> None:
    desk = Desk(books=False)
    desk.hold(-10)
    desk.risk.exposure.weigh(0)
    assert desk.risk.exposure.worst_e8 == 10 * LOT_E8


def test_what_has_happened_to_other_instruments_counts_without_being_asked() -> None:
    desk = Desk(max_portfolio_notional_e8=20 * LOT_E8)
    assert desk.check() == ""
    desk.rest(1, instrument=1, lots=11)
    assert desk.check() == "portfolio"
    desk.orders.on_update(order_update(1, OrderStatus.CANCELLED, instrument=1), desk.now_ns)
    assert desk.check() == ""
    desk.inventory.book(execution(0, "theirs", 11, instrument=1))
    assert desk.check() == "portfolio"


# -- in the kernel ------------------------------------------------------------------------


def test_the_kernel_sends_what_fits_and_tells_the_rest_once() -> None:
    desk = KernelDesk(1, account=AccountLimits(max_open_orders=3)).start()
    assert sum(len(batch.commands) for batch in desk.settle()) == 3
    [alert] = [a for a in desk.requests(Alert) if a.code == "refused_order_count"]
    assert "of the account 3 of 3" in alert.text
    desk.later(2000)
    desk.book(mid=MID + 40)
    assert desk.settle() != [], "amends pass"
    assert [a for a in desk.requests(Alert) if a.code == "refused_order_count"] == []
    assert desk.kernel.counters.refused["order_count"] > 0


def decided(asset_lots: int, **limits: int) -> tuple[KernelDesk, Batch]:
    """Four quotes of 10 lots are planned where the limit lets just them pass; none has left."""
    account = AccountLimits(max_portfolio_notional_e8=asset_lots * LOT_E8, **limits)
    desk = KernelDesk(1, account=account).start()
    [batch] = desk.flush()
    assert ops([batch]) == {"PLACE": 4}
    assert desk.kernel.last_look(batch, desk.now_ns) == ""
    return desk, batch


@pytest.mark.parametrize("side", list(Side))
def test_the_last_look_counts_fills_of_since_the_decision(side: Side) -> None:
    """Another hand has traded while the request waited for a connection."""
    desk, batch = decided(20)
    desk.feed(execution(0, "theirs", 1, side=side, seq=40))
    assert desk.kernel.last_look(batch, desk.now_ns) == "portfolio"
    shrinks = tuple(one._replace(flags=Flag.REDUCE_ONLY) for one in batch.commands)
    part = msgspec.structs.replace(batch, commands=shrinks)
    assert desk.kernel.last_look(part, desk.now_ns) == ""


def test_the_last_look_leaves_to_the_loss_stop_what_has_moved() -> None:
    desk, batch = decided(20)
    desk.feed(execution(0, "theirs", 1, seq=40))
    desk.kernel.last_look(batch, desk.now_ns)
    assert desk.kernel._inventory.moved.is_marked(0)


@pytest.mark.parametrize(("move", "control"), [(0, ""), (1, "portfolio"), (-1, "")])
def test_the_last_look_goes_by_the_price_of_its_instant(move: int, control: str) -> None:
    desk, batch = decided(20)
    desk.book(mid=MID + move)
    assert desk.kernel.last_look(batch, desk.now_ns) == control


@pytest.mark.parametrize(("equity_e8", "control"), [(2 * LOT_E8, ""), (2 * LOT_E8 - 1, "margin")])
def test_the_last_look_asks_for_the_margin(equity_e8: int, control: str) -> None:
    desk, batch = decided(20, margin_e4=ONE_E4 // 10)
    desk.feed(WalletUpdate(coin="USDT", balance_e8=equity_e8, equity_e8=equity_e8))
    assert desk.kernel.last_look(batch, desk.now_ns) == control


@pytest.mark.parametrize(("held", "control"), [(10, ""), (9, "portfolio")])
def test_the_last_look_always_lets_pass_what_turns_no_position_into_a_larger_one(
    held: int, control: str
) -> None:
    """Asks of 20 turn 10 into as many the other way."""
    desk, batch = decided(20)
    desk.feed(execution(0, "bought", held, seq=40))
    asks = tuple(one for one in batch.commands if one.side == Side.SELL)
    waiting = msgspec.structs.replace(batch, commands=asks)
    assert desk.kernel.last_look(waiting, desk.now_ns) == control


def test_orders_of_the_other_side_are_no_excuse_above_the_limit() -> None:
    """Bids of 20 are there, and 20 are too much: asks would stay when the bids have ended."""
    desk = Desk(max_portfolio_notional_e8=20 * LOT_E8 - 1)
    desk.rest(1, level=0, lots=20)
    assert desk.check(side=Side.SELL, price_ticks=MID + 20) == "portfolio"
    desk.hold(-5)
    assert desk.check(lots=1) == "", "below the limit again"
    desk.hold(5)
    assert desk.check(side=Side.SELL, price_ticks=MID + 20, lots=10) == ""
    assert desk.check(side=Side.SELL, price_ticks=MID + 20, lots=11) == "portfolio"


@pytest.mark.parametrize(("lots", "control"), [(10, ""), (11, "portfolio")])
def test_the_last_look_counts_of_an_amend_what_it_adds(lots: int, control: str) -> None:
    desk = Desk(max_portfolio_notional_e8=11 * LOT_E8)
    desk.rest(1, level=0)
    desk.hold(1)
    larger = draft(Op.AMEND, 1, level=0, price_ticks=MID - 40, lots=lots)
    desk.orders.amend(larger, 9, desk.now_ns)
    desk.risk.exposure.weigh(0)
    [order] = desk.orders
    assert desk.risk.exposure.passed() == control
    assert desk.risk.exposure.builds(order) is bool(control)


def test_the_kernel_knows_the_equity_from_the_wallet() -> None:
    desk = KernelDesk(account=AccountLimits(margin_e4=ONE_E4)).start()
    desk.feed(WalletUpdate(coin="USDT", balance_e8=0, equity_e8=0))
    assert desk.settle() == []
    desk.feed(WalletUpdate(coin="USDT", balance_e8=0, equity_e8=10**16))
    desk.book()
    assert desk.settle() != []


def test_every_control_has_a_name_of_its_own() -> None:
    assert len(set(CONTROLS)) == len(CONTROLS)
