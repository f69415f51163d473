"""A tick without a venue: book frames in, signed requests out, replies made up in between.

For measuring what the engine itself costs, and for checking that a tick is whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from mmfast.bybit.auth import Credentials, Window
from mmfast.bybit.public import PublicRouter
from mmfast.bybit.trade import TradeCodec
from mmfast.engine.kernel import Kernel
from mmfast.engine.params import (
    BatchParams,
    EngineParams,
    FairPrice,
    PlannerParams,
    RequoteBy,
    SymbolParams,
)
from mmfast.ids import ClientIds
from mmfast.messages import (
    AccountSnapshot,
    Batch,
    BatchReply,
    BookFrame,
    Command,
    Instrument,
    ItemReply,
    Op,
    OrderStatus,
    OrderUpdate,
    Outcome,
    RateInfo,
    Side,
    Stream,
    StreamState,
)
from mmfast.sim.instruments.catalogue import Listing, listings
from mmfast.units import E8, NS_PER_MS, InstrumentIndex, Lots, Ms, Ns, QuoteE8, Ticks

SYMBOLS: Final = (
    "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT",
    "ADAUSDT", "AVAXUSDT", "LINKUSDT", "LTCUSDT", "BNBUSDT",
)  # fmt: skip
SECRET: Final = "0123456789abcdef0123456789abcdef0123"
DEPTH: Final = 50
STAMP_MS: Final = 1_700_000_000_000
_RATE: Final = RateInfo(1_000_000, 1_000_000, Ms(0))


def _breach(text: str) -> None:
    raise AssertionError(text)


def _params(instrument: Instrument, mid_ticks: int, levels: int) -> SymbolParams:
    lots = Lots(max(600 * E8 // (mid_ticks * instrument.tick_lot_value_e8), 1))
    return SymbolParams(
        levels=levels,
        order_lots=lots,
        half_spread_e4=300_000,
        level_step_e4=100_000,
        skew_e4=0,
        requote_tolerance_e4=5_000,
        max_position_lots=Lots(lots * 100),
        max_order_lots=Lots(lots * 2),
        max_order_value_e8=QuoteE8(5_000 * E8),
        price_collar_e4=100_000,
        max_distance_e4=2_000_000,
    )


class InProcess:
    """Ten instruments, two levels a side, moved by cancel and place: 80 commands a tick.

    Or as many as there are ``rows``, other ``levels`` a side, another way to move them;
    :meth:`frames` can move the first so many alone.
    """

    INITIAL_LIMIT = 1_000_000
    """Orders a second until a reply says how many."""

    def __init__(
        self,
        rows: Sequence[Listing] | None = None,
        *,
        levels: int = 2,
        requote_by: RequoteBy = RequoteBy.REPLACE,
    ) -> None:
        rows = listings(SYMBOLS) if rows is None else rows
        self.instruments = tuple(row.instrument for row in rows)
        self.mids = [int(row.start_ticks) for row in rows]
        ids = ClientIds("bench", 1)
        self.codec = TradeCodec(self.instruments, ids)
        self.credentials = Credentials.hmac(
            "benchkey", SECRET, short_window_ms=2_000, long_window_ms=10_000
        )
        self.router = PublicRouter([row.instrument.symbol for row in rows], DEPTH)
        self.params = params = EngineParams(
            symbols=tuple(
                _params(one, mid, levels)
                for one, mid in zip(self.instruments, self.mids, strict=True)
            ),
            batch=BatchParams(),
            planner=PlannerParams(initial_limit=self.INITIAL_LIMIT),
            fair_price=FairPrice.MID,
            requote_by=requote_by,
            stale_book_ms=Ms(60_000),
            recv_window_ms=Ms(2_000),
            book_depth=DEPTH,
        )
        self.kernel = Kernel(self.instruments, params, ids)
        self.codec.guard(self.kernel.leaving, _breach)
        self.now_ns = 1_000 * NS_PER_MS
        self._update = 0
        self._resting: dict[int, Command] = {}
        for stream in (Stream.PUBLIC, Stream.PRIVATE):
            self.kernel.on_event(StreamState(stream, True), self.now_ns)
        empty = AccountSnapshot(orders=(), executions=(), positions=(), asked_ns=Ns(self.now_ns))
        self.kernel.on_event(empty, self.now_ns)
        frames = self.frames(0)
        while frames or self.kernel.wants_flush:  # a tick serves a limited number of instruments
            self.answer(self.tick(frames)[0])
            frames = []

    def frames(self, shift_bps: int, count: int | None = None) -> list[bytes]:
        """The books' next frames, ten levels a side, moved by ``shift_bps`` from the start."""
        self._update += 1
        return [
            self._frame(instrument, mid + mid * shift_bps // 10_000)
            for instrument, mid in zip(self.instruments[:count], self.mids[:count], strict=True)
        ]

    def _frame(self, instrument: Instrument, mid_ticks: int) -> bytes:
        def text(ticks: int) -> str:
            units = ticks * instrument.tick_units
            whole, part = divmod(units, 10**instrument.tick_decimals)
            decimals = instrument.tick_decimals
            return f"{whole}.{part:0{decimals}d}" if decimals else str(whole)

        step = max(mid_ticks // 20_000, 1)
        rungs = range(1, 11)
        data = {
            "topic": f"orderbook.{DEPTH}.{instrument.symbol}",
            "type": "snapshot",
            "ts": 1_700_000_000_000 + self._update,
            "data": {
                "s": instrument.symbol,
                "b": [[text(mid_ticks - i * step), "1000"] for i in rungs],
                "a": [[text(mid_ticks + i * step), "1000"] for i in rungs],
                "u": self._update + 1,
                "seq": self._update,
            },
            "cts": 1_700_000_000_000 + self._update,
        }
        return msgspec.json.encode(data)

    def tick(self, frames: list[bytes]) -> tuple[list[Batch], list[tuple[str, bytes, str]]]:
        """From frame bytes to (path, body, signature): the engine's own work in a tick."""
        kernel, now_ns = self.kernel, self.now_ns
        route = self.router.route
        for frame in frames:
            kernel.on_event(BookFrame(InstrumentIndex(route(frame).instrument), frame), now_ns)
        batches = kernel.flush(now_ns)
        made = []
        for batch in batches:
            assert kernel.last_look(batch, now_ns) == ""
            window = Window.LONG if batch.op is Op.CANCEL else Window.SHORT
            made.append((*self.codec.encode(batch), window))
        return batches, self._signed(made)

    def _signed(self, made: list[tuple[str, bytes, Window]]) -> list[tuple[str, bytes, bytes]]:
        """Neighbours of one window are signed together, as the gateway does it."""
        requests, at = [], 0
        while at < len(made):
            path, body, window = made[at]
            if made[at + 1 : at + 2] and made[at + 1][2] is window:
                other_path, other_body, _ = made[at + 1]
                one, two = self.credentials.lines_of_pair(STAMP_MS, body, other_body, window)
                requests += [(path, body, one), (other_path, other_body, two)]
            else:
                requests.append((path, body, self.credentials.lines(STAMP_MS, body, window)))
            at = len(requests)
        return requests

    def answer(self, batches: list[Batch]) -> None:
        """The venue accepts everything and shows it on the private stream."""
        self.now_ns += NS_PER_MS
        for batch in batches:
            items = tuple(
                ItemReply(command.client_id, Outcome.ACK, 0, "OK", f"v{command.client_id}")
                for command in batch.commands
            )
            at = Ns(self.now_ns)
            reply = BatchReply(batch=batch, items=items, rate=_RATE, sent_ns=at, received_ns=at)
            self.kernel.on_event(reply, self.now_ns)
        for batch in batches:
            for command in batch.commands:
                self._show(command, gone=batch.op is Op.CANCEL)
        self.now_ns += NS_PER_MS

    def _show(self, command: Command, *, gone: bool) -> None:
        placed = self._resting.pop(command.client_id) if gone else command
        if not gone:
            self._resting[command.client_id] = command
        update = OrderUpdate(
            client_id=command.client_id,
            link_id=self.codec.ids.text(command.client_id),
            venue_id=f"v{command.client_id}",
            instrument=command.instrument,
            side=Side(placed.side),
            status=OrderStatus.CANCELLED if gone else OrderStatus.WORKING,
            price_ticks=Ticks(placed.price_ticks),
            lots=Lots(placed.lots),
            cum_lots=Lots(0),
            leaves_lots=Lots(0 if gone else placed.lots),
            reject_reason="EC_PerCancelRequest" if gone else "EC_NoError",
            cancel_type="CancelByUser" if gone else "UNKNOWN",
            updated_ms=Ms(self.now_ns // NS_PER_MS),
        )
        self.kernel.on_event(update, self.now_ns)


def unexpected(*args: object) -> None:
    """In the place of a callback that is never called here."""
    raise AssertionError(f"nothing of this can happen here: {args}")
