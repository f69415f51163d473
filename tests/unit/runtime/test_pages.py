"""What an operator sees: the scrape page, the live table, the summary."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mmfast.engine.counters import Counters
from mmfast.engine.view import BudgetView, EngineView, InstrumentView
from mmfast.errors import ConfigError
from mmfast.messages import Mode, Op, Stream
from mmfast.runtime import metrics, summary, table
from mmfast.runtime.stats import BATCHED, RunStats, WayView
from mmfast.sim.instruments.catalogue import listings
from mmfast.units import E8, NS_PER_MS, NS_PER_S

INSTRUMENTS = [row.instrument for row in listings(("BTCUSDT", "DOGEUSDT"))]


def instrument_view(symbol: str, **changes: object) -> InstrumentView:
    values: dict[str, object] = {
        "symbol": symbol,
        "quoting": True,
        "pull_reason": "",
        "mid_x2_ticks": 1_300_005,
        "own_bid_ticks": 649_990,
        "own_ask_ticks": 0,
        "max_position_lots": 50,
        "position_lots": -12,
        "working": 3,
        "realized_e8": 5 * E8,
        "unrealized_e8": -2 * E8,
        "fees_e8": E8 // 2,
        "book_age_ms": 17,
        "acks": 42,
    }
    return InstrumentView(**{**values, **changes})  # type: ignore[arg-type]


VIEW = EngineView(
    mode=Mode.TRADING,
    mode_reason="",
    instruments=(
        instrument_view("BTCUSDT"),
        instrument_view(
            "DOGEUSDT",
            quoting=False,
            pull_reason="stale book",
            max_position_lots=50,
            position_lots=0,
        ),
    ),
    budgets=(
        BudgetView(op=Op.PLACE, single=False, limit=600, used=60, left=540),
        BudgetView(op=Op.CANCEL, single=True, limit=10, used=0, left=9),
    ),
    working=6,
    in_flight=2,
    unknown=1,
    realized_e8=10 * E8,
    unrealized_e8=-4 * E8,
    fees_e8=E8,
)


def counters() -> Counters:
    counted = Counters()
    counted.wanted = [40, 10, 50]
    counted.coalesced = [5, 0, 5]
    counted.sent = [35, 10, 45]
    counted.calls = [2, 0, 1, 0, 3, 4]
    counted.orders_placed, counted.orders_filled, counted.fills = 41, 7, 9
    counted.orders_rejected = 4
    counted.reject_codes = {110007: 3, 170131: 1}
    counted.reject_reasons = {"EC_PostOnlyWillTakeLiquidity": 2}
    counted.refused = {"collar": 6}
    return counted


class Source:
    def __init__(self) -> None:
        self.stats = RunStats(0)
        self.stats.tick(BATCHED, 52 * NS_PER_MS)
        self.stats.request("POST", "order/create-batch", 51 * NS_PER_MS, "200")
        self.stats.request("POST", "order/create-batch", 5000 * NS_PER_MS, "timeout")
        self.stats.request("POST", "order/create-batch", 1, "refused")
        self.stats.stream_drops[Stream.PRIVATE] = 2
        self.ready = True

    def engine(self) -> tuple[EngineView, Counters] | None:
        return (VIEW, counters()) if self.ready else None

    alerts = None

    def error_count(self) -> int:
        return 3

    def dropped_log_lines(self) -> int:
        return 4


def scraped(source: Source) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    page = asyncio.run(metrics.render(metrics.EngineCollector(source))).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_the_promised_metrics_carry_their_values() -> None:
    page = scraped(Source())
    batched = (("mode", "batched"),)
    assert page["mm_tick_duration_ms_count", batched] == 1
    assert page["mm_tick_duration_ms_sum", batched] == 52
    assert page["mm_tick_duration_ms_bucket", (("le", "50"), *batched)] == 0
    assert page["mm_tick_duration_ms_bucket", (("le", "60"), *batched)] == 1
    assert page["mm_tick_duration_ms_count", (("mode", "sequential"),)] == 0
    assert page["mm_cmd_coalesced_total", (("op", "cancel"),)] == 5
    request = (("api", "order/create-batch"), ("verb", "POST"))
    assert page["mm_exchange_req_ms_count", request] == 1
    assert page["mm_exchange_req_ms_sum", request] == 51
    assert page["mm_requests_unanswered_total", ()] == 1, "refused by us is no lost answer"


def test_what_else_an_operator_needs() -> None:
    page = scraped(Source())
    btc = (("symbol", "BTCUSDT"),)
    expected = {
        ("mm_cmd_wanted_total", (("op", "place"),)): 50,
        ("mm_cmd_sent_total", (("op", "amend"),)): 10,
        ("mm_order_calls_total", (("form", "single"), ("op", "place"))): 4,
        ("mm_rejects_total", (("code", "110007"),)): 3,
        ("mm_rejects_total", (("code", "EC_PostOnlyWillTakeLiquidity"),)): 2,
        ("mm_risk_refused_total", (("control", "collar"),)): 6,
        ("mm_orders_working", ()): 6,
        ("mm_orders_unknown", ()): 1,
        ("mm_position_lots", btc): -12,
        ("mm_pnl_quote", btc): 2.5,
        ("mm_book_age_ms", btc): 17,
        ("mm_budget_left", (("form", "batch"), ("op", "place"))): 540,
        ("mm_loop_lag_max_ms", ()): 0,
        ("mm_stream_reconnects_total", (("stream", "private"),)): 2,
        ("mm_mode", (("mode", "trading"),)): 1,
        ("mm_mode", (("mode", "halted"),)): 0,
        ("mm_symbol_quoting", (("symbol", "DOGEUSDT"),)): 0,
        ("mm_errors_total", ()): 3,
        ("mm_log_lines_dropped_total", ()): 4,
        ("mm_ticks_total", ()): 1,
    }
    assert {key: page.get(key) for key in expected} == expected


def test_before_the_engine_exists_the_shell_can_be_scraped() -> None:
    source = Source()
    source.ready = False
    page = scraped(source)
    assert ("mm_errors_total", ()) in page
    assert ("mm_orders_working", ()) not in page


def test_the_page_is_served_on_its_path_only() -> None:
    async def main() -> tuple[str, bytes, int]:
        server = metrics.MetricsServer(metrics.EngineCollector(Source()))
        url = await server.start("127.0.0.1", 0)
        try:
            page = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=5).read())
            root = url.removesuffix("metrics")
            try:
                await asyncio.to_thread(lambda: urllib.request.urlopen(root, timeout=5))
            except urllib.error.HTTPError as error:
                status = error.code
                error.close()
        finally:
            await server.stop()
        return url, page, status

    url, page, status = asyncio.run(main())
    assert url.startswith("http://127.0.0.1:")
    assert b"mm_tick_duration_ms_bucket" in page
    assert status == 404


def test_a_taken_port_is_a_configuration_fault() -> None:
    async def main() -> None:
        first = metrics.MetricsServer(metrics.EngineCollector(Source()))
        url = await first.start("127.0.0.1", 0)
        port = int(url.rsplit(":", 1)[1].split("/")[0])
        second = metrics.MetricsServer(metrics.EngineCollector(Source()))
        try:
            with pytest.raises(ConfigError) as caught:
                await second.start("127.0.0.1", port)
            assert caught.value.faults[0][0] == "$.metrics.port"
        finally:
            await first.stop()

    asyncio.run(main())


def rendered(columns: int = 120) -> list[str]:
    return table.render(
        title="mmfast",
        instruments=INSTRUMENTS,
        view=VIEW,
        counters=counters(),
        stats=Source().stats,
        now_ns=3_723 * NS_PER_S,
        errors=3,
        log_lines=[f"line {i}" for i in range(20)],
        columns=columns,
    ).split("\n")


def test_the_table_shows_prices_sizes_and_money_as_the_venue_writes_them() -> None:
    lines = rendered()
    btc = next(line for line in lines if line.startswith("BTCUSDT"))
    assert btc.split() == ["BTCUSDT", "65000.25", "64999.0", "-", "-0.012", "2.50", "42"]
    doge = next(line for line in lines if line.startswith("DOGEUSDT"))
    assert "off: stale book" in doge
    assert "TRADING" in lines[0]
    assert "up 1:02:03" in lines[0]


def test_the_table_shows_the_whole_engine() -> None:
    text = "\n".join(rendered())
    assert "p50 52.00 ms" in text
    assert "p99 52.00 ms" in text
    assert "calls saved 88.9 %" in text  # 10 calls for 90 commands
    assert "create 540/600" in text
    assert "errors   3" in text
    assert "line 19" in text
    assert "line 15" not in text, "only the newest lines"


def test_no_line_is_wider_than_the_terminal() -> None:
    assert max(map(len, rendered(columns=60))) == 60


@pytest.mark.parametrize(
    ("value_e8", "text"),
    [(0, "0.00"), (E8, "1.00"), (-E8 // 2, "-0.50"), (-499_999, "0.00"), (500_000, "0.01"),
     (-500_000, "-0.01"), (123_456_789_012, "1234.57")],
)  # fmt: skip
def test_money_is_rounded_to_cents(value_e8: int, text: str) -> None:
    assert table.money(value_e8) == text


def test_the_summary_has_exactly_the_promised_keys(tmp_path: Path) -> None:
    stats = Source().stats
    stats.mode_changed(Mode.TRADING, "", 2 * NS_PER_S)
    document = summary.summary(
        view=VIEW, counters=counters(), stats=stats, open_orders=0, errors=["bad"]
    )
    summary.write(tmp_path / "s.json", document)
    read = json.loads((tmp_path / "s.json").read_text())
    assert list(read) == [
        "ticks",
        "tick_ms",
        "commands",
        "requests",
        "calls_saved_pct",
        "orders",
        "fills",
        "pnl",
        "open_orders_at_exit",
        "mode_changes",
        "errors",
    ]
    assert list(read["tick_ms"]) == ["p50", "p95", "p99", "max"]
    assert read["commands"]["wanted"] == {"cancel": 40, "amend": 10, "place": 50}
    assert read["commands"]["sent"] == {"cancel": 35, "amend": 10, "place": 45}
    assert list(read["orders"]) == ["placed", "amended", "cancelled", "filled", "rejected"]
    assert read["requests"] == {"order/create-batch": 1}
    assert read["calls_saved_pct"] == 88.89
    assert read["pnl"] == 5.0
    assert read["mode_changes"] == [{"at_s": 2.0, "mode": "TRADING", "reason": ""}]
    assert not list(tmp_path.glob("*.new"))


def test_the_way_out_is_on_the_page_once_there_is_one() -> None:
    source = Source()
    assert not [name for name, _ in scraped(source) if name.startswith("mm_order_way")]
    source.stats.way = lambda: WayView(
        way="rest",
        switches={"ws": 2, "rest": 1, "none": 0},
        takes_ms={"ws": 7.5},
        sockets_up=2,
        takeovers=3,
        strays=4,
    )
    page = scraped(source)
    ways = {name: page["mm_order_way", (("way", name),)] for name in ("ws", "rest", "none")}
    assert ways == {"ws": 0, "rest": 1, "none": 0}
    assert page["mm_order_way_switches_total", (("to", "ws"),)] == 2
    assert page["mm_order_way_ms", (("way", "ws"),)] == 7.5
    assert ("mm_order_way_ms", (("way", "rest"),)) not in page, "not measured is not zero"
    assert page["mm_trade_sockets_up", ()] == 2
    assert page["mm_trade_takeovers_total", ()] == 3
    assert page["mm_trade_strays_total", ()] == 4
