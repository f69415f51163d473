"""Alerts reach their receiver, whatever it does, and never hold up who raises them."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mmfast.clock import SystemClock
from mmfast.errors import ConfigError
from mmfast.runtime.alerts import MAX_EVENTS, OWN_EVENT, Alerts

KEEPS = "import sys; out = open(sys.argv[1], 'a', 1)\nfor line in sys.stdin: out.write(line)"
"""A receiver that writes down what it hears."""
ENDS = KEEPS + "; break"
"""One that ends after its first line."""
DEAF = "import time; time.sleep(60)"


def channel(program: str, *words: object, least: int = logging.WARNING, beat_s: int = 0) -> Alerts:
    command = (sys.executable, "-c", program, *map(str, words)) if program else ()
    return Alerts(command, least, beat_s, SystemClock(), "mmt1")


def written(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


async def heard(path: Path, count: int) -> list[dict[str, Any]]:
    """The first lines that the receiver wrote down."""
    async with asyncio.timeout(20):
        while len(written(path)) < count:  # noqa: ASYNC110 - another process writes
            await asyncio.sleep(0.01)
    return [json.loads(line) for line in written(path)]


def test_each_alert_is_one_line(tmp_path: Path) -> None:
    async def story() -> None:
        alerts = channel(KEEPS, tmp_path / "heard")
        await alerts.start({})
        alerts.take(logging.WARNING, "order_refused", "two\nlines")
        alerts.take(logging.ERROR, "fault", "kernel failed")
        rows = await heard(tmp_path / "heard", 2)
        assert [(r["severity"], r["event"], r["text"], r["engine"]) for r in rows] == [
            ("warning", "order_refused", "two\nlines", "mmt1"),
            ("error", "fault", "kernel failed", "mmt1"),
        ]
        assert abs(rows[0]["at_ms"] - time.time() * 1000) < 60_000
        await alerts.close()

    asyncio.run(story())


def test_what_is_not_sent_is_counted_all_the_same(tmp_path: Path) -> None:
    async def story() -> None:
        alerts = channel(KEEPS, tmp_path / "heard", least=logging.ERROR)
        await alerts.start({})
        alerts.take(logging.WARNING, "gap", "a gap")
        alerts.take(logging.ERROR, OWN_EVENT, "the receiver ended")
        alerts.take(logging.ERROR, "fault", "kernel failed")
        await alerts.close()
        assert [row["event"] for row in await heard(tmp_path / "heard", 1)] == ["fault"]
        assert alerts.counts == {
            ("warning", "gap"): 1, ("error", OWN_EVENT): 1, ("error", "fault"): 1
        }  # fmt: skip

    asyncio.run(story())


def test_a_receiver_that_ends_is_started_again_and_told_so_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mmfast.runtime.alerts._FIRST_PAUSE_S", 0.01)

    async def story() -> None:
        alerts = channel(ENDS, tmp_path / "heard")
        await alerts.start({})
        keeper = asyncio.ensure_future(alerts.keep())
        for number in range(3):
            alerts.take(logging.ERROR, "fault", str(number))
            rows = await heard(tmp_path / "heard", number + 1)
            assert rows[-1]["text"] == str(number)
            while len(caplog.records) <= number:  # noqa: ASYNC110 - what is unread is lost
                await asyncio.sleep(0.01)
        keeper.cancel()
        await alerts.close()

    asyncio.run(story())
    assert any("ended with code 0" in record.getMessage() for record in caplog.records)


def test_a_receiver_that_does_not_read_holds_up_nothing() -> None:
    async def story() -> None:
        alerts = channel(DEAF)
        await alerts.start({})
        for number in range(5_000):
            alerts.take(logging.ERROR, "fault", "x" * 500 + str(number))
        await alerts.close()
        assert alerts.dropped > 4_000
        assert alerts.counts == {("error", "fault"): 5_000}

    asyncio.run(story())


def test_an_engine_without_its_receiver_does_not_start() -> None:
    with pytest.raises(ConfigError) as caught:
        asyncio.run(Alerts(("/no/such/pager",), 0, 0, SystemClock(), "mmt1").start({}))
    [(path, text)] = caught.value.faults
    assert path == "$.alerts.command"
    assert "/no/such/pager" in text


def test_the_receiver_is_not_told_the_key(tmp_path: Path) -> None:
    tells = "import json, os, sys; open(sys.argv[1], 'w').write(json.dumps(dict(os.environ)))"

    async def story() -> None:
        alerts = channel(tells, tmp_path / "heard")
        await alerts.start({"BYBIT_API_SECRET": "s", "BYBIT_API_KEY": "k", "TEAM": "quoting"})
        [told] = await heard(tmp_path / "heard", 1)
        assert told["TEAM"] == "quoting"
        assert not [name for name in told if name.startswith("BYBIT")]
        await alerts.close()

    asyncio.run(story())


def test_a_heartbeat_goes_over_the_same_channel(tmp_path: Path) -> None:
    class Hasty(SystemClock):
        def wall_ms(self) -> int:
            self.looks = getattr(self, "looks", 0) + 1
            return self.looks * 10_000

    async def story() -> None:
        command = (sys.executable, "-c", KEEPS, str(tmp_path / "heard"))
        alerts = Alerts(command, logging.WARNING, 5, Hasty(), "mmt1")
        await alerts.start({})
        beating = asyncio.ensure_future(alerts.beat())
        [row] = (await heard(tmp_path / "heard", 1))[:1]
        assert (row["severity"], row["event"]) == ("info", "heartbeat")
        assert alerts.last_beat_ms > 0
        beating.cancel()
        await alerts.close()

    asyncio.run(story())


def test_the_same_words_are_sent_once_a_minute(tmp_path: Path) -> None:
    class Later(SystemClock):
        ms = 1_000_000

        def wall_ms(self) -> int:
            return self.ms

    async def story() -> None:
        clock = Later()
        command = (sys.executable, "-c", KEEPS, str(tmp_path / "heard"))
        alerts = Alerts(command, logging.WARNING, 0, clock, "mmt1")
        await alerts.start({})
        for text in ("down", "down", "up", "down"):
            alerts.take(logging.WARNING, "stream", text)
        clock.ms += 59_999
        alerts.take(logging.WARNING, "stream", "down")
        clock.ms += 1
        alerts.take(logging.WARNING, "stream", "down")
        await alerts.close()
        rows = await heard(tmp_path / "heard", 4)
        assert [row["text"] for row in rows] == ["down", "up", "down", "down"]
        assert alerts.counts == {("warning", "stream"): 6}

    asyncio.run(story())


def test_invented_events_cannot_grow_the_count() -> None:
    alerts = channel("")
    for number in range(MAX_EVENTS + 50):
        alerts.take(logging.WARNING, f"event {number}", "")
    assert len(alerts.counts) == MAX_EVENTS + 1
    assert alerts.counts["warning", "other"] == 50
