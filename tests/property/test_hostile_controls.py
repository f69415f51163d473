"""Each control against a strategy that does nothing but try to get round it.

The limit is judged from the bytes that leave and the orders that rest, by sums of the test's own.
Each strategy must have run into the control that it is made for: one that never tries proves
nothing.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1] / name) for name in ("unit/engine", "harness")
]

from engine_world import BP_E4, SECOND, execution, position  # noqa: E402 - on the path made above
from kernel_desk import MID, Desk  # noqa: E402

from mmfast.bybit.trade import TradeCodec  # noqa: E402
from mmfast.engine.params import AccountLimits, PlannerParams  # noqa: E402
from mmfast.engine.quoting.quoter import Level, Quotes  # noqa: E402
from mmfast.engine.risk.risk import CONTROLS  # noqa: E402
from mmfast.ids import ClientIds  # noqa: E402
from mmfast.messages import (  # noqa: E402
    Batch,
    Flag,
    InstrumentChange,
    Mode,
    ModeChange,
    Op,
    ReferencePrice,
    Side,
    WalletUpdate,
)
from mmfast.units import MAX_LEVELS  # noqa: E402

UNIT_E8 = 10_000
"""One lot moved by one tick, in 1e-8."""
LOT_E8 = MID * UNIT_E8
ROUNDS = 24
Answer = tuple[list[tuple[int, int]], list[tuple[int, int]]]
Script = Callable[[int, int], Answer]
"""What to quote by instrument and turn: bids and asks as (ticks, lots)."""


class Scripted:
    """A strategy that says what its script says, whatever the market and the limits."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.turn = 0

    def quote(self, instrument: Any, params: Any, top: Any, position_lots: int) -> Quotes:
        self.turn += 1
        bids, asks = self._script(instrument.index, self.turn)
        return Quotes([Level(*row) for row in bids], [Level(*row) for row in asks])


class Resting(NamedTuple):
    """One order that rests or is under way."""

    instrument: int
    side: str
    ticks: int
    lots: int


class Witness:
    """What the bytes said: everything that may rest, and the worst that was ever asked for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._codec = TradeCodec(desk.instruments, ClientIds("mmt1", 3))
        self._codec.guard(desk.kernel.leaving, pytest.fail)
        self._index = {one.symbol: one.index for one in desk.instruments}
        self._changes: deque[int] = deque()
        self.rest: dict[str, Resting] = {}
        self.sent: list[Resting] = []
        self.most_in_a_second = 0

    def see(self, batches: list[Batch]) -> None:
        for batch in batches:
            body = json.loads(self._codec.encode(batch)[1])
            for order in body.get("request", [body]):
                self._see(batch.op, order)

    def _see(self, op: Op, order: dict[str, str]) -> None:
        link = order["orderLinkId"]
        if op is Op.CANCEL:
            del self.rest[link]
            return
        old = self.rest.get(link)
        instrument = self._index[order["symbol"]]
        ticks = int(Decimal(order["price"]) * 10) if "price" in order else old.ticks
        lots = int(Decimal(order["qty"]) * 1000) if "qty" in order else old.lots
        side = old.side if old else order["side"]
        self.rest[link] = Resting(instrument, side, ticks, lots)
        self.sent.append(self.rest[link])
        self._changes.append(self._desk.now_ns)
        while self._changes[0] <= self._desk.now_ns - SECOND:
            self._changes.popleft()
        self.most_in_a_second = max(self.most_in_a_second, len(self._changes))

    def open_lots(self, side: str) -> int:
        return sum(one.lots for one in self.rest.values() if one.side == side)

    def open_e8(self) -> int:
        return sum(one.ticks * one.lots for one in self.rest.values()) * UNIT_E8

    def worst_e8(self) -> int:
        """The bad side of every instrument filled, at the mid."""
        worst: dict[int, dict[str, int]] = {}
        for one in self.rest.values():
            sides = worst.setdefault(one.instrument, {"Buy": 0, "Sell": 0})
            sides[one.side] += one.lots
        return sum(max(sides.values()) for sides in worst.values()) * LOT_E8

    def crosses(self) -> bool:
        """An own bid stands at or above an own ask."""
        rest = self.rest.values()
        bids, asks = ([one.ticks for one in rest if one.side == side] for side in ("Buy", "Sell"))
        return bool(bids and asks) and max(bids) >= min(asks)

    def twins(self) -> bool:
        """Two orders that rest are equal."""
        return len(set(self.rest.values())) < len(self.rest)


class Attack(NamedTuple):
    """A strategy, the limits it runs against, and whether they were kept."""

    control: str
    script: Script
    kept: Callable[[Witness], bool]
    symbol: dict[str, Any] = {}  # noqa: RUF012 - never changed
    account: dict[str, int] = {}  # noqa: RUF012 - never changed
    before: Callable[[Desk], None] = lambda desk: None
    count: int = 1
    step_ms: int = 1_100
    params: dict[str, Any] = {}  # noqa: RUF012 - never changed


def both(lots: int, away: int = 20) -> Script:
    return lambda index, turn: ([(MID - away, lots)], [(MID + away, lots)])


def ladder(lots: int, levels: int = MAX_LEVELS) -> Script:
    """As many levels as there are seats, and every second turn one tick elsewhere."""

    def script(index: int, turn: int) -> Answer:
        first = 20 + turn % 2
        return (
            [(MID - first - 2 * i, lots) for i in range(levels)],
            [(MID + first + 2 * i, lots) for i in range(levels)],
        )

    return script


def taking(beyond: int) -> Script:
    """First a bid, then an ask so far beyond the mid on the bid's side: a sell, and a buy."""
    return lambda index, turn: ([], [(MID - beyond, 5)]) if turn % 2 else ([(MID + beyond, 5)], [])


