"""The second writer: does at the venue what another mmfast of our prefix elsewhere would do.

It is no second engine, only that engine's acts: they come by the venue's own exchange, at one
instant each, and then it is silent. Their news travels to the engine as all news does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from mmfast.messages import Batch, Side
from mmfast.sim.fault_terms.kinds import ClockSkew, ForeignOrder
from mmfast.sim.orders.orders import Order
from mmfast.simtest.draws import FOREIGN_QTY
from mmfast.simtest.engine_host import Life
from mmfast.simtest.reckoning import Reckoning
from mmfast.simtest.scene import Scene
from mmfast.simtest.swarm import Plan
from mmfast.simtest.writer_draws import AMENDS, CANCELS, CREATES, STARTS, WriterAct
from mmfast.simtest.writer_judge import Deed, WriterJudge, id_of
from mmfast.units import NS_PER_MS, NS_PER_S

AGAIN_NS: Final = NS_PER_S
"""Later, when there is nobody trading to act against, or nothing to act on."""
EARLIER_EPOCH: Final = 3_600
"""The other one began so many seconds before: the first epoch of a host is its clock's second."""
LEFTOVER_NS: Final = 6 * NS_PER_S
"""Beyond the receive window: an order that came so soon after the engine may be a leftover."""
SKEW_NS: Final = 22 * NS_PER_S
"""On top where the venue's clock is a drawn fault: so far it may seem to be ahead."""
AMENDED_BPS: Final = 300
"""An amend goes so far away that no command of ours, bound to a third of it, can have named it."""


class World(Scene, Protocol):
    """What the second writer needs of the world it is in."""

    plan: Plan
    reckoning: Reckoning

    def note(self, text: str) -> None:
        """Keep a line for whoever reads a failure."""
        ...


class SecondWriter:
    """Of one seed; most have none, and then it only judges that none was seen."""

    def __init__(self, world: World, recv_window_ms: int) -> None:
        self.judge = WriterJudge(world.findings)
        self._world = world
        self._operator_ns = 0
        self._placed = 0
        self._settled_ns = -1
        """When the engine began to trade; -1: it has not yet."""
        self._leftover_ns = recv_window_ms * NS_PER_MS + LEFTOVER_NS
        if any(isinstance(fault, ClockSkew) for fault in world.plan.faults.faults):
            self._leftover_ns += SKEW_NS

    def begin(self) -> None:
        """Listen, and plan what is drawn."""
        world, acts = self._world, self._world.plan.writer
        if not acts:
            return
        world.tap.news, world.tap.left = self.judge.read, self.judge.left
        plain = world.eyes.flushed

        def flushed(batches: Sequence[Batch], now_ns: int) -> None:
            self.judge.flushed(batches)
            plain(list(batches), now_ns)

        world.eyes.flushed = flushed
        for act in acts:
            world.at(act.at_ns, self._act, act)

    def trades(self) -> None:
        """The engine trades."""
        if self._settled_ns < 0:
            self._settled_ns = self._world.time.now_ns

    def life_over(self, life: Life) -> int:
        """An engine has ended; how long nobody starts it again, 0 when its supervisor may."""
        asked = life.asked or self._world.checks.gate_closed_ns >= 0
        now_ns = self._world.time.now_ns
        waits = self.judge.ended(life.loop, now_ns, killed=life.killed, asked=asked)
        self.judge.new_engine()
        self._settled_ns = -1
        return self._operator_ns if waits else 0

    # What it does.

    def _act(self, act: WriterAct) -> None:
        world = self._world
        now_ns = world.far_ns()
        if world.reckoning.began_ns:
            return
        idle = world.eyes.kernel is None or world.trading_ns < 0 or world.checks.gate_closed_ns >= 0
        if idle or not self._do(act, now_ns):
            world.at(now_ns + AGAIN_NS, self._act, act)
            return
        self._operator_ns = act.operator_ns
        world.findings.marks[f"second writer: {act.kind}"] += 1
        world.note(f"(a second writer {act.kind})")

    def _do(self, act: WriterAct, now_ns: int) -> bool:
        """Do it at the venue; False when there is nothing to do it to."""
        front = self._world.front
        if front.venue.condition.is_under_maintenance:
            return False
        front.advance(now_ns)
        done = self._create(act, now_ns) if act.kind == CREATES else self._touch(act, now_ns)
        front.venue._tell()
        front.plan()
        return done

    def _touch(self, act: WriterAct, now_ns: int) -> bool:
        """To orders of the engine that now runs."""
        world = self._world
        epoch = world.eyes.epoch()
        open_now = [one for one in world.truth.open_own() if id_of(one.link_id) >> 32 == epoch]
        if not open_now:
            return False
        if act.kind == AMENDS:
            self._amend(open_now[0])
        for order in open_now if act.kind == STARTS else open_now[: act.kind == CANCELS]:
            self._cancel(order)
        if act.kind == STARTS:
            self._create(act, now_ns)
        return True

    def _cancel(self, order: Order) -> None:
        self._has_acted(CANCELS, order.link_id)
        exchange = self._world.front.venue._exchange
        exchange.cancel(exchange.accounts[self._world.front.venue.uid], order)

    def _amend(self, order: Order) -> None:
        exchange = self._world.front.venue._exchange
        away = AMENDED_BPS if order.side is Side.SELL else -AMENDED_BPS
        ticks = order.ticks * (10_000 + away) // 10_000
        ticks = exchange.rules.on_grid(order.instrument, order.side, ticks)
        price = exchange.rows.figures[order.instrument].price(ticks)
        self._has_acted(AMENDS, order.link_id, price)
        exchange.amend(exchange.accounts[self._world.front.venue.uid], order, ticks, order.lots)

    def _create(self, act: WriterAct, now_ns: int) -> bool:
        """One order, as it quotes: bids and offers in turn."""
        world = self._world
        symbol = world.plan.symbols[0]
        number = self._placed + 1
        epoch = world.eyes.epoch() - EARLIER_EPOCH
        # The venue's hand puts the number behind the prefix: the last digit of the id.
        head = f"{world.truth.prefix}{epoch << 32:016x}"[:-1]
        order = ForeignOrder(
            from_ms=0,
            symbol=symbol,
            side="Buy" if number % 2 else "Sell",
            qty=FOREIGN_QTY[symbol],
            link_prefix=head,
            away_bps=act.away_bps,
        )
        # What it trades at once is told before it is known to be accepted.
        world.truth.others[f"{head}{number}"] = world.truth.now_ns
        if world.front.venue.condition.act(order, number, now_ns) is None:
            return False
        self._placed = number
        self._has_acted(CREATES, f"{head}{number}")
        return True

    def _has_acted(self, kind: str, link_id: str, price: str = "") -> None:
        """What the engine's own words cannot tell from its own acts proves nothing: soon after it
        began, orders may be leftovers; prices of other ticks are forgotten."""
        world = self._world
        world.truth.others[link_id] = world.truth.now_ns
        if kind == CREATES:
            proves = self._settled_ns >= 0 and world.far_ns() > self._settled_ns + self._leftover_ns
        else:
            proves = not world.findings.marks["units renewed"]
        self.judge.acted(Deed(kind, link_id, price), proves=proves)
