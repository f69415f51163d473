"""The whole engine and the whole venue on virtual time: no socket, no clock, no chance.

Everything that is sent is hashed, so two runs can be compared to the byte. As a program it
prints one JSON object; run it under different PYTHONHASHSEED values to see that nothing depends
on hash order: ``python tests/harness/virtual.py --seed 5 --seconds 20``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from typing import Any

import msgspec
from signed import signed_headers

from mmfast.bybit import topics
from mmfast.bybit.auth import Credentials, Window
from mmfast.bybit.control import Kind
from mmfast.bybit.limits import rate_info
from mmfast.bybit.private import PrivateDecoder
from mmfast.bybit.public import PublicRouter
from mmfast.bybit.trade import TradeCodec, uniform_reply
from mmfast.engine import INTERPRETED
from mmfast.engine.counters import Counters
from mmfast.engine.kernel import Kernel
from mmfast.engine.params import (
    BatchParams,
    EngineParams,
    FairPrice,
    PlannerParams,
    RequoteBy,
    SymbolParams,
)
from mmfast.engine.quoting.quoter import Strategy
from mmfast.ids import ClientIds
from mmfast.messages import (
    AccountSnapshot,
    Batch,
    BookFrame,
    Category,
    Event,
    Instrument,
    Mode,
    ModeChange,
    Op,
    Outcome,
    ReadAccount,
    Stream,
    StreamState,
)
from mmfast.sim.params import FlowParams, VenueParams
from mmfast.sim.venue import Venue
from mmfast.sim.wire import HttpReply, HttpRequest, WsSend
from mmfast.units import E8, NS_PER_MS, NS_PER_S, InstrumentIndex, Lots, Ms, Ns, QuoteE8

PUBLIC, PRIVATE = 1, 2
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT")
DEPTH = 50


def engine_params(
    instruments: tuple[Instrument, ...], mids: list[int], **batch: Any
) -> EngineParams:
    """Two levels a side, each worth about 600 quote coins."""
    rows = []
    for instrument, mid_ticks in zip(instruments, mids, strict=True):
        lots = max(600 * E8 // (mid_ticks * instrument.tick_lot_value_e8), 1)
        rows.append(
            SymbolParams(
                levels=2,
                order_lots=Lots(lots),
                half_spread_e4=20_000,
                level_step_e4=20_000,
                skew_e4=20_000,
                requote_tolerance_e4=5_000,
                max_position_lots=Lots(lots * 6),
                max_order_lots=Lots(lots * 2),
                max_order_value_e8=QuoteE8(2_000 * E8),
                price_collar_e4=100_000,
                max_distance_e4=1_000_000,
            )
        )
    return EngineParams(
        symbols=tuple(rows),
        batch=BatchParams(**batch),
        planner=PlannerParams(),
        fair_price=FairPrice.MICROPRICE,
        requote_by=RequoteBy.AMEND,
        stale_book_ms=Ms(5_000),
        recv_window_ms=Ms(2_000),
        book_depth=DEPTH,
    )


class VirtualRun:
    """One engine on one venue. ``requests`` holds (path, body) of every order request."""

    def __init__(
        self,
        seed: int,
        *,
        activity: float = 1.0,
        requote_by: RequoteBy = RequoteBy.AMEND,
        symbols: tuple[str, ...] = SYMBOLS,
        tier: str = "mm3",
        planner: PlannerParams = PlannerParams(),  # noqa: B008 - frozen
        strategy: Strategy | None = None,
        **batch: Any,
    ) -> None:
        params = VenueParams(
            symbols=symbols,
            api_key="virtual",
            api_secret="play-money",
            seed=seed,
            latency_ms=20.0,
            latency_jitter_ms=6.0,
            tier=tier,
            flow=FlowParams(activity=activity),
        )
        self.venue = venue = Venue(params)
        self.now_ns = 0
        self.ids = ClientIds("virt", 1)
        self.instruments = venue.instruments
        self.codec = TradeCodec(self.instruments, self.ids)
        self.credentials = Credentials.hmac(
            params.api_key, params.api_secret, short_window_ms=2_000, long_window_ms=10_000
        )
        self.router = PublicRouter(symbols, DEPTH)
        self.decoder = PrivateDecoder(self.instruments, self.ids)
        mids = [sum(book.levels(side, 1)[0][0] for side in (0, 1)) // 2 for book in venue.books]
        params_of_engine = engine_params(self.instruments, mids, **batch)
        self.params = msgspec.structs.replace(
            params_of_engine, requote_by=requote_by, planner=planner
        )
        self.kernel = Kernel(self.instruments, self.params, self.ids, strategy)
        self.codec.guard(self.kernel.leaving, _breach)
        self.requests: list[tuple[str, bytes]] = []
        self.private_frames: list[bytes] = []
        self._in_air: dict[int, tuple[Batch, Ns]] = {}
        self._turn: list[Batch] = []
        self._digest = hashlib.sha256()
        self._request_id = 0
        self._connect()

    # -- driving --------------------------------------------------------------------------

    def run(self, seconds: float) -> None:
        """Let so much virtual time pass."""
        end_ns = self.now_ns + int(seconds * NS_PER_S)
        while True:
            due_ns = min(self.venue.next_due_ns(), self.kernel.next_wake_ns(self.now_ns))
            due_ns = max(due_ns, self.now_ns)
            if due_ns > end_ns:
                break
            moved = due_ns > self.now_ns
            self.now_ns = due_ns
            for due in self.venue.advance(due_ns):
                self._deliver(due.output)
            if self.kernel.wants_flush or not moved or due_ns >= self.kernel.next_wake_ns(due_ns):
                self.flush()
            if not moved:
                self.now_ns += NS_PER_MS // 10  # a flush that could not act must not spin
        self.now_ns = end_ns

    def flush(self) -> list[Batch]:
        """One tick; what it sends goes to the venue, in turn if the policy says so."""
        if self._turn:
            return []
        batches = self.kernel.flush(self.now_ns)
        self._requested()
        if self.params.batch.enabled:
            for batch in batches:
                self._send(batch)
        else:
            self._turn = list(batches)
            self._send_next()
        return batches

    def switch(self, *, enabled: bool) -> None:
        """Turn the flag, between two ticks."""
        self.params = _replace(self.params, enabled=enabled)
        self.kernel.reconfigure(self.params, self.now_ns)

    def drain(self, seconds: float = 5.0) -> None:
        """Stop quoting and cancel everything."""
        self.kernel.on_event(ModeChange(Mode.DRAINING, "end of the run"), self.now_ns)
        self.run(seconds)

    def report(self) -> dict[str, Any]:
        """What two runs are compared by."""
        counters = self.kernel.counters
        return {
            "requests": len(self.requests),
            "requests_sha256": self._digest.hexdigest(),
            "venue_sha256": self.venue.state_digest(),
            "sent": counters.sent,
            "fills": counters.fills,
            "positions": self.venue.positions(),
            "counted": {name: getattr(counters, name) for name in Counters.__slots__},
            "view": repr(self.kernel.view(self.now_ns)),
            "engine": "interpreted" if INTERPRETED else "compiled",
        }

    # -- the way out ----------------------------------------------------------------------

    def _send(self, batch: Batch) -> bool:
        """False when the last look kept the batch from leaving."""
        refusal = self.kernel.last_look(batch, self.now_ns)
        if refusal:
            at = Ns(self.now_ns)
            unsent = uniform_reply(batch, Outcome.NOT_SENT, 0, refusal, at, at)
            self.kernel.on_event(unsent, self.now_ns)
            return False
        path, body = self.codec.encode(batch)
        self.requests.append((path, body))
        stamp = self.venue.venue_ms(self.now_ns)
        window = Window.LONG if batch.op == Op.CANCEL else Window.SHORT
        headers = signed_headers(self.credentials, stamp, body, window)
        self._digest.update(b"%d %s %b\n" % (self.now_ns, path.encode(), body))
        self._digest.update(headers["X-BAPI-SIGN"].encode())
        self._request_id += 1
        self._in_air[self._request_id] = (batch, Ns(self.now_ns))
        lowered = {name.lower(): value for name, value in headers.items()}
        self.venue.http(
            HttpRequest(
                request_id=self._request_id,
                method="POST",
                path=path,
                query="",
                headers=lowered | {"content-type": "application/json"},
                body=body,
            ),
            self.now_ns,
        )
        return True

    def _send_next(self) -> None:
        while self._turn:
            if self._send(self._turn.pop(0)):
                return

    # -- the way in -----------------------------------------------------------------------

    def _connect(self) -> None:
        venue = self.venue
        assert venue.ws_open(PUBLIC, "/v5/public/linear", 0)
        assert venue.ws_open(PRIVATE, "/v5/private", 0)
        venue.ws_message(PUBLIC, topics.subscribe_frame(self.router.topics, "books"), 0)
        expires_ms = venue.venue_ms(0) + 10_000
        venue.ws_message(PRIVATE, self.credentials.ws_auth_frame(expires_ms), 0)
        self._advance_quietly(NS_PER_S)
        wanted = topics.private_topics(Category.LINEAR)
        venue.ws_message(PRIVATE, topics.subscribe_frame(wanted, "all"), self.now_ns)
        self._advance_quietly(NS_PER_S)
        self.kernel.on_event(StreamState(Stream.PUBLIC, True), self.now_ns)
        self.kernel.on_event(StreamState(Stream.PRIVATE, True), self.now_ns)
        self._requested()

    def _advance_quietly(self, ns: int) -> None:
        self.now_ns += ns
        for due in self.venue.advance(self.now_ns):
            self._deliver(due.output)

    def _deliver(self, output: object) -> None:
        if isinstance(output, HttpReply):
            self._answered(output)
        elif isinstance(output, WsSend) and output.conn_id == PUBLIC:
            routed = self.router.route(output.data)
            if routed.kind == Kind.BOOK:
                frame = BookFrame(InstrumentIndex(routed.instrument), output.data)
                self.kernel.on_event(frame, self.now_ns)
        elif isinstance(output, WsSend):
            self.private_frames.append(output.data)
            for event in self.decoder.decode(output.data).events:
                self.tell(event)
        else:
            raise AssertionError(f"the venue closed a socket: {output}")
        self._requested()

    def _answered(self, reply: HttpReply) -> None:
        batch, sent_ns = self._in_air.pop(reply.request_id)
        decoded = self.codec.decode(
            batch, reply.status, reply.body, rate_info(dict(reply.headers)), sent_ns,
            Ns(self.now_ns),
        )  # fmt: skip
        self.tell(decoded)
        self._send_next()

    def tell(self, event: Event) -> None:
        """Give the kernel a reply, or what the private stream said."""
        self.kernel.on_event(event, self.now_ns)

    def _requested(self) -> None:
        """Serve what the kernel asks of its shell; without faults that is one reading."""
        for request in self.kernel.take_requests():
            if isinstance(request, ReadAccount):
                assert not self.venue.open_orders()
                empty: Event = AccountSnapshot(
                    orders=(), executions=(), positions=(), asked_ns=Ns(self.now_ns)
                )
                self.kernel.on_event(empty, self.now_ns)


def _breach(text: str) -> None:
    raise AssertionError(text)


def _replace(params: EngineParams, *, enabled: bool) -> EngineParams:
    batch = msgspec.structs.replace(params.batch, enabled=enabled)
    return msgspec.structs.replace(params, batch=batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--sequential", action="store_true")
    parser.add_argument("--replace", action="store_true", help="move quotes by cancel and place")
    options = parser.parse_args()
    requote_by = RequoteBy.REPLACE if options.replace else RequoteBy.AMEND
    run = VirtualRun(options.seed, requote_by=requote_by, enabled=not options.sequential)
    run.run(options.seconds)
    print(json.dumps(run.report()))  # noqa: T201 - read by the test that started us


if __name__ == "__main__":
    main()
