"""Bytes that say more than was decided do not leave a live engine: it halts, and says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from live_faults import nothing_rests, report, until
from scenario import scenario

from mmfast.messages import Mode, Op

Spoil = Callable[[bytes], bytes]


class FaultyEncoder:
    """An encoder with a fault: what it writes of creates is spoiled on the way."""

    def __init__(self, inner: Any, spoil: Spoil) -> None:
        self._inner = inner
        self._spoil = spoil

    def _of(self, op: int, data: bytes) -> bytes:
        return self._spoil(data) if op == Op.PLACE else data

    def batch(self, op: int, *rest: Any) -> bytes:
        return self._of(op, self._inner.batch(op, *rest))

    def single(self, op: int, *rest: Any) -> bytes:
        return self._of(op, self._inner.single(op, *rest))

    def batch_frame(self, op: int, *rest: Any) -> bytes:
        return self._of(op, self._inner.batch_frame(op, *rest))

    def single_frame(self, op: int, *rest: Any) -> bytes:
        return self._of(op, self._inner.single_frame(op, *rest))


@pytest.mark.parametrize("order_entry", ["ws", "rest"])
@pytest.mark.parametrize(
    ("found", "instead", "why"),
    [
        (b'"qty":"0.0', b'"qty":"1.0', "size within the limit"),
        (b'"side":"Buy"', b'"side":"Both"', "post-only limit orders"),
        (b"BTCUSDT", b"BTCUSDC", "allow-list"),
    ],
)
def test_spoiled_bytes_halt_the_engine_before_one_of_them_leaves(
    tmp_path: Path, order_entry: str, found: bytes, instead: bytes, why: str
) -> None:
    async def run() -> None:
        async with scenario(tmp_path, latency_ms=1, order_entry=order_entry) as live:
            codec = live.session.rest.codec
            codec._encoder = FaultyEncoder(
                codec._encoder, lambda data: data.replace(found, instead)
            )
            before = (await report(live))["requests"]
            live.market.move(12)
            await until(lambda: live.session.kernel.mode is Mode.HALTED, "the halt")
            reason = live.loop.wishes.standing.reason
            assert "was kept from leaving" in reason
            assert why in reason
            await until(lambda: nothing_rests(live), "an empty book")
            after = (await report(live))["requests"]
            assert creates(after) == creates(before), "nothing spoiled has arrived"

    uvloop.run(run())


def creates(requests: dict[str, dict[str, int]]) -> int:
    """Answers of the venue to creates, whatever their code."""
    told = [codes for path, codes in requests.items() if "create" in path]
    assert told, "the quotes of the start have arrived"
    return sum(count for codes in told for count in codes.values())
