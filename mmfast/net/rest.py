"""The REST side of the venue: order commands that never raise, and queries that do."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from mmfast.bybit.auth import Credentials, Window
from mmfast.bybit.hosts import Endpoints
from mmfast.bybit.rows import NOT_SETTLED, RowReader
from mmfast.bybit.trade import TradeCodec, uniform_reply
from mmfast.clock import Clock, VenueClock
from mmfast.errors import LocalProtocolError, NotSent, OutcomeUnknown
from mmfast.messages import Batch, BatchReply, Command, Instrument, Op, Outcome
from mmfast.net.http import (
    Attempt,
    HttpPool,
    Limits,
    Log,
    OnRequest,
    ignore_log,
    ignore_request,
)
from mmfast.net.queries import Queries
from mmfast.net.tls import tls_context
from mmfast.units import Ms, Ns


class Outgoing(NamedTuple):
    """One batch about to leave; ``refusal`` is why it must not, if it must not."""

    batch: Batch
    attempt: Attempt
    refusal: str = ""


class BybitRest(Queries):
    """Order entry and queries over pooled connections.

    The order commands return what is known about each command, whatever happens on the way.
    Queries raise: ``NotSent`` or ``OutcomeUnknown`` when no answer came, ``VenueError`` when
    the venue refused, ``RemoteProtocolError`` when the answer is not to be understood.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        credentials: Credentials,
        clock: Clock,
        venue_clock: VenueClock,
        codec: TradeCodec,
        *,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
        on_request: OnRequest = ignore_request,
        log: Log = ignore_log,
    ) -> None:
        pool = HttpPool(
            endpoints.rest_url,
            credentials,
            clock,
            venue_clock,
            tls=tls or tls_context(),
            limits=limits,
            on_request=on_request,
            log=log,
        )
        reader = RowReader(codec.instruments(), codec.ids, codec.category)
        super().__init__(pool, venue_clock, reader)
        self.codec = codec
        self._own_batches = 0

    def use_instruments(self, instruments: Sequence[Instrument]) -> None:
        """Take instruments (new ones, or new filters of known ones) for commands and rows."""
        for instrument in instruments:
            self.take_filters(instrument, NOT_SETTLED)

    def take_filters(self, instrument: Instrument, settled_ms: Ms) -> None:
        """Take one; its lots changed when the venue's clock showed ``settled_ms``, if they did."""
        self.codec.replace(instrument)
        self.reader.replace(instrument, settled_ms)

    # Order entry.

    async def send(self, batch: Batch) -> BatchReply:
        """Send one batch and tell what is known about each command. Never raises."""
        return await self.exchange(self.prepare((batch,))[0])

    def prepare(
        self, batches: Sequence[Batch], last_look: Callable[[Batch], str] | None = None
    ) -> list[Outgoing]:
        """The batches of one flush as requests: encoded, and signed in pairs.

        ``last_look`` is asked when a connection is in hand and the request is about to leave; a
        text other than "" keeps it from leaving (all commands NOT_SENT).
        """
        requests = [self._encoded(batch, last_look) for batch in batches]
        self._pool.sign([request.attempt for request in requests if not request.refusal])
        return requests

    async def exchange(self, outgoing: Outgoing) -> BatchReply:
        """Send what :meth:`prepare` made, once, and tell what is known. Never raises."""
        if outgoing.refusal:
            return self.unanswered(outgoing, Outcome.LOCAL_REJECT, outgoing.refusal)
        batch, attempt = outgoing.batch, outgoing.attempt
        try:
            reply = await self._pool.request(
                "POST",
                self.codec.path(batch),
                self.codec.api(batch),
                attempt,
                self._pool.limits.max_reply_bytes,
            )
        except NotSent as error:
            return self.unanswered(outgoing, Outcome.NOT_SENT, str(error))
        except OutcomeUnknown as error:
            return self.unanswered(outgoing, Outcome.UNKNOWN, str(error))
        return self.codec.decode(
            batch, reply.status, reply.body, reply.rate, reply.sent_ns, reply.received_ns
        )

    def unanswered(self, outgoing: Outgoing, outcome: Outcome, text: str) -> BatchReply:
        """The same about every command of a request that no reply came to."""
        now_ns = Ns(self._pool.clock.now_ns())
        sent_ns = Ns(outgoing.attempt.sent_ns or now_ns)
        blocked_until_ns = self.blocked_until_ns if self.blocked_until_ns > now_ns else Ns(0)
        return uniform_reply(outgoing.batch, outcome, 0, text, sent_ns, now_ns, blocked_until_ns)

    async def batch_place_orders(self, commands: Sequence[Command]) -> BatchReply:
        """Place up to 20 orders in one request."""
        return await self.send(self._batch(Op.PLACE, commands, single=False))

    async def batch_amend_orders(self, commands: Sequence[Command]) -> BatchReply:
        """Amend up to 20 orders in one request."""
        return await self.send(self._batch(Op.AMEND, commands, single=False))

    async def batch_cancel_orders(self, commands: Sequence[Command]) -> BatchReply:
        """Cancel up to 20 orders in one request."""
        return await self.send(self._batch(Op.CANCEL, commands, single=False))

    async def place_order(self, command: Command) -> BatchReply:
        """Place one order."""
        return await self.send(self._batch(Op.PLACE, (command,), single=True))

    async def amend_order(self, command: Command) -> BatchReply:
        """Amend one order."""
        return await self.send(self._batch(Op.AMEND, (command,), single=True))

    async def cancel_order(self, command: Command) -> BatchReply:
        """Cancel one order."""
        return await self.send(self._batch(Op.CANCEL, (command,), single=True))

    def _batch(self, op: Op, commands: Sequence[Command], *, single: bool) -> Batch:
        # Batches made here never meet the planner's; counting downwards keeps the ids apart.
        self._own_batches -= 1
        return Batch(
            batch_id=self._own_batches,
            tick_id=0,
            op=op,
            category=self.codec.category,
            single=single,
            commands=tuple(commands),
        )

    def _encoded(self, batch: Batch, last_look: Callable[[Batch], str] | None) -> Outgoing:
        # Only cancels may arrive late; a create or amend that is late is better void.
        window = Window.LONG if batch.op == Op.CANCEL else Window.SHORT
        look = None if last_look is None else partial(last_look, batch)
        try:
            body = self.codec.encode(batch)[1]
        except LocalProtocolError as error:
            return Outgoing(batch, Attempt(b"", window, look), str(error))
        return Outgoing(batch, Attempt(body, window, look, cancels=batch.op == Op.CANCEL))
