"""The two streams of the venue: order books in public, our own account in private."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Unpack

from mmfast.bybit import topics
from mmfast.bybit.auth import Credentials
from mmfast.bybit.control import Kind
from mmfast.bybit.private import PrivateDecoder
from mmfast.bybit.public import PublicRouter, Routed
from mmfast.clock import VenueClock
from mmfast.errors import RemoteProtocolError
from mmfast.messages import Event
from mmfast.net.login import LoginConnection
from mmfast.net.ws_connection import OnState, Options, WsConnection


class PublicStream(WsConnection):
    """Order books. ``on_frame(instrument, data, last_in_buffer)`` is called from the receive
    path for every book frame, in the venue's order; ``on_level1`` for those of the level-1
    stream beside it and ``on_ticker`` for its ticker, where the router has one.

    ``last_in_buffer`` tells that no further frame has arrived yet. A burst may end with a frame
    that is no book frame, so it is a hint to flush early, not a promise.
    """

    def __init__(
        self,
        url: str,
        router: PublicRouter,
        on_frame: Callable[[int, bytes, bool], None],
        on_state: OnState,
        *,
        on_level1: Callable[[int, bytes, bool], None] | None = None,
        on_ticker: Callable[[int, bytes], None] | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__("public", url, on_state, **options)
        self._router = router
        self._on_frame = on_frame
        self._on_level1 = on_level1 or on_frame
        self._on_ticker = on_ticker
        self._pending: set[str] = set()

    def resubscribe(self, instrument: int) -> None:
        """Start one book anew: a snapshot follows. Does nothing while the stream is down, since
        coming up starts every book anew."""
        if not self.up:
            return
        books = self._router.topics_of(instrument)
        self._send(topics.unsubscribe_frame(books, self._next_req_id()))
        self._subscribe(books)

    def _opened(self) -> None:
        self._pending.clear()
        for chunk in topics.in_chunks(self._router.topics):
            self._subscribe(chunk)
        if not self._pending:
            self._set_up()

    def _subscribe(self, chunk: Sequence[str]) -> None:
        req_id = self._next_req_id()
        self._pending.add(req_id)
        self._expect_ack()
        self._send(topics.subscribe_frame(chunk, req_id))

    def _received(self, data: bytes, last_in_buffer: bool) -> None:
        routed = self._router.route(data)
        if routed.kind is Kind.BOOK:
            self._on_frame(routed.instrument, data, last_in_buffer)
        elif routed.kind is Kind.LEVEL1:
            self._on_level1(routed.instrument, data, last_in_buffer)
        elif routed.kind is Kind.TICKER:
            if self._on_ticker is not None:
                self._on_ticker(routed.instrument, data)
        elif routed.kind is Kind.PONG:
            self._pong()
        elif routed.kind is Kind.SUBSCRIBED:
            self._acknowledged(routed)
        elif routed.kind is Kind.UNSUBSCRIBED and not routed.success:
            self.drop(f"unsubscribe refused: {routed.text}")
        elif routed.kind is Kind.MALFORMED:
            self.drop("a frame that is not JSON")

    def _acknowledged(self, routed: Routed) -> None:
        if not routed.success:
            # A book that will never come must not look like a quiet market.
            self.drop(f"subscribe refused: {routed.text}")
            return
        if routed.req_id:
            self._pending.discard(routed.req_id)
        elif self._pending:
            # Options acknowledge without the id, in the order of the requests.
            self._pending.discard(min(self._pending, key=lambda text: (len(text), text)))
        if not self._pending:
            self._set_up()


class PrivateStream(LoginConnection):
    """Our orders, trades, positions and balance. ``on_events(events)`` is called from the
    receive path with the events of one frame, in the venue's order.

    ``on_fault(text)`` is called for a frame that cannot be understood: what it said is lost, so
    the owner must read the account again. Without ``on_fault`` the stream reconnects instead,
    which leads to the same.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        venue_clock: VenueClock,
        decoder: PrivateDecoder,
        on_events: Callable[[Collection[Event]], None],
        on_state: OnState,
        *,
        on_fault: Callable[[str], None] | None = None,
        dcp: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__("private", url, credentials, venue_clock, on_state, **options)
        self._decoder = decoder
        self._on_events = on_events
        self._on_fault = on_fault or self.drop
        self._dcp = dcp

    def _entered(self) -> None:
        wanted = topics.private_topics(self._decoder.reader.category, dcp=self._dcp)
        self._send(topics.subscribe_frame(wanted, self._next_req_id()))

    def _received(self, data: bytes, last_in_buffer: bool) -> None:
        del last_in_buffer  # the kernel decides once per burst anyway
        events = self._decoder.rows(data)
        if events is None:
            self._read(data)
        elif events:
            self._on_events(events)

    def _read(self, data: bytes) -> None:
        """A frame that is not merely rows of orders or positions."""
        try:
            frame = self._decoder.decode(data)
        except RemoteProtocolError as error:
            self.errors += 1
            self._log("error", "private_frame", str(error))
            self._on_fault(str(error))
            return
        if frame.kind is Kind.EVENTS:
            if frame.events:
                self._on_events(frame.events)
        elif frame.kind is Kind.PONG:
            self._pong()
        elif frame.kind is Kind.AUTH:
            self._authenticated(frame.success, frame.text)
        elif frame.kind is Kind.SUBSCRIBED:
            if frame.success:
                self._set_up()
            else:
                self.drop(f"subscribe refused: {frame.text}")