def own_orders(index: int, turn: int) -> Answer:
    """A bid that stays within the tolerance, and an ask that would meet it."""
    return ([(MID - 10, 5)], []) if turn == 1 else ([(MID - 40, 5)], [(MID - 20, 5)])


def the_same_again(index: int, turn: int) -> Answer:
    """A bid that stays, and its twin on the next level."""
    return ([(MID - 20, 5)], []) if turn == 1 else ([(MID - 19, 5), (MID - 20, 5)], [])


def says(mode: Mode) -> Callable[[Desk], None]:
    return lambda desk: desk.feed(ModeChange(mode, "the operator"))


def changes(**fields: Any) -> Callable[[Desk], None]:
    """The venue says something else of the instrument."""

    def before(desk: Desk) -> None:
        desk.feed(InstrumentChange(msgspec.structs.replace(desk.instruments[0], **fields)))

    return before


def holds(lots: int) -> Callable[[Desk], None]:
    return lambda desk: desk.snapshot(positions=(position(lots),))


def owns(equity_e8: int) -> Callable[[Desk], None]:
    """The account has so much."""
    return lambda desk: desk.feed(
        WalletUpdate(coin="USDT", balance_e8=equity_e8, equity_e8=equity_e8)
    )


def nothing(seen: Witness) -> bool:
    return not seen.sent


def within(low: int, high: int) -> Callable[[Witness], bool]:
    return lambda seen: all(low <= one.ticks <= high for one in seen.sent)


def at_most(lots: int) -> Callable[[Witness], bool]:
    return lambda seen: all(one.lots <= lots for one in seen.sent)


