"""Invariants that can be judged by what leaves the engine's host: I1, I4, I7, I8, I9, I10, I12.

Everything is compared with what the venue truly knows at that instant, or with what had really
reached the engine's host by then; the engine is not asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Final, NamedTuple

from mmfast.messages import Instrument, Side
from mmfast.sim.orders.orders import Order
from mmfast.sim.venue import Venue
from mmfast.simtest.findings import Findings
from mmfast.simtest.loop import START_NS
from mmfast.simtest.network import Link
from mmfast.simtest.portfolio import Coming, OpenNotional, Portfolio
from mmfast.simtest.rate_judge import RateJudge, RateTerms
from mmfast.simtest.reading import CANCEL, CANCEL_ALL, CREATE, WITNESS, Item, OrderRequest
from mmfast.simtest.tap import PRIVATE
from mmfast.simtest.truth import Truth
from mmfast.units import E8, NS_PER_MS, NS_PER_S

IP_REQUESTS: Final = 600
IP_WINDOW_NS: Final = 5 * NS_PER_S
BAN_NS: Final = 600 * NS_PER_S
PRIVATE_SILENCE_NS: Final = 6 * NS_PER_S
"""Longest silence of a trusted private stream: asked for a sign of life after 2 s, given up 3 s
later, with a second for the looks in between."""
MID_MEMORY_NS: Final = 10 * NS_PER_S


class Bounds(NamedTuple):
    """Hard limits of one instrument, as the configuration states them."""

    max_position_lots: int
    max_order_lots: int
    max_value_e8: int
    max_distance: Decimal
    """From the mid, as a fraction."""


class Terms(NamedTuple):
    """What the checks are told about one seed."""

    bounds: tuple[Bounds, ...]
    stale_ns: int
    rates: RateTerms
    portfolio_e8: int
    open_notional_e8: int
    reply_ns: int
    """So long the engine waits for a reply."""


class _Book:
    """What the engine's host has read of one book."""

    __slots__ = ("broken", "mids", "read_ns", "update")

    def __init__(self) -> None:
        self.read_ns = -1
        self.update = -1
        self.broken = True
        self.mids: deque[tuple[int, int]] = deque()


