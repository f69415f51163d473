"""HMAC-SHA256 from a key state prepared once."""

from typing import Final, Self, final

BACKEND: Final[str]
"""``"sha-ni"`` when the CPU has it, else ``"portable"``; chosen once at import."""
SWITCH: Final[str]
"""Environment variable that forces the portable one: ``auto`` (default) or ``portable``."""

@final
class Signer:
    """Signs for one API key. Never shows its secret: ``repr`` is redacted, pickling refused.

    ``api_key`` is public; what is kept of ``secret`` is wiped from memory when the object goes.
    ValueError unless both are printable ASCII without spaces and the window is 1 to 60000 ms;
    its text never shows the secret.
    """

    @property
    def api_key(self) -> str: ...
    def __new__(cls, api_key: str, secret: str, recv_window_ms: int) -> Self: ...
    @property
    def recv_window_ms(self) -> int: ...
    def sign(self, payload: bytes) -> str:
        """Lower-case hex HMAC-SHA256 of ``payload`` (64 characters)."""
    def sign_pair(self, first: bytes, second: bytes) -> tuple[str, str]:
        """Two signatures at once."""
    def request_lines(self, timestamp_ms: int, payload: bytes) -> bytes:
        """The four header lines of a signed request, each ended by CR LF: key, window, time, and
        the signature over timestamp + api key + receive window + payload (query or body)."""
    def request_lines_pair(
        self, timestamp_ms: int, first: bytes, second: bytes
    ) -> tuple[bytes, bytes]:
        """:meth:`request_lines` of two payloads of one time, at once: cheaper than one after the
        other when they are about as long. Pair bodies of a flush by their size."""
