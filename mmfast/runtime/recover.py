"""Evidence from the venue: the whole account after a gap, and single orders in doubt."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from msgspec.structs import replace

from mmfast.clock import Clock, VenueClock
from mmfast.errors import MmfastError
from mmfast.messages import (
    AccountSnapshot,
    Event,
    Execution,
    Mode,
    ModeChange,
    OrderAbsent,
    OrderUpdate,
    PositionUpdate,
    ResolveOrder,
    WalletUpdate,
)
from mmfast.runtime.logs import say
from mmfast.units import NS_PER_MS, NS_PER_S, ClientId, Ns

EXECUTIONS_MARGIN_MS: Final = 60_000
"""Executions are read from this long before the last instant everything was known."""
POLL_NS: Final = 500 * NS_PER_MS
EXPIRY_MARGIN_NS: Final = 1_000 * NS_PER_MS
"""On top of the receive window: the venue's own processing, and doubt about its clock."""
PROOFS_NEEDED: Final = 2
VENUE_MEMORY_MS: Final = 23 * 3_600_000
"""The venue forgets orders that ended without a fill after 24 hours: not finding an older one
proves nothing about how it ended, so this engine stops and an operator looks."""
GROUP: Final = 10
GROUP_EVERY_NS: Final = 250 * NS_PER_MS
"""So many orders are asked about so often: the venue answers 50 questions a second of each
kind, and a whole batch in doubt must be through before its next poll is due."""
FORGOTTEN_NS: Final = 60 * NS_PER_S
"""How often the venue is still asked about an order that it has forgotten."""
_RETRY_FIRST_S: Final = 0.25
_RETRY_MAX_S: Final = 5.0

DeliverEvents = Callable[[Sequence[Event]], None]


class Account(Protocol):
    """The queries recovery rests on."""

    async def settled_open_orders(self, passes: int = 6) -> tuple[OrderUpdate, ...]:
        """Open orders, read until two passes agree."""
        ...

    async def order(self, client_id: int) -> OrderUpdate | None:
        """One order of ours, or None where the venue knows none."""
        ...

    async def executions(self, since_ms: int) -> tuple[Execution, ...]:
        """Executions since a venue time, oldest first."""
        ...

    async def executions_of(self, client_id: int) -> tuple[Execution, ...]:
        """Executions of one order of ours, oldest first."""
        ...

    async def positions(self) -> tuple[PositionUpdate, ...]:
        """One row per instrument."""
        ...

    async def wallet(self) -> tuple[WalletUpdate, ...]:
        """One row for each settlement coin."""
        ...


class AccountReader:
    """Reads the whole account when asked, one reading at a time, until it succeeds."""

    def __init__(
        self, account: Account, clock: Clock, venue_clock: VenueClock, deliver: DeliverEvents
    ) -> None:
        self._account = account
        self._clock = clock
        self._venue_clock = venue_clock
        self._deliver = deliver
        self._wanted = asyncio.Event()
        self._known_until_ms = venue_clock.venue_ms()
        self.reads = 0

    def request(self) -> None:
        """Ask for a reading; one asked for while another runs begins after it."""
        self._wanted.set()

    async def run(self) -> None:
        """Serve requests for ever."""
        delay_s = _RETRY_FIRST_S
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                snapshot = await self.read()
            except MmfastError as error:
                say(logging.WARNING, "account_read", f"cannot read the account yet: {error}")
                self._wanted.set()
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, _RETRY_MAX_S)
                continue
            delay_s = _RETRY_FIRST_S
            self._deliver((snapshot,))

    async def read(self) -> AccountSnapshot:
        """One reading. Raises what the queries raise."""
        asked_ns = self._clock.now_ns()
        asked_ms = self._venue_clock.venue_ms()
        orders = await self._account.settled_open_orders()
        # Should the venue's clock have been set back meanwhile, its present is what counts.
        since_ms = min(self._known_until_ms, asked_ms) - EXECUTIONS_MARGIN_MS
        # Positions before executions: what trades between the two readings is then told as an
        # execution, not as a position that nothing explains. The sequence says what is in both.
        positions = await self._account.positions()
        executions = await self._account.executions(since_ms)
        wallets = await self._account.wallet()
        self._known_until_ms = asked_ms
        self.reads += 1
        return AccountSnapshot(
            orders=orders,
            executions=executions,
            positions=positions,
            asked_ns=Ns(asked_ns),
            wallets=wallets,
        )


class _Doubt:
    """One order whose state is to be learned."""

    __slots__ = ("absences", "next_ns", "request", "sent_ms")

    def __init__(self, request: ResolveOrder, sent_ms: int) -> None:
        self.request = request
        self.sent_ms = sent_ms
        """Venue time of the request: it goes on while this host is suspended."""
        self.absences = 0
        self.next_ns = 0


