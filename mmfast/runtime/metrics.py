"""The scrape page. Nothing is counted here: plain integers are copied when someone looks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from mmfast.engine.counters import Counters
from mmfast.engine.view import EngineView
from mmfast.errors import ConfigError
from mmfast.messages import Mode, Op, Stream
from mmfast.runtime.alerts import Alerts
from mmfast.runtime.durations import Durations
from mmfast.runtime.stats import BATCHED, SEQUENTIAL, RunStats
from mmfast.units import E8, NS_PER_MS

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_QUEUE: Final = 16


class Source(Protocol):
    """Where the numbers are."""

    stats: RunStats

    def engine(self) -> tuple[EngineView, Counters] | None:
        """The engine's state and counters; None before it exists."""
        ...

    def error_count(self) -> int:
        """Error lines logged so far."""
        ...

    def dropped_log_lines(self) -> int:
        """Log lines lost to a blocked sink."""
        ...

    @property
    def alerts(self) -> Alerts | None:
        """Who counts alerts; None before it begins."""
        ...


class EngineCollector(Collector):
    """Turns one look at the source into metric families."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterable[Metric]:
        """All families, read at once."""
        source = self._source
        yield from _durations(source.stats)
        yield from _shell(source)
        yield from _order_way(source.stats)
        if source.alerts is not None:
            yield from _alerts(source.alerts)
        yield from _policies(source.stats)
        engine = source.engine()
        if engine is None:
            return
        view, counters = engine
        yield from _commands(counters)
        yield from _orders(counters)
        yield from _engine_state(view)
        yield from _instruments(view)


def _durations(stats: RunStats) -> Iterator[Metric]:
    ticks = HistogramMetricFamily(
        "mm_tick_duration_ms", "From a flush to the last reply of what it sent.", labels=["mode"]
    )
    for label, durations in stats.ticks_by_mode.items():
        _add_histogram(ticks, [label], durations)
    yield ticks
    calls = HistogramMetricFamily(
        "mm_exchange_req_ms", "Round trip of one call to the venue.", labels=["verb", "api"]
    )
    for key in sorted(stats.requests):
        _add_histogram(calls, list(key), stats.requests[key])
    yield calls
    lag = HistogramMetricFamily("mm_loop_lag_ms", "How late the event loop served a timer.")
    _add_histogram(lag, [], stats.lag)
    yield lag
    worst = GaugeMetricFamily("mm_loop_lag_max_ms", "The longest loop lag of this run.")
    worst.add_metric([], stats.lag.max_ns / NS_PER_MS)
    yield worst


def _add_histogram(family: HistogramMetricFamily, labels: list[str], from_: Durations) -> None:
    family.add_metric(labels, buckets=from_.cumulative(), sum_value=from_.sum_ns / NS_PER_MS)


def _commands(counters: Counters) -> Iterator[Metric]:
    rows = {
        "mm_cmd_wanted": ("Commands put on the bus.", counters.wanted),
        "mm_cmd_coalesced": ("Commands merged away before sending.", counters.coalesced),
        "mm_cmd_sent": ("Commands handed out for sending.", counters.sent),
    }
    for name, (text, by_op) in rows.items():
        family = CounterMetricFamily(name, text, labels=["op"])
        for op in Op:
            family.add_metric([op.name.lower()], by_op[op])
        yield family
    calls = CounterMetricFamily("mm_order_calls", "Order calls handed out.", labels=["op", "form"])
    for op in Op:
        for single, form in enumerate(("batch", "single")):
            calls.add_metric([op.name.lower(), form], counters.calls[op * 2 + single])
    yield calls
    rejects = CounterMetricFamily("mm_rejects", "Refusals by venue code.", labels=["code"])
    for code in sorted(counters.reject_codes, key=str):
        rejects.add_metric([str(code)], counters.reject_codes[code])
    for reason in sorted(counters.reject_reasons):
        rejects.add_metric([reason], counters.reject_reasons[reason])
    yield rejects
    refused = CounterMetricFamily("mm_risk_refused", "Refused by a limit.", labels=["control"])
    for control in sorted(counters.refused):
        refused.add_metric([control], counters.refused[control])
    yield refused


def _orders(counters: Counters) -> Iterator[Metric]:
    rows = {
        "mm_orders_placed": counters.orders_placed,
        "mm_orders_amended": counters.orders_amended,
        "mm_orders_cancelled": counters.orders_cancelled,
        "mm_orders_filled": counters.orders_filled,
        "mm_orders_rejected": counters.orders_rejected,
        "mm_fills": counters.fills,
        "mm_throttled": counters.throttled,
        "mm_unknown_outcomes": counters.unknown,
        "mm_not_sent": counters.not_sent,
        "mm_foreign_events": counters.foreign_events,
        "mm_book_gaps": counters.book_gaps,
        "mm_book_errors": counters.book_errors,
        "mm_book_lags": counters.book_lags,
        "mm_book_disputes": counters.book_disputes,
    }
    for name, value in rows.items():
        yield _counter(name, f"Total of {name[3:].replace('_', ' ')}.", value)


def _shell(source: Source) -> Iterator[Metric]:
    stats = source.stats
    yield _counter("mm_ticks", "Flushes that sent something.", stats.ticks.count)
    yield _counter("mm_flushes", "Flushes, with or without a command.", stats.flushes)
    yield _counter(
        "mm_deadline_missed", "Commands returned to intent at the deadline.", stats.deadline_missed
    )
    yield _counter("mm_late_replies", "Replies after their tick's deadline.", stats.late_replies)
    yield _counter("mm_requests_unanswered", "Calls without an answer.", stats.unanswered)
    yield _counter("mm_errors", "Error lines logged.", source.error_count())
    yield _counter("mm_log_lines_dropped", "Log lines lost.", source.dropped_log_lines())
    drops = CounterMetricFamily("mm_stream_reconnects", "Stream losses.", labels=["stream"])
    for stream in Stream:
        drops.add_metric([stream.name.lower()], stats.stream_drops[stream])
    yield drops
    reloads = CounterMetricFamily("mm_config_reloads", "Reload attempts.", labels=["result"])
    reloads.add_metric(["taken"], stats.reloads_taken)
    reloads.add_metric(["refused"], stats.reloads_refused)
    yield reloads


def _alerts(alerts: Alerts) -> Iterator[Metric]:
    family = CounterMetricFamily("mm_alerts", "Warnings and errors.", labels=["severity", "event"])
    for key in sorted(alerts.counts):
        family.add_metric(list(key), alerts.counts[key])
    yield family
    yield _counter("mm_alerts_dropped", "Alerts that their receiver did not take.", alerts.dropped)
    beat_s = alerts.last_beat_ms / 1000
    yield _gauge("mm_heartbeat_timestamp_seconds", "Unix time of the last sign of life.", beat_s)


def _order_way(stats: RunStats) -> Iterator[Metric]:
    if stats.way is None:
        return
    view = stats.way()
    way = GaugeMetricFamily("mm_order_way", "1 for how orders leave now.", labels=["way"])
    for name in ("ws", "rest", "none"):
        way.add_metric([name], int(name == view.way))
    yield way
    switches = CounterMetricFamily("mm_order_way_switches", "Changes of the way.", labels=["to"])
    for name in sorted(view.switches):
        switches.add_metric([name], view.switches[name])
    yield switches
    takes = GaugeMetricFamily(
        "mm_order_way_ms", "What an order takes, as last estimated.", labels=["way"]
    )
    for name in sorted(view.takes_ms):
        takes.add_metric([name], view.takes_ms[name])
    yield takes
    yield _gauge("mm_trade_sockets_up", "Trade sockets logged in.", view.sockets_up)
    yield _counter("mm_trade_takeovers", "Orders moved to a spare trade socket.", view.takeovers)
    yield _counter("mm_trade_strays", "Replies to no request of ours.", view.strays)


def _policies(stats: RunStats) -> Iterator[Metric]:
    """Which way batches leave, and what both ways would have cost."""
    yield _counter("mm_rollbacks", "Times that batching was given up.", stats.rollbacks)
    yield _gauge("mm_rolled_back", "1 while batching is given up.", int(stats.rolled_back))
    if stats.shadow is None:
        return
    calls, orders, takes = (
        CounterMetricFamily(f"mm_shadow_{name}", text, labels=labels)
        for name, text, labels in (
            ("calls", "Calls of the ticks so far under each policy.", ["policy"]),
            (
                "orders",
                "Orders of the same, by the budget that pays them.",
                ["policy", "op", "form"],
            ),
            ("time_ms", "Estimated time of the same, first byte to last reply.", ["policy"]),
        )
    )
    for enabled, cost in stats.shadow.totals.items():
        policy = BATCHED if enabled else SEQUENTIAL
        calls.add_metric([policy], sum(cost.calls))
        takes.add_metric([policy], cost.time_ns / NS_PER_MS)
        for key, count in enumerate(cost.orders):
            form = "single" if key & 1 else "batch"
            orders.add_metric([policy, Op(key // 2).name.lower(), form], count)
    yield from (calls, orders, takes)


def _engine_state(view: EngineView) -> Iterator[Metric]:
    mode = GaugeMetricFamily("mm_mode", "1 for the engine's mode.", labels=["mode"])
    for value in Mode:
        mode.add_metric([value.name.lower()], int(value == view.mode))
    yield mode
    yield _gauge("mm_day_result_quote", "Result of the UTC day.", view.day_result_e8 / E8)
    yield _gauge("mm_day_drawdown_quote", "Below the day's highest.", view.day_drawdown_e8 / E8)
    yield _gauge("mm_orders_working", "Own orders resting.", view.working)
    yield _gauge("mm_orders_in_flight", "Orders with an unanswered command.", view.in_flight)
    yield _gauge("mm_orders_unknown", "Orders with an unknown outcome.", view.unknown)
    budget = GaugeMetricFamily(
        "mm_budget_left", "Orders left in the rate window.", labels=["op", "form"]
    )
    for row in view.budgets:
        budget.add_metric([row.op.name.lower(), "single" if row.single else "batch"], row.left)
    yield budget


def _instruments(view: EngineView) -> Iterator[Metric]:
    families = {
        name: GaugeMetricFamily(name, text, labels=["symbol"])
        for name, text in (
            ("mm_position_lots", "Signed position in quantity steps."),
            ("mm_position_limit_lots", "Largest position allowed on either side."),
            ("mm_pnl_quote", "Realised plus unrealised minus fees."),
            ("mm_book_age_ms", "Since the last book frame; -1 without a book."),
            ("mm_symbol_working_orders", "Own orders resting."),
            ("mm_symbol_quoting", "1 while quoted."),
        )
    }
    for row in view.instruments:
        values = (
            row.position_lots,
            row.max_position_lots,
            (row.realized_e8 + row.unrealized_e8 - row.fees_e8) / E8,
            row.book_age_ms,
            row.working,
            int(row.quoting),
        )
        for family, value in zip(families.values(), values, strict=True):
            family.add_metric([row.symbol], value)
    yield from families.values()


def _counter(name: str, text: str, value: int) -> Metric:
    family = CounterMetricFamily(name, text)
    family.add_metric([], value)
    return family


def _gauge(name: str, text: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, text)
    family.add_metric([], value)
    return family


class _Copied(Collector):
    """Families that were read in the loop, for a thread to render."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


async def render(collector: Collector) -> bytes:
    """The page: numbers are copied here, in the loop; the text is made in a thread."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Copied(list(collector.collect())))
    return await asyncio.to_thread(generate_latest, registry)


class MetricsServer:
    """Serves ``/metrics``, nothing else."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen; returns the page's address. Raises :class:`ConfigError` if it cannot."""
        app = web.Application()
        app.router.add_get("/metrics", self._page)
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=15, shutdown_timeout=1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port, backlog=_QUEUE)
            await site.start()
        except OSError as error:
            await runner.cleanup()
            text = f"cannot listen on {host}:{port}: {error.strerror or error}"
            raise ConfigError([("$.metrics.port", text)]) from None
        self._runner = runner
        bound_host, bound_port = runner.addresses[0][:2]
        return f"http://{bound_host}:{bound_port}/metrics"

    async def stop(self) -> None:
        """Close the address."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _page(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=await render(self._collector), headers={"Content-Type": CONTENT_TYPE}
        )
