"""Strategies that mean harm: no limit is passed, the engine lives and tells the truth.

What a strategy may do wrong is drawn at random; every command that follows is judged here once
more by limits of the test's own, from the bytes, and the venue's audit judges the whole run.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1] / name) for name in ("unit/engine", "harness")
]

from kernel_desk import MID, Desk  # noqa: E402 - found on the path made above
from virtual import SYMBOLS, VirtualRun  # noqa: E402

from mmfast.bybit.trade import TradeCodec  # noqa: E402
from mmfast.engine.quoting.quoter import Level, Quotes  # noqa: E402
from mmfast.ids import ClientIds  # noqa: E402
from mmfast.messages import Alert, Batch, Mode, Op  # noqa: E402
from mmfast.units import MAX_LEVELS  # noqa: E402

MAX_LOTS, MAX_POSITION, DISTANCE, COLLAR = 20, 100, 1000, 100
VALUE_TICK_LOTS = 10**10
HUGE = 2**53
SANE = ([(MID - 20, 10)], [(MID + 20, 10)])

NUMBERS = st.one_of(
    st.integers(MID - 1_200, MID + 1_200),
    st.integers(-HUGE, HUGE),
    st.sampled_from([0, 1, -1, MID, -MID, HUGE, 2**63, 2**64, 10**30]),
    st.sampled_from(
        [float("nan"), float("inf"), -0.0, 1.5, 1e300, Decimal("NaN"), "7", None, True]
    ),
)
SIZES = st.one_of(st.integers(1, 25), NUMBERS)
SIDE = st.lists(st.tuples(NUMBERS, SIZES), max_size=6)
SORTED = st.lists(st.tuples(st.integers(MID - 1_200, MID + 1_200), st.integers(1, 25)), max_size=6)
FLOOD = st.just([(MID - 1 - i, 1) for i in range(MAX_LEVELS + 1)])
ANSWERS = st.one_of(
    st.tuples(SIDE, SIDE),
    st.tuples(SORTED.map(lambda rows: sorted(rows, reverse=True)), SORTED.map(sorted)),
    st.tuples(FLOOD, st.just([])),
    st.just(SANE),
    st.sampled_from([None, 7, "quotes", [], ValueError("no"), RecursionError(), MemoryError()]),
    st.sampled_from([ZeroDivisionError(), StopIteration(), KeyError("x"), AssertionError()]),
)


class Hostile:
    """Says whatever it is given; what has no answer is the sane one."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = list(answers)

    def quote(self, instrument: Any, params: Any, top: Any, position_lots: int) -> Any:
        answer = self.answers.pop(0) if self.answers else SANE
        if isinstance(answer, Exception):
            raise answer
        if not isinstance(answer, tuple):
            return answer
        bids, asks = ([Level(*row) for row in rows] for rows in answer)
        return Quotes(bids, asks)


class Judge:
    """Knows what the venue was asked for, from the bytes alone."""

    def __init__(self, desk: Desk) -> None:
        self.codec = TradeCodec(desk.instruments, ClientIds("mmt1", 3))
        self.codec.guard(desk.kernel.leaving, pytest.fail)
        self.rest: dict[str, tuple[str, int, int]] = {}

    def judge(self, batches: list[Batch]) -> None:
        for batch in batches:
            assert len(batch.commands) <= 20
            body = json.loads(self.codec.encode(batch)[1])
            for order in body.get("request", [body]):
                self._judge(batch.op, order)
        for side in ("Buy", "Sell"):
            mine = [lots for its, _, lots in self.rest.values() if its == side]
            assert sum(mine) <= MAX_POSITION
        bids = [price for side, price, _ in self.rest.values() if side == "Buy"]
        asks = [price for side, price, _ in self.rest.values() if side == "Sell"]
        assert not bids or not asks or max(bids) < min(asks), "we would trade with ourselves"

    def _judge(self, op: Op, order: dict[str, str]) -> None:
        link = order["orderLinkId"]
        if op is Op.CANCEL:
            del self.rest[link]
            return
        side, price, lots = self.rest.get(link, (order.get("side", ""), 0, 0))
        price = int(Decimal(order["price"]) * 10) if "price" in order else price
        lots = int(Decimal(order["qty"]) * 1000) if "qty" in order else lots
        assert (op is Op.AMEND) == (link in self.rest)
        assert 0 < lots <= MAX_LOTS
        assert abs(price - MID) <= DISTANCE
        assert (price - MID if side == "Buy" else MID - price) <= COLLAR
        assert price * lots <= VALUE_TICK_LOTS
        self.rest[link] = (side, price, lots)


