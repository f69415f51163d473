"""The trading floor: orders meet here, and what follows from it is booked and told.

It decides nothing about manners: requests have been read, checked and paid for before they come
here (:mod:`mmfast.sim.exchange.tickets`, :mod:`mmfast.sim.exchange.checks`,
:mod:`mmfast.sim.limits.budgets`).
"""

from __future__ import annotations

from collections.abc import Collection

from mmfast.messages import Category, Side
from mmfast.sim.accounts.accounts import Account, Fees
from mmfast.sim.accounts.outbox import Outbox
from mmfast.sim.accounts.rows import Rows
from mmfast.sim.instruments.catalogue import shelf_of
from mmfast.sim.instruments.rules import TradingRules
from mmfast.sim.instruments.worth import atoms_of_e8, worth_of
from mmfast.sim.known import Known
from mmfast.sim.market.bands import Reference
from mmfast.sim.market.house import HOUSE_UID, House
from mmfast.sim.market.matching import OTHER_SIDE, Book, Engine, Resting
from mmfast.sim.market.prices import Prices
from mmfast.sim.market.tape import Tape
from mmfast.sim.orders.endings import Endings
from mmfast.sim.orders.ids import VenueIds
from mmfast.sim.orders.orders import (
    CANCEL_BY_ADMIN,
    CANCEL_BY_DCP,
    CANCEL_BY_REDUCE_ONLY,
    CANCEL_BY_SMP,
    CANCEL_UNKNOWN,
    FOK,
    IOC,
    NO_ERROR,
    NOT_ENOUGH_TO_FILL,
    POST_ONLY,
    SELF_MATCH,
    SMP_BOTH,
    SMP_MAKER,
    SMP_NONE,
    SMP_TAKER,
    USER_REQUEST,
    Fill,
    Order,
    Ticket,
)
from mmfast.sim.params import VenueParams
from mmfast.sim.seams import Print
from mmfast.units import Lots, Ms, Ticks


