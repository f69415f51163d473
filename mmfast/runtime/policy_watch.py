"""Watches how batches are sent: what the other policy would cost, and when to fall back to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from mmfast.engine.params import EngineParams
from mmfast.engine.planning.rollback import RollbackJudge
from mmfast.engine.planning.shadow import ShadowBook
from mmfast.messages import Batch, BatchReply
from mmfast.runtime.stats import RunStats


class PolicyWatch:
    """``on_rollback`` is told, once, why batches are sent one by one from the next tick on.

    That stays so until :meth:`restore`; new parameters alone do not undo it, because the shell
    makes some of its own accord.
    """

    def __init__(
        self, params: EngineParams, stats: RunStats, on_rollback: Callable[[str], None]
    ) -> None:
        self._stats = stats
        self._on_rollback = on_rollback
        self._judge = RollbackJudge(params.batch.rollback)
        self._take(params)

    def in_force(self, params: EngineParams) -> EngineParams:
        """``params`` as they apply now: sequential after a rollback."""
        self._take(params)
        if not self._stats.rolled_back:
            return params
        batch = msgspec.structs.replace(params.batch, enabled=False)
        return msgspec.structs.replace(params, batch=batch)

    def sent(self, batches: Sequence[Batch], now_ns: int) -> None:
        """A tick sends these."""
        if self._shadows:
            self._book.tick(batches, now_ns)

    def replied(self, reply: BatchReply, now_ns: int, *, batched: bool) -> bool:
        """A call ended that no refusal of ours kept from leaving; True if that was one failure
        too many."""
        if self._shadows:
            self._book.learn(reply)
        if not self._may_roll_back or not batched or self._stats.rolled_back:
            return False
        reason = self._judge.judge(reply, now_ns)
        if reason:
            self._stats.rollbacks += 1
            self._stats.rolled_back = True
            self._on_rollback(reason)
        return bool(reason)

    def restore(self) -> bool:
        """A human wants it as configured again; False if it is."""
        was, self._stats.rolled_back = self._stats.rolled_back, False
        self._judge.forget()
        return was

    def _take(self, params: EngineParams) -> None:
        batch = params.batch
        self._shadows = batch.shadow
        self._may_roll_back = batch.rollback.enabled
        self._judge.reconfigure(batch.rollback)
        if not batch.shadow:
            return
        if self._stats.shadow is None:
            self._stats.shadow = ShadowBook(params)
        self._book = self._stats.shadow
        self._book.reconfigure(params)
