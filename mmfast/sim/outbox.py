"""Private events of one step of the exchange, gathered and then told in one go.

A step (one request, or one act of the market) gives at most one message per stream and account:
orders first, then executions, positions, wallet.
"""

from __future__ import annotations

from mmfast.sim.accounts import Account
from mmfast.sim.orders import CATEGORY, Fill, Order
from mmfast.sim.rows import Row, Rows
from mmfast.sim.seams import PrivateSink


class _Letter:
    """What one account has to be told."""

    __slots__ = ("account", "fills", "moved", "orders", "paid")

    def __init__(self, account: Account) -> None:
        self.account = account
        self.orders: list[Row] = []
        self.fills: list[Row] = []
        self.moved: dict[int, None] = {}
        self.paid = False


class Outbox:
    """Collects what changed; rows of orders and fills are written as things stand then."""

    __slots__ = ("_letters", "_rows")

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._letters: dict[int, _Letter] = {}

    def _letter(self, account: Account) -> _Letter:
        letter = self._letters.get(account.uid)
        if letter is None:
            letter = self._letters[account.uid] = _Letter(account)
        return letter

    def order(self, account: Account, order: Order) -> None:
        """An order changed. The venue tells the position with it, changed or not."""
        letter = self._letter(account)
        letter.orders.append(self._rows.order_event(order))
        letter.moved[order.instrument] = None

    def fill(self, account: Account, fill: Fill) -> None:
        """An order traded, and so cash changed."""
        letter = self._letter(account)
        letter.fills.append(self._rows.fill_event(fill))
        letter.paid = True

    def flush(self, sink: PrivateSink) -> None:
        """Hand everything over and start anew."""
        if not self._letters:
            return
        letters, self._letters = self._letters, {}
        for uid, letter in letters.items():
            account = letter.account
            sink.private(uid, "order", CATEGORY, letter.orders)
            if letter.fills:
                sink.private(uid, "execution", CATEGORY, letter.fills)
            rows = [self._rows.position_event(account, i) for i in letter.moved]
            sink.private(uid, "position", CATEGORY, rows)
            if letter.paid:
                sink.private(uid, "wallet", CATEGORY, [self._rows.wallet(account)])
