"""How each kind of the venue's faults is drawn: its strength for one seed, in its window."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from mmfast.sim.fault_terms import kinds
from mmfast.sim.fault_terms.kinds import Fault

Window = dict[str, Any]
"""``from_ms`` and ``for_ms``."""
Draw = Callable[[random.Random, Window, tuple[str, ...]], Fault]

_ORDER_PATHS: Final = (
    "/v5/order/",
    "/v5/order/create-batch",
    "/v5/order/amend-batch",
    "/v5/order/cancel-batch",
    "/v5/order/realtime",
    "/v5/",
)


def chance(dice: random.Random, low: float, high: float) -> Decimal:
    """A probability, small ones as likely as large ones."""
    drawn = low * (high / low) ** dice.random()
    return Decimal(f"{drawn:.5f}")


def _request(dice: random.Random, window: Window, high: float = 0.3) -> dict[str, Any]:
    return {
        **window,
        "path": dice.choice(_ORDER_PATHS),
        "via": dice.choice(("any", "any", "http", "trade")),
        "chance": chance(dice, 0.005, high),
    }


def _latency(dice: random.Random, window: Window) -> dict[str, Any]:
    return {**window, "leg": dice.choice(("request", "reply", "both"))}


def _latency_fixed(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.LatencyFixed(**_latency(dice, window), ms=dice.randint(10, 600))


def _latency_uniform(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.LatencyUniform(**_latency(dice, window), high_ms=dice.randint(20, 2_500))


def _latency_lognormal(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.LatencyLognormal(
        **_latency(dice, window), median_ms=dice.randint(5, 300), sigma=Decimal("0.9")
    )


def _latency_spikes(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.LatencySpikes(
        **_latency(dice, window),
        ms=dice.randint(300, 6_000),
        spike_chance=chance(dice, 0.005, 0.1),
    )


def _drop_request(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.DropRequest(
        **_request(dice, window),
        when=dice.choice(("before", "after")),
        then=dice.choice(("silence", "reset")),
    )


def _reset_reply(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.ResetReply(**_request(dice, window), after_bytes=dice.randint(0, 900))


def _truncate_reply(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.TruncateReply(
        **_request(dice, window),
        keep_bytes=dice.randint(0, 400),
        length=dice.choice(("honest", "claimed")),
    )


def _malform_reply(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    bodies: Any = ("empty", "not_json", "wrong_types", "no_code", "binary")
    return kinds.MalformReply(**_request(dice, window), body=dice.choice(bodies))


def _http_error(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.HttpError(
        **{**_request(dice, window), "via": "http"},
        status=dice.choice((429, 500, 502, 503, 504)),
        when=dice.choice(("before", "after")),
    )


def _too_many_visits(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.TooManyVisits(**_request(dice, window, 0.6))


def _server_error(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.ServerError(
        **_request(dice, window),
        code=dice.choice((10000, 10016, 10429)),
        when=dice.choice(("before", "after")),
    )


def _service_restarting(_dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.ServiceRestarting(**window, path="/v5/order/")


def _batch_items(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    code, text = dice.choice(
        ((10016, "server-error"), (110007, "no-balance"), (10001, "bad"), (170001, "internal"))
    )
    return kinds.BatchItems(
        **window,
        path="/v5/order/",
        chance=chance(dice, 0.01, 0.5),
        items=tuple(sorted({dice.randrange(6) for _ in range(dice.randint(1, 4))})),
        code=code,
        text=text,
    )


def _private(dice: random.Random, window: Window) -> dict[str, Any]:
    streams = ("all", "order", "execution", "position", "wallet")
    return {**window, "stream": dice.choice(streams), "chance": chance(dice, 0.02, 1.0)}


def _private_duplicate(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.PrivateDuplicate(
        **_private(dice, window), copies=dice.randint(1, 4), gap_ms=dice.choice((0, 1, 50, 3_000))
    )


def _private_late(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.PrivateLate(**_private(dice, window), by_ms=dice.randint(5, 4_000))


def _private_reorder(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.PrivateReorder(**_private(dice, window), by_ms=dice.randint(5, 3_000))


def _book_gap(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.BookGap(**window, chance=chance(dice, 0.001, 0.1))


def _book_crossed(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.BookCrossed(
        **window, chance=chance(dice, 0.001, 0.1), by_ticks=dice.choice((0, 1, 20, 500))
    )


def _book_stale(dice: random.Random, window: Window, symbols: tuple[str, ...]) -> Fault:
    return kinds.BookStale(**window, symbol=dice.choice((None, *symbols)))


def _clock_skew(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    # Back by more than the margin of the expiry rule would break what the rule rests on: that
    # the venue's time does not run backwards.
    return kinds.ClockSkew(**window, by_ms=dice.choice((-700, -300, 300, 900, 2_500, 20_000)))


def _limit_lowered(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.LimitLowered(**window, path="/v5/order/", per_s=dice.randint(1, 8))


def _address_ban(_dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.AddressBan(from_ms=window["from_ms"], for_ms=3_000)


def _half_open(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.HalfOpen(
        **window, sockets=dice.choice(("all", "http", "public", "private", "trade"))
    )


def _tick_size_changed(dice: random.Random, window: Window, symbols: tuple[str, ...]) -> Fault:
    return kinds.TickSizeChanged(**window, symbol=dice.choice(symbols), times=dice.choice((2, 10)))


def _instrument_suspended(dice: random.Random, window: Window, symbols: tuple[str, ...]) -> Fault:
    return kinds.InstrumentSuspended(
        **window, symbol=dice.choice(symbols), cancel_orders=dice.random() < 0.5
    )


def _maintenance(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.Maintenance(from_ms=window["from_ms"], for_ms=dice.randint(500, 30_000))


def _act(dice: random.Random, window: Window, most: int) -> dict[str, Any]:
    times = dice.randint(1, most)
    return {
        "from_ms": window["from_ms"],
        "times": times,
        "every_ms": max(window["for_ms"] // times, 1),
    }


def _stream_drop(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.StreamDrop(
        **_act(dice, window, 4),
        sockets=dice.choice(("all", "public", "private", "private", "trade")),
        how=dice.choice(("close", "reset")),
    )


def _book_restart(dice: random.Random, window: Window, _: tuple[str, ...]) -> Fault:
    return kinds.BookRestart(**_act(dice, window, 4))


def _foreign(dice: random.Random, window: Window, symbols: tuple[str, ...]) -> dict[str, Any]:
    symbol = dice.choice(symbols)
    return {
        **_act(dice, window, 4),
        "symbol": symbol,
        "side": dice.choice(("Buy", "Sell")),
        "qty": FOREIGN_QTY[symbol] * dice.randint(1, 3),
        "link_prefix": dice.choice(("", "other-", "mm")),
    }


def _foreign_order(dice: random.Random, window: Window, symbols: tuple[str, ...]) -> Fault:
    return kinds.ForeignOrder(**_foreign(dice, window, symbols), away_bps=dice.randint(0, 60))


def _foreign_fill(dice: random.Random, window: Window, symbols: tuple[str, ...]) -> Fault:
    return kinds.ForeignFill(**_foreign(dice, window, symbols))


FOREIGN_QTY: Final[dict[str, Decimal]] = {
    "BTCUSDT": Decimal("0.005"),
    "ETHUSDT": Decimal("0.1"),
    "SOLUSDT": Decimal(2),
    "XRPUSDT": Decimal(600),
    "DOGEUSDT": Decimal(2000),
}

DRAWS: Final[dict[str, Draw]] = {name: globals()["_" + name] for name in kinds.KINDS}
"""Kind of the venue's faults to how it is drawn; a kind without a draw cannot be imported."""
