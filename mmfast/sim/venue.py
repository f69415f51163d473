"""The embedded venue: exchange, market life, data and sessions on one timeline.

Sans-IO: it is told the time and what came in, and says what leaves when. A request is applied
half a round trip after it came and its reply leaves half a round trip later; what it did is told
on the private stream after that. Same parameters and same requests, same bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Final

from mmfast.sim import rooms
from mmfast.sim.access.dcp import PRODUCTS
from mmfast.sim.access.sockets import KINDS, PUBLIC, kind_of
from mmfast.sim.agenda import Agenda, Asked, Gone, Item, Said, Shown, Told, with_news
from mmfast.sim.audit import truth
from mmfast.sim.fault_effects.replies import http_outcome, is_applied, trade_outcome, trade_path
from mmfast.sim.fault_effects.stamps import restamped
from mmfast.sim.fault_terms.kinds import NAMES
from mmfast.sim.fault_terms.schedule import Schedule
from mmfast.sim.faults import HTTP, TRADE
from mmfast.sim.feed.status import Notice
from mmfast.sim.market_life import MarketDoor, market_life
from mmfast.sim.params import VenueParams
from mmfast.sim.report import report_of
from mmfast.sim.rooms import UID
from mmfast.sim.seams import BookView
from mmfast.sim.sockets.sessions import WsSessions
from mmfast.sim.wire import ENDS, Due, HttpReply, HttpRequest, HttpSilence, Output, WsSend
from mmfast.units import NS_PER_MS, Ms, Ns

_Ask = Callable[[], int]
_Do = Callable[[int], list[Output]]
_AGENDA: Final = 1
_MARKET: Final = 2
"""Which lanes of the timeline are the agenda and market life."""
_UNSEEN_NS: Final = 100 * NS_PER_MS
"""How long market life may wait while nobody has an order in it."""


class Venue(MarketDoor):
    """One venue with one account. Times are nanoseconds of the venue clock, from 0."""

    def __init__(self, params: VenueParams, recording: Iterable[bytes] | None = None) -> None:
        """``recording`` takes the place of the seeded market: lines of
        :mod:`mmfast.sim.replay.recording`, read as they come due. One that cannot be followed
        raises :class:`~mmfast.sim.replay.recording.RecordingError`, here or in :meth:`advance`.
        """
        self._params = params
        self._rooms = rooms.build(params, self._notices)
        super().__init__(self._rooms.exchange, self._rooms.ledger)
        self._feeds = self._rooms.feeds
        self.dcp = self._rooms.dcp
        self._faults = self._rooms.faults
        self.condition = self._rooms.condition
        self.sockets = self._rooms.sockets
        self.audit = self._rooms.audit
        self.uid = UID
        self._known = self._exchange.known
        self.books: tuple[BookView, ...] = self._exchange.books
        self.instruments = self._exchange.instruments
        self._jitter = random.Random(f"latency {params.seed}")
        self._half_ns = int(params.latency_ms * NS_PER_MS) // 2
        self._jitter_ns = int(params.latency_jitter_ms * NS_PER_MS)
        self._lag_ns = int(params.stream_lag_ms * NS_PER_MS)
        self._agenda = Agenda()
        self._now_ns = 0
        self._stream_tail_ns: dict[tuple[int, str], int] = {}
        self._flow = market_life(params, self._exchange, recording)
        self._sessions = WsSessions(
            params,
            self._rooms.doorkeeper,
            self._feeds.by_category,
            self._rooms.router,
            self.dcp,
        )
        self.condition.relaunch_books = self.relaunch_books
        # When the last message of each trade connection is applied: they never overtake.
        self._trade_tail_ns: dict[int, int] = {}
        # Of what is due at one instant, the earlier lane goes first.
        lanes: tuple[tuple[_Ask, _Do], ...] = (
            (self._faults.next_due_ns, self._suffer),
            (self._agenda.next_due_ns, self._serve),
            (self._flow.next_due_ns, self._live),
            (self._feeds.next_due_ns, self._publish),
            (self.dcp.next_due_ns, self._protect),
            (self._sessions.next_due_ns, self._sessions.tick),
        )
        self._asks = tuple(ask for ask, _ in lanes)
        self._acts = tuple(act for _, act in lanes)
        self._flow.seed_books(self, 0)
        self._tell()

    def _notices(self) -> list[dict[str, object]]:
        # The sessions, which keep the notices, are made after the router they need.
        return self._sessions.board.rows()

    # What the server shell says and asks.

    def venue_ms(self, now_ns: int) -> int:
        """The venue's wall time at an instant of its clock."""
        return self._params.start_wall_ms + now_ns // NS_PER_MS

    def http(self, request: HttpRequest, now_ns: int) -> None:
        """A request came in; its reply comes out of :meth:`advance` in due time."""
        if self.condition.mutes(HTTP):
            self.audit.received(request, self.venue_ms(now_ns), "half_open")
            self._schedule(now_ns, silence := HttpSilence(request.request_id))
            self.audit.answered(request.request_id, silence, self.venue_ms(now_ns))
            return
        plan = None
        if self._faults.wire:
            plan = self._faults.on_request(request.path, HTTP, now_ns)
        fate = "" if plan is None or plan.fate is None else NAMES[type(plan.fate)]
        self.audit.received(request, self.venue_ms(now_ns), fate)
        extra_ns = self._extra_ns() + (0 if plan is None else plan.request_ns)
        self._schedule(now_ns + self._half_ns + extra_ns, Asked(request, plan))

    def ws_admit(self, path: str, ip: str, now_ns: int) -> str:
        """Why an address may open no websocket now; empty when it may. Counts the attempt."""
        return self._sessions.admit(path, ip, now_ns)

    def ws_open(self, conn_id: int, path: str, now_ns: int, ip: str = "") -> bool:
        """A websocket was opened; False when there is nothing at ``path``, or nobody is let in."""
        if self.condition.is_under_maintenance and kind_of(path) in KINDS:
            return False
        if not self._sessions.open(conn_id, path, now_ns, ip):
            return False
        self.sockets.open(conn_id, path)
        return True

    def ws_message(self, conn_id: int, data: bytes, now_ns: int) -> None:
        """A websocket said something; the answers come out of :meth:`advance`.

        It waits its turn there: a snapshot taken now must not overtake a delta due before now.
        Its whole round trip is behind it when it is heard, so that it is answered at that very
        instant: no delta can slip in between a snapshot and its leaving. Only the trade socket
        does as REST does: half before, half after.
        """
        if self._is_mute(conn_id):
            return
        if not self._sessions.is_trade(conn_id):
            self._schedule(now_ns + 2 * self._half_ns, Said(conn_id, data, None))
            return
        plan = None
        if self._faults.wire and (path := trade_path(data)) is not None:
            plan = self._faults.on_request(path, TRADE, now_ns)
        at_ns = now_ns + self._half_ns + self._extra_ns()
        at_ns += 0 if plan is None else plan.request_ns
        at_ns = max(at_ns, self._trade_tail_ns.get(conn_id, 0))
        self._trade_tail_ns[conn_id] = at_ns
        self._schedule(at_ns, Said(conn_id, data, plan))

    def ws_close(self, conn_id: int, now_ns: int) -> None:
        """A websocket is gone. What a trade connection has said is still done, unanswered."""
        self.sockets.close(conn_id)
        tail_ns = self._trade_tail_ns.pop(conn_id, 0)
        if tail_ns > self._now_ns:
            self._schedule(tail_ns, Gone(conn_id))
        else:
            self._sessions.close(conn_id, now_ns)

    def announce(self, notice: Notice) -> None:
        """Tell the venue's own state to who listens to ``system.status``."""
        for message in self._sessions.announce(notice, self.venue_ms(self._now_ns)):
            self._schedule(self._now_ns, message)

    def relaunch_books(self) -> None:
        """Restart the service behind the public books: they begin anew, with ``u`` = 1."""
        for category, topic, frame in self._feeds.relaunch(self._now_ns):
            for message in self._sessions.publish(category, topic, frame):
                self._schedule(self._now_ns, message)

    def freeze_feed(self, until_ns: int) -> None:
        """Let public market data fall silent until then; the exchange goes on."""
        self._feeds.freeze(until_ns)

    def arm(self, schedule: Schedule, now_ns: int) -> list[int]:
        """Load faults beside those there are; their times count from now. Returns their ids.

        Raises :class:`~mmfast.errors.ConfigError` when the venue cannot have one of them.
        """
        return self._faults.arm(schedule, now_ns)

    def clear_faults(self, now_ns: int) -> None:
        """End all faults, by the next :meth:`advance`."""
        self._faults.clear(now_ns)

    def next_due_ns(self) -> int:
        """The earliest instant at which there is something to do (very large: never)."""
        return min([ask() for ask in self._asks])

    def next_wake_ns(self) -> int:
        """When :meth:`advance` has to be called so that nothing leaves late.

        What the market does is told on the next beat of a public topic, and to an account half
        a round trip and a stream lag later, if it has orders that can trade: until then nobody
        can know that it was not done yet. Doing much of it together costs far less.
        """
        dues = [ask() for ask in self._asks]
        is_trading = any(one.blotter.has_open() for one in self._exchange.accounts.values())
        dues[_MARKET] += self._half_ns + self._lag_ns if is_trading else _UNSEEN_NS
        return min(dues)

    def advance(self, now_ns: int) -> list[Due]:
        """Do everything due at or before ``now_ns``, in time order; what leaves, in that order."""
        leaving: list[Due] = []
        self._known.leaves_ms = self.venue_ms(now_ns)
        markouts, asks, acts = self._ledger.markouts, self._asks, self._acts
        while True:
            dues = [ask() for ask in asks]
            due_ns = min(dues)
            if due_ns > now_ns:
                break
            # Books stand still between steps: a look that was due is done before the next one.
            if markouts.due_ns <= due_ns:
                markouts.look(due_ns)
            self._set_clock(due_ns)
            lane = dues.index(due_ns)
            outputs = acts[lane](due_ns)
            if outputs:
                self._leave(outputs, leaving)
            while lane == _AGENDA and self._has_more(due_ns):
                self._leave(self._serve(due_ns), leaving)
        if markouts.due_ns <= now_ns:
            markouts.look(now_ns)
        self._set_clock(now_ns)
        return leaving

    # The timeline.

    def _set_clock(self, at_ns: int) -> None:
        self._now_ns = self._ledger.now_ns = max(self._now_ns, at_ns)
        self._exchange.engine.now_ms = Ms(self.venue_ms(self._now_ns))

    def _schedule(self, at_ns: int, item: Item) -> None:
        self._agenda.add(max(at_ns, self._now_ns), item)

    def _is_mute(self, conn_id: int) -> bool:
        return bool(self.condition.muted) and self.condition.mutes(self.sockets.kind(conn_id))

    def _extra_ns(self) -> int:
        return self._jitter.randrange(self._jitter_ns) if self._jitter_ns else 0

    def _leave(self, outputs: list[Output], leaving: list[Due]) -> None:
        at_ns, is_muting = Ns(self._now_ns), bool(self.condition.muted)
        skew_ms = self.condition.skew_ms
        for output in outputs:
            if isinstance(output, ENDS):
                self.ws_close(output.conn_id, at_ns)
            elif is_muting and isinstance(output, WsSend) and self._is_mute(output.conn_id):
                continue
            told = output
            if skew_ms and isinstance(told, WsSend) and self.sockets.kind(told.conn_id) == PUBLIC:
                told = WsSend(told.conn_id, restamped(told.data, skew_ms))
            leaving.append(Due(at_ns, told))

    # What can be due. Each act does one thing of its kind, or all that is due at that instant.

    def _suffer(self, due_ns: int) -> list[Output]:
        outputs = self._faults.step(due_ns)
        for notice in self.condition.take_notices():
            self.announce(notice)
        self._tell()
        return outputs

    def _has_more(self, due_ns: int) -> bool:
        """True when the next thing to do is another item of the agenda, at the same instant."""
        if self._agenda.next_due_ns() > due_ns:
            return False
        return min(self._faults.next_due_ns(), self._ledger.markouts.due_ns) > due_ns

    def _live(self, due_ns: int) -> list[Output]:
        self._flow.step(due_ns, self)
        self._tell()
        return []

    def _publish(self, due_ns: int) -> list[Output]:
        outputs: list[Output] = []
        forger = self._rooms.forger
        for category, topic, frame in self._feeds.advance(due_ns):
            told = frame if forger.idle() else forger.pass_on(category, topic, frame, due_ns)
            if told is not None:
                outputs += self._sessions.publish(category, topic, told)
        return outputs

    def _protect(self, due_ns: int) -> list[Output]:
        """Disconnect protection: orders of accounts whose connections are dead end."""
        for uid, product in self.dcp.due(due_ns):
            self._exchange.protect(self._exchange.accounts[uid], PRODUCTS[product])
        self._tell()
        return []

    def _serve(self, due_ns: int) -> list[Output]:  # noqa: ARG002
        match self._agenda.pop():
            case WsSend() | HttpReply() as output:
                return [output]
            case Shown(answer, news):
                kind = self.sockets.kind(answer.conn_id) if isinstance(answer, WsSend) else HTTP
                if kind == HTTP or (kind and kind not in self.condition.muted):
                    self._known.tell(news)
                return [answer]
            case Told() as told:
                return self._sessions.private(*told, self.venue_ms(self._now_ns))
            case Said() as said:
                return self._hear(said)
            case Asked() as asked:
                self._answer(asked)
                return []
            case Gone(conn_id):
                self._sessions.close(conn_id, self._now_ns)
                return []
            case output:
                return [output]

    def _answer(self, asked: Asked) -> None:
        """Apply a request and send its reply on its way."""
        request, plan = asked
        gateway_ms = self.venue_ms(self._now_ns) + self._known.skew_ms

        def apply() -> HttpReply:
            return self._rooms.router.answer(request, self._now_ns, gateway_ms)

        output = apply() if plan is None else http_outcome(request.request_id, plan.fate, apply)
        self.audit.answered(request.request_id, output, self.venue_ms(self._now_ns))
        at_ns = self._now_ns + self._half_ns + self._extra_ns()
        at_ns += 0 if plan is None else plan.reply_ns
        self._schedule(at_ns, with_news(output, plan, self._known))
        self._tell()

    def _hear(self, said: Said) -> list[Output]:
        """Answer a websocket message: at once, or after the trade socket's way back."""
        now_ns, conn_id, answers = self._now_ns, said.conn_id, list[Output]()
        if said.plan is None or is_applied(said.plan.fate):
            gateway_ms = self.venue_ms(now_ns) + self._known.skew_ms
            answers = self._sessions.message(conn_id, said.data, now_ns, gateway_ms)
        self._rooms.scribe.answered(said, answers, self.venue_ms(now_ns))
        if not self._sessions.is_trade(conn_id):
            return answers
        back_ns = self._half_ns
        if said.plan is not None:
            answers = trade_outcome(conn_id, said.plan.fate, answers)
            back_ns += said.plan.reply_ns
        for answer in answers:
            at_ns = now_ns + back_ns + self._extra_ns()
            self._schedule(at_ns, with_news(answer, said.plan, self._known))
        self._tell()
        return []

    def _tell(self) -> None:
        """Pass on what the exchange did in this step."""
        prints = self._exchange.prints
        if prints:
            self._feeds.trades(prints)
            prints.clear()
        self._exchange.outbox.flush(self)

    def private(self, uid: int, root: str, category: str, rows: list[dict[str, object]]) -> None:
        """Take a private message; it leaves a lag after the ack of what caused it would.

        Messages of one stream never overtake each other; messages of two streams, and an ack,
        may once there is jitter.
        """
        at_ns = self._now_ns + self._half_ns + self._lag_ns + self._extra_ns()
        plan = self._faults.on_private(root, self._now_ns) if self._faults.private else None
        if plan is not None:
            at_ns += plan.late_ns
        at_ns = max(at_ns, self._stream_tail_ns.get((uid, root), 0))
        self._stream_tail_ns[uid, root] = at_ns
        told = Told(uid, root, category, rows)
        if plan is None:
            self._schedule(at_ns, told)
            return
        at_ns += plan.stray_ns
        for later_ns in (0, *plan.copies_ns):
            self._schedule(at_ns + later_ns, told)

    # The truth, for tests and reports.

    def report(self, now_ns: int) -> dict[str, object]:
        """All the audit has to say, as JSON-ready values; call :meth:`advance` before."""
        return report_of(self._rooms, self._params, self.venue_ms(now_ns))

    def fault_report(self) -> list[dict[str, object]]:
        """Every fault loaded and how often it fired."""
        return self._faults.report(self._params.start_wall_ms)

    def open_orders(self) -> list[dict[str, object]]:
        """Rows of the account's open orders, oldest first."""
        return truth.open_orders(self._exchange, self.uid)

    def positions(self) -> dict[str, int]:
        """Signed lots by symbol, flat ones included; spot has coins, not positions."""
        return truth.positions(self._exchange, self.uid)

    def state_digest(self) -> str:
        """SHA-256 over open orders, positions, balance and books, without times and ids."""
        return truth.state_digest(self._exchange, self.uid)
