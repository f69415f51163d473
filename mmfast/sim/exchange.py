"""The trading floor: orders meet here, and what follows from it is booked and told.

It decides nothing about manners: requests have been read, checked and paid for before they come
here (:mod:`mmfast.sim.tickets`, :mod:`mmfast.sim.checks`, :mod:`mmfast.sim.limits`).
"""

from __future__ import annotations

import random

from mmfast.messages import Category, Side
from mmfast.sim.accounts import Account, Fees, Position, fee_e8
from mmfast.sim.bands import Reference
from mmfast.sim.catalogue import shelf_of
from mmfast.sim.matching import Book, Engine, Resting
from mmfast.sim.orders import (
    CANCEL_BY_REDUCE_ONLY,
    CANCEL_BY_SMP,
    CANCEL_BY_USER,
    CANCEL_UNKNOWN,
    FOK,
    IOC,
    NO_ERROR,
    NOT_ENOUGH_TO_FILL,
    NOTHING_TO_FILL,
    POST_ONLY,
    REST_OF_IOC,
    SELF_MATCH,
    SMP_BOTH,
    SMP_MAKER,
    SMP_NONE,
    SMP_TAKER,
    USER_REQUEST,
    WOULD_TAKE,
    Fill,
    Order,
    Ticket,
)
from mmfast.sim.outbox import Outbox
from mmfast.sim.params import VenueParams
from mmfast.sim.rows import Rows
from mmfast.sim.seams import Print
from mmfast.sim.tape import Tape
from mmfast.units import Lots, Ms, Ticks

HOUSE_UID = 0


