"""The kernel: the only door of the engine. Events in; on a flush, batches out.

Sans-IO: it is told the time with every call, and what it wants of the outside it puts into
batches and requests. Same events at the same instants, same bytes out.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from mmfast._core.leaving import LeavingCheck
from mmfast.engine.account.account import Account
from mmfast.engine.account.blocks import take_rows
from mmfast.engine.counters import Counters
from mmfast.engine.market.market import Market
from mmfast.engine.modes import Gate
from mmfast.engine.orders.endings import Ending, Refusal
from mmfast.engine.orders.inventory import Inventory
from mmfast.engine.orders.orders import OrderTable
from mmfast.engine.outbox import Outbox
from mmfast.engine.params import EngineParams, RequoteBy
from mmfast.engine.picture import draw
from mmfast.engine.planning.dispatch import Dispatcher
from mmfast.engine.planning.planner import Planner, policy_of
from mmfast.engine.planning.ranking import Ranking
from mmfast.engine.quoting.bus import CommandBus
from mmfast.engine.quoting.differ import Differ, Stance
from mmfast.engine.quoting.door import Door
from mmfast.engine.quoting.quoter import NO_QUOTES, Ladder, Quotes, Strategy, reducing
from mmfast.engine.quoting.terms import Terms, match_up
from mmfast.engine.risk.allow_list import allow
from mmfast.engine.risk.breakers import Breakers
from mmfast.engine.risk.holds import Holds
from mmfast.engine.risk.losses import LossStop
from mmfast.engine.risk.permits import Permits
from mmfast.engine.risk.reentry import Reentry
from mmfast.engine.risk.risk import Risk
from mmfast.engine.rotation import Rotation
from mmfast.engine.view import EngineView
from mmfast.ids import ClientIds
from mmfast.messages import (
    AccountSnapshot,
    Batch,
    BatchReply,
    BookFrame,
    BookReset,
    Event,
    Execution,
    Instrument,
    InstrumentChange,
    Mode,
    ModeChange,
    Op,
    OrderAbsent,
    OrderUpdate,
    PositionUpdate,
    ReferencePrice,
    Request,
    Severity,
    Stream,
    StreamState,
    VenueTime,
    WalletUpdate,
)
from mmfast.units import NEVER_NS, NS_PER_MS, NS_PER_S

CHECK_NS: Final = NS_PER_S
"""How often our account book is compared with the venue's figures, and the day added up."""
_PULLED: Final = Stance(pulled=True)
_NEVER_NS: Final = NEVER_NS
_CANCEL: Final = int(Op.CANCEL)


