"""Pooled HTTP: signs a request when its bytes are about to leave, and says what is known when
no reply comes.

The evidence for "not sent" is one fact, not a guess from exception types: a request is written
when a connection is in hand, without giving up the loop in between (see
:mod:`mmfast.net.connector`). If it never got one, no byte of the request left. The same moment is
the latest possible one to sign (the timestamp is inside the signature) and to look once more
whether the request is still wanted, and the venue still speaks to us.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

import aiohttp
import msgspec
from aiohttp import hdrs
from aiohttp.http import HttpProcessingError

from mmfast.bybit.auth import Credentials, Window
from mmfast.bybit.limits import rate_info
from mmfast.bybit.trade import IP_BAN_NS
from mmfast.clock import Clock, VenueClock
from mmfast.errors import NotSent, OutcomeUnknown
from mmfast.messages import RateInfo
from mmfast.net.address import AddressPace
from mmfast.net.connector import Host
from mmfast.net.deadlines import Deadlines
from mmfast.units import NS_PER_S, Ns

OnRequest = Callable[[str, str, int, str], None]
"""``(verb, api, elapsed_ns, status)``; the status is an HTTP code or a word."""
Log = Callable[[str, str, str], None]
"""``(severity, code, text)``; severities are ``info``, ``warning``, ``error``."""

_FORBIDDEN: Final = 403
_LOST: Final = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)
_FRESH_MS: Final = 5
"""A signature made ahead of the moment of leaving may be so old."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of every request."""

    connections: int = 8
    total_s: float = 5.0
    """From asking for a connection to the last byte of the reply."""
    connect_s: float = 3.0
    requests_per_5_s: int = 0
    """The venue's limit by address; 0: none."""
    max_reply_bytes: int = 1 << 20
    """For order entry; a longer reply proves nothing."""
    max_query_reply_bytes: int = 16 << 20
    """For queries: a page of instruments is large."""


class Reply(NamedTuple):
    """One HTTP reply, whole."""

    status: int
    body: bytes
    rate: RateInfo
    sent_ns: Ns
    received_ns: Ns


class Refused(NotSent):
    """The last look, or the address's limit, said no; nothing left. The text is the reason."""


class Attempt:
    """One request on its way out.

    ``payload`` is what is signed: the query string or the body. ``window`` None means unsigned.
    """

    __slots__ = ("cancels", "last_look", "lines", "payload", "sent_ns", "stamp_ms", "window")

    def __init__(
        self,
        payload: bytes,
        window: Window | None,
        last_look: Callable[[], str] | None = None,
        *,
        cancels: bool = False,
    ) -> None:
        self.payload = payload
        self.window = window
        self.last_look = last_look
        self.cancels = cancels
        """Cancels may use what is kept of the address's limit."""
        self.stamp_ms = 0
        self.lines = b""
        """Header lines signed ahead for ``stamp_ms``; none if that is left to the last moment."""
        self.sent_ns = 0
        """When the bytes left; 0: none ever did."""


def ignore_request(_verb: str, _api: str, _elapsed_ns: int, _status: str) -> None:
    """An observer that sees nothing."""


def ignore_log(_severity: str, _code: str, _text: str) -> None:
    """A log that keeps nothing."""


