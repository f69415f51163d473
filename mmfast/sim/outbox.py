"""Private events of one step of the exchange, gathered and then told in one go.

A step (one request, or one act of the market) gives at most one message per stream, category and
account: orders first, then executions, positions, wallet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mmfast.messages import Category, Instrument
from mmfast.sim.accounts import Account
from mmfast.sim.orders import Fill, Order
from mmfast.sim.rows import Row, Rows
from mmfast.sim.seams import PrivateSink

WALLET_CATEGORY: Final = ""
"""The wallet belongs to no category."""


class _Letter:
    """What one account has to be told of one category."""

    __slots__ = ("account", "category", "fills", "moved", "orders")

    def __init__(self, account: Account, category: Category) -> None:
        self.account = account
        self.category = category
        self.orders: list[Row] = []
        self.fills: list[Row] = []
        self.moved: dict[int, None] = {}


class Outbox:
    """Collects what changed; rows of orders and fills are written as things stand then."""

    __slots__ = ("_categories", "_letters", "_paid", "_rows")

    def __init__(self, rows: Rows, instruments: Sequence[Instrument]) -> None:
        self._rows = rows
        self._categories = tuple(instrument.category for instrument in instruments)
        self._letters: dict[tuple[int, Category], _Letter] = {}
        self._paid: dict[int, Account] = {}

    def _letter(self, account: Account, instrument: int) -> _Letter:
        category = self._categories[instrument]
        letter = self._letters.get((account.uid, category))
        if letter is None:
            letter = self._letters[account.uid, category] = _Letter(account, category)
        return letter

    def order(self, account: Account, order: Order) -> None:
        """An order changed. The venue tells the position with it, changed or not."""
        letter = self._letter(account, order.instrument)
        letter.orders.append(self._rows.order_event(order))
        letter.moved[order.instrument] = None

    def fill(self, account: Account, fill: Fill) -> None:
        """An order traded, and so cash changed."""
        letter = self._letter(account, fill.instrument)
        letter.fills.append(self._rows.fill_event(fill))
        self._paid[account.uid] = account

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
            if category is not Category.SPOT:
                rows = [self._rows.position_event(letter.account, i) for i in letter.moved]
                sink.private(uid, "position", word, rows)
        for uid, account in paid.items():
            sink.private(uid, "wallet", WALLET_CATEGORY, [self._rows.wallet(account)])
