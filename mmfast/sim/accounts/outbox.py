"""Private events of one step of the exchange, gathered and then told in one go.

A step (one request, or one act of the market) gives at most one message per stream, category and
account: orders first, then executions, positions, wallet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from mmfast.messages import Category, Instrument
from mmfast.sim.accounts.accounts import Account
from mmfast.sim.accounts.rows import Row, Rows
from mmfast.sim.orders.orders import CANCEL_BY_USER, UNKNOWN_TO_CANCEL, Fill, Order
from mmfast.sim.seams import PrivateSink

WALLET_CATEGORY: Final = ""
"""The wallet belongs to no category."""


class Watcher(Protocol):
    """Whoever is shown every change of orders and every fill, at its very instant."""

    def order(self, account: Account, order: Order) -> None:
        """An order changed."""
        ...

    def fill(self, account: Account, fill: Fill) -> None:
        """An order traded."""
        ...


class _Letter:
    """What one account has to be told of one category."""

    __slots__ = ("account", "category", "fills", "moved", "orders")

    def __init__(self, account: Account, category: Category) -> None:
        self.account = account
        self.category = category
        self.orders: list[Row] = []
        self.fills: list[Row] = []
        self.moved: dict[tuple[int, int], None] = {}


class Outbox:
    """Collects what changed; rows of orders and fills are written as things stand then."""

    __slots__ = ("_instruments", "_letters", "_paid", "_rows", "watchers")

    def __init__(self, rows: Rows, instruments: Sequence[Instrument]) -> None:
        self._rows = rows
        self._instruments = instruments
        self._letters: dict[tuple[int, Category], _Letter] = {}
        # Accounts whose coins changed, with the coins.
        self._paid: dict[int, tuple[Account, dict[str, None]]] = {}
        self.watchers: list[Watcher] = []
        """Shown everything, in this order."""

    def _letter(self, account: Account, instrument: int) -> _Letter:
        category = self._instruments[instrument].category
        letter = self._letters.get((account.uid, category))
        if letter is None:
            letter = self._letters[account.uid, category] = _Letter(account, category)
        return letter

    def order(self, account: Account, order: Order) -> None:
        """An order changed. The venue tells the position with it, changed or not."""
        letter = self._letter(account, order.instrument)
        letter.orders.append(self._rows.order_event(order))
        letter.moved[order.instrument, order.position_idx] = None
        for watcher in self.watchers:
            watcher.order(account, order)

    def refused_cancel(self, account: Account, order: Order) -> None:
        """A cancel that lost to the full fill: the order's last message again, as if cancelled."""
        row = self._rows.order_event(order)
        row["cancelType"] = CANCEL_BY_USER
        row["rejectReason"] = UNKNOWN_TO_CANCEL
        self._letter(account, order.instrument).orders.append(row)

    def fill(self, account: Account, fill: Fill) -> None:
        """An order traded, and so the balances of its coins changed."""
        letter = self._letter(account, fill.instrument)
        letter.fills.append(self._rows.fill_event(fill))
        for watcher in self.watchers:
            watcher.fill(account, fill)
        paid = self._paid.get(account.uid)
        if paid is None:
            paid = self._paid[account.uid] = (account, {})
        instrument = self._instruments[fill.instrument]
        coins = paid[1]
        if instrument.category is Category.SPOT:
            coins[instrument.base_coin] = coins[instrument.quote_coin] = None
        else:
            coins[instrument.settle_coin] = None

    def flush(self, sink: PrivateSink) -> None:
        """Hand everything over and start anew."""
        if not self._letters:
            return
        letters, self._letters = self._letters, {}
        paid, self._paid = self._paid, {}
        for (uid, category), letter in letters.items():
            word = category.text
            if letter.orders:
                sink.private(uid, "order", word, letter.orders)
            if letter.fills:
                sink.private(uid, "execution", word, letter.fills)
            if letter.moved and category is not Category.SPOT:
                tell = self._rows.position_event
                rows = [tell(letter.account, i, leg) for i, leg in letter.moved]
                sink.private(uid, "position", word, rows)
        for uid, (account, coins) in paid.items():
            sink.private(uid, "wallet", WALLET_CATEGORY, [self._rows.wallet(account, coins)])
