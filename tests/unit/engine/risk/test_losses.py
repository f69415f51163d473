"""C9: losses and drawdowns of a day pass at the limit and halt at one unit more."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import execution, position
from kernel_desk import MID, Desk

from mmfast.engine.params import AccountLimits
from mmfast.engine.risk.losses import DAY_NS
from mmfast.messages import Mode, ModeChange, Op, Side, Stream, StreamState, VenueTime

NOON_NS = 20_000 * DAY_NS + DAY_NS // 2


def desk_with(symbol: dict[str, int] | None = None, **limits: int) -> Desk:
    """Two instruments, whose lot is worth ``LOT_TICK_E8`` a tick."""
    desk = Desk(symbol=symbol, account=AccountLimits(**limits))
    desk.feed(VenueTime(NOON_NS, 0))
    desk.start()
    desk.kernel.flush(desk.now_ns)
    return desk


LOT_TICK_E8 = Desk().instruments[0].tick_lot_value_e8


def trade(desk: Desk, number: int, side: Side, ticks: int, lots: int, **more: Any) -> None:
    value_e8 = ticks * lots * LOT_TICK_E8
    changes = {
        "side": side,
        "price_ticks": ticks,
        "value_e8": value_e8,
        "fee_e8": 0,
        "client_id": 0,
    }
    desk.feed(execution(lots=lots, seq=number, exec_id=f"e{number}", **{**changes, **more}))


def pull_reason(desk: Desk) -> str:
    return desk.kernel.view(desk.now_ns).instruments[0].pull_reason


def halts(desk: Desk) -> list[ModeChange]:
    desk.kernel.flush(desk.now_ns)
    return desk.requests(ModeChange)


def lose(desk: Desk, ticks: int, **more: Any) -> None:
    """Realise a loss of so many ticks on one lot."""
    trade(desk, 900 + desk.ms, Side.BUY, MID, 1, **more)
    trade(desk, 901 + desk.ms, Side.SELL, MID - ticks, 1, **more)
    desk.ms += 2


@pytest.mark.parametrize(("spare", "stops"), [(0, False), (-1, True)])
def test_the_limit_passes_and_one_unit_more_halts(spare: int, stops: bool) -> None:
    desk = desk_with(max_daily_loss_e8=10 * LOT_TICK_E8 + spare)
    lose(desk, 10)
    found = halts(desk)
    assert bool(found) is stops
    if stops:
        assert found[0].mode is Mode.HALTED
        assert "the account has come down by" in found[0].reason
        assert "risk.max_daily_loss_quote" in found[0].reason


@pytest.mark.parametrize(("fee_e8", "stops"), [(7, False), (8, True)])
def test_fees_are_losses(fee_e8: int, stops: bool) -> None:
    desk = desk_with(max_daily_loss_e8=7)
    trade(desk, 1, Side.BUY, MID, 1, fee_e8=fee_e8)
    assert bool(halts(desk)) is stops


@pytest.mark.parametrize(("ticks", "stops"), [(5, False), (6, True)])
def test_what_an_open_position_loses_counts(ticks: int, stops: bool) -> None:
    desk = desk_with(max_daily_loss_e8=5 * LOT_TICK_E8)
    trade(desk, 1, Side.BUY, MID, 1)
    assert halts(desk) == []
    desk.book(0, mid=MID - ticks)
    assert bool(halts(desk.later(1000))) is stops


@pytest.mark.parametrize(("down", "stops"), [(4, False), (5, True)])
def test_a_drawdown_is_counted_from_the_highest_result(down: int, stops: bool) -> None:
    desk = desk_with(max_drawdown_e8=4 * LOT_TICK_E8)
    trade(desk, 1, Side.BUY, MID, 1)
    desk.book(0, mid=MID + 20)
    assert halts(desk.later(1000)) == []
    desk.book(0, mid=MID + 20 - down)
    found = halts(desk.later(1000))
    assert bool(found) is stops
    assert not stops or "max_drawdown_quote" in found[0].reason


def test_one_instrument_may_pass_its_own_limit_while_the_account_gains() -> None:
    desk = desk_with({"max_daily_loss_e8": 9 * LOT_TICK_E8}, max_daily_loss_e8=9 * LOT_TICK_E8)
    lose(desk, -50, instrument=1)
    assert halts(desk) == []
    lose(desk, 10)
    [halt] = halts(desk)
    assert "symbols[0].max_daily_loss_quote" in halt.reason


def test_the_flush_that_finds_the_loss_withdraws_everything_and_places_nothing() -> None:
    desk = desk_with(max_daily_loss_e8=5 * LOT_TICK_E8)
    desk.ack(desk.flush())
    desk.settle()
    lose(desk, 6)
    batches = desk.flush()
    assert {batch.op for batch in batches} <= {Op.CANCEL}
    assert pull_reason(desk).startswith("the account")


def test_a_halt_is_asked_for_once_and_a_resume_counts_anew() -> None:
    desk = desk_with(max_daily_loss_e8=5 * LOT_TICK_E8)
    lose(desk, 6)
    assert len(halts(desk)) == 1
    desk.feed(ModeChange(Mode.HALTED, "the loss"))
    lose(desk, 100)
    assert halts(desk.later(2000)) == []
    desk.feed(ModeChange(Mode.TRADING, ""))
    lose(desk, 5)
    assert halts(desk.later(2000)) == []
    lose(desk, 1)
    assert len(halts(desk)) == 1


def test_a_new_day_of_the_venue_begins_with_nothing_lost() -> None:
    desk = desk_with(max_daily_loss_e8=5 * LOT_TICK_E8)
    lose(desk, 5)
    assert halts(desk) == []
    desk.feed(VenueTime(NOON_NS + DAY_NS, 0))
    assert halts(desk.later(1000)) == []
    lose(desk, 5)
    assert halts(desk) == []


def test_a_clock_set_back_forgives_nothing() -> None:
    desk = desk_with(max_daily_loss_e8=5 * LOT_TICK_E8)
    lose(desk, 5)
    desk.feed(VenueTime(NOON_NS - DAY_NS, 0))
    assert halts(desk.later(1000)) == []
    lose(desk, 1)
    assert len(halts(desk)) == 1


def restarted(first: Desk, *, days: int = 0, lots: int = 0, **limits: int) -> Desk:
    """A new run, with what the earlier one kept and the position that it left."""
    desk = Desk(account=AccountLimits(**limits))
    desk.kernel.losses.restore(first.kernel.losses.ledger())
    desk.feed(VenueTime(NOON_NS + days * DAY_NS, 0))
    desk.feed(StreamState(Stream.PRIVATE, True))
    left = position(lots, entry_value_e8=lots * MID * LOT_TICK_E8)
    desk.snapshot(positions=(left, position(0, instrument=1)))
    return desk


def test_a_restart_forgets_no_loss() -> None:
    first = desk_with(max_daily_loss_e8=5 * LOT_TICK_E8)
    lose(first, 5)
    assert halts(first) == []
    second = restarted(first, max_daily_loss_e8=5 * LOT_TICK_E8)
    assert halts(second.later(1000)) == []
    lose(second, 1)
    assert len(halts(second)) == 1


@pytest.mark.parametrize(("down", "stops"), [(4, False), (5, True)])
def test_what_a_position_lost_between_two_runs_counts(down: int, stops: bool) -> None:
    first = desk_with(max_drawdown_e8=24 * LOT_TICK_E8)
    trade(first, 1, Side.BUY, MID, 1)
    first.book(0, mid=MID + 20)
    assert halts(first.later(1000)) == []
    second = restarted(first, lots=1, max_drawdown_e8=24 * LOT_TICK_E8)
    assert halts(second.later(1000)) == []
    second.book(0, mid=MID - down)
    assert bool(halts(second.later(1000))) is stops


def test_a_restart_on_a_later_day_begins_with_nothing_lost() -> None:
    first = desk_with(max_daily_loss_e8=5 * LOT_TICK_E8)
    lose(first, 5)
    second = restarted(first, days=1, max_daily_loss_e8=5 * LOT_TICK_E8)
    assert halts(second.later(1000)) == []
    lose(second, 5)
    assert halts(second) == []


@pytest.mark.parametrize("seen", [False, True])
def test_a_restart_after_the_stop_goes_on_only_if_its_halt_was_obeyed(seen: bool) -> None:
    """A halt that was not obeyed was not written down for the next run either."""
    first = desk_with(max_daily_loss_e8=5 * LOT_TICK_E8)
    lose(first, 6)
    assert len(halts(first)) == 1
    if seen:
        first.feed(ModeChange(Mode.HALTED, "the loss"))
    second = restarted(first, max_daily_loss_e8=5 * LOT_TICK_E8)
    assert len(halts(second.later(1000))) == (not seen)


def test_a_position_without_a_market_raises_no_peak() -> None:
    """The gain of one instrument is no high of the account while the loss of another is not
    known."""
    first = desk_with(max_drawdown_e8=9 * LOT_TICK_E8)
    trade(first, 1, Side.BUY, MID, 1)
    lose(first, -8, instrument=1)
    first.book(0, mid=MID - 8)
    assert halts(first.later(1000)) == []
    second = restarted(first, lots=1, max_drawdown_e8=9 * LOT_TICK_E8)
    lose(second, -4, instrument=1)
    assert halts(second.later(1000)) == []
    second.book(0, mid=MID - 8)
    assert halts(second.later(1000)) == []


@pytest.mark.parametrize(("limit", "stops"), [(3, False), (2, True)])
def test_fills_of_the_whole_account_are_counted_together(limit: int, stops: bool) -> None:
    desk = desk_with(max_fills=limit)
    for number, (side, instrument) in enumerate(((Side.BUY, 0), (Side.SELL, 0), (Side.BUY, 1))):
        trade(desk, number + 1, side, MID, 1, instrument=instrument, client_id=0x77)
    found = halts(desk)
    assert bool(found) is stops
    assert not stops or "risk.max_fills " in found[0].reason


def test_a_loss_during_a_halt_of_the_operators_halts_when_that_is_over() -> None:
    """Who resumed had not heard of it: the engine says so, and quotes nothing meanwhile."""
    desk = desk_with(max_daily_loss_e8=5 * LOT_TICK_E8)
    desk.feed(ModeChange(Mode.HALTED, "lunch"))
    lose(desk, 6)
    halts(desk)
    desk.feed(ModeChange(Mode.TRADING, ""))
    [halt] = halts(desk)
    assert "risk.max_daily_loss_quote" in halt.reason
    assert pull_reason(desk).startswith("the account")
    desk.feed(ModeChange(Mode.HALTED, halt.reason), ModeChange(Mode.TRADING, ""))
    assert desk.requests(ModeChange) == [], "now it was heard of, and accepted"
    assert pull_reason(desk) == "", "and it quotes again"
