"""Real ``mmfast`` processes for tests: configurations, starts, stops, and what they print."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = (ROOT / "config.yaml").read_text()
PATIENCE_S = 30.0
"""How long a test waits for something that normally takes a moment."""


def configured(
    folder: Path, *changes: tuple[str, str], venue: dict[str, str] | None = None
) -> Path:
    """The shipped configuration with changes, on a port of its own; ``venue`` names a server."""
    text = SHIPPED.replace("port: 9464", "port: 0")
    for old, new in changes:
        assert old in text, f"{old!r} is not in the shipped configuration"
        text = text.replace(old, new, 1)
    if venue is not None:
        addresses = (
            f'rest_url: "{venue["rest_url"]}"\n'
            f'  ws_public_url: "{venue["ws_url"]}/v5/public/linear"\n'
            f'  ws_private_url: "{venue["ws_url"]}/v5/private"\n'
            f'  ws_trade_url: "{venue["ws_url"]}/v5/trade"'
        )
        text = text.replace("environment: embedded", f"environment: custom\n  {addresses}", 1)
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def keys(venue: dict[str, str]) -> dict[str, str]:
    """Environment variables with the venue's key."""
    return {"BYBIT_API_KEY": venue["api_key"], "BYBIT_API_SECRET": venue["api_secret"]}


class Process:
    """One command; its lines are collected while it runs."""

    def __init__(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("BYBIT_")}
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "mmfast", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env={**clean, **(env or {})},
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._news: queue.Queue[None] = queue.Queue()
        self._threads = [
            threading.Thread(target=self._collect, args=(stream, lines), daemon=True)
            for stream, lines in ((self.popen.stdout, self.out), (self.popen.stderr, self.err))
        ]
        for thread in self._threads:
            thread.start()

    def _collect(self, stream: object, lines: list[str]) -> None:
        for line in stream:  # type: ignore[attr-defined]
            lines.append(line.decode().rstrip("\n"))
            self._news.put(None)

    def events(self) -> list[dict[str, object]]:
        """The structured log lines so far."""
        return [json.loads(line) for line in self.err if line.startswith("{")]

    def said(self, event: str, word: str = "") -> bool:
        return any(r["event"] == event and word in str(r["text"]) for r in self.events())

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something the process will print; fails with all it printed."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > end or (self.popen.poll() is not None and not holds()):
                raise AssertionError(f"waited for {what}; exit {self.popen.poll()}\n{self.text()}")
            try:
                self._news.get(timeout=0.1)
            except queue.Empty:
                continue

    def wait_said(self, event: str, word: str = "") -> None:
        self.wait_until(lambda: self.said(event, word), f"{event} {word}")

    def wait(self) -> int:
        code = self.popen.wait(PATIENCE_S)
        for thread in self._threads:
            thread.join(PATIENCE_S)  # a watchdog may hold stderr a little longer
        return code

    def signal(self, number: int) -> None:
        self.popen.send_signal(number)

    def kill(self) -> None:
        """End it by force, and its children with it: a watchdog would go on for a while."""
        children: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.popen.pid).children(recursive=True)
        self.popen.kill()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self.wait()
        for stream in (self.popen.stdout, self.popen.stderr):
            assert stream is not None
            stream.close()

    def text(self) -> str:
        return "\n".join((*self.out, *self.err))


def announced(process: Process) -> dict[str, str]:
    """The first line of ``mmfast sim``."""
    process.wait_until(lambda: bool(process.out), "the venue's announcement")
    row = json.loads(process.out[0])
    assert isinstance(row, dict)
    return row