class HttpPool:
    """Keep-alive connections to one REST host.

    ``blocked_until_ns`` (monotonic) is set by HTTP 403: until then nothing is sent, and the
    connections are closed, because the venue prolongs the ban of those who knock.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        clock: Clock,
        venue_clock: VenueClock,
        *,
        tls: ssl.SSLContext,
        limits: Limits | None = None,
        on_request: OnRequest = ignore_request,
        log: Log = ignore_log,
    ) -> None:
        self.clock = clock
        self.blocked_until_ns = Ns(0)
        self.on_ban: list[Callable[[int], None]] = []
        """Told the monotonic end of a ban when it begins."""
        self.limits = limits or Limits()
        self._credentials = credentials
        self._venue_clock = venue_clock
        self._on_request = on_request
        self._log = log
        self._host = Host(base_url, tls, self.limits.connections, self.limits.connect_s)
        self._deadlines = Deadlines(self.limits.total_s)
        self._address = AddressPace(self.limits.requests_per_5_s)
        self._in_flight = 0

    def sign(self, attempts: Sequence[Attempt]) -> None:
        """Sign requests that leave together two at a time, where that is cheaper than one by
        one. The odd one is signed when it leaves."""
        if not self._credentials.signs_in_pairs:
            return
        stamp_ms = self._venue_clock.stamp_ms()
        for window in Window:
            of_window = [attempt for attempt in attempts if attempt.window is window]
            # Two payloads of about one length cost the least together.
            of_window.sort(key=lambda attempt: len(attempt.payload))
            for first, second in zip(of_window[::2], of_window[1::2], strict=False):
                first.stamp_ms = second.stamp_ms = stamp_ms
                first.lines, second.lines = self._credentials.lines_of_pair(
                    stamp_ms, first.payload, second.payload, window
                )

    async def request(
        self, verb: str, target: str, api: str, attempt: Attempt, max_reply_bytes: int
    ) -> Reply:
        """One exchange; ``target`` is path and query. ``attempt.payload`` is also the body of a
        POST.

        Raises :class:`NotSent` (proven; :class:`Refused` by the last look) or
        :class:`OutcomeUnknown`.
        """
        started_ns = self.clock.now_ns()
        if started_ns < self.blocked_until_ns:
            raise NotSent(f"{api}: {self._ban_text(started_ns)}")
        status = "error"
        self._in_flight += 1
        try:
            reply = await self._exchange(verb, target, attempt, max_reply_bytes)
            status = str(reply.status)
        except Refused:
            status = "refused"
            raise
        except TimeoutError as error:
            status = "timeout"
            raise _classified(api, attempt, error) from error
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            raise _classified(api, attempt, error) from error
        finally:
            self._in_flight -= 1
            ended_ns = self.clock.now_ns()
            self._on_request(verb, api, ended_ns - started_ns, status)
            if ended_ns < self.blocked_until_ns:
                await self._close_if_unused()
        if reply.status == _FORBIDDEN:
            self._ban(reply.received_ns)
            await self._close_if_unused()
        return reply

    async def close(self) -> None:
        """Close all connections. The next request would open new ones."""
        await self._host.close()

    async def _exchange(
        self, verb: str, target: str, attempt: Attempt, max_reply_bytes: int
    ) -> Reply:
        is_query = verb == hdrs.METH_GET
        body = b"" if is_query else attempt.payload
        leaving = partial(self._leaving, attempt)
        with self._deadlines:
            try:
                answer = await self._host.exchange(verb, target, body, leaving, max_reply_bytes)
            except _LOST:
                # A host may close an idle connection while a request is on its way to it. What
                # asks and changes nothing may then be asked again, on another.
                if not is_query or attempt.sent_ns == 0:
                    raise
                answer = await self._host.exchange(verb, target, body, leaving, max_reply_bytes)
        return Reply(
            answer.status,
            answer.body,
            rate_info(answer.headers),
            Ns(attempt.sent_ns),
            Ns(self.clock.now_ns()),
        )

    def _leaving(self, attempt: Attempt) -> bytes:
        """A connection is in hand and the request is about to be written: last look, then sign.

        While it waited for one the venue may have banned us; and a query whose connection is lost
        comes here again.
        """
        now_ns = self.clock.now_ns()
        if now_ns < self.blocked_until_ns:
            raise (OutcomeUnknown if attempt.sent_ns else NotSent)(self._ban_text(now_ns))
        crowded = self._address.refusal(now_ns, cancels=attempt.cancels)
        if crowded:
            raise OutcomeUnknown(crowded) if attempt.sent_ns else Refused(crowded)
        if attempt.last_look is not None:
            refusal = attempt.last_look()
            if refusal:
                raise OutcomeUnknown(refusal) if attempt.sent_ns else Refused(refusal)
        lines = b"" if attempt.window is None else self._signed_lines(attempt, attempt.window)
        attempt.sent_ns = self.clock.now_ns()
        return lines

    def _signed_lines(self, attempt: Attempt, window: Window) -> bytes:
        """What was signed ahead is used while it is fresh: the receive window of the venue runs
        from the timestamp, and whoever had to wait for a connection shall have all of it."""
        now_ms = self._venue_clock.stamp_ms()
        if attempt.lines and now_ms - attempt.stamp_ms <= _FRESH_MS:
            return attempt.lines
        return self._credentials.lines(now_ms, attempt.payload, window)

    def _ban_text(self, now_ns: int) -> str:
        left_s = (self.blocked_until_ns - now_ns) // NS_PER_S
        return f"this address is banned from REST for another {left_s} s"

    def heed_ban(self, until_ns: int) -> None:
        """Send nothing before a monotonic instant."""
        self.blocked_until_ns = Ns(max(self.blocked_until_ns, until_ns))

    def meet_ban(self, until_ns: int) -> None:
        """A ban was met, here or by another client of this process."""
        self.heed_ban(until_ns)
        for tell in self.on_ban:
            tell(self.blocked_until_ns)

    def _ban(self, received_ns: int) -> None:
        minutes = IP_BAN_NS // (60 * NS_PER_S)
        self._log("error", "ip_ban", f"HTTP 403: no REST request for {minutes} minutes")
        self.meet_ban(received_ns + IP_BAN_NS)

    async def _close_if_unused(self) -> None:
        # Requests still in flight finish first: cutting them would make their outcome unknown.
        if self._in_flight == 0:
            await self.close()


def _classified(api: str, attempt: Attempt, error: Exception) -> NotSent | OutcomeUnknown:
    """What a failed exchange proves. The error's own text may quote anything, so only its type
    and the operating system's reason are kept."""
    cause = getattr(error, "strerror", None) or type(error).__name__
    if attempt.sent_ns == 0:
        return NotSent(f"{api}: {cause}")
    return OutcomeUnknown(f"{api}: {cause} after the request had left")