def uuid_text(bits: int) -> str:
    """128 bits as the text form of an id."""
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Exchange:
    """Books, accounts and prices of all instruments.

    Every index is a position in the flat list of :mod:`mmfast.sim.catalogue`.
    """

    def __init__(self, params: VenueParams, uid: int) -> None:
        self.shelf = shelf_of(params.listed())
        self.instruments = tuple(listing.instrument for listing in self.shelf)
        self.indexes: dict[Category, tuple[int, ...]] = {
            category: tuple(int(i.index) for i in self.instruments if i.category is category)
            for category in Category
        }
        """The instruments of each category, in listing order."""
        self._by_symbol = {(i.category, i.symbol): int(i.index) for i in self.instruments}
        self.engine = Engine(params.start_wall_ms)
        self.books = tuple(Book(self.engine) for _ in self.shelf)
        self.tapes = tuple(Tape(item.instrument, item.start_ticks) for item in self.shelf)
        self.references = tuple(Reference(item) for item in self.shelf)
        self.marks = [reference.mark_ticks for reference in self.references]
        self.rows = Rows(self.shelf, self.marks)
        self.outbox = Outbox(self.rows, self.instruments)
        self.prints: list[Print] = []
        """Trades since the venue last collected them."""
        fees = Fees(params.maker_fee_e8, params.taker_fee_e8)
        self.accounts = {
            uid: Account(uid, self.instruments, params.balance_e8, fees, self.engine.now_ms)
        }
        self._ids = random.Random(f"ids {params.seed}")
        # House orders by number, each with its instrument.
        self._house: dict[int, tuple[int, Resting]] = {}
        self._fills = 0

    def find(self, category: Category, symbol: str) -> int | None:
        """Index of a symbol in its category; None when it is not listed there."""
        return self._by_symbol.get((category, symbol))

    # What accounts do.

    def place(self, account: Account, ticket: Ticket) -> Order:
        """Create an order and let it trade, rest or end."""
        order = Order(
            self.engine.next_number(),
            account.uid,
            uuid_text(self._ids.getrandbits(128)),
            ticket,
            self.tapes[ticket.instrument].last_ticks,
            self.engine.now_ms,
        )
        account.blotter.open(order)
        self._enter(account, order)
        return order

    def amend(self, account: Account, order: Order, ticks: int, lots: int) -> None:
        """Give a resting order a new price and total size (more than it has traded).

        Less size at the same price keeps the place in the queue; all else goes to the back,
        and a new price may trade.
        """
        book = self.books[order.instrument]
        order.updated_ms = self.engine.now_ms
        cut = order.lots - lots
        if ticks == order.ticks and cut >= 0:
            account.release(order, cut)
            book.reduce(order, cut)
            order.lots = lots
            self.outbox.order(account, order)
            return
        account.release(order, order.leaves)
        book.remove(order)
        order.ticks = ticks
        order.lots = lots
        order.leaves = lots - order.cum_lots
        self._enter(account, order)

    def cancel(self, account: Account, order: Order) -> None:
        """Take an order out at its owner's wish."""
        self._pull(account, order, CANCEL_BY_USER, USER_REQUEST)

    # What the market does: anonymous orders of the house.

    def submit_house(
        self, instrument: int, side: Side, ticks: int, lots: int, *, post_only: bool, ioc: bool
    ) -> int:
        """Enter a house order; its number, or 0 when nothing of it rests."""
        listing = self.instruments[instrument]
        if lots < 1 or not listing.min_price_ticks <= ticks <= listing.max_price_ticks:
            return 0
        book = self.books[instrument]
        if post_only and book.reachable(side, ticks):
            return 0
        order = Resting(self.engine.next_number(), HOUSE_UID, side, ticks, lots)
        self._match(instrument, order)
        if ioc or not order.leaves:
            return 0
        book.add(order)
        self._house[order.number] = (instrument, order)
        return order.number

    def withdraw_house(self, instrument: int, number: int) -> bool:
        """Take a house order out; False when it is already gone."""
        entry = self._house.get(number)
        if entry is None or entry[0] != instrument:
            return False
        del self._house[number]
        self.books[instrument].remove(entry[1])
        return True

    def house_lots(self, instrument: int, number: int) -> Lots:
        """What still rests of a house order in this book (0: gone)."""
        entry = self._house.get(number)
        if entry is None or entry[0] != instrument:
            return Lots(0)
        return Lots(entry[1].leaves)

    def set_reference(self, instrument: int, index_ticks: int, mark_ticks: int) -> None:
        """Move index and mark price."""
        book = self.books[instrument]
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        self.references[instrument].move(
            index_ticks, mark_ticks, bid + ask if bid and ask else 0, self.engine.now_ms
        )
        self.marks[instrument] = mark_ticks

    # How orders meet.

    def _enter(self, account: Account, order: Order) -> None:
        """Trade what can be traded, then rest or end what is left, and tell it."""
        book = self.books[order.instrument]
        now_ms = self.engine.now_ms
        terms = order.time_in_force
        if terms == POST_ONLY and book.reachable(order.side, order.ticks):
            order.end(CANCEL_UNKNOWN, WOULD_TAKE, now_ms)
        elif terms == FOK and not book.fillable(order.side, order.ticks, order.leaves):
            order.end(CANCEL_UNKNOWN, NOT_ENOUGH_TO_FILL, now_ms)
        else:
            self._match(order.instrument, order)
            if order.leaves and terms in (IOC, FOK):
                reason = REST_OF_IOC if order.cum_lots else NOTHING_TO_FILL
                order.end(CANCEL_UNKNOWN, reason, now_ms)
        if order.is_open:
            book.add(order)
            account.reserve(order)
        else:
            account.blotter.close(order)
        self.outbox.order(account, order)

    def _match(self, instrument: int, taker: Resting) -> None:
        """Trade ``taker`` against the book as far as its limit and its rules allow."""
        book = self.books[instrument]
        other = Side(1 - taker.side)
        while taker.leaves and book.reachable(taker.side, taker.ticks):
            maker = book.front(other)
            assert maker is not None  # noqa: S101 - reachable says that the side is not empty
            if (
                isinstance(taker, Order)
                and isinstance(maker, Order)
                and maker.uid == taker.uid
                and taker.smp_type != SMP_NONE
            ):
                self._prevent_self_match(taker, maker)
                continue
            self._trade(instrument, taker, maker)

    def _prevent_self_match(self, taker: Order, maker: Order) -> None:
        """Only the taker's wish counts; it ends the maker, the taker, or both."""
        if taker.smp_type in (SMP_MAKER, SMP_BOTH):
            maker.smp_order_id = taker.order_id
            self._pull(self.accounts[maker.uid], maker, CANCEL_BY_SMP, SELF_MATCH)
        if taker.smp_type in (SMP_TAKER, SMP_BOTH):
            taker.smp_order_id = maker.order_id
            taker.end(CANCEL_BY_SMP, SELF_MATCH, self.engine.now_ms)

    def _trade(self, instrument: int, taker: Resting, maker: Resting) -> None:
        """One trade at the maker's price, booked for both sides and printed."""
        lots = min(taker.leaves, maker.leaves)
        ticks = maker.ticks
        value_e8 = self.instruments[instrument].notional_e8(ticks, lots)
        if isinstance(maker, Order):
            self.accounts[maker.uid].release(maker, lots)
        elif lots == maker.leaves:
            del self._house[maker.number]
        self.books[instrument].reduce(maker, lots)
        taker.leaves -= lots
        number = self.engine.next_trade()
        trade = Print(
            instrument,
            taker.side,
            Ticks(ticks),
            Lots(lots),
            number,
            self.engine.seq,
            Ms(self.engine.now_ms),
        )
        self.prints.append(trade)
        self.tapes[instrument].add(trade)
        if isinstance(maker, Order):
            self._settle(maker, trade, value_e8, is_maker=True)
        if isinstance(taker, Order):
            self._settle(taker, trade, value_e8, is_maker=False)
        for uid in dict.fromkeys((maker.uid, taker.uid)):
            if uid != HOUSE_UID:
                account = self.accounts[uid]
                self._trim(account, account.positions[instrument])

    def _settle(self, order: Order, trade: Print, value_e8: int, *, is_maker: bool) -> None:
        """Book one side of a trade: order, position, cash, history."""
        account = self.accounts[order.uid]
        position = account.positions[order.instrument]
        rate_e8 = account.fees.maker_e8 if is_maker else account.fees.taker_e8
        fee = fee_e8(value_e8, rate_e8)
        now_ms = self.engine.now_ms
        closed = account.settle(position, order.side, trade.lots, value_e8, fee)
        position.touch(now_ms, trade.seq)
        account.updated_ms = now_ms
        order.fill(trade.lots, value_e8, fee, closed.pnl_e8, now_ms)
        self._fills += 1
        fill = Fill(
            number=self._fills,
            exec_id=uuid_text(self._ids.getrandbits(128)),
            order_id=order.order_id,
            link_id=order.link_id,
            instrument=order.instrument,
            side=order.side,
            is_market=order.is_market,
            order_ticks=order.ticks,
            order_lots=order.lots,
            leaves=order.leaves,
            ticks=trade.price_ticks,
            lots=trade.lots,
            value_e8=value_e8,
            fee_e8=fee,
            rate_e8=rate_e8,
            is_maker=is_maker,
            closed_lots=closed.lots,
            pnl_e8=closed.pnl_e8,
            mark_ticks=self.marks[order.instrument],
            index_ticks=self.references[order.instrument].index_ticks,
            exec_ms=Ms(now_ms),
            seq=trade.seq,
        )
        account.blotter.fills.append(fill)
        self.outbox.fill(account, fill)
        if is_maker:
            if not order.is_open:
                account.blotter.close(order)
            self.outbox.order(account, order)

    # Reduce-only: such an order never outgrows the position it may close. It enters no larger
    # than that, and a taker shrinks with the position; only resting ones must be looked after.

    def _trim(self, account: Account, position: Position) -> None:
        """Cut or cancel resting reduce-only orders that are larger than the position."""
        for order in list(position.reduce_only.values()):
            room = position.closable(order.side)
            if not room:
                self._pull(account, order, CANCEL_BY_REDUCE_ONLY, NO_ERROR)
            elif order.leaves > room:
                cut = order.leaves - room
                account.release(order, cut)
                self.books[order.instrument].reduce(order, cut)
                order.lots -= cut
                order.updated_ms = self.engine.now_ms
                self.outbox.order(account, order)

    def _pull(self, account: Account, order: Order, cancel_type: str, reason: str) -> None:
        """Take a resting order out of the book for good."""
        account.release(order, order.leaves)
        self.books[order.instrument].remove(order)
        order.end(cancel_type, reason, self.engine.now_ms)
        account.blotter.close(order)
        self.outbox.order(account, order)