LOOSE = {"requote_tolerance_e4": 5 * BP_E4}
RESTLESS = {"requote_tolerance_e4": 0}
ATTACKS = [
    Attack("mode", both(5), nothing, before=says(Mode.HALTED)),
    Attack("mode", both(5), nothing, before=says(Mode.DRAINING)),
    Attack("instrument", both(5), nothing, before=changes(status="Closed")),
    Attack("book", both(5), nothing, params={"max_drift_e4": BP_E4, "drift_pause_ms": 60_000},
           before=lambda desk: desk.book(0, MID - 900)),
    Attack("reference", both(5), nothing, params={"reference_stale_ms": 900}),
    Attack("reference", both(5), nothing, params={"reference_stale_ms": 900},
           before=lambda desk: desk.feed(ReferencePrice(0, MID)) or desk.later(901).book(0)),
    Attack("min_order", both(4), nothing, before=changes(min_order_lots=5)),
    Attack("order_size", both(21), nothing),
    Attack("order_size", both(2**53), nothing),
    Attack("order_size", lambda _, turn: ([(MID - 20, 19 + turn % 9)], []), at_most(20)),
    Attack("order_value", both(11), nothing, {"max_order_value_e8": 10 * (MID + 20) * UNIT_E8}),
    Attack("price_range", both(5, away=60), within(1, MID + 59),
           before=changes(max_price_ticks=MID + 59)),
    Attack("price_collar", taking(101), nothing),
    Attack("price_collar", taking(100 * 5), nothing),
    Attack("max_distance", both(5, away=1001), nothing),
    Attack("max_distance", lambda _, turn: ([(MID - 990 - turn, 5)], []), within(MID - 1000, MID)),
    Attack("max_position", both(11), lambda seen: seen.open_lots("Buy") == 0, before=holds(90)),
    Attack("open_position", ladder(20), lambda seen: seen.open_lots("Buy") <= 100),
    Attack("self_match", own_orders, lambda seen: not seen.crosses(), LOOSE),
    Attack("duplicate", the_same_again, lambda seen: not seen.twins(), {**LOOSE, "levels": 1}),
    Attack("order_count", ladder(1), lambda seen: len(seen.rest) <= 5, {"max_open_orders": 5}),
    Attack("order_count", ladder(1), lambda seen: len(seen.rest) <= 7, count=2,
           account={"max_open_orders": 7}),
    Attack("open_notional", ladder(3), lambda seen: seen.open_e8() <= 20 * LOT_E8,
           {"max_open_notional_e8": 20 * LOT_E8}),
    Attack("open_notional", ladder(3), lambda seen: seen.open_e8() <= 20 * LOT_E8, count=2,
           account={"max_open_notional_e8": 20 * LOT_E8}),
    Attack("portfolio", ladder(3), lambda seen: seen.worst_e8() <= 20 * LOT_E8, count=3,
           account={"max_portfolio_notional_e8": 20 * LOT_E8}),
    Attack("margin", ladder(3), lambda seen: seen.worst_e8() <= 20 * LOT_E8, count=3,
           account={"margin_e4": 1000 * BP_E4}, before=owns(2 * LOT_E8)),
    Attack("message_rate", ladder(1, 4), lambda seen: seen.most_in_a_second <= 10,
           {**RESTLESS, "max_messages_per_s": 10}, step_ms=37),
    Attack("message_rate", ladder(1, 4), lambda seen: seen.most_in_a_second <= 10,
           RESTLESS, count=2, account={"max_messages_per_s": 10}, step_ms=37),
]  # fmt: skip


@pytest.mark.parametrize(
    "attack", ATTACKS, ids=[f"{one.control}-{i}" for i, one in enumerate(ATTACKS)]
)
def test_no_strategy_gets_round_a_control(attack: Attack) -> None:
    strategy = Scripted(attack.script)
    desk = Desk(
        attack.count,
        strategy=strategy,
        symbol=attack.symbol,
        account=AccountLimits(**attack.account),
        **attack.params,
    ).start()
    attack.before(desk)
    seen = Witness(desk)
    for _ in range(ROUNDS):
        batches = desk.flush()
        seen.see(batches)
        assert attack.kept(seen)
        desk.ack(batches)
        desk.show(batches)
        assert attack.kept(seen)
        desk.later(attack.step_ms)
        for instrument in range(desk.count):
            desk.book(instrument, MID - 1)
            desk.book(instrument)
    refused = desk.kernel.counters.refused.get(attack.control, 0)
    assert refused or not strategy.turn, "it was refused, or never even asked"


def test_every_control_is_attacked() -> None:
    attacked = {attack.control for attack in ATTACKS}
    assert attacked | {"doubt"} == set(CONTROLS), "and that one below"


def test_nothing_grows_while_the_position_is_in_doubt() -> None:
    """The venue tells of another position; until something explains it, no quote leaves."""
    desk = Desk(1, strategy=Scripted(ladder(5)), max_doubt_ms=900).start()
    desk.feed(position(5, seq=40))
    seen = Witness(desk)
    desk.later(901).book()
    for _ in range(ROUNDS):
        seen.see(desk.flush())
        desk.later(1_100).book()
    assert nothing(seen)
    desk.feed(execution(0, "theirs", 5, seq=40))
    desk.later(1_100).book()
    seen.see(desk.flush())
    assert seen.sent, "explained, it quotes"


