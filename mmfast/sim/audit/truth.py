"""How the account really stands, for tests and reports: nothing in the venue reads it."""

from __future__ import annotations

import hashlib
from typing import Final

from mmfast.messages import Category, Side
from mmfast.sim.accounts.rows import Row
from mmfast.sim.exchange.floor import Exchange

_WHOLE_BOOK: Final = 1 << 30


def open_orders(exchange: Exchange, uid: int) -> list[Row]:
    """Rows of an account's open orders, oldest first."""
    orders = exchange.accounts[uid].blotter.open_orders()
    return [exchange.rows.order(order) for order in orders]


def positions(exchange: Exchange, uid: int) -> dict[str, int]:
    """Signed lots by symbol, flat ones included; spot has coins, not positions."""
    account = exchange.accounts[uid]
    return {
        instrument.symbol: account.holdings[instrument.index].lots
        for instrument in exchange.instruments
        if instrument.category is not Category.SPOT
    }


def state_digest(exchange: Exchange, uid: int) -> str:
    """SHA-256 over open orders, positions, balance and books.

    Times and the venue's own ids are left out, so that runs of the same intents compare
    equal however fast they went.
    """
    account = exchange.accounts[uid]
    orders = sorted(
        (o.link_id, o.instrument, o.side, o.ticks, o.lots, o.cum_lots)
        for o in account.blotter.open_orders()
    )
    held = [(leg.lots, leg.entry, leg.cum_realised) for h in account.holdings for leg in h.legs]
    books = [[book.levels(side, _WHOLE_BOOK) for side in Side] for book in exchange.books]
    state = repr((orders, held, sorted(account.wallet.items()), books))
    return hashlib.sha256(state.encode()).hexdigest()
