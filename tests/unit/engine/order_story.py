"""Stories of one order: what we did, then everything the venue says of it, in any order.

What we do comes first, in order. All that the venue and the network answer may come in any order
and more than once; at the end the venue is asked as the engine would ask, and then the table must
know the truth.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from engine_world import (
    SECOND,
    draft,
    execution,
    make_instrument,
    make_params,
    order_update,
    position,
)
from msgspec.structs import replace

from mmfast.engine.kernel import Kernel
from mmfast.engine.orders.order_states import State
from mmfast.ids import ClientIds
from mmfast.messages import (
    AccountSnapshot,
    Op,
    OrderStatus,
    Outcome,
    Stream,
    StreamState,
)

MAX_QUESTIONS = 4


class Act(NamedTuple):
    """A command of ours leaves; each has a tick of its own, counted from 1."""

    op: Op
    lots: int = 10
    price_ticks: int = 100_000


class Answer(NamedTuple):
    """The reply to the command of one tick."""

    tick: int
    outcome: Outcome


class Told(NamedTuple):
    """A report of the order."""

    status: OrderStatus
    ms: int
    cum: int = 0
    lots: int = 10
    price_ticks: int = 100_000
    cancel_type: str = ""
    reject_reason: str = ""


class Trade(NamedTuple):
    """An execution of the order."""

    name: str
    lots: int


News = Answer | Told | Trade
Step = Act | News


class Story(NamedTuple):
    """``before`` happens in order, ``news`` in any; ``truth`` is what a search by id finds in
    the end, ``end`` and ``bought`` what must be known then."""

    before: tuple[Step, ...]
    news: tuple[News, ...]
    truth: Told
    end: State
    bought: int

    @property
    def commands(self) -> int:
        """How many of them are commands of ours."""
        return sum(isinstance(step, Act) for step in self.before)


class Teller:
    """A whole account that lives through stories, one after the other."""

    def __init__(self) -> None:
        self.kernel = Kernel((make_instrument(),), make_params(1), ClientIds("mmt1", 3))
        self.kernel.on_event(StreamState(Stream.PRIVATE, True), 0)
        empty = AccountSnapshot(orders=(), executions=(), positions=(position(0),), asked_ns=0)
        self.kernel.on_event(empty, 0)
        self.table = self.kernel._orders
        self.now_ns = SECOND
        self.id = 3 << 32
        self.acts: list[Act] = []
        self.questions = 0
        """How often the venue had to be asked, over all stories."""

    def position(self) -> int:
        return self.kernel.view(self.now_ns).instruments[0].position_lots

    def tell(self, story: Story, news: Iterable[News]) -> tuple[State, int]:
        """The end of the order and what was bought, with ``news`` in this order."""
        self.id += 1
        self.acts = []
        counters = self.kernel.counters
        held = self.position()
        ends = [counters.orders_filled, counters.orders_cancelled, counters.orders_expired]
        floor = 0
        order = None
        for step in (*story.before, *news):
            self.now_ns += 1000
            self._take(step)
            order = order or self.table.get(self.id)
            assert order is not None
            assert order.cum_lots >= floor, "a filled size never falls"
            floor = order.cum_lots
            assert self.table.open_lots == self.table.recount()
            if len(self.acts) == story.commands:
                # Nothing that the venue may have filled or may still fill is missing.
                assert self.position() - held + self.table.open_lots[0] >= story.bought
        assert order is not None
        self._settle(story.truth)
        bought, end = self.position() - held, order.state
        if end is State.LIVE:
            believed = (order.price_ticks, order.lots, order.cum_lots)
            assert believed == (story.truth.price_ticks, story.truth.lots, story.truth.cum)
        if self.table.get(self.id) is not None:
            self._take(story.truth._replace(status=OrderStatus.CANCELLED, ms=10**6))
        else:
            grown = [counters.orders_filled, counters.orders_cancelled, counters.orders_expired]
            assert sum(grown) - sum(ends) <= 1, "one end for one order"
        assert self.table.open_lots == [0, 0]
        assert not self.table.unbooked()
        assert counters.zombies == 0
        return end, bought

    def _take(self, step: Step) -> None:
        now_ns = self.now_ns
        if isinstance(step, Act):
            self._act(step)
        elif isinstance(step, Answer):
            op = self.acts[step.tick - 1].op
            self.table.on_reply(op, self.id, step.outcome, "", step.tick, now_ns, now_ns)
        elif isinstance(step, Trade):
            name = f"{self.id}-{step.name}"
            self.kernel.on_event(execution(self.id, name, step.lots, seq=-1), now_ns)
        else:
            self.kernel.on_event(self.report(step), now_ns)

    def _act(self, act: Act) -> None:
        self.acts.append(act)
        made = draft(act.op, self.id, lots=act.lots, price_ticks=act.price_ticks)
        tick = len(self.acts)
        if act.op is Op.PLACE:
            self.table.place(made, tick, self.now_ns)
        elif act.op is Op.AMEND:
            self.table.amend(made, tick, self.now_ns)
        else:
            self.table.cancel(self.id, tick, self.now_ns)

    def report(self, told: Told) -> Any:
        return order_update(
            self.id,
            told.status,
            updated_ms=told.ms,
            cum_lots=told.cum,
            lots=told.lots,
            price_ticks=told.price_ticks,
            cancel_type=told.cancel_type,
            reject_reason=told.reject_reason,
        )

    def _settle(self, truth: Told) -> None:
        """Ask as often as the table wants to; each question is answered with the truth."""
        for _ in range(MAX_QUESTIONS):
            self.now_ns += 10 * SECOND
            if not any(
                order.client_id == self.id for order in self.table.due_for_resolve(self.now_ns)
            ):
                break
            self.questions += 1
            answer = replace(self.report(truth), asked_ns=self.now_ns)
            self.kernel.on_event(answer, self.now_ns)
        self.now_ns += 10 * SECOND
        due = self.table.due_for_resolve(self.now_ns)
        assert all(order.client_id != self.id for order in due), "asking must come to an end"
