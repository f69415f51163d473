"""Where the API key comes from: the environment, or a file only its owner can read.

Never the command line, never the configuration. Faults name the source, not the content.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Final, NoReturn

from mmfast.bybit.auth import Credentials
from mmfast.config import VenueConfig
from mmfast.errors import ConfigError
from mmfast.runtime.hiding import wipe_environment

KEY_NAME: Final = "BYBIT_API_KEY"
SECRET_NAME: Final = "BYBIT_API_SECRET"  # noqa: S105 - the name of a variable
WATCHDOG_KEY_NAME: Final = "BYBIT_WATCHDOG_API_KEY"
WATCHDOG_SECRET_NAME: Final = "BYBIT_WATCHDOG_API_SECRET"  # noqa: S105 - as above
MAX_FILE_BYTES: Final = 16_384
LONG_WINDOW_MS: Final = 5_000
"""Receive window of cancels and queries: for them late is better than not at all."""


class Key:
    """One API key with what signs for it: a shared secret, or a private RSA key in PEM.

    Shows nothing of itself, and refuses to be pickled or copied.
    """

    __slots__ = ("api_key", "pem", "secret")

    def __init__(self, api_key: str, secret: str = "", pem: bytes = b"") -> None:
        self.api_key = api_key
        self.secret = secret
        self.pem = pem

    def credentials(self, recv_window_ms: int) -> Credentials:
        """What signs requests; creates are void at the venue after ``recv_window_ms``."""
        windows = {
            "short_window_ms": recv_window_ms,
            "long_window_ms": max(LONG_WINDOW_MS, recv_window_ms),
        }
        if self.pem:
            return Credentials.rsa(self.api_key, self.pem, **windows)
        return Credentials.hmac(self.api_key, self.secret, **windows)

    def __repr__(self) -> str:
        return "Key(<hidden>)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("keys stay in this process: they cannot be pickled or copied")


def take_from_environment(environment: MutableMapping[str, str]) -> dict[str, str]:
    """Key and secret out of the environment, removed there so that no child inherits them."""
    found = {name: environment.pop(name, "").strip() for name in (KEY_NAME, SECRET_NAME)}
    return {name: text for name, text in found.items() if text}


def load_key(
    venue: VenueConfig,
    base: Path,
    environment: MutableMapping[str, str],
    hide: Callable[[str], None],
) -> Key:
    """The key for a real venue; ``hide`` learns every secret before it can reach a log.

    ``base`` is the folder relative file names start from. Raises :class:`ConfigError`.
    """
    texts = take_from_environment(environment)
    wipe_environment(texts.values())
    if venue.key_file is not None:
        texts = _parse_key_file(read_private_file(base / venue.key_file, "$.venue.key_file"))
    for text in texts.values():
        hide(text)
    if KEY_NAME not in texts:
        raise ConfigError([(KEY_NAME, _missing(venue, "the API key"))])
    if venue.rsa_key_file is not None:
        pem = read_private_file(base / venue.rsa_key_file, "$.venue.rsa_key_file")
        return Key(texts[KEY_NAME], pem=pem)
    if SECRET_NAME not in texts:
        raise ConfigError([(SECRET_NAME, _missing(venue, "the API secret"))])
    return Key(texts[KEY_NAME], secret=texts[SECRET_NAME])


def load_watchdog_key(
    key_file: str | None,
    base: Path,
    environment: MutableMapping[str, str],
    hide: Callable[[str], None],
) -> Key | None:
    """The watchdog's own key, or None where it has none and uses the engine's.

    Raises :class:`ConfigError` for half a key.
    """
    names = {WATCHDOG_KEY_NAME: KEY_NAME, WATCHDOG_SECRET_NAME: SECRET_NAME}
    texts = {ours: environment.pop(name, "").strip() for name, ours in names.items()}
    wipe_environment(texts.values())
    if key_file is not None:
        texts = _parse_key_file(read_private_file(base / key_file, "$.watchdog.key_file"))
    api_key, secret = texts.get(KEY_NAME, ""), texts.get(SECRET_NAME, "")
    for text in (api_key, secret):
        hide(text)
    if not api_key and not secret:
        return None
    if not api_key or not secret:
        text = f"expected {WATCHDOG_KEY_NAME} and {WATCHDOG_SECRET_NAME}, found one of them"
        raise ConfigError([(WATCHDOG_KEY_NAME, text)])
    return Key(api_key, secret=secret)


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
