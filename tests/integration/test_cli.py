"""The command line as its users meet it: real processes, real sockets, real signals."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from processes import Process, announced, configured, keys
from prometheus_client.parser import text_string_to_metric_families
from venue_watch import open_ids, state_of

from mmfast import config

Start = Callable[..., Process]


def one_line(process: Process) -> str:
    """The one line for humans among the structured ones."""
    lines = [line for line in process.err if not line.startswith("{")]
    assert len(lines) == 1, process.text()
    assert "Traceback" not in process.text()
    return lines[0]


# check


def test_check_prints_a_configuration_that_is_in_force(start: Start, tmp_path: Path) -> None:
    path = configured(tmp_path)
    process = start("check", "-c", path)
    assert process.wait() == 0, process.text()
    assert "core 0.1.0 built as" in process.out[0]
    assert "signing by" in process.out[0]
    assert config.parse("\n".join(process.out).encode()) == config.load(path)


def test_check_names_the_path_of_each_fault_and_exits_with_2(start: Start, tmp_path: Path) -> None:
    faulty = configured(tmp_path, ("levels: 2 ", "lvls: 2 "), ("port: 0", "port: x"))
    process = start("check", "-c", faulty)
    assert process.wait() == 2
    assert len(process.err) == 2
    assert any("$.strategy.lvls: unknown key" in line for line in process.err)
    assert any("$.metrics.port: expected an integer" in line for line in process.err)


def test_help_explains_the_exit_codes(start: Start) -> None:
    process = start("run", "--help")
    assert process.wait() == 0
    text = process.text()
    assert "exit codes:" in text
    assert "--duration SECONDS" in text
    assert "--summary FILE" in text


# bad input


@pytest.mark.parametrize(
    ("change", "path", "word"),
    [
        (("levels: 2 ", "lvls: 2 "), "$.strategy.lvls", "unknown key"),
        (("levels: 2 ", "levels: two "), "$.strategy.levels", "'two'"),
        (('order_qty: "0.010"', 'order_qty: "0.0105"'), "$.symbols[0].order_qty", "0.001"),
        (('order_qty: "0.010"', "order_qty: 0.010"), "$.symbols[0].order_qty", "quotes"),
        (("symbol: DOGEUSDT", "symbol: DOGUSDT"), "$.symbols[4].symbol", "DOGUSDT"),
        (("tier: mm1", "tier: mm9"), "$.embedded_venue.tier", "mm1"),
        (("environment: embedded", "environment: testnet"), "BYBIT_API_KEY", "missing"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line_before_anything_runs(
    start: Start, tmp_path: Path, change: tuple[str, str], path: str, word: str
) -> None:
    process = start("run", "-c", configured(tmp_path, change))
    assert process.wait() == 2, process.text()
    line = one_line(process)
    assert line.startswith(f"mmfast: {path}: ")
    assert word in line


def test_a_missing_secret_is_named(start: Start, tmp_path: Path) -> None:
    path = configured(tmp_path, ("environment: embedded", "environment: testnet"))
    process = start("run", "-c", path, env={"BYBIT_API_KEY": "somekey"})
    assert process.wait() == 2
    assert "BYBIT_API_SECRET" in one_line(process)


def test_a_missing_file_is_named(start: Start, tmp_path: Path) -> None:
    process = start("run", "-c", tmp_path / "nowhere.yaml")
    assert process.wait() == 2
    assert "nowhere.yaml: No such file" in one_line(process)


@pytest.mark.parametrize(
    ("name", "code"), [("BYBIT_API_SECRET", "10004"), ("BYBIT_API_KEY", "10003")]
)
def test_a_wrong_key_is_refused_and_not_repeated(
    start: Start, tmp_path: Path, venue: dict[str, str], name: str, code: str
) -> None:
    env = {**keys(venue), name: "wrongwrongwrong"}
    process = start("run", "-c", configured(tmp_path, venue=venue), env=env)
    assert process.wait() == 3
    assert code in one_line(process)
    assert env["BYBIT_API_KEY"] not in process.text()
    assert env["BYBIT_API_SECRET"] not in process.text()


def test_an_unknown_symbol_is_found_out_before_the_first_order(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    change = ("symbol: DOGEUSDT", "symbol: DOGUSDT")
    process = start("run", "-c", configured(tmp_path, change, venue=venue), env=keys(venue))
    assert process.wait() == 2
    assert "$.symbols[4].symbol" in one_line(process)


def test_a_venue_that_is_down_at_start_is_named(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, venue=venue)
    stop_venue(venue)
    process = start("run", "-c", path, env=keys(venue))
    assert process.wait() == 3
    assert f"cannot reach the venue at {venue['rest_url']}" in one_line(process)


def test_a_taken_metrics_port_is_named(start: Start, tmp_path: Path, venue: dict[str, str]) -> None:
    port = venue["rest_url"].rsplit(":", 1)[1]
    process = start("run", "-c", configured(tmp_path, ("port: 0", f"port: {port}")))
    assert process.wait() == 2
    assert "$.metrics.port: cannot listen" in one_line(process)


def test_a_second_engine_with_the_same_key_is_refused(start: Start, tmp_path: Path) -> None:
    path = configured(tmp_path)
    first = start("run", "-c", path)
    first.wait_said("mode", "TRADING")
    second = start("run", "-c", path)
    assert second.wait() == 1
    assert "another mmfast runs with this key" in one_line(second)
    first.signal(signal.SIGTERM)
    assert first.wait() == 0


# run


def summary_of(path: Path) -> dict[str, object]:
    read: dict[str, object] = json.loads(path.read_text())
    return read


@pytest.mark.parametrize("enabled", [True, False], ids=["batched", "sequential"])
def test_a_run_trades_and_leaves_nothing_behind(
    start: Start, tmp_path: Path, venue: dict[str, str], enabled: bool
) -> None:
    changes = [] if enabled else [("enabled: true\n  max_par", "enabled: false\n  max_par")]
    path = configured(tmp_path, *changes, venue=venue)
    process = start(
        "run", "-c", path, "--duration", 3, "--summary", tmp_path / "s.json", env=keys(venue)
    )
    assert process.wait() == 0, process.text()
    found = summary_of(tmp_path / "s.json")
    assert found["ticks"] > 10
    assert found["orders"]["placed"] >= 40, "two levels on both sides of ten instruments"
    assert found["orders"]["amended"] > 20, "the market moves, and so do the quotes"
    assert found["fills"] > 0
    assert found["errors"] == []
    assert found["open_orders_at_exit"] == 0
    assert [change["mode"] for change in found["mode_changes"]] == ["TRADING", "DRAINING"]
    forms = {name for name in found["requests"] if name.startswith("order/c")}
    assert ("order/create-batch" in forms) == enabled
    if not enabled:
        assert "order/create" in forms
    if enabled:
        assert found["calls_saved_pct"] > 50
    assert state_of(venue)["open_orders"] == []
    assert not [r for r in process.events() if r["level"] in ("warning", "error")]


def test_the_embedded_venue_comes_and_goes_with_the_engine(start: Start, tmp_path: Path) -> None:
    process = start("run", "-c", configured(tmp_path), "--summary", tmp_path / "s.json")
    process.wait_said("mode", "TRADING")
    (child,) = psutil.Process(process.popen.pid).children()
    assert "sim" in child.cmdline()
    process.signal(signal.SIGINT)
    assert process.wait() == 0, process.text()
    assert not child.is_running()
    assert summary_of(tmp_path / "s.json")["open_orders_at_exit"] == 0


def test_a_killed_engine_takes_its_venue_along(start: Start, tmp_path: Path) -> None:
    process = start("run", "-c", configured(tmp_path))
    process.wait_said("mode", "TRADING")
    (child,) = psutil.Process(process.popen.pid).children()
    process.kill()
    gone, alive = psutil.wait_procs([child], timeout=10)
    assert gone
    assert not alive


def test_a_dead_embedded_venue_is_told_and_is_no_success(start: Start, tmp_path: Path) -> None:
    process = start("run", "-c", configured(tmp_path), "--summary", tmp_path / "s.json")
    process.wait_said("mode", "TRADING")
    (child,) = psutil.Process(process.popen.pid).children()
    child.kill()
    assert process.wait() == 1
    assert "the embedded venue ended by itself" in process.text()
    found = summary_of(tmp_path / "s.json")
    assert found["open_orders_at_exit"] == -1
    assert found["errors"]


def test_leftovers_of_a_crash_are_cancelled_before_the_first_quote(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, venue=venue)
    first = start("run", "-c", path, env=keys(venue))
    first.wait_said("mode", "TRADING")
    wait_for_orders(first, venue)
    first.kill()
    before = open_ids(venue)
    assert before, "the crash left orders at the venue"
    second = start("run", "-c", path, env=keys(venue))
    second.wait_said("mode", "TRADING")
    second.signal(signal.SIGTERM)
    assert second.wait() == 0, second.text()
    assert state_of(venue)["open_orders"] == []


def test_leftovers_on_symbols_no_longer_traded_are_cancelled_too(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, venue=venue)
    first = start("run", "-c", path, env=keys(venue))
    first.wait_said("mode", "TRADING")
    wait_for_orders(first, venue)
    first.kill()
    lines = path.read_text().splitlines()
    rows = [line for line in lines if "{symbol:" not in line or "BTCUSDT" in line]
    assert len(lines) - len(rows) == 9
    path.write_text("\n".join(rows))
    second = start("run", "-c", path, env=keys(venue))
    second.wait_said("mode", "TRADING")
    assert {row["symbol"] for row in state_of(venue)["open_orders"]} <= {"BTCUSDT"}
    second.signal(signal.SIGTERM)
    assert second.wait() == 0, second.text()
    assert state_of(venue)["open_orders"] == []


def test_a_storm_of_reloads_is_one_reload(start: Start, tmp_path: Path) -> None:
    process = start("run", "-c", configured(tmp_path))
    process.wait_said("mode", "TRADING")
    for _ in range(200):
        process.signal(signal.SIGHUP)
    process.wait_said("reload")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0, process.text()


def test_signals_stop_once_and_say_so_twice(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    process = start("run", "-c", configured(tmp_path, venue=venue), env=keys(venue))
    process.wait_said("mode", "TRADING")
    process.signal(signal.SIGTERM)
    process.wait_said("stopping", "SIGTERM")
    process.signal(signal.SIGINT)
    assert process.wait() == 0, process.text()
    assert state_of(venue)["open_orders"] == []


def test_the_flag_flips_live_and_a_bad_file_changes_nothing(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, venue=venue)
    good = path.read_text()
    process = start("run", "-c", path, "--summary", tmp_path / "s.json", env=keys(venue))
    process.wait_said("mode", "TRADING")
    url = next(str(r["url"]) for r in process.events() if r["event"] == "metrics")
    assert ticks_of(url, "sequential") == 0

    path.write_text(good.replace("enabled: true\n  max_par", "enabled: false\n  max_par"))
    process.wait_said("reload", "$.async_batch.enabled True -> False")
    process.wait_until(lambda: ticks_of(url, "sequential") > 2, "sequential ticks")

    path.write_text(good.replace('price_collar_bps: "30"', 'price_collar_bps: "99"'))
    process.signal(signal.SIGHUP)
    process.wait_said("reload_refused", "$.risk.price_collar_bps")
    path.write_text("levels: [")
    process.wait_said("reload_refused", "not valid YAML")
    before = ticks_of(url, "sequential")
    process.wait_until(lambda: ticks_of(url, "sequential") > before, "sequential as before")

    path.write_text(good)
    process.signal(signal.SIGHUP)
    process.wait_said("reload", "$.async_batch.enabled False -> True")
    before = ticks_of(url, "batched")
    process.wait_until(lambda: ticks_of(url, "batched") > before, "batched ticks")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0, process.text()
    found = summary_of(tmp_path / "s.json")
    assert found["orders"]["rejected"] == 0
    assert state_of(venue)["open_orders"] == []


def test_metrics_show_the_promised_names(start: Start, tmp_path: Path) -> None:
    process = start("run", "-c", configured(tmp_path))
    process.wait_said("mode", "TRADING")
    url = next(str(r["url"]) for r in process.events() if r["event"] == "metrics")
    process.wait_until(lambda: ticks_of(url, "batched") > 0, "a tick")
    names = {family.name for family in families(url)}
    assert names >= {
        "mm_tick_duration_ms",
        "mm_cmd_coalesced",
        "mm_exchange_req_ms",
        "mm_order_calls",
        "mm_rejects",
        "mm_orders_working",
        "mm_position_lots",
        "mm_pnl_quote",
        "mm_book_age_ms",
        "mm_budget_left",
        "mm_loop_lag_ms",
        "mm_stream_reconnects",
        "mm_mode",
    }


def test_no_secret_reaches_any_output(start: Start, tmp_path: Path, venue: dict[str, str]) -> None:
    path = configured(tmp_path, venue=venue)
    summary = tmp_path / "s.json"
    process = start("run", "-c", path, "--summary", summary, env=keys(venue))
    process.wait_said("mode", "TRADING")
    url = next(str(r["url"]) for r in process.events() if r["event"] == "metrics")
    page = urllib.request.urlopen(url, timeout=5).read().decode()
    cmdline = " ".join(psutil.Process(process.popen.pid).cmdline())
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    state = [p.name + p.read_text() for p in (tmp_path / "state").iterdir()]
    for text in (page, cmdline, process.text(), summary.read_text(), *state):
        assert venue["api_secret"] not in text
        assert venue["api_key"] not in text


# sim


def test_sim_announces_itself_in_one_json_line(start: Start, tmp_path: Path) -> None:
    process = start("sim", "-c", configured(tmp_path))
    row = announced(process)
    assert list(row) == ["rest_url", "ws_url", "api_key", "api_secret"]
    with urllib.request.urlopen(row["rest_url"] + "/v5/market/time", timeout=5) as reply:
        assert json.load(reply)["retCode"] == 0
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert len(process.out) == 1


def test_sim_on_a_taken_port_is_one_clear_line(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    port = venue["rest_url"].rsplit(":", 1)[1]
    process = start("sim", "-c", configured(tmp_path), "--port", port)
    assert process.wait() == 2
    assert f"cannot listen on 127.0.0.1:{port}" in one_line(process)


# what the tests above ask


def families(url: str) -> list[object]:
    with urllib.request.urlopen(url, timeout=5) as reply:
        return list(text_string_to_metric_families(reply.read().decode()))


def ticks_of(url: str, mode: str) -> float:
    for family in families(url):
        for sample in family.samples:
            if sample.name == "mm_tick_duration_ms_count" and sample.labels["mode"] == mode:
                return sample.value
    return 0.0


def wait_for_orders(process: Process, venue: dict[str, str]) -> None:
    process.wait_until(lambda: bool(state_of(venue)["open_orders"]), "orders at the venue")


def stop_venue(venue: dict[str, str]) -> None:
    port = int(venue["rest_url"].rsplit(":", 1)[1])
    for process in psutil.Process(os.getpid()).children():
        for connection in process.net_connections():
            if connection.laddr.port == port and connection.status == "LISTEN":
                process.terminate()
                process.wait(10)
                return
    raise AssertionError("the venue is no child of ours")
