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

    def sign_pair(self, first, second):
        return self.sign(first), self.sign(second)

    def request_lines(self, timestamp_ms, payload):
        head = f"{timestamp_ms}{self.api_key}{self.recv_window_ms}".encode("ascii")
        lines = {
            "X-BAPI-API-KEY": self.api_key,
            "X-BAPI-RECV-WINDOW": self.recv_window_ms,
            "X-BAPI-TIMESTAMP": timestamp_ms,
            "X-BAPI-SIGN": self.sign(head + payload),
        }
        return "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode("ascii")

    def request_lines_pair(self, timestamp_ms, first, second):
        return self.request_lines(timestamp_ms, first), self.request_lines(timestamp_ms, second)
