"""Signed requests for venues that are handed headers, not bytes."""

from __future__ import annotations

from mmfast.bybit.auth import Credentials, Window


def headers_of(lines: bytes) -> dict[str, str]:
    """Header lines, each ended by CR LF, as names and values."""
    return dict(line.split(": ", 1) for line in lines.decode("ascii").split("\r\n") if line)


def signed_headers(
    credentials: Credentials, stamp_ms: int, payload: bytes, window: Window
) -> dict[str, str]:
    """Headers of one signed request."""
    return headers_of(credentials.lines(stamp_ms, payload, window))
