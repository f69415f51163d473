"""Same parameters, same requests, same bytes; and a market that stays alive and whole."""

from __future__ import annotations

import pytest

from mmfast.messages import Side
from mmfast.sim.params import FlowParams

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def busy_run(trader) -> tuple[object, ...]:
    """Forty rounds of quoting in a living market; all that left the venue."""
    for n in range(40):
        bid, ask = trader.venue.best(0, Side.BUY), trader.venue.best(0, Side.SELL)
        items = [
            {
                "symbol": "BTCUSDT",
                "side": side,
                "orderType": "Limit",
                "qty": "0.010",
                "price": f"{ticks // 10}.{ticks % 10}",
                "orderLinkId": f"{side}-{n:04x}",
            }
            for side, ticks in (("Buy", bid), ("Sell", ask))
        ]
        trader.batch("create", items)
        trader.run(150)
        if n % 3 == 2:
            trader.post("/v5/order/cancel-all", {"category": "linear", "settleCoin": "USDT"})
    trader.place(orderLinkId="stays", price="60000.00")
    return (
        [(due.at_ns, due.output) for due in trader.leaving],
        trader.venue.open_orders(),
        trader.venue.positions(),
        trader.venue.state_digest(),
    )


def lively(new_trader, seed: int):
    return new_trader(
        symbols=SYMBOLS,
        seed=seed,
        flow=FlowParams(activity=2.0),
        latency_jitter_ms=3.0,
        keep_books=True,
    )


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(new_trader) -> None:
    first, second, other = (busy_run(lively(new_trader, seed)) for seed in (5, 5, 6))
    assert first[0]
    assert first == second
    assert first[3] != other[3]


def test_the_digest_sees_orders_positions_and_books_but_not_times(new_trader) -> None:
    def run(pause_ms: int, price: str = "64000.00"):
        trader = new_trader()
        digests = [trader.venue.state_digest()]
        for act in (
            lambda: trader.place(orderLinkId="x", price=price),
            lambda: trader.amend(orderLinkId="x", qty="0.008"),
            lambda: trader.house(Side.SELL, 640_000, 3, ioc=True),
            lambda: trader.house(Side.SELL, 660_000, 3),
            lambda: trader.cancel(orderLinkId="x"),
        ):
            act()
            trader.run(pause_ms)
            digests.append(trader.venue.state_digest())
        return digests

    slow, fast, other = run(700), run(0), run(0, "64000.10")
    assert slow == fast
    assert len(set(slow)) == len(slow)
    assert slow[1:] != other[1:]


@pytest.mark.parametrize("step_ms", [1.0, 37.0])
def test_how_often_the_venue_is_asked_changes_nothing(new_trader, step_ms) -> None:
    def outputs(step: float):
        trader = lively(new_trader, 3)
        trader.send("GET", "/v5/order/realtime", "category=linear&settleCoin=USDT")
        elapsed = 0.0
        while elapsed < 1998:
            trader.run(step)
            elapsed += step
        return trader.venue.state_digest(), [due.at_ns for due in trader.leaving]

    assert outputs(step_ms) == outputs(1998.0)


def test_books_move_stay_populated_and_never_cross_for_minutes(new_trader) -> None:
    trader = new_trader(symbols=SYMBOLS, flow=FlowParams(), keep_books=True)
    venue = trader.venue
    bests: list[set[int]] = [set() for _ in SYMBOLS]
    for _ in range(240):
        trader.run(500)
        for spot in range(len(SYMBOLS)):
            bid, ask = venue.best(spot, Side.BUY), venue.best(spot, Side.SELL)
            assert 0 < bid < ask
            bests[spot].add(bid)
            assert all(len(venue.books[spot].levels(side, 50)) >= 10 for side in Side)
    assert min(len(seen) for seen in bests) > 10
    for symbol in SYMBOLS:
        path = "/v5/market/recent-trade"
        assert len(trader.get(path, category="linear", symbol=symbol).rows) > 100


def test_next_due_tells_when_to_come_back(new_trader) -> None:
    trader = new_trader(latency_ms=10.0)
    never = trader.venue.next_due_ns()
    number = trader.send("GET", "/v5/market/time")
    due = trader.venue.next_due_ns()
    assert due == trader.now_ns + 5_000_000 < never
    assert trader.venue.advance(due - 1) == []
    assert trader.venue.advance(due) == []
    (reply,) = trader.venue.advance(trader.venue.next_due_ns())
    assert (reply.at_ns, reply.output.request_id) == (trader.now_ns + 10_000_000, number)