class WireChecks:
    """The tap's audience. ``is_open_for_trade`` says in words why the engine may not trade."""

    def __init__(self, venue: Venue, truth: Truth, terms: Terms, findings: Findings) -> None:
        self._venue = venue
        self._truth = truth
        self._terms = terms
        self._findings = findings
        self._symbols = {one.symbol: int(one.index) for one in truth.instruments}
        self._books = [_Book() for _ in truth.instruments]
        self._created: dict[str, int] = {}
        self._flying: dict[tuple[int, str], OrderRequest] = {}
        self._busy: dict[str, tuple[tuple[int, str], str, int]] = {}
        self._coming: dict[str, Coming] = {}
        self._portfolio = Portfolio(truth, terms.portfolio_e8)
        self._open = OpenNotional(truth, terms.open_notional_e8)
        self.rates = RateJudge(terms.rates, findings)
        self._http: deque[int] = deque()
        self._banned_ns = -BAN_NS
        self._private_up = False
        self._private_heard_ns = 0
        self.now_ms: Callable[[int], int] = lambda _: 0
        """The venue's time at an instant of the engine's; set by the world."""
        self.mode_fault: Callable[[], str] = lambda: ""
        """Why the running engine must send no create; set by the world for each engine."""
        self.epoch_fault: Callable[[str], str] = lambda _: ""
        """Why a create must not carry this id; set by the world."""
        self.gate_closed_ns = -1
        """Since when the engine was told to stop; -1: it was not."""
        self.first_cancel_ns = -1
        """When the first cancel after that left."""

    # What the tap tells.

    def http_left(self, link: Link, method: str, path: str, now_ns: int) -> None:
        """Any HTTP request left."""
        del link
        self._look("I7")
        if now_ns < self._banned_ns + BAN_NS:
            self._broke("I7", now_ns, f"{method} {path} sent to a host that had banned us")
        calls = self._http
        calls.append(now_ns)
        while calls[0] <= now_ns - IP_WINDOW_NS:
            calls.popleft()
        if len(calls) > IP_REQUESTS:
            self._broke("I7", now_ns, f"{len(calls)} HTTP requests in 5 s")

    def banned(self, now_ns: int) -> None:
        """A 403 was read."""
        self._banned_ns = now_ns

    def ban_over_ns(self) -> int:
        """When the last ban ends; until then nobody may ask the venue about an order."""
        return self._banned_ns + BAN_NS

    def book(self, symbol: str, kind: str, update: int, now_ns: int) -> None:
        """A book frame was read."""
        index = self._symbols[symbol]
        book = self._books[index]
        book.read_ns = now_ns
        if kind == WITNESS:
            return
        if kind == "snapshot":
            book.broken = False
        elif update != book.update + 1:
            book.broken = True
        book.update = update
        truth = self._venue.books[index]
        (bids, asks) = truth.levels(Side.BUY, 1), truth.levels(Side.SELL, 1)
        if bids and asks:
            book.mids.append((now_ns, bids[0][0] + asks[0][0]))
        while book.mids and book.mids[0][0] < now_ns - MID_MEMORY_NS:
            book.mids.popleft()

    def stream(self, kind: str, *, up: bool, now_ns: int) -> None:
        """A stream came up or went."""
        del now_ns
        if kind == PRIVATE:
            self._private_up = up
        elif not up and kind == "public":
            for book in self._books:
                book.broken = True

    def heard(self, kind: str, now_ns: int) -> None:
        """Anything was read on a stream."""
        if kind == PRIVATE:
            self._private_heard_ns = now_ns

    def executions(self, exec_ids: list[str]) -> None:
        """Reports of executions were read."""
        self._truth.heard(exec_ids)

    def order_over(self, key: tuple[int, str], *, answered: bool, limit: int, now_ns: int) -> None:
        """A reply was read, or its connection is over. The venue decides before it replies."""
        request = self._flying.pop(key, None)
        if request is not None:
            self.rates.answered(key, request, limit, now_ns)
        for item in request.items if request is not None else ():
            if self._busy.get(item.link_id, (None,))[0] == key:
                del self._busy[item.link_id]
            if answered:
                self.decided(item.link_id)

    def order_left(self, key: tuple[int, str], request: OrderRequest, now_ns: int) -> None:
        """An order request left."""
        if request.op == CANCEL_ALL:
            self._broke("I6", now_ns, "a cancel-all takes others' orders with it")
            return
        self.rates.left(key, request, now_ns)
        self._gate(request, now_ns)
        self._flying[key] = request
        for item in request.items:
            self._ours(item, request, now_ns)
            self._one_at_a_time(key, item, request, now_ns)
            if request.op == CREATE:
                self._once(item, now_ns)
            if request.op != CANCEL:
                self._fresh(item, now_ns)
                self._sane(item, request, now_ns)
                self._exposure(item, request, now_ns)

    def cancels_spent(self, now_ns: int) -> bool:
        """The budget of a kind of cancels was used up within the last second."""
        return self.rates.cancels_spent(now_ns)

    def end_of_engine(self) -> None:
        """The engine is gone, and what it had in the air is nobody's."""
        self._flying.clear()
        self._busy.clear()
        self.rates.new_engine()
        self._private_up = False
        self.gate_closed_ns = -1
        for book in self._books:
            book.broken = True

    # The promises.

    def _once(self, item: Item, now_ns: int) -> None:
        """I1: an id is created once, and its epoch was durable before."""
        self._look("I1")
        if item.link_id in self._created:
            self._broke("I1", now_ns, f"{item.link_id} was created twice")
        self._created[item.link_id] = now_ns
        fault = self.epoch_fault(item.link_id)
        if fault:
            self._broke("I1", now_ns, f"{item.link_id}: {fault}")

    def _ours(self, item: Item, request: OrderRequest, now_ns: int) -> None:
        """I6: nobody else's order is ever touched."""
        self._look("I6")
        if not item.link_id.startswith(self._truth.prefix):
            text = f"{request.op} of {item.link_id or 'an order without id'}, which is not ours"
            self._broke("I6", now_ns, text)

    def _one_at_a_time(
        self, key: tuple[int, str], item: Item, request: OrderRequest, now_ns: int
    ) -> None:
        """I12: one mutation in flight per order; a cancel may follow a cancel."""
        self._look("I12")
        other = self._busy.get(item.link_id)
        if other is not None and now_ns - other[2] >= self._terms.reply_ns:
            other = None
        if other is not None and not (other[1] == request.op == CANCEL):
            text = f"{request.op} of {item.link_id} while its {other[1]} is unanswered"
            self._broke("I12", now_ns, text)
        self._busy[item.link_id] = (key, request.op, now_ns)

    def _gate(self, request: OrderRequest, now_ns: int) -> None:
        """I10: after the stop only cancels leave."""
        if self.gate_closed_ns < 0:
            return
        self._look("I10")
        if request.op != CANCEL:
            late_ms = (now_ns - self.gate_closed_ns) / NS_PER_MS
            self._broke("I10", now_ns, f"a {request.op} left {late_ms:.3f} ms after the stop")
        elif self.first_cancel_ns < self.gate_closed_ns:
            self.first_cancel_ns = now_ns

    def _fresh(self, item: Item, now_ns: int) -> None:
        """I8: a valid and fresh book, a private stream in order, the right mode."""
        self._look("I8")
        book = self._books[self._symbols[item.symbol]]
        fault = self.mode_fault()
        if book.broken:
            fault = fault or f"the book of {item.symbol} has a gap or is not there"
        elif now_ns - book.read_ns > self._terms.stale_ns:
            fault = fault or f"the book of {item.symbol} is stale"
        if not self._private_up:
            fault = fault or "the private stream is not up"
        elif now_ns - self._private_heard_ns > PRIVATE_SILENCE_NS:
            silent_s = (now_ns - self._private_heard_ns) / NS_PER_S
            fault = fault or f"the private stream has been silent for {silent_s:.1f} s"
        if fault:
            self._broke("I8", now_ns, f"{item.link_id} left though {fault}")

    def _sane(self, item: Item, request: OrderRequest, now_ns: int) -> None:
        """I9: on the grid, within the instrument's and the configuration's limits."""
        self._look("I9")
        index = self._symbols[item.symbol]
        instrument, bounds = self._truth.instruments[index], self._terms.bounds[index]
        ticks, lots = _ticks(item.price, instrument), _lots(item.qty, instrument)
        if ticks is None or lots is None:
            self._broke("I9", now_ns, f"{request.op} off the grid: {item}")
            return
        if ticks and not instrument.min_price_ticks <= ticks <= instrument.max_price_ticks:
            self._broke("I9", now_ns, f"price outside the venue's range: {item}")
        if request.op == CREATE and not (ticks and lots):
            self._broke("I9", now_ns, f"a create without price or size: {item}")
        filled = self._filled(item.link_id)
        leaves = lots - filled
        if lots and not 0 < leaves <= min(bounds.max_order_lots, instrument.max_order_lots):
            self._maybe_filled(item, lots, leaves, now_ns)
        if ticks and lots and instrument.notional_e8(ticks, leaves) > bounds.max_value_e8:
            value = instrument.notional_e8(ticks, leaves) / E8
            self._broke("I9", now_ns, f"an order worth {value:.2f}: {item}")
        if ticks:
            self._near(index, ticks, item, now_ns)

    def _maybe_filled(self, item: Item, lots: int, leaves: int, now_ns: int) -> None:
        # An amend may cross a fill that the engine cannot know of yet.
        if leaves > 0:
            self._broke("I9", now_ns, f"{lots} lots are too many: {item}")

    def _near(self, index: int, ticks: int, item: Item, now_ns: int) -> None:
        mids = [mid for _, mid in self._books[index].mids]
        if not mids:
            return
        most = Decimal(max(mids)) * (1 + self._terms.bounds[index].max_distance) / 2
        least = Decimal(min(mids)) * (1 - self._terms.bounds[index].max_distance) / 2
        if not least - 2 <= ticks <= most + 2:
            text = f"{item.price} is too far from {min(mids) / 2} to {max(mids) / 2} ticks"
            self._broke("I9", now_ns, f"{text}: {item}")

    def _exposure(self, item: Item, request: OrderRequest, now_ns: int) -> None:
        """I4: position and all that is or could become open on this side stay in bounds."""
        self._look("I4")
        index = self._symbols[item.symbol]
        truth = self._truth
        order = truth.orders.get(item.link_id)
        lots = _lots(item.qty, truth.instruments[index]) or 0
        name = item.link_id
        if request.op == CREATE:
            side = 0 if item.side == "Buy" else 1
        elif order is not None and order.is_open:
            side = int(order.side)
            name, lots = "amend " + name, lots - order.lots
        else:
            return
        if lots > 0:
            expires_ns = now_ns + request.window_ms * NS_PER_MS + NS_PER_S
            self._coming[name] = Coming(index, side, lots, expires_ns)
            self._judge_all(item, name, now_ns)
        self._judge_side(index, side, item, now_ns)

    def _judge_side(self, index: int, side: int, item: Item, now_ns: int) -> None:
        truth, sign = self._truth, 1 - 2 * side
        self._drop_settled(now_ns)
        coming = sum(row[2] for row in self._coming.values() if row[:2] == (index, side))
        worst = sign * truth.positions[index] + truth.open_lots[index][side] + coming
        most = self._terms.bounds[index].max_position_lots + truth.foreign_drift(index, sign)
        if worst > most:
            text = (
                f"{item.link_id} could bring {item.symbol} to {worst} lots, at most {most}: "
                f"position {truth.positions[index]}, open {truth.open_lots[index][side]}, "
                f"on its way {coming}"
            )
            self._broke("I4", now_ns, text)

    def _judge_all(self, item: Item, name: str, now_ns: int) -> None:
        self._drop_settled(now_ns)
        mids = [min((mid for _, mid in book.mids), default=None) for book in self._books]
        if fault := self._portfolio.fault(name, self._coming, mids):
            self._broke("I4", now_ns, f"{item.link_id} left though {fault}")

    def _drop_settled(self, now_ns: int) -> None:
        """Forget what can no longer become open."""
        self._coming = {k: row for k, row in self._coming.items() if row.until_ns >= now_ns}

    def decided(self, link_id: str) -> None:
        """The venue has decided about a request with this id: nothing of it is coming."""
        self._coming.pop(link_id, None)
        self._coming.pop("amend " + link_id, None)

    def told(self, order: Order, now_ns: int) -> None:
        """An own order has changed at the venue."""
        self.decided(order.link_id)
        if fault := self._open.fault():
            self._broke("I4", now_ns, fault)

    def filled(self, order: Order, now_ns: int) -> None:
        """I4: the position itself, after each own fill."""
        self._look("I4")
        index, truth = order.instrument, self._truth
        position = truth.positions[index]
        sign = 1 if position > 0 else -1
        most = self._terms.bounds[index].max_position_lots + truth.foreign_ever(index, sign)
        if abs(position) > most:
            symbol = truth.instruments[index].symbol
            self._broke("I4", now_ns, f"{symbol}: a position of {position} lots, at most {most}")

    def _filled(self, link_id: str) -> int:
        order = self._truth.orders.get(link_id)
        return order.cum_lots if order is not None else 0

    def _look(self, invariant: str) -> None:
        self._findings.checked[invariant] += 1

    def _broke(self, invariant: str, now_ns: int, text: str) -> None:
        self._findings.broke(invariant, (now_ns - START_NS) / NS_PER_S, text)


def _ticks(price: Decimal | None, instrument: Instrument) -> int | None:
    """A price in ticks; 0 for none, None off the grid."""
    return _units(price, instrument.tick_decimals, instrument.tick_units)


def _lots(qty: Decimal | None, instrument: Instrument) -> int | None:
    """A quantity in lots; 0 for none, None off the grid."""
    return _units(qty, instrument.step_decimals, instrument.step_units)


def _units(value: Decimal | None, decimals: int, units: int) -> int | None:
    if value is None:
        return 0
    scaled = value.scaleb(decimals) / units
    return int(scaled) if scaled == int(scaled) and scaled > 0 else None