def test_a_flood_stays_within_each_budget_of_the_venue_and_leaves_the_reserve() -> None:
    """Ten orders a second in each of six buckets; a fifth of the cancels is not for quotes."""
    planner = PlannerParams(initial_limit=10, safety_percent=100, cancel_reserve_percent=20)
    strategy = Scripted(
        lambda _, turn: ladder(1, 12)(0, turn) if turn % 3 else ([(MID - 20, 1)], [(MID + 20, 1)])
    )
    desk = Desk(1, strategy=strategy, symbol=RESTLESS, planner=planner).start()
    left: dict[tuple[Op, bool], deque[int]] = {
        (op, single): deque() for op in Op for single in (False, True)
    }
    most = dict.fromkeys(left, 0)
    most_cancels = 0
    for _ in range(200):
        batches = desk.flush()
        for batch in batches:
            left[batch.op, batch.single].extend([desk.now_ns] * len(batch.commands))
        for key, times_ns in left.items():
            while times_ns and times_ns[0] <= desk.now_ns - SECOND:
                times_ns.popleft()
            most[key] = max(most[key], len(times_ns))
        cancels = len(left[Op.CANCEL, False]) + len(left[Op.CANCEL, True])
        most_cancels = max(most_cancels, cancels)
        desk.ack(batches)
        desk.show(batches)
        desk.later(53)
        desk.book()
    assert max(most.values()) == 10, "it wanted more than there is"
    assert all(count <= 10 for count in most.values()), most
    assert most_cancels == 16, "of twenty four are kept"


def test_what_may_only_reduce_leaves_as_such_whatever_is_asked_for() -> None:
    desk = Desk(1, strategy=Scripted(ladder(20))).start()
    desk.snapshot(positions=(position(30),))
    desk.feed(ModeChange(Mode.REDUCE_ONLY, "the operator"))
    seen = Witness(desk)
    for _ in range(ROUNDS):
        batches = desk.flush()
        seen.see(batches)
        places = [one for batch in batches for one in batch.commands if one.op is Op.PLACE]
        assert all(one.flags & Flag.REDUCE_ONLY for one in places)
        desk.ack(batches)
        desk.show(batches)
        desk.later(1_100).book()
    assert {one.side for one in seen.sent} == {"Sell"}


def nothing_more_leaves(desk: Desk, mid: int) -> None:
    """The strategy quotes as before; what rests is withdrawn, and the halt is asked for once."""
    asked = halts(desk)
    for _ in range(ROUNDS):
        batches = desk.later(1_100).flush()
        assert {batch.op for batch in batches} <= {Op.CANCEL}
        desk.ack(batches)
        desk.show(batches)
        desk.book(0, mid)
        asked += halts(desk)
    assert len(asked) == 1
    assert desk.kernel.open_orders() == 0


def fill(desk: Desk, client_id: int, number: int, lots: int = 1) -> None:
    """Somebody sells to the bid that rests."""
    changes = {"seq": number, "side": Side.BUY, "price_ticks": MID - 20}
    desk.feed(execution(client_id, f"e{number}", lots, **changes))


def quoting(**params: Any) -> tuple[Desk, int]:
    """A desk with a bid and an ask of 20 lots that rest, and the id of the bid."""
    desk = Desk(1, strategy=Scripted(both(20)), **params).start()
    bids = [one for batch in desk.settle() for one in batch.commands if one.side is Side.BUY]
    return desk, bids[0].client_id


@pytest.mark.parametrize(
    "params", [{"max_fills_per_side": 3}, {"account": AccountLimits(max_fills=3)}]
)
def test_a_strategy_that_is_filled_again_and_again_is_stopped(params: dict[str, Any]) -> None:
    desk, bid = quoting(**params)
    for number in range(3):
        fill(desk, bid, number)
        desk.settle()
    assert not halts(desk), "at the limit it trades on"
    fill(desk, bid, 3)
    nothing_more_leaves(desk, MID)


LOSS_E8 = 5 * 110 * UNIT_E8 + 5
"""Five lots bought 110 ticks too dear, and their fee."""


@pytest.mark.parametrize(
    "params",
    [
        {"account": AccountLimits(max_daily_loss_e8=LOSS_E8)},
        {"account": AccountLimits(max_drawdown_e8=LOSS_E8)},
        {"symbol": {"max_daily_loss_e8": LOSS_E8}},
        {"symbol": {"max_drawdown_e8": LOSS_E8}},
    ],
)
def test_a_strategy_that_goes_on_losing_is_stopped(params: dict[str, Any]) -> None:
    desk, bid = quoting(**params)
    fill(desk, bid, 1, lots=5)
    desk.later(1_100).book(0, MID - 130)
    desk.settle()
    assert not halts(desk), "at the limit it trades on"
    desk.later(1_100).book(0, MID - 131)
    desk.settle()
    nothing_more_leaves(desk, MID - 131)


def halts(desk: Desk) -> list[ModeChange]:
    return [one for one in desk.requests(ModeChange) if one.mode is Mode.HALTED]
