"""Where the API key comes from: the environment, or a file only its owner can read.

Never the command line, never the configuration. Faults name the source, not the content.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Final

from mmfast.bybit.auth import Credentials
from mmfast.config import VenueConfig
from mmfast.errors import ConfigError

KEY_NAME: Final = "BYBIT_API_KEY"
SECRET_NAME: Final = "BYBIT_API_SECRET"  # noqa: S105 - the name of a variable
MAX_FILE_BYTES: Final = 16_384
LONG_WINDOW_MS: Final = 5_000
"""Receive window of cancels and queries: for them late is better than not at all."""


def take_from_environment(environment: MutableMapping[str, str]) -> dict[str, str]:
    """Key and secret out of the environment, removed there so that no child inherits them."""
    found = {name: environment.pop(name, "").strip() for name in (KEY_NAME, SECRET_NAME)}
    return {name: text for name, text in found.items() if text}


def load_credentials(
    venue: VenueConfig,
    base: Path,
    environment: MutableMapping[str, str],
    hide: Callable[[str], None],
) -> Credentials:
    """Credentials for a real venue; ``hide`` learns every secret before it can reach a log.

    ``base`` is the folder relative file names start from. Raises :class:`ConfigError`.
    """
    texts = take_from_environment(environment)
    if venue.key_file is not None:
        texts = _parse_key_file(read_private_file(base / venue.key_file, "$.venue.key_file"))
    for text in texts.values():
        hide(text)
    if KEY_NAME not in texts:
        raise ConfigError([(KEY_NAME, _missing(venue, "the API key"))])
    windows = {
        "short_window_ms": venue.recv_window_ms,
        "long_window_ms": max(LONG_WINDOW_MS, venue.recv_window_ms),
    }
    if venue.rsa_key_file is not None:
        pem = read_private_file(base / venue.rsa_key_file, "$.venue.rsa_key_file")
        return Credentials.rsa(texts[KEY_NAME], pem, **windows)
    if SECRET_NAME not in texts:
        raise ConfigError([(SECRET_NAME, _missing(venue, "the API secret"))])
    return Credentials.hmac(texts[KEY_NAME], texts[SECRET_NAME], **windows)


def read_private_file(path: Path, where: str) -> bytes:
    """Content of a file that only we can read.

    Refused with :class:`ConfigError`: a link, anything but a regular file, another owner, any
    right for group or others, more than 16 KiB.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigError([(where, f"cannot open {path}: {error.strerror}")]) from None
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        fault = _file_fault(status)
        if fault:
            raise ConfigError([(where, f"{path}: {fault}")])
        return file.read(MAX_FILE_BYTES)


def _file_fault(status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        return "expected a regular file"
    if status.st_uid != os.geteuid():
        return f"expected to be owned by user {os.geteuid()}, found {status.st_uid}"
    rights = stat.S_IMODE(status.st_mode)
    if rights & 0o077:
        return f"expected rights 0600 or 0400, found {rights:04o}: run chmod 600"
    if status.st_size > MAX_FILE_BYTES:
        return f"expected at most {MAX_FILE_BYTES} bytes, found {status.st_size}"
    return ""


def _parse_key_file(data: bytes) -> dict[str, str]:
    """``NAME=value`` lines with our two names; blank lines and ``#`` comments are skipped."""
    texts: dict[str, str] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        name, separator, value = line.strip().partition("=")
        if not name or name.startswith("#"):
            continue
        name = name.strip()
        if not separator or name not in (KEY_NAME, SECRET_NAME) or name in texts:
            expected = f"expected {KEY_NAME}=... and {SECRET_NAME}=..., each once"
            raise ConfigError([("$.venue.key_file", f"line {number}: {expected}")])
        texts[name] = value.strip()
    return {name: text for name, text in texts.items() if text}


def _missing(venue: VenueConfig, what: str) -> str:
    if venue.key_file is not None:
        return f"{what} is missing in the file that $.venue.key_file names"
    return f"{what} is missing: set {KEY_NAME} and {SECRET_NAME}, or $.venue.key_file"
