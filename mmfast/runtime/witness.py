"""Sees what goes into the kernel and what comes out of it, beside it and never in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Final

from mmfast._core.acks import Accepted
from mmfast._core.positions import PositionBlock
from mmfast._core.rows import OrderBlock
from mmfast.clock import VenueClock
from mmfast.engine.account.other_hand import EXPLANATION, OtherHand
from mmfast.engine.kernel import Kernel
from mmfast.messages import Batch, BatchReply, Event, Op
from mmfast.runtime.journal import Journal
from mmfast.runtime.records import is_kept

CLOCK_REFUSALS: Final = (10002, -1)
FILTER_REFUSALS: Final = (10001, 170134, 170137)
"""Malformed; too many decimals of a price, of a quantity (spot). What leaves is well-formed by
the filters as they were read, so these may have changed."""
CLOCK_DOUBTED: Final = "the venue's clock is being measured"


def _unheard(_about: int) -> None:
    """Nobody listens yet."""


class Witness:
    """Writes the journal and looks for the acts of another engine.

    Stands between the kernel and the orchestrator, and before the events that come from the
    private stream and from queries; frames of books do not pass it. ``on_other_hand`` hears once
    why the engine must stop.
    """

    def __init__(
        self,
        kernel: Kernel,
        other_hand: OtherHand,
        journal: Journal | None,
        on_other_hand: Callable[[str], None],
        venue_clock: VenueClock,
    ) -> None:
        self._kernel = kernel
        self._other_hand = other_hand
        self._journal = journal
        self._on_other_hand = on_other_hand
        self._told = False
        self._unnoted: list[Batch] = []
        self._loop = asyncio.get_running_loop()
        self.on_clock_refusal: Callable[[int], None] = _unheard
        """Told when a request left that the venue refused for its timestamp."""
        self.on_filter_refusal: Callable[[int], None] = _unheard
        """Told the instrument of an order that the venue refused as malformed."""
        self._venue_clock = venue_clock
        self.reconfigure = kernel.reconfigure

    def flush(self, now_ns: int) -> list[Batch]:
        """The kernel's batches. They are noted when the loop has sent them, or just before the
        first thing that is read afterwards: nothing stands between a decision and the wire, and
        no loop's order of callbacks and sockets can show an answer before its question."""
        batches = self._kernel.flush(now_ns)
        if batches:
            self._unnoted += batches
            self._loop.call_soon(self._note)
        return batches

    def last_look(self, batch: Batch, now_ns: int) -> str:
        """Why a batch must not leave any more; empty when it may. While the venue's clock is in
        doubt that holds for cancels too: any other timestamp would be refused like the last."""
        if now_ns < self._venue_clock.doubted_until_ns:
            return CLOCK_DOUBTED
        return self._kernel.last_look(batch, now_ns)

    def _note(self) -> None:
        batches, self._unnoted = self._unnoted, []
        if not batches:
            return
        self._other_hand.sent(batches)
        if self._journal is not None:
            self._journal.put_all(batches)

    def on_event(self, event: Event, now_ns: int) -> None:
        """A reply, for the kernel."""
        self._note()
        self._kernel.on_event(event, now_ns)
        if isinstance(event, BatchReply):
            if self._journal is not None:
                self._journal.put(event)
            self._note_outcomes()
            if not isinstance(event.items, Accepted):
                self._look_closer(event)

    def _look_closer(self, reply: BatchReply) -> None:
        """A reply that does not simply accept everything: codes may tell more than refusals."""
        self._suspect(self._other_hand.replied(reply))
        for command, item in zip(reply.batch.commands, reply.items, strict=True):
            if not item.ret_code:
                continue
            if item.ret_code in CLOCK_REFUSALS:
                self.on_clock_refusal(reply.sent_ns)
            elif item.ret_code in FILTER_REFUSALS and command.op is not Op.CANCEL:
                self.on_filter_refusal(command.instrument)

    def news(self, events: Collection[Event]) -> None:
        """What one frame or query has told the kernel."""
        self._note()
        if isinstance(events, OrderBlock):
            if self._journal is not None and (finals := events.finals()):
                self._journal.put_all(finals)
            self._suspect(self._other_hand.rows(events))
        elif not isinstance(events, PositionBlock):  # in which no other hand shows
            self._look(events)
        self._note_outcomes()

    def _look(self, events: Collection[Event]) -> None:
        for event in events:
            if self._journal is not None and is_kept(event):
                self._journal.put(event)
            self._suspect(self._other_hand.news(event))

    def _note_outcomes(self) -> None:
        """What the kernel has concluded from it, after what it was concluded from."""
        outcomes = self._kernel.take_outcomes()
        if outcomes and self._journal is not None:
            self._journal.put_all(outcomes)

    def _suspect(self, reason: str) -> None:
        if reason and not self._told:
            self._told = True
            self._on_other_hand(f"{reason}; {EXPLANATION}")
