"""Cancels that leave past the kernel: of orders it does not know, or when it has not been able to.

They are paid from a ledger like all others. The venue counts them whoever sent them, and what it
refuses for its rate has only used up a round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from mmfast.bybit.trade import uniform_reply
from mmfast.clock import Clock
from mmfast.messages import Batch, BatchReply, Command, Flag, Op, Outcome, Side
from mmfast.units import ClientId, InstrumentIndex, Lots, Ns, Slot, Ticks


class Ledger(Protocol):
    """What pays for them."""

    def cancels_past(self, commands: Sequence[Command], now_ns: int) -> Batch | None:
        """The first of these cancels, as many as leave in one request and can be paid for now."""
        ...

    def on_reply(self, reply: BatchReply, now_ns: int, *, connected: bool = False) -> None:
        """What came of it; ``connected``: whatever it was, the engine has a way out."""
        ...


class Sender(Protocol):
    """What sends them."""

    async def send(self, batch: Batch) -> BatchReply:
        """Send one batch; never raises."""
        ...


async def send_cancels(
    venue: Sender, ledger: Ledger, clock: Clock, commands: Sequence[Command]
) -> int:
    """Send as many of these cancels as can be paid for, one request after the other. Returns how
    many left; whether they were obeyed is for the next reading to show."""
    left = 0
    while batch := ledger.cancels_past(commands[left:], clock.now_ns()):
        left += len(batch.commands)
        sent_ns = Ns(clock.now_ns())
        reply = uniform_reply(batch, Outcome.UNKNOWN, 0, "given up", sent_ns, sent_ns)
        try:
            reply = await venue.send(batch)
        finally:
            # A ban, or the want of a connection, is of this way: the engine may have another.
            reply = msgspec.structs.replace(reply, blocked_until_ns=Ns(0))
            ledger.on_reply(reply, clock.now_ns(), connected=True)
    return left


def cancel_of(instrument: int, client_id: int) -> Command:
    """A cancel of an order that has no slot: the id and the instrument are all that is sent."""
    return Command(
        Op.CANCEL,
        Slot(0),
        InstrumentIndex(instrument),
        Side.BUY,
        Flag.NONE,
        Ticks(0),
        Lots(0),
        ClientId(client_id),
    )
