"""Structured log lines that never hold up the loop and never show a secret.

A record becomes one JSON object on one line. Lines wait in a bounded buffer for a writer thread;
when the sink is blocked the oldest are dropped and counted.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

import orjson

MAX_WAITING: Final = 10_000
MAX_TEXT: Final = 2_000
RECENT: Final = 100
_STOP_WAIT_S: Final = 1.0
_HIDDEN: Final = "<hidden>"
_AUTH: Final = re.compile(
    r"""(?i)(x-bapi-(?:api-key|sign|timestamp)|api_?secret|signature|password)
        (["']?\s*[:=]\s*["']?)[^\s"',}]+""",
    re.VERBOSE,
)

log = logging.getLogger("mmfast")


def say(level: int, event: str, text: str, **fields: object) -> None:
    """Log one event: ``event`` is a stable word, ``text`` a sentence, ``fields`` its numbers."""
    log.log(level, text, extra={"event": event, "fields": fields})


class LineWriter:
    """Writes lines to a file descriptor from a thread of its own; :meth:`put` never blocks."""

    def __init__(self, fd: int, max_waiting: int = MAX_WAITING) -> None:
        self.dropped = 0
        self._fd = fd
        self._lines: deque[bytes] = deque(maxlen=max_waiting)
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="line-writer", daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Hand over one line; the oldest waiting one is dropped when the buffer is full."""
        if len(self._lines) == self._lines.maxlen:
            self.dropped += 1
        self._lines.append(line)
        self._wake.set()

    def stop(self) -> None:
        """Write what waits, for at most a second: a blocked sink must not hold up the exit."""
        self._stopping = True
        self._wake.set()
        self._thread.join(_STOP_WAIT_S)

    def left(self) -> list[bytes]:
        """What could not be written, once the sink is gone or this has stopped."""
        return list(self._lines)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._lines:
                line = self._lines.popleft()
                if not self._write(line):
                    self._lines.appendleft(line)
                    return
            if self._stopping:
                return

    def _write(self, line: bytes) -> bool:
        while line:
            try:
                line = line[os.write(self._fd, line) :]
            except BlockingIOError:
                threading.Event().wait(0.01)
            except OSError:
                return False  # the reader is gone: there is no one left to tell
        return True


class Logs(logging.Handler):
    """The log of one process: redacted, rendered, buffered.

    ``writer`` None keeps lines from the terminal while the live table owns it; ``on_line`` gets
    each one as short text for display.
    """

    def __init__(
        self, writer: LineWriter | None, on_line: Callable[[str], None] | None = None
    ) -> None:
        super().__init__(logging.INFO)
        self.writer = writer
        self.errors = 0
        self.recent: deque[str] = deque(maxlen=RECENT)
        self.error_texts: deque[str] = deque(maxlen=RECENT)
        self.on_alert: Callable[[int, str, str], None] | None = None
        """Told the level, the event and the text of each warning and error."""
        self._secrets: list[str] = []
        self._on_line = on_line

    def install(self) -> None:
        """Become the only handler of the program."""
        root = logging.getLogger()
        root.handlers[:] = [self]
        root.setLevel(logging.WARNING)
        log.setLevel(logging.INFO)

    def hide(self, secret: str) -> None:
        """Never show this text again, wherever it turns up."""
        if secret:
            self._secrets.append(secret)

    def redact(self, text: str) -> str:
        """``text`` without secrets and without authentication headers, cut to a bounded length."""
        return _AUTH.sub(rf"\1\2{_HIDDEN}", self._without_secrets(text))[:MAX_TEXT]

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text

    def emit(self, record: logging.LogRecord) -> None:
        """Render and queue one record."""
        try:
            self._emit(record)
        except Exception:  # noqa: BLE001 - a log line must never take the engine down
            self.errors += 1

    def _emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += f" [{type(record.exc_info[1]).__name__}: {record.exc_info[1]}]"
        text = self.redact(text)
        if record.levelno >= logging.ERROR:
            self.errors += 1
            self.error_texts.append(text)
        event = getattr(record, "event", record.name)
        if self.on_alert is not None and record.levelno >= logging.WARNING:
            self.on_alert(record.levelno, event, text)
        at = dt.datetime.fromtimestamp(record.created, dt.UTC)
        row: dict[str, object] = {
            "ts": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": event,
            "text": text,
        }
        for key, value in getattr(record, "fields", {}).items():
            row[key] = self.redact(value) if isinstance(value, str) else value
        short = f"{at:%H:%M:%S} {record.levelname.lower():7} {text}"
        self.recent.append(short)
        if self._on_line is not None:
            self._on_line(short)
        if self.writer is not None:
            line = orjson.dumps(row, default=repr).decode()
            # Once more over the whole line: a secret may stand deep inside a field.
            self.writer.put(self._without_secrets(line).encode() + b"\n")