class Resolver:
    """Asks how orders stand until the venue has proved it.

    "Never reached the book" is concluded only from two searches (open and closed orders and
    executions), at least 500 ms apart, both begun after the request could no longer be accepted
    and while the private stream was up. ``private_up_since_ns`` is None while it is down.
    """

    def __init__(
        self,
        *,
        account: Account,
        clock: Clock,
        venue_clock: VenueClock,
        recv_window_ms: int,
        private_up_since_ns: Callable[[], int | None],
        deliver: DeliverEvents,
    ) -> None:
        self._account = account
        self._clock = clock
        self._venue_clock = venue_clock
        self._void_after_ns = recv_window_ms * NS_PER_MS + EXPIRY_MARGIN_NS
        self._private_up_since_ns = private_up_since_ns
        self._deliver = deliver
        self._doubts: dict[ClientId, _Doubt] = {}
        self._wake = asyncio.Event()
        self._answered = True

    def __len__(self) -> int:
        return len(self._doubts)

    def ask(self, request: ResolveOrder) -> None:
        """Begin with an order, or begin anew if a later request names it."""
        age_ms = (self._clock.now_ns() - request.sent_ns) // NS_PER_MS
        sent_ms = self._venue_clock.venue_ms() - age_ms
        doubt = self._doubts.get(request.client_id)
        if doubt is None:
            self._doubts[request.client_id] = _Doubt(request, sent_ms)
        elif request.sent_ns > doubt.request.sent_ns:
            doubt.request, doubt.sent_ms, doubt.absences = request, sent_ms, 0
        self._wake.set()

    def forget(self, instrument: int) -> None:
        """None of its orders is in doubt any more. An answer under way is not delivered: it may
        have been read in units that have changed since."""
        for doubt in list(self._doubts.values()):
            if doubt.request.instrument == instrument:
                self._settled(doubt)

    async def run(self) -> None:
        """Serve questions for ever."""
        while True:
            if not self._doubts:
                self._wake.clear()
                await self._wake.wait()
            now_ns = self._clock.now_ns()
            due = [doubt for doubt in self._doubts.values() if doubt.next_ns <= now_ns]
            if due:
                # The longest waiting first; the venue limits how much may be asked per second.
                due.sort(key=lambda doubt: doubt.next_ns)
                await asyncio.gather(*(self.step(doubt) for doubt in due[:GROUP]))
                spent_ns = self._clock.now_ns() - now_ns
                await asyncio.sleep(max(GROUP_EVERY_NS - spent_ns, 0) / NS_PER_S)
            else:
                first_ns = min(doubt.next_ns for doubt in self._doubts.values())
                await self._sleep(first_ns - now_ns)

    async def step(self, doubt: _Doubt) -> None:
        """Ask once about one order and deliver what was learned."""
        asked_ns = self._clock.now_ns()
        doubt.next_ns = asked_ns + POLL_NS
        request = doubt.request
        try:
            update = await self._account.order(request.client_id)
            executions = await self._executions(request, update)
        except MmfastError as error:
            self._complain(error)
            doubt.next_ns = self._clock.now_ns() + 2 * POLL_NS
            return
        self._answered = True
        if doubt.request is not request or request.client_id not in self._doubts:
            return  # asked again meanwhile, about a later request, or settled otherwise
        void = self._void(request, asked_ns)
        if update is not None or executions:
            doubt.absences = 0
            told = () if update is None else (replace(update, asked_ns=Ns(asked_ns)),)
            self._deliver((*executions, *told))
            if update is not None and (update.status.is_final or void):
                self._settled(doubt)
        elif void:
            self._count_absence(doubt)

    def _complain(self, error: MmfastError) -> None:
        """Say once that the venue does not answer, not once for each order in doubt."""
        if self._answered:
            self._answered = False
            text = f"cannot ask about {len(self._doubts)} orders in doubt yet: {error}"
            say(logging.WARNING, "resolve", text)

    def _count_absence(self, doubt: _Doubt) -> None:
        doubt.absences += 1
        if doubt.absences < PROOFS_NEEDED:
            return
        if self._venue_clock.venue_ms() - doubt.sent_ms > VENUE_MEMORY_MS:
            self._give_up(doubt)
            return
        self._settled(doubt)
        evidence = (
            f"not found {doubt.absences} times by id among open orders, closed orders and "
            "executions after the request had expired"
        )
        say(logging.INFO, "order_absent", f"order {doubt.request.client_id:016x}: {evidence}")
        self._deliver((OrderAbsent(client_id=doubt.request.client_id, evidence=evidence),))

    def _give_up(self, doubt: _Doubt) -> None:
        """Nobody can prove any more how it ended: it stays in doubt, at full size, and we halt."""
        doubt.absences = 0
        doubt.next_ns = self._clock.now_ns() + FORGOTTEN_NS
        reason = (
            f"order {doubt.request.client_id:016x} has been in doubt for longer than the venue "
            "remembers orders: look at it and at the position by hand, then start the engine again"
        )
        self._deliver((ModeChange(Mode.HALTED, reason),))

    def _void(self, request: ResolveOrder, asked_ns: int) -> bool:
        """Whether a search begun at ``asked_ns`` began after the request could still act."""
        up_since_ns = self._private_up_since_ns()
        if up_since_ns is None:
            return False
        doubt_ns = min(self._venue_clock.uncertainty_ns, EXPIRY_MARGIN_NS)
        void_ns = request.sent_ns + self._void_after_ns + doubt_ns
        return asked_ns > max(void_ns, up_since_ns)

    async def _executions(
        self, request: ResolveOrder, update: OrderUpdate | None
    ) -> tuple[Execution, ...]:
        """Executions of this order; none are sought where none can be. They are asked for by its
        id: pages of everybody's executions would cost the budget of these very questions."""
        if update is not None and not update.cum_lots:
            return ()
        return await self._account.executions_of(request.client_id)

    def _settled(self, doubt: _Doubt) -> None:
        self._doubts.pop(doubt.request.client_id, None)

    async def _sleep(self, wait_ns: int) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(max(wait_ns, NS_PER_MS) / NS_PER_S):
                await self._wake.wait()
        except TimeoutError:
            pass
