"""Who is asking: API key, signature, time window.

Written with the standard library on purpose: the venue must not share a mistake of the
signing code it judges.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, NamedTuple

from mmfast.sim.known import Known
from mmfast.sim.refusals import (
    BAD_KEY,
    BAD_PARAMETER,
    BAD_SIGNATURE,
    BAD_TIMESTAMP,
    Refusal,
    bad_parameter,
)
from mmfast.sim.wire import HttpRequest
from mmfast.units import Ms

MAX_AHEAD_MS: Final = 1000
"""How far a request's time may be ahead of the venue's; no window widens it."""
_NEEDED: Final = ("x-bapi-api-key", "x-bapi-timestamp", "x-bapi-sign")


class Unsigned(Exception):
    """The request carries no authentication at all."""


class Credentials(NamedTuple):
    """One API key of one account."""

    uid: int
    api_key: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Credentials(uid={self.uid}, api_key={self.api_key!r})"

    def signature(self, payload: bytes) -> str:
        """Lower-case hex HMAC-SHA256."""
        return hmac.new(self.secret, payload, hashlib.sha256).hexdigest()


class Doorkeeper:
    """Knows the keys of the venue. ``known`` is shown every timestamp."""

    __slots__ = ("_default_window_ms", "_keys", "_known")

    def __init__(self, keys: tuple[Credentials, ...], default_window_ms: Ms, known: Known) -> None:
        self._keys = {key.api_key: key for key in keys}
        self._default_window_ms = default_window_ms
        self._known = known

    def admit(self, request: HttpRequest, venue_ms: int) -> int:
        """The uid behind a signed request.

        Raises :class:`Unsigned` when a header is missing, and a
        :class:`~mmfast.sim.refusals.Refusal` with 10003 for an unknown key, 10002 for a time
        outside the window, 10004 for a wrong signature.
        """
        headers = request.headers
        if any(not headers.get(name) for name in _NEEDED):
            raise Unsigned
        key = self._keys.get(headers["x-bapi-api-key"])
        if key is None:
            raise Refusal(BAD_KEY, "API key is invalid.")
        time_text = headers["x-bapi-timestamp"]
        window_text = headers.get("x-bapi-recv-window", "")
        self.check_time(time_text, window_text, venue_ms)
        payload = _bytes(request.query) if request.method == "GET" else request.body
        origin = _bytes(f"{time_text}{key.api_key}{window_text}") + payload
        if not _same(key.signature(origin), headers["x-bapi-sign"]):
            shown = origin.decode(errors="replace")
            raise Refusal(BAD_SIGNATURE, f"error sign! origin_string[{shown}]")
        return key.uid

    def check_time(self, time_text: str, window_text: str, venue_ms: int) -> None:
        """Raises 10002 for a time outside the window, 10001 for what is no time.

        Both are milliseconds as text; an empty window stands for the default one.
        """
        sent_ms = _whole_number("X-BAPI-TIMESTAMP", time_text)
        window_ms = int(self._default_window_ms)
        if window_text:
            window_ms = _whole_number("X-BAPI-RECV-WINDOW", window_text)
        self._known.begin(sent_ms)
        if not venue_ms - window_ms <= sent_ms < venue_ms + MAX_AHEAD_MS:
            true_ms = venue_ms - self._known.skew_ms
            self._known.check_clock(sent_ms, window_ms, MAX_AHEAD_MS, true_ms)
            raise Refusal(
                BAD_TIMESTAMP,
                "invalid request, please check your server timestamp or recv_window param. "
                f"req_timestamp[{sent_ms}],server_timestamp[{venue_ms}],recv_window[{window_ms}]",
            )

    def admit_stream(
        self, api_key: str, expires_ms: int, sign: str, venue_ms: int, age_ms: int
    ) -> int:
        """Return code of a websocket ``auth``: 0, 10001 when expired, 10003 or 10004. ``age_ms``
        is how long its connection has been open."""
        key = self._keys.get(api_key)
        if key is None:
            return BAD_KEY
        is_ours = _same(key.signature(f"GET/realtime{expires_ms}".encode()), sign)
        if expires_ms <= venue_ms:
            if is_ours:
                true_ms = venue_ms - self._known.skew_ms
                self._known.check_login(expires_ms, true_ms - age_ms, true_ms)
            return BAD_PARAMETER
        return 0 if is_ours else BAD_SIGNATURE

    def uid_of(self, api_key: str) -> int:
        """The account behind a known key."""
        return self._keys[api_key].uid


def _whole_number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise bad_parameter(f"params error: {name} must be milliseconds, found {text[:32]!r}")
    return int(text)


def _same(expected: str, found: str) -> bool:
    """Compare without telling by time where they differ; ``found`` may be any text."""
    return hmac.compare_digest(_bytes(expected), _bytes(found))


def _bytes(text: str) -> bytes:
    """The bytes a text came from: what was not UTF-8 arrives as lone surrogates."""
    return text.encode(errors="surrogateescape")
