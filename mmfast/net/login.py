"""A websocket that begins with a login, and the login's own trouble: the time it names."""

from __future__ import annotations

import asyncio
from typing import Final, Unpack

import picows

from mmfast.bybit.auth import Credentials
from mmfast.clock import VenueClock
from mmfast.net.ws_connection import OnState, Options, WsConnection

_AUTH_LIFE_MS: Final = 5_000
"""How far in the future a login says it expires."""
_SUSPICION_S: Final = 0.01
"""How often to look whether the venue's clock has been measured anew."""


class LoginConnection(WsConnection):
    """A connection that begins with a login. ``auth_refusals`` counts the refused ones.

    A login names the time at which it expires. So none leaves while the venue's clock is suspected
    to have leapt, and a refused one, which may have been expired, makes it suspected.
    """

    def __init__(
        self,
        name: str,
        url: str,
        credentials: Credentials,
        venue_clock: VenueClock,
        on_state: OnState,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(name, url, on_state, **options)
        self.auth_refusals = 0
        self._credentials = credentials
        self._venue_clock = venue_clock
        self._logged_in = False

    def _entered(self) -> None:
        """The login was accepted; said once per connection."""
        raise NotImplementedError

    def _opened(self) -> None:
        self._logged_in = False
        self._log_in(self._transport)

    def _log_in(self, transport: picows.WSTransport | None) -> None:
        if transport is None or transport is not self._transport or transport.is_disconnected:
            return
        if self._venue_clock.is_suspected:
            asyncio.get_running_loop().call_later(_SUSPICION_S, self._log_in, transport)
            return
        expires_ms = self._venue_clock.venue_ms() + _AUTH_LIFE_MS
        self._send(self._credentials.ws_auth_frame(expires_ms))

    def _authenticated(self, success: bool, text: str) -> None:
        if not success:
            self.auth_refusals += 1
            self._venue_clock.suspect()
            self._log("error", "auth_refused", f"{self.name} stream: login refused: {text}")
            self.drop("login refused")
        elif not self._logged_in:
            self._logged_in = True
            self._entered()
