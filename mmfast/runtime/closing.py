"""The end of a run: proof that no own order is left, or a list of what may be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from mmfast._core.fixed import format_grid
from mmfast.bybit.auth import Credentials
from mmfast.bybit.hosts import Endpoints
from mmfast.clock import Clock, VenueClock
from mmfast.config import Config
from mmfast.errors import MmfastError
from mmfast.ids import ClientIds
from mmfast.messages import Category, Command, Instrument, OrderUpdate
from mmfast.net.rest import BybitRest
from mmfast.net.sweep import Sweeper
from mmfast.runtime.direct_cancels import Ledger, Sender, cancel_of, send_cancels
from mmfast.runtime.logs import say
from mmfast.runtime.sweep import sweep
from mmfast.units import NOT_OURS, NS_PER_MS, NS_PER_S

DRAIN_LIMIT_NS: Final = 15 * NS_PER_S
"""Longer than an outcome can stay in doubt; then the exit code says that nothing is proven."""
HELP_AFTER_NS: Final = 2 * NS_PER_S
"""If the kernel's own cancels have not done it by then, orders are cancelled as found."""
LEFTOVERS_LIMIT_NS: Final = 6 * NS_PER_S
"""For a run that never began to trade; beyond what one request may take to become void."""
_POLL_S: Final = 0.05
_RETRY_S: Final = 0.25


class VenueSide(Sender, Protocol):
    """What closing needs of the venue beside that."""

    async def settled_open_orders(self, passes: int = 6) -> tuple[OrderUpdate, ...]:
        """Open orders, read until two passes agree."""
        ...


class Opened(Protocol):
    """First contact with the venue, as far as the sweep of leftovers needs it."""

    endpoints: Endpoints
    credentials: Credentials
    clock: Clock
    venue_clock: VenueClock
    ids: ClientIds
    category: Category
    rest: BybitRest


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended. ``open_orders`` is what the venue showed last, -1 if it never answered."""

    proven_empty: bool
    open_orders: int
    may_rest: tuple[str, ...] = ()


async def prove_empty(
    *,
    venue: VenueSide,
    clock: Clock,
    ledger: Ledger,
    kernel_open: Callable[[], int],
    kernel_works: bool,
    settled_after_ns: int,
    describe: Callable[[OrderUpdate], str],
    on_cancel: Callable[[Sequence[Command]], None],
    limit_ns: int = DRAIN_LIMIT_NS,
) -> Verdict:
    """Wait until the venue shows, in two equal readings, that none of our orders is open.

    A reading counts only when the kernel has nothing resting, in flight or unknown. If the kernel
    has failed, nothing of it is believed: then a reading counts when it began after
    ``settled_after_ns``, when nothing sent before can be accepted any more. ``ledger``
    pays for the cancels that leave past the kernel, so that the venue refuses none for its rate,
    and ``on_cancel`` hears of them before they do: they are ours, too.
    """
    began_ns = clock.now_ns()
    own: tuple[OrderUpdate, ...] | None = None
    while clock.now_ns() - began_ns < limit_ns:
        helping = not kernel_works or clock.now_ns() - began_ns > HELP_AFTER_NS
        if kernel_works and kernel_open() and not helping:
            await asyncio.sleep(_POLL_S)
            continue
        asked_ns = clock.now_ns()
        try:
            own = tuple(o for o in await venue.settled_open_orders() if o.client_id != NOT_OURS)
        except MmfastError as error:
            say(logging.WARNING, "closing", f"cannot read the open orders yet: {error}")
            await asyncio.sleep(_RETRY_S)
            continue
        quiet = not kernel_open() if kernel_works else asked_ns > settled_after_ns
        if not own and quiet:
            return Verdict(proven_empty=True, open_orders=0)
        if own and helping:
            found = [cancel_of(order.instrument, order.client_id) for order in own]
            on_cancel(found)
            await send_cancels(venue, ledger, clock, found)
        await asyncio.sleep(_POLL_S if kernel_works else _RETRY_S)
    if own is None:
        return Verdict(proven_empty=False, open_orders=-1, may_rest=("the venue did not answer",))
    rest = tuple(describe(order) for order in own) or ("orders whose outcome is unknown",)
    return Verdict(proven_empty=False, open_orders=len(own), may_rest=rest)


async def sweep_leftovers(contact: Opened, config: Config, settled_after_ns: int) -> Verdict:
    """As :func:`prove_empty`, for a run that ends before it has a kernel or knows instruments:
    whatever bears our prefix is of an earlier run and goes."""
    side = Sweeper(
        rest_url=contact.endpoints.rest_url,
        credentials=contact.credentials,
        clock=contact.clock,
        venue_clock=contact.venue_clock,
        ids=contact.ids,
        category=contact.category,
        max_batch_orders=config.venue.max_batch_orders,
        timeout_s=config.venue.request_timeout_ms / 1000,
    )
    side.heed_ban(contact.rest.blocked_until_ns, contact.rest.meet_ban)
    try:
        swept = await sweep(
            side,
            contact.clock,
            contact.ids.is_ours,
            quiet_after_ns=settled_after_ns,
            limit_ns=LEFTOVERS_LIMIT_NS,
        )
    finally:
        await side.close()
    if swept.proven:
        return Verdict(proven_empty=True, open_orders=0)
    text = swept.fault or f"{swept.left} orders of an earlier run"
    return Verdict(proven_empty=False, open_orders=swept.left, may_rest=(text,))


def order_text(order: OrderUpdate, instruments: Sequence[Instrument], ids: ClientIds) -> str:
    """One order as an operator would look for it."""
    instrument = instruments[order.instrument]
    lots = format_grid(order.leaves_lots, instrument.step_decimals, instrument.step_units)
    price = format_grid(order.price_ticks, instrument.tick_decimals, instrument.tick_units)
    link_id = ids.text(order.client_id)
    side = order.side.name.lower()
    return f"{instrument.symbol} {side} {lots.decode()} at {price.decode()} ({link_id})"


def void_after_ns(now_ns: int, recv_window_ms: int) -> int:
    """When nothing sent until now can be accepted any more, with a second for processing."""
    return now_ns + recv_window_ms * NS_PER_MS + NS_PER_S


async def until_void(clock: Clock, born_ns: int, recv_window_ms: int) -> None:
    """Let pass the time in which the venue may still accept what a run that was cut short before
    ``born_ns`` sent last. Orders that came to rest after they were looked for would be counted
    nowhere."""
    wait_ns = void_after_ns(born_ns, recv_window_ms) - clock.now_ns()
    if wait_ns > 0:
        text = "the run before was cut short: nothing is traded while its last requests may act"
        say(logging.INFO, "settling", text, wait_ms=wait_ns // NS_PER_MS)
        await asyncio.sleep(wait_ns / NS_PER_S)