class Kernel:
    """Decides for all instruments of one category and account.

    ``instruments[i].index`` must be ``i`` and ``params.symbols`` aligned with them, else
    :class:`InvariantError`. ``strategy`` replaces the ladder. Nothing the venue or the network
    does makes a method raise; an :class:`InvariantError` is a bug of ours.
    """

    def __init__(
        self,
        instruments: tuple[Instrument, ...],
        params: EngineParams,
        ids: ClientIds,
        strategy: Strategy | None = None,
    ) -> None:
        match_up(instruments, params.symbols)
        self._terms = terms = list(map(Terms, instruments, params.symbols))
        count = len(instruments)
        self.counters = counters = Counters()
        self.mode = Mode.SYNCING
        self._gate = Gate()
        self._outbox = outbox = Outbox()
        self._own_strategy = Door(strategy, counters, outbox) if strategy else None
        self._dirty = dirty = Rotation(count)
        self._holds = holds = Holds(count)
        self._market = market = Market(instruments, params, counters, outbox, dirty)
        self._orders = orders = OrderTable(count, params.recv_window_ms * NS_PER_MS)
        self._inventory = inventory = Inventory(instruments)
        self.leaving = LeavingCheck(instruments[0].category.text, ids.head, count)
        """What the bytes of an order must keep to, for who makes them of a batch."""
        self._risk = risk = Risk(market, orders, inventory, terms, self.leaving)
        self.breakers = Breakers(counters)
        self._reentry = Reentry(market, inventory, risk, outbox, orders)
        self._permits = Permits(
            market, inventory, risk, outbox, terms, holds, self.breakers, self._reentry
        )
        self.losses = LossStop(market, inventory)
        self._account = Account(
            instruments, orders, inventory, counters, outbox, dirty, holds, self._permits
        )
        self._bus = bus = CommandBus(count, counters=counters)
        self.planner = Planner(params.planner, policy_of(params.batch), instruments[0].category)
        """The ledger of all that this account sends; cancels past the kernel are paid from it."""
        self._differ = Differ(orders, bus, ids, count, params.requote_by)
        ranking = Ranking(bus, market, orders, inventory, terms)
        self._dispatcher = Dispatcher(
            bus, orders, risk, self.planner, counters, outbox, ranking, ids
        )
        self._in_air: dict[int, bool] = {}
        """Batches without a reply; True for those that the last look kept from leaving."""
        self._pending: list[int] = []
        self._check_ns = 0
        self._set_rules(params)

    # -- events ---------------------------------------------------------------------------

    def on_event(self, event: Event, now_ns: int) -> None:
        """Take one event. Decisions wait for :meth:`flush`."""
        if isinstance(event, BookFrame):
            if event.level1:
                self._market.on_top_frame(event.instrument, event.data, now_ns)
            else:
                self._market.on_frame(event.instrument, event.data, now_ns)
        elif isinstance(event, BatchReply):
            self._on_reply(event, now_ns)
        elif isinstance(event, OrderUpdate):
            self._account.on_update(event, now_ns)
        elif isinstance(event, Execution):
            self._account.on_execution(event, now_ns)
        elif isinstance(event, PositionUpdate):
            self._inventory.on_claim(event, now_ns)
        else:
            self._on_rare_event(event, now_ns)
        if self.mode is Mode.SYNCING:
            self._set_mode()

    def on_events(self, events: Collection[Event], now_ns: int) -> None:
        """Take what one frame has brought: the same as :meth:`on_event` for each of them."""
        syncing = self.mode is Mode.SYNCING
        if syncing or not take_rows(events, self._account, self._inventory, now_ns):
            for event in events:
                self.on_event(event, now_ns)

    def _on_rare_event(self, event: Event, now_ns: int) -> None:
        if isinstance(event, BookReset):
            self._market.reset(event.instrument, now_ns)
        elif isinstance(event, StreamState):
            self._on_stream(event, now_ns)
        elif isinstance(event, OrderAbsent):
            self._account.on_absent(event, now_ns)
        elif isinstance(event, AccountSnapshot):
            self._on_snapshot(event, now_ns)
        elif isinstance(event, InstrumentChange):
            self._reentry.hear(event.instrument)
            self._permits.set_status(self._params)
            self._dirty.mark(event.instrument.index)
        elif isinstance(event, VenueTime):
            self._market.set_venue_time(event.offset_ns, event.doubt_ns)
            self.losses.set_venue_time(event.offset_ns)
        elif isinstance(event, ModeChange):
            self._gate.wish(event.mode, event.reason, now_ns)
            if event.mode is Mode.SYNCING:
                self._outbox.read_account(event.reason)
            self._set_mode()
        elif isinstance(event, ReferencePrice):
            self._market.on_reference(event.instrument, event.ticks, now_ns)
        else:
            assert isinstance(event, WalletUpdate)  # noqa: S101 - the last kind
            self._risk.exposure.set_equity(event.coin, event.equity_e8)

    def _on_reply(self, reply: BatchReply, now_ns: int) -> None:
        """A second reply to the same batch is evidence about orders, but no budget comes back."""
        kept = self._in_air.pop(reply.batch.batch_id, None)
        if kept is not None:
            self.planner.on_reply(reply, now_ns, connected=kept)
        self._account.on_reply(reply, now_ns)
        self.breakers.acked(reply, now_ns)
        if self.mode is not Mode.TRADING:
            # What was in flight when trading stopped can be cancelled now.
            for command in reply.batch.commands:
                self._dirty.mark(command.instrument)

    def _on_stream(self, event: StreamState, now_ns: int) -> None:
        if event.stream is Stream.PRIVATE:
            self._gate.private_stream(event.up, now_ns)
            if event.up:
                self._outbox.read_account("private stream up")
            self._set_mode()
        elif event.stream is Stream.TRADE:
            self._gate.trade_up = event.up
            self._set_mode()
        elif event.up:
            self._market.stream_up(now_ns)
        else:
            self._market.lose_all()

    def _on_snapshot(self, snapshot: AccountSnapshot, now_ns: int) -> None:
        snapshot = self._reentry.readable(snapshot)
        self._account.on_snapshot(snapshot, now_ns)
        if self._reentry.take_reading(snapshot.asked_ns):
            self._permits.set_status(self._params)
        for wallet in snapshot.wallets:
            self._risk.exposure.set_equity(wallet.coin, wallet.equity_e8)
        if not self._gate.account_read(snapshot.asked_ns) and self._gate.private_up:
            self._outbox.read_account("the last reading began before the private stream was up")
        self._set_mode()

    # -- deciding -------------------------------------------------------------------------

    def flush(self, now_ns: int) -> list[Batch]:
        """One tick: decide for what is dirty, and hand out what may leave, in sending order.

        At most ``max_parallel_symbols`` instruments are visited, the longest marked first. The
        others' unsent intent is dropped: it was decided on a market that has moved.
        """
        self._look_around(now_ns)
        if not self._dirty.any_marked() and not self._orders.strays.has_homeless():
            return []
        self.counters.ticks += 1
        self._differ.begin()
        for instrument in self._dirty.take(self._at_once):
            self._decide(instrument, now_ns)
        if self._dirty.any_marked():
            for instrument in self._bus.waiting():
                if self._dirty.is_marked(instrument):
                    self._bus.clear_instrument(instrument)
        batches = self._dispatcher.batches(self.counters.ticks, now_ns)
        for batch in batches:
            self._in_air[batch.batch_id] = False
        self._pending = self._bus.waiting()
        return batches

    def _look_around(self, now_ns: int) -> None:
        """What time alone has changed, and what the last flush had to leave behind."""
        self._market.look(now_ns)
        self._account.ask_due(now_ns)
        for instrument in self._holds.over(now_ns):
            self._dirty.mark(instrument)
        for instrument in self._pending:
            self._dirty.mark(instrument)
        checks = now_ns >= self._check_ns
        if checks:
            self._check_ns = now_ns + CHECK_NS
            self._account.check_books(now_ns)
            self._permits.look(now_ns, self._dirty)
            self._reentry.look(now_ns)
        if checks or self._inventory.moved.any_marked():
            self._permits.watch_losses(self.losses, checks, now_ns, self._dirty)

    def _decide(self, instrument: int, now_ns: int) -> None:
        terms = self._terms[instrument]
        self._risk.exposure.weigh(instrument)
        if self._permits.pull_reason(instrument, now_ns):
            quotes, stance = NO_QUOTES, _PULLED
        else:
            reduces = self._permits.reduces_only(instrument, now_ns)
            quotes = self._quotes(instrument, terms, reduces)
            stance = Stance(False, self._holds.holds(instrument, now_ns), reduces)
        self._differ.put(instrument, quotes, terms.tolerance_e4, stance)

    def _quotes(self, instrument: int, terms: Terms, reduces: bool) -> Quotes:
        position = self._inventory.lots(instrument)
        if self._own_strategy is None:
            book = self._market.book(instrument)
            fair = self._ladder.fair_x256(book.mid_x2(), book.microprice_x256())
            quotes = self._ladder.round(fair, terms, book.bid_ticks, book.ask_ticks, position)
        else:
            quotes = self._own_strategy.quote(
                self._market.instruments[instrument],
                self._params.symbols[instrument],
                self._market.top(instrument),
                position,
            )
        return reducing(quotes, terms, position) if reduces else quotes

    def last_look(self, batch: Batch, now_ns: int) -> str:
        """Why a batch must not leave any more; empty when it may. Only a limit stops cancels."""
        reason = self._permits.objection(batch, now_ns) or self.planner.objection(batch, now_ns)
        if reason and batch.batch_id in self._in_air:
            self._in_air[batch.batch_id] = True
        return reason

    # -- the shell's other questions ------------------------------------------------------

    def take_requests(self) -> list[Request]:
        """What the engine wants of the shell since the last call."""
        return self._outbox.take()

    def take_outcomes(self) -> list[Ending | Refusal]:
        """Ends of orders, and changes of them that were refused, since the last call."""
        return self._orders.endings.take()

    @property
    def wants_flush(self) -> bool:
        """There is something that a flush could act on now."""
        return self._dirty.any_marked()

    def next_wake_ns(self, now_ns: int) -> int:
        """When a flush is useful though no event came; far in the future for never."""
        wake_ns = min(self._market.next_look_ns(), self._holds.next_ns(), self._check_ns)
        wake_ns = min(wake_ns, self._orders.next_resolve_ns)
        homeless = self._orders.strays.has_homeless()
        if homeless or not self._bus.is_empty():
            ops = [op for op in range(3) if self._bus.count(op) or (homeless and op == _CANCEL)]
            wake_ns = min(wake_ns, self.planner.opens_ns(now_ns, ops))
        return wake_ns

    def reconfigure(self, params: EngineParams, now_ns: int) -> None:
        """New parameters, between two flushes. What is in flight is not touched."""
        del now_ns  # the next flush decides everything anew
        match_up(self._market.instruments, params.symbols)
        self._set_rules(params)
        self._dirty.mark_all()

    def renew_units(self, changed: Instrument, now_ns: int) -> bool:
        """Count an instrument in new units from here on, as :class:`InstrumentChange` asked; False
        where that must not be any more, and then nothing has changed."""
        params = self._reentry.renew(changed, self._params, now_ns)
        if params is not None:
            self._bus.clear_instrument(changed.index)
            self.reconfigure(params, now_ns)
        return params is not None

    def view(self, now_ns: int) -> EngineView:
        """A picture of everything."""
        return draw(
            self._market,
            self._orders,
            self._inventory,
            self.planner.budgets(now_ns),
            self._account.acks,
            [self._permits.pull_reason(i, now_ns) for i in range(len(self._params.symbols))],
            self._params.symbols,
            self.mode,
            self._gate.reason,
            self.losses,
            now_ns,
        )

    def open_orders(self) -> int:
        """Own orders that are or may be resting."""
        return self._orders.count()

    # -- inside ---------------------------------------------------------------------------

    def _set_mode(self) -> None:
        mode = self._gate.refresh(self._orders.strays.adopted > 0)
        self._account.ask_all = self._gate.private_up or mode >= Mode.DRAINING
        if mode is self.mode:
            return
        self.counters.mode_changes += 1
        why = f": {self._gate.reason}" * bool(self._gate.reason)
        self._outbox.alert(Severity.INFO, "mode", f"{self.mode.name} -> {mode.name}{why}")
        self.mode = mode
        self._permits.set_mode(mode)
        self.losses.set_mode(mode)
        self._dirty.mark_all()

    def _set_rules(self, params: EngineParams) -> None:
        self._params = params
        self._ladder = Ladder(params.fair_price)
        self._at_once = params.batch.max_parallel_symbols
        self._differ.set_policy(params.requote_by)
        self._bus.configure(
            amend_replaces=params.requote_by is RequoteBy.AMEND,
            coalesce_cancel=params.batch.coalesce_cancel,
            coalesce_place=params.batch.coalesce_place,
        )
        self.planner.reconfigure(params.planner, policy_of(params.batch))
        self._market.set_limits(params)
        self._orders.set_recv_window(params.recv_window_ms * NS_PER_MS)
        self.planner.void_ns = self._orders.expiry_ns
        self._account.fills.set_limit(
            params.max_fills_per_side, params.fills_window_ms, account=params.account.max_fills
        )
        self.losses.set_limits(params)
        self._risk.exposure.set_limits(params)
        self._permits.set_status(params)
        allow(self.leaving, self._market.instruments, params.symbols)