@settings(max_examples=20, deadline=None)
@given(st.lists(ANSWERS, min_size=1, max_size=12))
def test_no_answer_of_a_strategy_passes_a_limit_or_ends_the_engine(answers: list[Any]) -> None:
    desk = Desk(1, strategy=Hostile(answers)).start()
    judge = Judge(desk)
    for _ in range(len(answers) + 8):
        desk.book()
        batches = desk.flush()
        judge.judge(batches)
        desk.ack(batches)
        desk.show(batches)
        assert desk.kernel.mode is Mode.TRADING
        assert desk.kernel.open_orders() == len(judge.rest), "it knows what rests"
        desk.later(1100)
    resting = sorted((price, lots) for _, price, lots in judge.rest.values())
    assert resting == [(MID - 20, 10), (MID + 20, 10)], "sane again, it quotes again"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (None, "expected Quotes, found NoneType"),
        (ValueError("secret"), "found ValueError"),
        (([(float("nan"), 1)], []), "expected quotes, found"),
        (([(MID - 5, 1.5)], []), "expected quotes, found InvariantError"),
        (([(MID - 5.0, 1)], []), "expected quotes, found InvariantError"),
        (([(2**64, 1)], []), "expected quotes, found"),
        (([(-MID, 1)], []), "positive whole prices"),
        (([(MID - 5, 0)], []), "positive whole prices"),
        (([(MID - 5, 1), (MID - 5, 1)], []), "bids that fall"),
        (([], [(MID + 5, 1), (MID + 4, 1)]), "asks that rise"),
        (([(MID + 1, 1)], [(MID + 1, 1)]), "bids below asks"),
        (([(MID - 1 - i, 1) for i in range(MAX_LEVELS + 1)], []), f"at most {MAX_LEVELS}"),
    ],
)
def test_an_answer_that_is_none_withdraws_the_instrument_and_is_said_once(
    answer: Any, text: str
) -> None:
    strategy = Hostile([])
    desk = Desk(1, strategy=strategy).start()
    desk.settle()
    assert desk.kernel.open_orders() == 2
    alerts = []
    for said, resting in ((answer, 0), (answer, 0), (SANE, 2), (answer, 0)):
        strategy.answers = [said] * 9
        desk.later(1100).book()
        desk.settle()
        assert desk.kernel.open_orders() == resting
        alerts.append([a.text for a in desk.requests(Alert) if a.code == "refused_strategy"])
    assert [len(said) for said in alerts] == [1, 0, 0, 1]
    assert text in alerts[0][0]
    assert "secret" not in alerts[0][0]
    assert desk.kernel.counters.refused["strategy"] >= 3


def test_as_many_levels_as_there_are_seats_pass_the_door() -> None:
    flood = [(MID - 1 - i, 1) for i in range(MAX_LEVELS)]
    desk = Desk(1, strategy=Hostile([(flood, [])] * 9)).start()
    desk.settle()
    assert desk.kernel.open_orders() == MAX_LEVELS


class RunningAway:
    """Asks for as much as there is, as near as it can, and for something else each time."""

    def __init__(self) -> None:
        self.turn = 0

    def quote(self, instrument: Any, params: Any, top: Any, position_lots: int) -> Any:
        self.turn += 1
        what = self.turn % 7
        if what == 0:
            raise RuntimeError("a strategy has bugs")
        lots = (1, HUGE, params.max_order_lots, params.max_order_lots + 1, 10**6, 1)[what - 1]
        far = (1, 10**6, top.bid_ticks // 2, 0, 1, -1)[what - 1]
        bids = [Level(top.bid_ticks - far - i, lots) for i in range(MAX_LEVELS)]
        asks = [Level(top.ask_ticks + far + i, lots) for i in range(MAX_LEVELS)]
        return Quotes(bids, asks)


def test_the_venue_finds_nothing_wrong_with_what_a_strategy_running_away_had_sent() -> None:
    run = VirtualRun(4, symbols=SYMBOLS[:2], activity=3.0, strategy=RunningAway())
    limits = [row.max_position_lots for row in run.params.symbols]
    for _ in range(60):
        run.run(0.05)
        for lots, limit in zip(run.venue.positions().values(), limits, strict=True):
            assert abs(lots) <= limit
    assert run.kernel.mode is Mode.TRADING
    assert sum(run.kernel.counters.sent) > 100
    assert run.kernel.counters.refused["strategy"] > 0
    run.drain()
    assert run.kernel.open_orders() == 0
    assert not run.venue.open_orders()
    assert run.venue.report(run.now_ns)["violations"] == {}
