"""Does the market punish what a market should punish? Fixed quotes over virtual time."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

import orjson
import pytest

from mmfast.messages import Side
from mmfast.sim.crowd.params import FlowParams
from mmfast.sim.crowd.reference import STEP_NS, ReferencePrices
from mmfast.sim.flow import _drawn
from mmfast.sim.params import VenueParams
from mmfast.sim.venue import Venue
from mmfast.units import NS_PER_MS, NS_PER_S

FEW = (3, 4)
MANY = (1, 2, 3, 4, 5, 6)
LOTS = 10
SIGN = {"Buy": 1, "Sell": -1}


class MarkOut(NamedTuple):
    """Fills of one run, and what they were worth a while later, before fees."""

    fills: int
    bps: float
    """Mean, per fill: above zero the maker was paid, below it was picked off."""

    @property
    def total(self) -> float:
        return self.fills * self.bps


class NaiveMaker:
    """Quotes one size on both sides, a fixed way from the mid, whatever happens."""

    def __init__(self, trader, half_bps: float) -> None:
        self.trader = trader
        self.half = half_bps * 1e-4
        self.figures = trader.venue._exchange.rows.figures[0]
        self.quotes: dict[str, int] = {}
        self.made = 0
        self.fills: list[tuple[int, str, float]] = []
        self.seen_ns: list[int] = []
        self.seen_index: list[int] = []

    def outside_mid(self) -> float:
        """Middle of the book without what is its own."""
        touch = []
        for side, word in ((Side.BUY, "Buy"), (Side.SELL, "Sell")):
            levels = self.trader.venue.books[0].levels(side, 3)
            own = self.quotes.get(word)
            touch.append(next(at for at, lots in levels if at != own or lots > LOTS))
        return sum(touch) / 2

    def requote(self) -> None:
        mid = self.outside_mid()
        wanted = {
            "Buy": math.floor(mid * (1 - self.half)),
            "Sell": math.ceil(mid * (1 + self.half)),
        }
        if wanted == self.quotes:
            return
        self.quotes = wanted
        self.trader.send(
            "POST", "/v5/order/cancel-all", b'{"category":"linear","symbol":"BTCUSDT"}'
        )
        for word, ticks in wanted.items():
            self.made += 1
            body = {
                "category": "linear",
                "symbol": "BTCUSDT",
                "side": word,
                "orderType": "Limit",
                "qty": self.figures.qty(LOTS),
                "price": self.figures.price(ticks),
                "timeInForce": "PostOnly",
                "orderLinkId": f"n{self.made:09d}",
            }
            self.trader.send("POST", "/v5/order/create", orjson.dumps(body))

    def run(self, seconds: int) -> MarkOut:
        trader = self.trader
        reference = trader.venue._exchange.references[0]
        for _ in range(seconds * 20):
            self.seen_ns.append(trader.now_ns)
            self.seen_index.append(reference.index_ticks)
            self.requote()
            trader.run(50)
            for event in trader.told("execution"):
                row = event
                self.fills.append((int(row["execTime"]), row["side"], float(row["execPrice"])))
                self.quotes = {}
            trader.events.clear()
            trader.leaving.clear()
        return self.mark_out(3 * NS_PER_S)

    def mark_out(self, after_ns: int) -> MarkOut:
        gains = []
        start_ms = self.trader.venue.venue_ms(0)
        for at_ms, side, price in self.fills:
            later = bisect_left(self.seen_ns, (at_ms - start_ms) * NS_PER_MS + after_ns)
            if later < len(self.seen_ns):
                ticks = price * 10
                gains.append(SIGN[side] * (self.seen_index[later] - ticks) / ticks * 1e4)
        return MarkOut(len(gains), sum(gains) / max(len(gains), 1))


@pytest.fixture(params=[FEW, pytest.param(MANY, marks=pytest.mark.long)], ids=["two", "six"])
def seeds(request) -> tuple[int, ...]:
    return request.param


@pytest.fixture
def quoting(new_trader, seeds):
    def run(half_bps: float, flow: FlowParams) -> list[MarkOut]:
        runs = []
        for seed in seeds:
            trader = new_trader(
                keep_books=True, symbols=("BTCUSDT",), seed=seed, flow=flow, maker_fee_e8=0
            )
            runs.append(NaiveMaker(trader, half_bps).run(150))
        return runs

    return run


def mean_bps(runs: list[MarkOut]) -> float:
    return sum(run.total for run in runs) / sum(run.fills for run in runs)


def test_a_fixed_tight_quote_is_picked_off_and_a_wide_one_less(quoting, seeds) -> None:
    tight, wide = quoting(0.6, FlowParams()), quoting(4.0, FlowParams())
    assert min(run.fills for run in tight) > 100, tight
    # A seed whose market stays calm has little to be informed about.
    assert sum(run.bps < 0 for run in tight) >= len(seeds) - 1, tight
    assert mean_bps(tight) < -0.3, tight
    assert sum(run.total for run in wide) > sum(run.total for run in tight) + 50 * len(seeds), (
        tight,
        wide,
    )
    assert mean_bps(wide) > mean_bps(tight) + 2, (tight, wide)


def test_without_informed_flow_the_same_tight_quote_earns(quoting) -> None:
    alone = quoting(0.6, FlowParams(informed_share=0.0))
    assert min(run.fills for run in alone) > 50, alone
    assert all(run.bps > 0 for run in alone), alone
    assert mean_bps(alone) > 0.15, alone


def paths(flow: FlowParams, seconds: int, seed: int = 1) -> tuple[list[float], list[float]]:
    """Reference and liveliness at every step of the walk."""
    instruments = Venue(VenueParams(symbols=("BTCUSDT",), api_key="k")).instruments
    reference = ReferencePrices(instruments, (650_000,), seed, (flow,))
    prices, factors = [], []
    for _ in range(seconds * NS_PER_S // STEP_NS):
        reference.step()
        prices.append(reference.price(0))
        factors.append(reference.factor(0))
    return prices, factors


def test_regimes_come_and_go_and_scale_the_moves() -> None:
    prices, factors = paths(FlowParams(regime_dwell_s=5.0), 2000)
    flow = FlowParams()
    assert set(factors) == {flow.calm_factor, 1.0, flow.wild_factor}
    shares = {factor: factors.count(factor) / len(factors) for factor in set(factors)}
    assert 0.20 < shares[flow.calm_factor] < 0.48
    assert 0.05 < shares[flow.wild_factor] < 0.20
    spread: dict[float, float] = {}
    for factor in shares:
        moves = [
            b / a - 1 for (a, b), now in zip(pairwise(prices), factors[1:], strict=True)
            if now == factor
        ]  # fmt: skip
        spread[factor] = math.sqrt(sum(move * move for move in moves) / len(moves))
    normal = spread[1.0]
    assert spread[flow.calm_factor] == pytest.approx(flow.calm_factor * normal, rel=0.15)
    assert spread[flow.wild_factor] == pytest.approx(flow.wild_factor * normal, rel=0.15)
    # Switches are seeded: another seed has others.
    assert paths(FlowParams(regime_dwell_s=5.0), 2000)[1] == factors
    assert paths(FlowParams(regime_dwell_s=5.0), 2000, seed=2)[1] != factors


def test_what_the_informed_see_comes_true() -> None:
    instruments = Venue(VenueParams(symbols=("BTCUSDT",), api_key="k")).instruments
    flow = FlowParams(informed_ahead_ms=1000.0)
    reference = ReferencePrices(instruments, (650_000,), 7, (flow,))
    seen = []
    for step in range(400):
        reference.step()
        if step >= 20:
            assert reference.price(0) == seen[step - 20]
        seen.append(reference.ahead(0))
    assert seen[0] != seen[20]


def test_taker_orders_come_in_bursts() -> None:
    """Counts per second scatter more than arrivals that know nothing of each other would."""

    def scatter(burst_share: float) -> float:
        flow = FlowParams(
            burst_share=burst_share, informed_share=0.0, regime_dwell_s=0.0, taker_rate_hz=4.0
        )
        counts = trade_counts(flow, seconds=600)
        mean = sum(counts) / len(counts)
        assert 3.3 < mean < 4.7
        return sum((count - mean) ** 2 for count in counts) / len(counts) / mean

    # For a branching share n the clusters make it about 1 / (1 - n)**2.
    assert 0.8 < scatter(0.0) < 1.25
    assert scatter(0.6) > 3.0


def trade_counts(flow: FlowParams, seconds: int) -> list[int]:
    """Taker orders in each second."""
    venue = Venue(VenueParams(symbols=("BTCUSDT",), api_key="k", flow=flow))
    counts = [0] * seconds
    submit = venue.submit

    def count(*args, post_only, ioc):
        if ioc:
            counts[venue._now_ns // NS_PER_S] += 1
        return submit(*args, post_only=post_only, ioc=ioc)

    venue.submit = count
    venue.advance(seconds * NS_PER_S - 1)
    return counts


def test_a_poisson_count_from_one_draw() -> None:
    draws = [(step + 0.5) / 10_000 for step in range(10_000)]
    counts = [_drawn(chance, 0.4) for chance in draws]
    assert sum(counts) / len(counts) == pytest.approx(0.4, abs=0.01)
    assert counts.count(0) / len(counts) == pytest.approx(math.exp(-0.4), abs=0.001)
    assert max(_drawn(chance, 0.9) for chance in (*draws, 1 - 1e-16)) <= 8


def test_single_orders_arrive_more_rarely_further_out_and_are_cancelled() -> None:
    flow = FlowParams(
        provider_rate_hz=0.0,
        taker_rate_hz=0.0,
        patient_rate_hz=20.0,
        patient_reach_bps=4.0,
        volatility_bps_per_sqrt_s=0.0,
        regime_dwell_s=0.0,
    )
    venue = Venue(VenueParams(symbols=("BTCUSDT",), api_key="k", flow=flow))
    resting_at_start = len(venue._exchange.house.resting())
    bps: list[float] = []
    submit = venue.submit

    def see(instrument, side, ticks, lots, **terms):
        bps.append(abs(ticks - 650_000) / 65.0)
        return submit(instrument, side, ticks, lots, **terms)

    venue.submit = see
    venue.advance(300 * NS_PER_S)
    assert len(bps) == pytest.approx(6000, rel=0.06)
    bands = [sum(low <= at < low + 4 for at in bps) for low in (0.6, 4.6, 8.6, 12.6)]
    for near, far in pairwise(bands):
        # Each reach further out there are e times fewer.
        assert near / far == pytest.approx(math.e, rel=0.25)
    # Twelve seconds of life at twenty a second.
    assert len(venue._exchange.house.resting()) - resting_at_start == pytest.approx(240, rel=0.25)


def test_each_symbol_can_have_a_market_of_its_own() -> None:
    symbols = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    still, wide = FlowParams(activity=0.0), FlowParams(half_spread_bps=10.0)
    venue = Venue(
        VenueParams(
            symbols=symbols, api_key="k", flow_by_symbol={"ETHUSDT": still, "SOLUSDT": wide}
        )
    )
    alone = Venue(VenueParams(symbols=symbols, api_key="k"))
    before = venue.books[1].version()
    for one in (venue, alone):
        one.advance(20 * NS_PER_S)
    assert venue.books[1].version() == before
    assert venue.books[0].levels(Side.BUY, 50) == alone.books[0].levels(Side.BUY, 50)
    spreads = []
    for one in (venue, alone):
        bid, ask = one.best(2, Side.BUY), one.best(2, Side.SELL)
        spreads.append((ask - bid) / bid * 1e4)
    assert spreads[0] > 3 * spreads[1]
