"""The running engine obeys the operator's standing order, and proves that a halt is one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from mmfast.clock import until_beat_s
from mmfast.messages import Mode
from mmfast.runtime import standing
from mmfast.runtime.logs import say
from mmfast.runtime.standing import LOOK_EVERY_S, Standing
from mmfast.runtime.wishes import Wishes


def _nothing_waits(_reason: str) -> None:
    """Nothing waits for a human but the standing order itself."""


class Obedience:
    """Looks at the order's file again and again. A thread reads: a slow disk holds no loop.

    ``own_halt`` tells why the engine halted by itself (empty: it did not); such a halt is no
    order, so ``fail`` hears of it and no resume lifts it. ``prove_empty`` cancels what still
    rests and says whether the venue shows nothing of ours any more. ``on_resume`` hears of each
    new word to trade, also where nothing stood against it.
    """

    def __init__(
        self,
        wishes: Wishes,
        path: Path,
        own_halt: Callable[[], str],
        fail: Callable[[str], None],
        prove_empty: Callable[[], Awaitable[bool]],
        on_resume: Callable[[str], None] = _nothing_waits,
    ) -> None:
        self._wishes = wishes
        self._path = path
        self._own_halt = own_halt
        self._fail = fail
        self._prove_empty = prove_empty
        self._on_resume = on_resume

    async def run(self) -> None:
        """For ever."""
        loop = asyncio.get_running_loop()
        proof: asyncio.Future[None] | None = None
        try:
            while True:
                if proof is None and self._wishes.standing.mode is Mode.HALTED:
                    proof = asyncio.ensure_future(self._until_proven())
                order = await asyncio.to_thread(standing.read, self._path)
                if proof is not None and order.mode is not Mode.HALTED:
                    # It cancels whatever it finds: it is over before quotes come back.
                    await _end(proof)
                    proof = None
                self.obey(order)
                await asyncio.sleep(until_beat_s(loop.time(), LOOK_EVERY_S))
        finally:
            if proof is not None:
                await _end(proof)

    def obey(self, order: Standing) -> None:
        """Take the order that stands now; most of the time it is the one known."""
        if own := self._own_halt():
            self._fail(f"the engine halted: {own}")
            return
        if order == self._wishes.read:
            return
        level = logging.INFO if order.mode is Mode.TRADING else logging.WARNING
        text = f"{order.wish} ordered by {order.by or 'nobody'}: {order.reason}"
        say(level, "standing_order", text, wish=order.wish, by=order.by, at_ms=order.wall_ms)
        self._wishes.stand(order)
        if order.mode is Mode.TRADING:
            self._on_resume(text)

    async def _until_proven(self) -> None:
        while not await self._prove_empty():
            say(logging.ERROR, "halted", "not yet proven that no own order is open: going on")
        say(logging.WARNING, "halted", "no own order is open, proven; waiting for `mmfast resume`")


async def _end(proof: asyncio.Future[None]) -> None:
    proof.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await proof
