"""The one TLS policy: certificates and host names are always verified, TLS 1.2 at least."""

from __future__ import annotations

import ssl
from pathlib import Path

from mmfast.errors import ConfigError


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Client context. ``ca_file`` replaces the system's authorities with your own (a proxy or a
    test venue); there is no way to switch verification off. Raises ConfigError."""
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            [("$.venue.ca_file", f"expected a readable file of PEM certificates: {error}")]
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
