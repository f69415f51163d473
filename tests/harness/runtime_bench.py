"""A clock that only tests move, and batches to send."""

from __future__ import annotations

from collections.abc import Sequence

from mmfast.messages import Batch, Category, Command, Op, Side
from mmfast.units import NS_PER_MS


class FakeClock:
    def __init__(self) -> None:
        self.ns = 1_000_000_000
        self.wall_offset_ms = 1_700_000_000_000

    def now_ns(self) -> int:
        return self.ns

    def wall_ms(self) -> int:
        return self.wall_offset_ms + self.ns // NS_PER_MS

    def pass_ms(self, ms: float) -> None:
        self.ns += int(ms * NS_PER_MS)


def command(client_id: int, op: Op = Op.PLACE) -> Command:
    return Command(op, client_id, 0, Side.BUY, 0, 100, 1, client_id)


def batch(batch_id: int, ids: Sequence[int], op: Op = Op.PLACE, tick_id: int = 1) -> Batch:
    return Batch(
        batch_id=batch_id,
        tick_id=tick_id,
        op=op,
        category=Category.LINEAR,
        single=len(ids) == 1,
        commands=tuple(command(i, op) for i in ids),
    )