class Exchange:
    """Books, accounts and prices of all instruments.

    Every index is a position in the flat list of :mod:`mmfast.sim.instruments.catalogue`.
    """

    def __init__(self, params: VenueParams, uid: int) -> None:
        self._params = params
        self.shelf = shelf_of(params.listed())
        self.instruments = tuple(listing.instrument for listing in self.shelf)
        self.categories = tuple(instrument.category for instrument in self.instruments)
        self.worths = tuple(worth_of(instrument) for instrument in self.instruments)
        self.indexes: dict[Category, tuple[int, ...]] = {
            category: tuple(int(i.index) for i in self.instruments if i.category is category)
            for category in Category
        }
        """The instruments of each category, in listing order."""
        self._by_symbol = {(i.category, i.symbol): int(i.index) for i in self.instruments}
        self.known = Known()
        self.rules = TradingRules(self.instruments, self.known)
        self.engine = Engine(params.start_wall_ms)
        self.books = tuple(Book(self.engine) for _ in self.shelf)
        self.tapes = tuple(Tape(item.instrument, item.start_ticks) for item in self.shelf)
        self.references = tuple(Reference(item) for item in self.shelf)
        self.prices = Prices(self.instruments, self.references)
        self.rows = Rows(self.shelf, self.prices)
        self.outbox = Outbox(self.rows, self.instruments)
        self.prints: list[Print] = []
        """Trades since the venue last collected them."""
        self.house = House(self.worths)
        self.accounts: dict[int, Account] = {}
        self.open_account(uid)
        self._ids = VenueIds(params.seed)
        self._endings = Endings(params.switches, params.seed)
        self._keeps_queue = params.switches.amend_down_keeps_queue
        self._fills = 0

    def open_account(self, uid: int) -> Account:
        """A new user with the parameters' coins and fees; ``uid`` is fresh and not the house's."""
        params = self._params
        futures = Fees(params.maker_fee_e8, params.taker_fee_e8)
        fees = dict.fromkeys(Category, futures)
        fees[Category.SPOT] = Fees(params.spot_maker_fee_e8, params.spot_taker_fee_e8)
        wallet = {"USDT": int(params.balance_e8)}
        for coin, amount_e8 in params.coins_e8:
            wallet[coin] = wallet.get(coin, 0) + atoms_of_e8(coin, amount_e8)
        account = Account(uid, self.instruments, wallet, fees, self.engine.now_ms)
        self.accounts[uid] = account
        return account

    def find(self, category: Category, symbol: str) -> int | None:
        """Index of a symbol in its category; None when it is not listed there."""
        return self._by_symbol.get((category, symbol))

    # What accounts do.

    def place(self, account: Account, ticket: Ticket) -> Order:
        """Create an order and let it trade, rest or end.

        A reduce-only order larger than one order may be becomes several; the first, which bears
        the client's id, is returned.
        """
        most = int(self.instruments[ticket.instrument].max_order_lots)
        if ticket.lots <= most:
            return self._place_one(account, ticket)
        first = self._place_one(account, ticket._replace(lots=most))
        rest = ticket.lots - most if ticket.reduce_only else 0
        while rest > 0:
            self._place_one(account, ticket._replace(lots=min(rest, most), link_id=""))
            rest -= most
        return first

    def _place_one(self, account: Account, ticket: Ticket) -> Order:
        number = self.engine.next_number()
        order = Order(
            number,
            account.uid,
            self._ids.next(self.categories[ticket.instrument], number),
            ticket,
            self.tapes[ticket.instrument].last_ticks,
            self.engine.now_ms,
        )
        account.blotter.open(order)
        self._enter(account, order)
        return order

    def amend(self, account: Account, order: Order, ticks: int, lots: int) -> None:
        """Give a resting order a new price and total size (more than it has traded).

        Less size at the same price keeps the place in the queue (unless a switch says no); all
        else goes to the back, and a new price may trade.
        """
        book = self.books[order.instrument]
        order.updated_ms = self.engine.now_ms
        cut = order.lots - lots
        if ticks == order.ticks and cut >= 0 and self._keeps_queue:
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
        """Take an order out at its owner's wish.

        One that was filled a moment ago is beyond that: the refused cancel shows as a second
        ``Filled`` message.
        """
        if not order.is_open:
            self.outbox.refused_cancel(account, order)
            return
        account.release(order, order.leaves)
        self.books[order.instrument].remove(order)
        self._endings.by_user(order, self.categories[order.instrument], self.engine.now_ms)
        self._close(account, order)

    def expel(self, account: Account, order: Order) -> None:
        """Take an order out at the venue's wish."""
        self._pull(account, order, CANCEL_BY_ADMIN, NO_ERROR)

    def protect(self, account: Account, categories: Collection[Category]) -> None:
        """Take out all of an account's orders in these categories: its connections are dead."""
        for order in account.blotter.open_orders():
            if self.instruments[order.instrument].category in categories:
                self._pull(account, order, CANCEL_BY_DCP, USER_REQUEST)

    # What the market does: anonymous orders of the house.

    def submit_house(
        self, instrument: int, side: Side, ticks: int, lots: int, *, post_only: bool, ioc: bool
    ) -> int:
        """Enter a house order; its number, or 0 when nothing of it rests."""
        listing = self.instruments[instrument]
        ticks = self.rules.on_grid(instrument, side, ticks)
        if not self.rules.is_open(instrument):
            return 0
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
        self.house.add(instrument, order)
        return order.number

    def withdraw_house(self, instrument: int, number: int) -> bool:
        """Take a house order out; False when it is already gone."""
        order = self.house.remove(instrument, number)
        if order is None:
            return False
        self.books[instrument].remove(order)
        return True

    def house_lots(self, instrument: int, number: int) -> int:
        """What still rests of a house order in this book (0: gone)."""
        return self.house.leaves(instrument, number)

    def set_reference(self, instrument: int, index_ticks: int, mark_ticks: int) -> None:
        """Move index and mark price."""
        book = self.books[instrument]
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        self.references[instrument].move(
            index_ticks, mark_ticks, bid + ask if bid and ask else 0, self.engine.now_ms
        )
        self.prices.marks[instrument] = mark_ticks

    # How orders meet.

    def _enter(self, account: Account, order: Order) -> None:
        """Trade what can be traded, then rest or end what is left, and tell it."""
        book, category = self.books[order.instrument], self.categories[order.instrument]
        now_ms = self.engine.now_ms
        terms = order.time_in_force
        if terms == POST_ONLY and book.reachable(order.side, order.ticks):
            self._endings.would_take(order, category, now_ms)
        elif terms == FOK and not book.fillable(order.side, order.ticks, order.leaves):
            self._endings.cancel(order, category, CANCEL_UNKNOWN, NOT_ENOUGH_TO_FILL, now_ms)
        else:
            self._match(order.instrument, order)
            if order.is_open and terms in (IOC, FOK):
                dust = bool(order.quote) and book.reachable(order.side, order.ticks)
                self._endings.nothing_left(order, category, now_ms, dust=dust)
        if order.is_open:
            book.add(order)
            account.reserve(order)
            self.outbox.order(account, order)
        else:
            self._close(account, order)

    def _match(self, instrument: int, taker: Resting) -> None:
        """Trade ``taker`` against the book as far as its limit and its rules allow."""
        book = self.books[instrument]
        other = OTHER_SIDE[taker.side]
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
            lots = min(taker.leaves, maker.leaves)
            if isinstance(taker, Order) and taker.quote:
                left = taker.quote - taker.cum_value
                lots = min(lots, left // self.worths[instrument].value(maker.ticks, 1))
                if not lots:
                    return
            self.trade(instrument, taker, maker, lots)

    def _prevent_self_match(self, taker: Order, maker: Order) -> None:
        """Only the taker's wish counts; it ends the maker, the taker, or both."""
        if taker.smp_type in (SMP_MAKER, SMP_BOTH):
            maker.smp_order_id = taker.order_id
            self._pull(self.accounts[maker.uid], maker, CANCEL_BY_SMP, SELF_MATCH)
        if taker.smp_type in (SMP_TAKER, SMP_BOTH):
            taker.smp_order_id = maker.order_id
            category, now_ms = self.categories[taker.instrument], self.engine.now_ms
            self._endings.cancel(taker, category, CANCEL_BY_SMP, SELF_MATCH, now_ms)

    def trade(self, instrument: int, taker: Resting, maker: Resting, lots: int) -> None:
        """One trade at the maker's price, booked for both sides and printed."""
        ticks = maker.ticks
        value = self.worths[instrument].value(ticks, lots)
        if isinstance(maker, Order):
            self.accounts[maker.uid].release(maker, lots)
        else:
            self.house.trade(instrument, maker, lots, value)
        self.books[instrument].reduce(maker, lots)
        taker.leaves -= lots
        trade = self.print_trade(instrument, taker.side, ticks, lots)
        if isinstance(maker, Order):
            self._settle(maker, trade, value, is_maker=True)
        if isinstance(taker, Order):
            self._settle(taker, trade, value, is_maker=False)
        else:
            self.house.trade(instrument, taker, lots, value)
        if self.categories[instrument] is not Category.SPOT:
            for uid in dict.fromkeys((maker.uid, taker.uid)):
                if uid != HOUSE_UID:
                    self._trim(self.accounts[uid], instrument)

    def print_trade(self, instrument: int, side: Side, ticks: int, lots: int) -> Print:
        """Tell the public of a trade; ``side`` is the taker's."""
        trade = Print(
            instrument,
            side,
            Ticks(ticks),
            Lots(lots),
            self.engine.next_trade(),
            self.engine.seq,
            Ms(self.engine.now_ms),
        )
        self.prints.append(trade)
        self.tapes[instrument].add(trade)
        return trade

    def _settle(self, order: Order, trade: Print, value: int, *, is_maker: bool) -> None:
        """Book one side of a trade: order, position, coins, history."""
        account = self.accounts[order.uid]
        now_ms = self.engine.now_ms
        paid = account.settle(order, trade.lots, value, is_maker=is_maker)
        account.holdings[order.instrument].leg(order.position_idx).touch(now_ms, trade.seq)
        account.updated_ms = now_ms
        order.fill(trade.lots, value, now_ms)
        order.pay(paid.fee_coin, paid.fee, paid.closed.pnl)
        self._fills += 1
        fill = Fill(
            number=self._fills,
            exec_id=self._ids.next(self.categories[order.instrument], self._fills),
            order_id=order.order_id,
            link_id=order.link_id,
            instrument=order.instrument,
            side=order.side,
            is_market=order.is_market,
            order_ticks=order.ticks,
            order_lots=order.lots,
            order_quote=order.quote,
            leaves=order.leaves,
            ticks=trade.price_ticks,
            lots=trade.lots,
            value=value,
            fee=paid.fee,
            fee_coin=paid.fee_coin,
            rate_e8=paid.rate_e8,
            is_maker=is_maker,
            closed_lots=paid.closed.lots,
            pnl=paid.closed.pnl,
            mark_ticks=self.prices.marks[order.instrument],
            index_ticks=self.references[order.instrument].index_ticks,
            exec_ms=Ms(now_ms),
            seq=trade.seq,
            market_unit=order.market_unit,
        )
        account.blotter.fills.append(fill)
        self.outbox.fill(account, fill)
        if is_maker:
            if not order.is_open:
                account.blotter.close(order)
            self.outbox.order(account, order)

    # Reduce-only: such an order never outgrows the position it may close. It enters no larger
    # than that, and a taker shrinks with the position; only resting ones must be looked after.

    def _trim(self, account: Account, instrument: int) -> None:
        """Cut or cancel resting reduce-only orders that are larger than the position."""
        for leg in account.holdings[instrument].legs:
            for order in list(leg.reduce_only.values()):
                room = leg.closable(order.side)
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
        category = self.categories[order.instrument]
        self._endings.cancel(order, category, cancel_type, reason, self.engine.now_ms)
        self._close(account, order)

    def _close(self, account: Account, order: Order) -> None:
        account.blotter.close(order)
        self.outbox.order(account, order)
