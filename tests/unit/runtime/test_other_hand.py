"""Acts of another engine are told from our own, from leftovers, and from late news."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from runtime_bench import batch

from mmfast.engine.account.other_hand import PRICES, REMEMBERED, SETTLE_MS, OtherHand
from mmfast.ids import ClientIds
from mmfast.messages import (
    NO_RATE_INFO,
    AccountSnapshot,
    Batch,
    BatchReply,
    Event,
    Execution,
    ItemReply,
    Op,
    OrderStatus,
    OrderUpdate,
    Outcome,
    Side,
)

EPOCH = 7
WINDOW_MS = 2_000
NOW_MS = 1_000_000
OWN = EPOCH << 32 | 1
OTHER = (EPOCH + 1) << 32 | 1
EARLIER = (EPOCH - 1) << 32 | 1
LATER_MS = NOW_MS + WINDOW_MS + SETTLE_MS + 1


def hand() -> OtherHand:
    watching = OtherHand(ClientIds("mmf1", EPOCH), WINDOW_MS, lambda: NOW_MS)
    watching.settle()
    return watching


def update(client_id: int, **changes: Any) -> OrderUpdate:
    settings: dict[str, Any] = {
        "client_id": client_id,
        "link_id": "",
        "venue_id": "v",
        "instrument": 0,
        "side": Side.BUY,
        "status": OrderStatus.WORKING,
        "price_ticks": 100,
        "lots": 1,
        "cum_lots": 0,
        "leaves_lots": 1,
        "reject_reason": "EC_NoError",
        "cancel_type": "",
        "updated_ms": NOW_MS,
    }
    return OrderUpdate(**{**settings, **changes})


def test_a_cancel_that_goes_past_the_engine_is_ours_all_the_same() -> None:
    watching = hand()
    watching.sent([batch(1, [OWN])])
    watching.cancelling(batch(2, [OWN], Op.CANCEL).commands)
    assert watching.news(cancelled(OWN)) == ""


def cancelled(client_id: int, **changes: Any) -> OrderUpdate:
    settings: dict[str, Any] = {
        "status": OrderStatus.CANCELLED,
        "cancel_type": "CancelByUser",
        "reject_reason": "EC_PerCancelRequest",
    }
    return update(client_id, **{**settings, **changes})


def fill(client_id: int, exec_ms: int) -> Execution:
    return Execution(
        client_id=client_id,
        exec_id="e",
        venue_id="v",
        instrument=0,
        side=Side.BUY,
        price_ticks=100,
        lots=1,
        value_e8=1,
        fee_e8=0,
        is_maker=True,
        exec_type="Trade",
        exec_ms=exec_ms,
        seq=1,
    )


@pytest.mark.parametrize("client_id", [OTHER, EARLIER])
@pytest.mark.parametrize("kind", ["order", "execution", "snapshot"])
def test_acts_of_another_run_that_cannot_be_leftovers(client_id: int, kind: str) -> None:
    news: dict[str, Event] = {
        "order": update(client_id, updated_ms=LATER_MS),
        "execution": fill(client_id, LATER_MS),
        "snapshot": AccountSnapshot(
            orders=(update(client_id, updated_ms=LATER_MS),),
            executions=(),
            positions=(),
            asked_ns=0,
        ),
    }
    assert "of another run" in hand().news(news[kind])


@pytest.mark.parametrize("client_id", [OTHER, EARLIER])
def test_what_a_dead_engine_had_under_way_is_no_other_engine(client_id: int) -> None:
    watching = hand()
    assert watching.news(update(client_id, updated_ms=LATER_MS - 1)) == ""
    assert watching.news(fill(client_id, LATER_MS - 1)) == ""
    # Ending leftovers is what we do with them, however late it is said.
    assert watching.news(cancelled(client_id, updated_ms=LATER_MS)) == ""


def test_before_trading_everything_may_be_a_leftover() -> None:
    watching = OtherHand(ClientIds("mmf1", EPOCH), WINDOW_MS, lambda: NOW_MS)
    assert watching.news(update(EARLIER, updated_ms=LATER_MS * 2)) == ""


def test_orders_of_others_are_their_own_business() -> None:
    assert hand().news(update(0, updated_ms=LATER_MS)) == ""
    assert hand().news(fill(0, LATER_MS)) == ""


def test_an_order_of_ours_cancelled_by_nobody_here() -> None:
    watching = hand()
    watching.sent((batch(1, [OWN]),))
    assert watching.news(update(OWN)) == ""
    assert "cancelled, but not by this engine" in watching.news(cancelled(OWN))


def test_our_own_cancels_are_ours_however_often_and_late_they_are_told() -> None:
    watching = hand()
    watching.sent((batch(1, [OWN]), batch(2, [OWN], Op.CANCEL)))
    assert watching.news(cancelled(OWN)) == ""
    assert watching.news(cancelled(OWN)) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"reject_reason": "EC_PostOnlyWillTakeLiquidity"},
        {"cancel_type": "CancelByDCP"},
        {"cancel_type": "CancelBySmp"},
        {"cancel_type": "CancelByAdmin"},
        {"status": OrderStatus.FILLED},
    ],
)
def test_ends_that_the_venue_has_reasons_for(changes: dict[str, Any]) -> None:
    watching = hand()
    watching.sent((batch(1, [OWN]),))
    assert watching.news(cancelled(OWN, **changes)) == ""


def test_a_price_that_nobody_here_named() -> None:
    watching = hand()
    watching.sent((batch(1, [OWN]),))
    assert "no command of this engine named" in watching.news(update(OWN, price_ticks=101))


def test_prices_of_the_past_may_still_be_told() -> None:
    watching = hand()
    watching.sent((batch(1, [OWN]),))
    for price in range(101, 100 + PRICES):
        watching.sent((amend(OWN, price),))
    assert watching.news(update(OWN, price_ticks=100)) == ""
    assert watching.news(update(OWN, price_ticks=100 + PRICES - 1)) == ""


def amend(client_id: int, price_ticks: int) -> Batch:
    sent = batch(price_ticks, [client_id], Op.AMEND)
    command = sent.commands[0]._replace(price_ticks=price_ticks)
    return msgspec.structs.replace(sent, commands=(command,))


@pytest.mark.parametrize("code", [110072, 170141, 10014])
def test_an_id_the_venue_knew_already(code: int) -> None:
    sent = batch(1, [OWN])
    items = (ItemReply(OWN, Outcome.UNKNOWN, code, "", ""),)
    reply = BatchReply(batch=sent, items=items, rate=NO_RATE_INFO, sent_ns=0, received_ns=0)
    assert "before it was used" in hand().replied(reply)


def test_an_id_known_already_may_be_told_by_the_stream() -> None:
    rejected = update(OWN, status=OrderStatus.REJECTED, reject_reason="EC_DuplicatedClOrdID")
    assert "before it was used" in hand().news(rejected)


def test_memory_has_a_bound() -> None:
    watching = hand()
    for number in range(REMEMBERED + 100):
        watching.sent((batch(number, [OWN + number]), batch(number, [OWN + number], Op.CANCEL)))
        assert len(watching._placed) <= REMEMBERED
        assert len(watching._cancelled) <= REMEMBERED
    oldest, newest = OWN, OWN + REMEMBERED + 99
    assert watching.news(update(oldest, price_ticks=1)) == ""
    assert "no command" in watching.news(update(newest, price_ticks=1))
    ended = {"status": OrderStatus.CANCELLED, "cancel_type": "CancelByUser"}
    assert watching.news(update(newest, price_ticks=100, **ended)) == ""


def test_an_amend_does_not_make_up_for_a_price_that_was_forgotten() -> None:
    """The order has rested while thousands were placed; it is still told of at its old price."""
    watching = hand()
    watching.sent([batch(number, [OWN + number]) for number in range(REMEMBERED + 1)])
    watching.sent([amend(OWN, 101)])
    assert watching.news(update(OWN, price_ticks=100)) == ""


def test_prices_of_before_a_change_of_units_prove_nothing() -> None:
    watching = hand()
    watching.sent([batch(1, [OWN])])
    watching.forget_prices()
    assert watching.news(update(OWN, price_ticks=20)) == ""
    watching.sent([amend(OWN, 30)])
    assert watching.news(update(OWN, price_ticks=20)) == ""  # news of before the amend
    watching.sent([batch(2, [OWN + 1])])
    assert watching.news(update(OWN + 1, price_ticks=20)) != ""


def test_memory_of_amends_has_a_bound() -> None:
    watching = hand()
    for number in range(REMEMBERED + 100):
        watching.sent([batch(number, [OWN + number]), amend(OWN + number, 101)])
        assert len(watching._amended) <= REMEMBERED
    oldest, newest = OWN, OWN + REMEMBERED + 99
    assert watching.news(update(oldest, price_ticks=1)) == ""
    assert "no command" in watching.news(update(newest, price_ticks=1))
