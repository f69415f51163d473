"""Mistakes about a second writer on the account: each has to be found by its judge (I11)."""

from __future__ import annotations

from bugs import bug

from mmfast.engine.account.other_hand import OtherHand
from mmfast.runtime.quote_loop import AsyncQuoteLoop
from mmfast.runtime.witness import Witness
from mmfast.simtest.patches import replaced
from mmfast.simtest.writer_draws import FIRST_SEED


@bug(first=FIRST_SEED)
def another_hand_is_ignored():
    with replaced(Witness, "_suspect", lambda self, reason: None):
        yield


@bug(first=FIRST_SEED)
def another_hand_asks_for_no_operator():
    with replaced(AsyncQuoteLoop, "_other_hand", AsyncQuoteLoop.fail):
        yield


@bug(first=FIRST_SEED)
def orders_moved_by_another_hand_are_not_seen():
    with replaced(OtherHand, "_may_stand_at", lambda self, client_id, price_ticks: True):
        yield


@bug(first=FIRST_SEED)
def orders_cancelled_by_another_hand_are_not_seen():
    plain = OtherHand.sent

    def sent(self, batches):
        plain(self, batches)
        for batch in batches:
            self.cancelling(batch.commands)

    with replaced(OtherHand, "sent", sent):
        yield


@bug()
def own_cancels_are_taken_for_another_hand():
    with replaced(OtherHand, "cancelling", lambda self, commands: None):
        yield
