"""A kernel on a desk of its own: events in by hand, a venue that does what it is asked."""

from __future__ import annotations

from typing import Any

from engine_world import (
    MS,
    SECOND,
    book_frame,
    make_instrument,
    make_params,
    order_update,
    position,
    reply,
)

from mmfast.engine.kernel import Kernel
from mmfast.ids import ClientIds
from mmfast.messages import (
    AccountSnapshot,
    Batch,
    BookFrame,
    Op,
    OrderStatus,
    Outcome,
    Stream,
    StreamState,
)

MID = 100_000


class Desk:
    """A kernel whose venue does what it is asked, unless a test says otherwise."""

    def __init__(self, count: int = 2, *, strategy=None, **params: Any) -> None:
        self.count = count
        self.params = make_params(count, **params)
        self.instruments = tuple(make_instrument(i) for i in range(count))
        self.kernel = Kernel(self.instruments, self.params, ClientIds("mmt1", 3), strategy)
        self.now_ns = SECOND
        self.update = 0
        self.ms = 1

    def feed(self, *events: Any) -> None:
        for event in events:
            self.kernel.on_event(event, self.now_ns)

    def start(self, *orders: Any) -> Desk:
        self.feed(StreamState(Stream.PUBLIC, True), StreamState(Stream.PRIVATE, True))
        self.snapshot(*orders)
        for instrument in range(self.count):
            self.book(instrument)
        return self

    def snapshot(self, *orders: Any, executions: tuple = (), positions: tuple = ()) -> None:
        rows = positions or tuple(position(0, instrument=i) for i in range(self.count))
        self.feed(
            AccountSnapshot(
                orders=orders, executions=executions, positions=rows, asked_ns=self.now_ns
            )
        )

    def book(self, instrument: int = 0, mid: int = MID) -> None:
        self.update += 1
        symbol = self.instruments[instrument].symbol
        self.feed(BookFrame(instrument, book_frame(symbol, mid - 2, mid + 2, self.update)))

    def flush(self) -> list[Batch]:
        return self.kernel.flush(self.now_ns)

    def ack(self, batches: list[Batch], outcome: Outcome = Outcome.ACK, **changes: Any) -> None:
        for batch in batches:
            self.feed(reply(batch, outcome, self.now_ns, **changes))

    def show(self, batches: list[Batch]) -> None:
        """The stream tells what the batches did."""
        self.ms += 1
        for one in (one for batch in batches for one in batch.commands):
            cancelled = one.op is Op.CANCEL
            self.feed(
                order_update(
                    one.client_id,
                    OrderStatus.CANCELLED if cancelled else OrderStatus.WORKING,
                    instrument=one.instrument,
                    side=one.side,
                    price_ticks=one.price_ticks,
                    lots=one.lots,
                    updated_ms=self.ms,
                )
            )

    def settle(self) -> list[Batch]:
        """Flush, and let the venue do all of it."""
        batches = self.flush()
        self.ack(batches)
        self.show(batches)
        return batches

    def later(self, ms: float) -> Desk:
        self.now_ns += int(ms * MS)
        return self

    def requests(self, kind: type) -> list[Any]:
        return [r for r in self.kernel.take_requests() if isinstance(r, kind)]


def ops(batches: list[Batch]) -> dict[str, int]:
    found: dict[str, int] = {}
    for batch in batches:
        found[batch.op.name] = found.get(batch.op.name, 0) + len(batch.commands)
    return found
