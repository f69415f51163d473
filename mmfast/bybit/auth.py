"""Signing: HMAC keys through the compiled signer, RSA keys through ``cryptography``."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NoReturn

import orjson

from mmfast._core.sign import Signer
from mmfast.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_API_KEY: Final = re.compile(r"[0-9A-Za-z_-]{1,128}")
_MAX_SECRET_CHARS: Final = 256
_SHOWN_CHARS: Final = 4
AUTH_REQ_ID: Final = "auth"

LinesOfOne = Callable[[int, bytes], bytes]
LinesOfPair = Callable[[int, bytes, bytes], tuple[bytes, bytes]]


class Window(IntEnum):
    """How long a request may take to reach the venue before it is void."""

    SHORT = 0
    """Creates and amends: a short window bounds how long an outcome can stay in doubt."""
    LONG = 1
    """Cancels and queries: late is better than not at all."""


class Credentials:
    """One API key. Made by :meth:`hmac` or :meth:`rsa`; shows only the key's last four
    characters, and refuses to be pickled or copied."""

    __slots__ = ("_sign", "_windows", "api_key")

    def __init__(
        self, api_key: str, sign: Callable[[bytes], str], windows: tuple[_SignsRequest, ...]
    ) -> None:
        self.api_key = api_key
        self._sign = sign
        self._windows = windows

    @classmethod
    def hmac(
        cls, api_key: str, secret: str, *, short_window_ms: int = 1000, long_window_ms: int = 5000
    ) -> Credentials:
        """A key with a shared secret. Raises ConfigError for text no key can be."""
        _check_key(api_key)
        if not (0 < len(secret) <= _MAX_SECRET_CHARS and secret.isascii() and secret.isprintable()):
            raise ConfigError(
                [("BYBIT_API_SECRET", f"expected 1-{_MAX_SECRET_CHARS} plain characters")]
            )
        _check_windows(short_window_ms, long_window_ms)
        short = Signer(api_key, secret, short_window_ms)
        long = Signer(api_key, secret, long_window_ms)
        windows = (
            _SignsRequest(short.request_lines, short.request_lines_pair, short_window_ms),
            _SignsRequest(long.request_lines, long.request_lines_pair, long_window_ms),
        )
        return cls(api_key, long.sign, windows)

    @classmethod
    def rsa(
        cls, api_key: str, pem: bytes, *, short_window_ms: int = 1000, long_window_ms: int = 5000
    ) -> Credentials:
        """A self-made key: ``pem`` is the unencrypted private half. Raises ConfigError."""
        _check_key(api_key)
        _check_windows(short_window_ms, long_window_ms)
        sign = _rsa_signer(_load_rsa(pem))
        windows = tuple(
            _SignsRequest(_rsa_request(sign, api_key, window_ms), None, window_ms)
            for window_ms in (short_window_ms, long_window_ms)
        )
        return cls(api_key, sign, windows)

    def window_ms(self, window: Window) -> int:
        """Receive window in milliseconds."""
        return self._windows[window].window_ms

    def lines(self, timestamp_ms: int, payload: bytes, window: Window) -> bytes:
        """Header lines of one signed request, each ended by CR LF; ``payload`` is the query
        string or the body, exactly as sent."""
        return self._windows[window].lines(timestamp_ms, payload)

    @property
    def signs_in_pairs(self) -> bool:
        """Two signatures at once cost less than one after the other."""
        return self._windows[Window.SHORT].lines_of_pair is not None

    def lines_of_pair(
        self, timestamp_ms: int, first: bytes, second: bytes, window: Window
    ) -> tuple[bytes, bytes]:
        """:meth:`lines` of two payloads of one time; cheapest when they are about as long."""
        signs = self._windows[window]
        if signs.lines_of_pair is not None:
            return signs.lines_of_pair(timestamp_ms, first, second)
        return signs.lines(timestamp_ms, first), signs.lines(timestamp_ms, second)

    def ws_auth_frame(self, expires_ms: int) -> bytes:
        """First frame on a private or trade websocket; ``expires_ms`` lies in the future."""
        signature = self._sign(b"GET/realtime%d" % expires_ms)
        return orjson.dumps(
            {"op": "auth", "args": [self.api_key, expires_ms, signature], "req_id": AUTH_REQ_ID}
        )

    def __repr__(self) -> str:
        return f"Credentials(api_key='...{self.api_key[-_SHOWN_CHARS:]}')"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("credentials stay in this process: they cannot be pickled or copied")


class _SignsRequest:
    """A receive window with what signs for it."""

    __slots__ = ("lines", "lines_of_pair", "window_ms")

    def __init__(
        self, lines: LinesOfOne, lines_of_pair: LinesOfPair | None, window_ms: int
    ) -> None:
        self.lines = lines
        self.lines_of_pair = lines_of_pair
        self.window_ms = window_ms


def _check_key(api_key: str) -> None:
    # The key goes into a header, so anything but plain characters could add headers of its own.
    if not _API_KEY.fullmatch(api_key):
        raise ConfigError([("BYBIT_API_KEY", "expected 1-128 letters, digits, '-' or '_'")])


def _check_windows(*windows_ms: int) -> None:
    for window_ms in windows_ms:
        if not 0 < window_ms <= 60_000:
            raise ConfigError([("$.venue.recv_window_ms", f"expected 1-60000, found {window_ms}")])


def _load_rsa(pem: bytes) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        # The cause may quote parts of the key, so it is not passed on.
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError([("BYBIT_API_SECRET", "expected an unencrypted RSA private key in PEM")])
    return key


def _rsa_signer(key: RSAPrivateKey) -> Callable[[bytes], str]:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    padding, digest = PKCS1v15(), SHA256()

    def sign(payload: bytes) -> str:
        return base64.b64encode(key.sign(payload, padding, digest)).decode()

    return sign


def _rsa_request(sign: Callable[[bytes], str], api_key: str, window_ms: int) -> LinesOfOne:
    def lines(timestamp_ms: int, payload: bytes) -> bytes:
        signature = sign(f"{timestamp_ms}{api_key}{window_ms}".encode() + payload)
        return (
            f"X-BAPI-API-KEY: {api_key}\r\nX-BAPI-RECV-WINDOW: {window_ms}\r\n"
            f"X-BAPI-TIMESTAMP: {timestamp_ms}\r\nX-BAPI-SIGN: {signature}\r\n"
        ).encode()

    return lines
