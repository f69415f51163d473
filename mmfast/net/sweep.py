"""Finding and cancelling open orders by name, over a connection of its own.

Needs no instruments, no engine and no stream: an address and a key are enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from mmfast.bybit import rest as api
from mmfast.bybit.auth import Credentials, Window
from mmfast.bybit.naming import CANCEL_PATH, CancelAnswer, NamedOrder, cancel_answer, cancel_body
from mmfast.bybit.rows import RowReader
from mmfast.clock import Clock, VenueClock
from mmfast.errors import AuthError, RemoteProtocolError, TransportError
from mmfast.ids import ClientIds
from mmfast.messages import Category
from mmfast.net.http import Attempt, HttpPool, Limits, Log, ignore_log
from mmfast.net.queries import Queries
from mmfast.net.tls import tls_context
from mmfast.units import NS_PER_MS, NS_PER_S

SETTLE_COINS: Final = {Category.LINEAR: ("USDT", "USDC"), Category.SPOT: ("",)}
"""What an account's open orders are listed by, in each category."""
_MAX_PAGES: Final = 200
_PARALLEL_CANCELS: Final = 16
_PAUSE_NS: Final = 100 * NS_PER_MS
_MAX_PAUSE_NS: Final = NS_PER_S


class Sweeper(Queries):
    """Lists open orders and cancels those asked for, page by page as the list comes in."""

    def __init__(
        self,
        *,
        rest_url: str,
        credentials: Credentials,
        clock: Clock,
        venue_clock: VenueClock,
        ids: ClientIds,
        category: Category,
        max_batch_orders: int,
        timeout_s: float,
        log: Log = ignore_log,
    ) -> None:
        pool = HttpPool(
            rest_url,
            credentials,
            clock,
            venue_clock,
            tls=tls_context(),
            limits=Limits(
                connections=_PARALLEL_CANCELS + 4, total_s=timeout_s, connect_s=timeout_s
            ),
            log=log,
        )
        super().__init__(pool, venue_clock, RowReader((), ids, category))
        self._log = log
        self._clock = clock
        self._max_batch_orders = max_batch_orders
        self._hold_until_ns = 0
        self._slots = asyncio.Semaphore(_PARALLEL_CANCELS)

    async def sweep_once(self, wanted: Callable[[str], bool]) -> int:
        """One pass over all open orders; those whose orderLinkId is ``wanted`` are cancelled.

        Returns how many such orders the list showed. Raises what the queries raise, and AuthError
        when the venue refuses to cancel for this key; then the pass proves nothing.
        """
        coins = SETTLE_COINS.get(self._category, ("",))
        counts = await asyncio.gather(
            *(self._sweep_coin(coin, wanted) for coin in coins), return_exceptions=True
        )
        for count in counts:
            if isinstance(count, BaseException):
                raise count
        return sum(count for count in counts if isinstance(count, int))

    async def _sweep_coin(self, coin: str, wanted: Callable[[str], bool]) -> int:
        cancels: list[asyncio.Task[None]] = []
        found = 0
        try:
            cursor = ""
            for _ in range(_MAX_PAGES):
                query = api.open_orders(self._category, coin, cursor=cursor)
                page = api.decoded(query, api.ORDER_PAGE, await self._ask(query))
                names = [NamedOrder(row.symbol, row.order_link_id or "") for row in page.rows]
                mine = [name for name in names if wanted(name.link_id)]
                found += len(mine)
                cancels += self._start_cancels(mine)
                following = page.next_page_cursor or ""
                if not following or not page.rows or following == cursor:
                    break
                cursor = following
            else:
                raise RemoteProtocolError("order/realtime: the list did not end")
            await asyncio.gather(*cancels)
        finally:
            for task in cancels:
                task.cancel()
            await asyncio.gather(*cancels, return_exceptions=True)
        return found

    def _start_cancels(self, orders: Sequence[NamedOrder]) -> list[asyncio.Task[None]]:
        size = self._max_batch_orders
        return [
            asyncio.ensure_future(self._cancel(orders[start : start + size]))
            for start in range(0, len(orders), size)
        ]

    async def _cancel(self, orders: Sequence[NamedOrder]) -> None:
        """Send one batch of cancels. What fails is found again by the next pass."""
        body = cancel_body(self._category, orders)
        async with self._slots:
            await asyncio.sleep(max(self._hold_until_ns - self._clock.now_ns(), 0) / NS_PER_S)
            try:
                reply = await self._pool.request(
                    "POST",
                    CANCEL_PATH,
                    "order/cancel-batch",
                    Attempt(body, Window.LONG),
                    self._pool.limits.max_reply_bytes,
                )
            except TransportError as error:
                self._log("warning", "sweep", f"a batch of cancels got no answer: {error}")
                return
        answer = cancel_answer(reply.status, reply.body)
        if answer.throttled:
            # The budget is the account's: whoever else cancels on it draws from it too.
            wait_ns = (reply.rate.reset_ms - self._venue_clock.venue_ms()) * NS_PER_MS
            pause_ns = min(max(wait_ns, _PAUSE_NS), _MAX_PAUSE_NS)
            self._hold_until_ns = self._clock.now_ns() + pause_ns
        await self._mend(answer)

    async def _mend(self, answer: CancelAnswer) -> None:
        if answer.auth:
            raise AuthError(0, f"the key may not cancel: {answer.fault}", "order/cancel-batch")
        if answer.clock:
            await self.server_time()
        elif answer.fault and not answer.throttled:
            self._log("warning", "sweep", f"a batch of cancels was refused: {answer.fault}")
