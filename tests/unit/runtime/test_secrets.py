"""Keys come from where only we can read, and leave no trace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmfast.config import VenueConfig
from mmfast.errors import ConfigError
from mmfast.runtime.secrets import load_key, read_private_file

ENV = {"BYBIT_API_KEY": "thekey", "BYBIT_API_SECRET": "thesecret", "HOME": "/"}


def venue(**changes: str) -> VenueConfig:
    return VenueConfig(environment="testnet", **changes)


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "key.env"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_environment_is_read_once_and_emptied() -> None:
    environment, hidden = dict(ENV), []
    key = load_key(venue(), Path(), environment, hidden.append)
    credentials = key.credentials(venue().recv_window_ms)
    assert credentials.api_key == "thekey"
    assert environment == {"HOME": "/"}
    assert "thesecret" in hidden
    assert "thesecret" not in repr(credentials)


@pytest.mark.parametrize("missing", ["BYBIT_API_KEY", "BYBIT_API_SECRET"])
def test_a_missing_half_is_named(missing: str) -> None:
    environment = {name: text for name, text in ENV.items() if name != missing}
    with pytest.raises(ConfigError) as caught:
        load_key(venue(), Path(), environment, print)
    assert caught.value.faults[0][0] == missing
    assert "thesecret" not in str(caught.value)
    assert "thekey" not in str(caught.value)


def test_a_key_file_is_read(tmp_path: Path) -> None:
    key_file(tmp_path, "# testnet\nBYBIT_API_KEY=filekey\n\nBYBIT_API_SECRET = filesecret\n")
    environment = dict(ENV)
    hidden: list[str] = []
    key = load_key(venue(key_file="key.env"), tmp_path, environment, hidden.append)
    found = key.credentials(venue().recv_window_ms)
    assert found.api_key == "filekey"
    assert "BYBIT_API_SECRET" not in environment
    assert "filesecret" in hidden


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o700 | 0o010])
def test_a_file_others_could_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, "x", mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_private_file(path, "$.venue.key_file")


def test_a_link_is_refused(tmp_path: Path) -> None:
    key_file(tmp_path, "x")
    (tmp_path / "link").symlink_to(tmp_path / "key.env")
    with pytest.raises(ConfigError, match="cannot open"):
        read_private_file(tmp_path / "link", "$.venue.key_file")


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match="regular file"):
        read_private_file(tmp_path / "pipe", "$.venue.key_file")


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = key_file(tmp_path, "x" * 20_000)
    with pytest.raises(ConfigError, match="at most 16384 bytes"):
        read_private_file(path, "$.venue.key_file")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = key_file(tmp_path, "x")
    os.chown(path, 12345, -1)
    with pytest.raises(ConfigError, match="owned by user"):
        read_private_file(path, "$.venue.key_file")


@pytest.mark.parametrize(
    "text", ["BYBIT_API_KEY\n", "OTHER=1\n", "BYBIT_API_KEY=a\nBYBIT_API_KEY=b\n"]
)
def test_a_key_file_with_anything_else_is_refused_by_line(tmp_path: Path, text: str) -> None:
    key_file(tmp_path, text)
    with pytest.raises(ConfigError, match=r"line \d: expected BYBIT_API_KEY"):
        load_key(venue(key_file="key.env"), tmp_path, {}, print)
