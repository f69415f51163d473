"""No own order outlives the engine: stopped, killed by hand, dead, or standing still."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from processes import Process, announced, configured, keys
from venue_watch import MANY, Stopwatch, many_quotes, open_ids, report_of, state_of, until_resting

Start = Callable[..., Process]
WATCHDOG_OFF = ("enabled: true\n  progress_ms", "enabled: false\n  progress_ms")
IMPATIENT = ("progress_ms: 5000", "progress_ms: 1500")

# What the promise is, and the half round trip a request spends on its way into the venue.
CANCEL_ON_WIRE_MS = 50
WATCHDOG_ON_WIRE_MS = 250
EMPTY_MS = 2_000
LATENCY_MS = 50


@pytest.fixture
def far_venue(start: Start, tmp_path: Path) -> dict[str, str]:
    """A venue 50 ms away that lists what 512 quotes need."""
    folder = tmp_path / "venue"
    folder.mkdir()
    return announced(start("sim", "-c", many_quotes(folder)))


def trading(start: Start, path: Path, venue: dict[str, str], quotes: int) -> Process:
    engine = start("run", "-c", path, env=keys(venue))
    engine.wait_said("mode", "TRADING")
    until_resting(engine, venue, quotes)
    return engine


def watchdog_of(engine: Process) -> psutil.Process:
    (child,) = psutil.Process(engine.popen.pid).children()
    assert "watchdog" in child.cmdline()
    return child


def gone(process: psutil.Process, seconds: float) -> bool:
    return bool(psutil.wait_procs([process], timeout=seconds)[0])


def served(venue: dict[str, str], part: str) -> int:
    """Requests the venue has answered, in whatever way."""
    requests = report_of(venue)["requests"]
    return sum(sum(told.values()) for endpoint, told in requests.items() if part in endpoint)


def empties_in_time(engine: Process, venue: dict[str, str], tell: Callable[[], None]) -> None:
    """Five hundred orders go within the promised times of ``tell`` telling the engine to stop."""
    watch = Stopwatch(venue)
    assert len(state_of(venue)["open_orders"]) >= 480
    tell()
    watch.start()
    empty_ms = watch.until_empty_ms()
    assert engine.wait() == 0, engine.text()
    ended_ms = watch.since_start_ms()
    cancels = [at for at in watch.requests("order/cancel") if at > 0]
    creates = [at for at in watch.requests("order/create") if at > 0]
    assert min(cancels) <= CANCEL_ON_WIRE_MS + LATENCY_MS
    # What had left before the gate closed may still arrive, nothing else.
    assert all(at <= CANCEL_ON_WIRE_MS + LATENCY_MS for at in creates)
    assert empty_ms <= EMPTY_MS
    assert ended_ms <= EMPTY_MS + 1_000, "and the proof of it follows at once"
    assert open_ids(venue) == set()


# stop


def test_sigterm_empties_the_venue_of_five_hundred_orders_in_time(
    start: Start, tmp_path: Path, far_venue: dict[str, str]
) -> None:
    path = many_quotes(tmp_path, venue=far_venue)
    engine = trading(start, path, far_venue, MANY * 95 // 100)
    empties_in_time(engine, far_venue, lambda: engine.signal(signal.SIGTERM))


# kill


def test_kill_empties_the_venue_of_five_hundred_orders_in_time(
    start: Start, tmp_path: Path, far_venue: dict[str, str]
) -> None:
    path = many_quotes(tmp_path, venue=far_venue)
    engine = trading(start, path, far_venue, MANY * 95 // 100)
    killers: list[Process] = []

    def kill() -> None:
        killers.append(start("kill", "-c", path, env=keys(far_venue)))
        killers[0].wait_said("kill", "telling the engine")

    empties_in_time(engine, far_venue, kill)
    assert killers[0].wait() == 0, killers[0].text()


def test_kill_stops_a_living_engine_and_proves_it(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, venue=venue)
    engine = trading(start, path, venue, 30)
    killer = start("kill", "-c", path, env=keys(venue))
    assert killer.wait() == 0, killer.text()
    assert killer.said("killed")
    assert engine.wait() == 0, engine.text()
    assert engine.said("stopping", "SIGTERM")
    assert open_ids(venue) == set()


def test_kill_empties_what_a_dead_engine_left_though_the_strategy_is_broken(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, WATCHDOG_OFF, venue=venue)
    engine = trading(start, path, venue, 30)
    engine.kill()
    assert len(open_ids(venue)) >= 30, "the crash left orders at the venue"
    broken = path.read_text().replace("levels: 2 ", "levels: many ")
    path.write_text(broken.replace("symbol: BTCUSDT", "symbl: BTCUSDT"))
    assert start("check", "-c", path).wait() == 2
    killer = start("kill", "-c", path, env=keys(venue))
    assert killer.wait() == 0, killer.text()
    assert open_ids(venue) == set()


def test_kill_ends_an_engine_that_does_not_listen(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, WATCHDOG_OFF, venue=venue)
    engine = trading(start, path, venue, 30)
    engine.signal(signal.SIGSTOP)
    killer = start("kill", "-c", path, "--wait", "20", env=keys(venue))
    assert killer.wait() == 0, killer.text()
    assert engine.wait() == -signal.SIGKILL
    assert open_ids(venue) == set()


def test_kill_without_a_key_believes_the_proof_of_the_engine_only(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, WATCHDOG_OFF, venue=venue)
    engine = trading(start, path, venue, 30)
    assert start("kill", "-c", path).wait() == 0
    assert engine.wait() == 0
    assert open_ids(venue) == set()
    # Nobody runs now, so there is no proof to believe.
    assert start("kill", "-c", path).wait() == 2


def test_kill_leaves_the_orders_of_others_alone(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    ours = configured(tmp_path, WATCHDOG_OFF, venue=venue)
    engine = trading(start, ours, venue, 30)
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    instance = ('instance: "1"', 'instance: "2"')
    other = trading(start, configured(other_folder, WATCHDOG_OFF, instance, venue=venue), venue, 60)
    other.signal(signal.SIGSTOP)  # its quotes stand still while we look
    engine.kill()
    killer = start("kill", "-c", ours, env=keys(venue))
    assert killer.wait() == 0, killer.text()
    left = open_ids(venue)
    assert left
    assert all(name.startswith("mmf2-") for name in left)
    other.signal(signal.SIGCONT)


def test_kill_keeps_within_an_ordinary_accounts_limit(start: Start, tmp_path: Path) -> None:
    """Forty orders at ten a second: four seconds, and no hammering meanwhile."""
    folder = tmp_path / "venue"
    folder.mkdir()
    slow = announced(start("sim", "-c", configured(folder, ("tier: mm1", "tier: default"))))
    path = configured(tmp_path, WATCHDOG_OFF, venue=slow)
    engine = trading(start, path, slow, 30)
    engine.kill()
    left = len(open_ids(slow))
    before = served(slow, "order/cancel-batch")
    killer = start("kill", "-c", path, env=keys(slow))
    assert killer.wait() == 0, killer.text()
    assert open_ids(slow) == set()
    assert served(slow, "order/cancel-batch") - before <= left, "a few calls for each ten orders"


def test_kill_that_cannot_reach_the_venue_says_that_nothing_is_proven(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, venue={**venue, "rest_url": "http://127.0.0.1:9"})
    killer = start("kill", "-c", path, "--wait", "1", env=keys(venue))
    assert killer.wait() == 1
    assert killer.said("not_proven", "unknown number")


# the watchdog


def test_the_watchdog_empties_the_venue_of_a_dead_engine_in_time(
    start: Start, tmp_path: Path, far_venue: dict[str, str]
) -> None:
    engine = trading(start, many_quotes(tmp_path, venue=far_venue), far_venue, MANY * 95 // 100)
    watchdog = watchdog_of(engine)
    watch = Stopwatch(far_venue)
    watch.start()
    engine.popen.kill()
    empty_ms = watch.until_empty_ms()
    cancels = [at for at in watch.requests("order/cancel-batch") if at > LATENCY_MS]
    assert min(cancels) <= WATCHDOG_ON_WIRE_MS + LATENCY_MS
    assert empty_ms <= EMPTY_MS
    assert gone(watchdog, 10), "its work done, it ends"
    engine.wait()
    assert engine.said("watchdog_swept", "proven")


def test_the_watchdog_stands_in_for_an_engine_that_stands_still(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    engine = trading(start, configured(tmp_path, IMPATIENT, venue=venue), venue, 30)
    engine.signal(signal.SIGSTOP)
    watch = Stopwatch(venue)
    watch.start()
    assert watch.until_empty_ms() < 1_500 + EMPTY_MS
    engine.wait_said("watchdog", "no progress")
    engine.signal(signal.SIGCONT)
    engine.wait_said("watchdog_fired")
    until_resting(engine, venue, 30)  # it knows what happened, and quotes again
    time.sleep(1.0)
    assert len(open_ids(venue)) >= 30, "the watchdog does not fight an engine that is back"
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()


def test_a_clean_end_takes_the_watchdog_along(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    engine = trading(start, configured(tmp_path, venue=venue), venue, 30)
    watchdog = watchdog_of(engine)
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()
    assert gone(watchdog, 2)
    assert not engine.said("watchdog", "died without goodbye")


def test_the_watchdog_outlives_signals_to_the_whole_group(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    engine = trading(start, configured(tmp_path, venue=venue), venue, 30)
    watchdog = watchdog_of(engine)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        watchdog.send_signal(number)
    assert not gone(watchdog, 0.5)
    engine.popen.kill()
    Stopwatch(venue).until_empty_ms()


def test_a_dead_watchdog_is_replaced_and_the_next_one_works(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    engine = trading(start, configured(tmp_path, venue=venue), venue, 30)
    first = watchdog_of(engine)
    first.kill()
    engine.wait_said("watchdog", "another one is started")
    engine.wait_until(
        lambda: (
            sum(e["event"] == "watchdog" and "armed" in e["text"] for e in engine.events()) == 2
        ),
        "a second watchdog",
    )
    assert watchdog_of(engine).pid != first.pid
    engine.popen.kill()
    Stopwatch(venue).until_empty_ms()


def test_the_watchdog_of_a_dead_engine_leaves_the_next_engine_alone(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, venue=venue)
    first = trading(start, path, venue, 30)
    watchdog = watchdog_of(first)
    before = open_ids(venue)
    first.popen.kill()
    second = start("run", "-c", path, env=keys(venue))
    second.wait_said("mode", "TRADING")
    until_resting(second, venue, 30)
    assert gone(watchdog, 10)
    assert len(open_ids(venue)) >= 30
    assert not open_ids(venue) & before
    second.signal(signal.SIGTERM)
    assert second.wait() == 0, second.text()
    assert state_of(venue)["repeated_link_ids"] == 0


def test_the_watchdog_may_have_a_key_of_its_own_and_shows_none(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    """The venue knows one account, so its key stands for the second one here."""
    key_file = tmp_path / "watchdog.env"
    key_file.write_text(
        f"BYBIT_API_KEY={venue['api_key']}\nBYBIT_API_SECRET={venue['api_secret']}\n"
    )
    key_file.chmod(0o600)
    path = configured(
        tmp_path, ("# key_file: watchdog.env", "key_file: watchdog.env     #"), venue=venue
    )
    engine = trading(start, path, venue, 30)
    watchdog = watchdog_of(engine)
    proc = Path(f"/proc/{watchdog.pid}")
    visible = [
        Path(f"/proc/{pid}/{name}").read_bytes()
        for pid in (watchdog.pid, engine.popen.pid)
        for name in ("cmdline", "environ")
    ]
    assert b"PATH=" in visible[1], "there is something to look at"
    assert b"BYBIT_API_SECRET=***" in visible[3]
    state = [p.read_bytes() for p in (tmp_path / "state").iterdir()]
    limits = (proc / "limits").read_text()
    engine.popen.kill()
    Stopwatch(venue).until_empty_ms()
    assert gone(watchdog, 10)
    engine.wait()
    for text in (*visible, *state, engine.text().encode()):
        assert venue["api_secret"].encode() not in text
        assert venue["api_key"].encode() not in text
    (core,) = [line for line in limits.splitlines() if "core file" in line]
    assert core.split()[4:6] == ["0", "0"]


def test_half_a_watchdog_key_is_refused(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, venue=venue)
    engine = start("run", "-c", path, env={**keys(venue), "BYBIT_WATCHDOG_API_KEY": "half"})
    assert engine.wait() == 2
    assert "BYBIT_WATCHDOG_API_SECRET" in engine.text()


def test_reload_asks_the_running_engine(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, venue=venue)
    assert start("reload", "-c", path).wait() == 1, "nobody runs"
    engine = trading(start, path, venue, 30)
    assert start("reload", "-c", path).wait() == 0
    engine.wait_said("reload", "reading the configuration file again")


def test_the_lock_tells_who_holds_it_and_how_a_run_ended(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    engine = trading(start, configured(tmp_path, venue=venue), venue, 30)
    (lock,) = (tmp_path / "state").glob("*.lock")
    holder = json.loads(lock.read_text())
    assert holder["pid"] == engine.popen.pid
    assert holder["verdict"] == ""
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0
    assert json.loads(lock.read_text()) == {**holder, "verdict": "proven_empty"}
    assert lock.stat().st_mode & 0o777 == 0o600


# the venue's own protection


def test_the_venue_cancels_for_an_engine_whose_host_is_gone(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    """Neither engine nor watchdog is left, as after a power failure: DCP does it."""
    path = configured(tmp_path, WATCHDOG_OFF, ("dcp_window_s: 0", "dcp_window_s: 3"), venue=venue)
    engine = trading(start, path, venue, 30)
    engine.wait_said("dcp", "hears nothing of us for 3 s")
    engine.kill()
    assert len(open_ids(venue)) >= 30
    assert Stopwatch(venue).until_empty_ms() < 20_000


def test_an_account_without_that_protection_trades_all_the_same(
    start: Start, tmp_path: Path
) -> None:
    folder = tmp_path / "venue"
    folder.mkdir()
    ordinary = announced(start("sim", "-c", configured(folder, ("tier: mm1", "tier: default"))))
    path = configured(tmp_path, ("dcp_window_s: 0", "dcp_window_s: 3"), venue=ordinary)
    engine = trading(start, path, ordinary, 5)
    assert engine.said("dcp", "the watchdog has to do")
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()
