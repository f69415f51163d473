"""The obvious twin of mmfast._core.sign: the standard library's hmac."""

from __future__ import annotations

import hashlib
import hmac


class Signer:
    """Same surface as the compiled signer."""

    def __init__(self, api_key, secret, recv_window_ms):
        self.api_key = api_key
        self.recv_window_ms = recv_window_ms
        self._secret = secret.encode("ascii")

    def sign(self, payload):
        return hmac.new(self._secret, payload, hashlib.sha256).hexdigest()

    def sign_request(self, timestamp_ms, payload):
        head = f"{timestamp_ms}{self.api_key}{self.recv_window_ms}".encode("ascii")
        return self.sign(head + payload)

    def sign_pair(self, first, second):
        return self.sign(first), self.sign(second)

    def sign_request_pair(self, timestamp_ms, first, second):
        return self.sign_request(timestamp_ms, first), self.sign_request(timestamp_ms, second)
