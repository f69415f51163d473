"""The default tier (10 orders a second and bucket): what each way of sending makes of it.

One strategy, one market, fixed seeds, virtual time: the same table on every machine.
``python benchmarks/path/tier.py`` prints it. The contenders:

- ``sequential``: one order per call, each call awaited; sends what is wanted and waits a second
  after a 10006.
- ``batched``: packs across symbols into the batch calls; the same reaction to 10006.
- ``batched, paced``: the batch calls again, never more than the ten a second of the documents.
- ``planner``: what mmfast does by default: it uses nine tenths of each limit.
- ``planner, whole limit``: as much of each limit as the contenders use.
- ``planner, no reserves``: that, and nothing kept for cancels and orders that reduce risk, of which
  the contenders keep nothing either.

The first three know neither rate headers nor the single calls' second budget; all have one intent
per slot, so nobody is charged for sending what is stale. A quote that is moved by cancel and place
lands two actions; ``quotes set/s`` counts it once.

Two scenarios: quotes moved by amends, where a fill asks for a create and hardly anything for a
cancel; and ``requote_by: replace``, where each move asks for both.
"""

from __future__ import annotations

import itertools
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "harness"))

from scenario import SYMBOLS
from virtual import VirtualRun

from mmfast.engine.market.top import Top
from mmfast.engine.params import PlannerParams, RequoteBy
from mmfast.engine.planning.bucket import MOST_ORDERS
from mmfast.engine.quoting.quoter import Ladder
from mmfast.messages import NO_RATE_INFO, BatchReply, Event, Execution, Op, Outcome
from mmfast.units import E8, NS_PER_S

SEEDS: Final = (3, 5, 8)
SECONDS: Final = 20
STEP_S: Final = 0.05
RATE_REFUSED: Final = 10006
ABSENT_BPS: Final = 4.0
"""What a wanted quote that does not rest counts: the outer level's distance from the fair price."""
PACED: Final = PlannerParams(initial_limit=10, safety_percent=100, cancel_reserve_percent=0)
UNRESERVED: Final = PlannerParams(
    safety_percent=100, cancel_reserve_percent=0, reducing_reserve_percent=0
)
BLIND: Final = msgspec.structs.replace(PACED, initial_limit=MOST_ORDERS)


class Way(NamedTuple):
    """A contender: what it is told, and whether it reads the venue's rate headers."""

    name: str
    batch: dict[str, bool]
    plan: PlannerParams = PACED
    reads_headers: bool = False


WAYS: Final = (
    Way("sequential", {"enabled": False}, BLIND),
    Way("batched", {"planned": False}, BLIND),
    Way("batched, paced", {"planned": False}, PACED),
    Way("planner", {}, PlannerParams(), reads_headers=True),
    Way("planner, whole limit", {}, PlannerParams(safety_percent=100), reads_headers=True),
    Way("planner, no reserves", {}, UNRESERVED, reads_headers=True),
)


class Score(msgspec.Struct):
    """Sums over the seeds; ``row`` makes figures of them."""

    seconds: float = 0.0
    landed: int = 0
    quotes: int = 0
    calls: int = 0
    refused: int = 0
    fills: int = 0
    picked_off: int = 0
    lost_quote: float = 0.0
    wanted: int = 0
    error_bps: float = 0.0

    @property
    def landed_per_s(self) -> float:
        """Order actions that the venue accepted, a second."""
        return self.landed / self.seconds

    @property
    def quotes_per_s(self) -> float:
        """Quotes placed or moved, a second."""
        return self.quotes / self.seconds

    @property
    def mean_error_bps(self) -> float:
        """Quote error of a wanted quote, averaged over time."""
        return self.error_bps / self.wanted


class TierRun(VirtualRun):
    """One contender on one seed, watched from outside: the venue's books and orders."""

    def __init__(self, way: Way, seed: int, score: Score, requote_by: RequoteBy) -> None:
        self._way, self._score = way, score
        self._fills: list[tuple[int, Execution]] = []
        super().__init__(
            seed,
            symbols=tuple(SYMBOLS),
            tier="default",
            requote_by=requote_by,
            planner=way.plan,
            **way.batch,
        )
        self._ladder = Ladder(self.params.fair_price)

    def flush(self) -> list[Any]:
        """In turn means: nothing leaves before the last reply is here."""
        if not self.params.batch.enabled and self._in_air:
            return []
        return super().flush()

    def tell(self, event: Event) -> None:
        """Count what comes back; a contender without a planner does not read rate headers."""
        if isinstance(event, BatchReply):
            self._score.landed += sum(item.outcome == Outcome.ACK for item in event.items)
            self._score.refused += sum(item.ret_code == RATE_REFUSED for item in event.items)
            if event.batch.op != Op.CANCEL:
                self._score.quotes += sum(item.outcome == Outcome.ACK for item in event.items)
            if not self._way.reads_headers:
                event = msgspec.structs.replace(event, rate=NO_RATE_INFO)
        elif isinstance(event, Execution):
            self._fills.append((self.now_ns + NS_PER_S, event))
            self._score.fills += 1
        super().tell(event)

    def measure(self, seconds: float) -> None:
        """Trade for so long, and look at the quotes every ``STEP_S``."""
        calls = len(self.requests)
        for _ in range(round(seconds / STEP_S)):
            self.run(STEP_S)
            self._look_at_quotes()
            self._look_at_fills()
        self._score.calls += len(self.requests) - calls
        self._score.seconds += seconds

    def _top(self, spot: int) -> Top:
        (bid, bid_lots), (ask, ask_lots) = (
            self.venue.books[spot].levels(side, 1)[0] for side in (0, 1)
        )
        micro = (bid * ask_lots + ask * bid_lots) * 256 // (bid_lots + ask_lots)
        return Top(bid, ask, bid + ask, micro)

    def _look_at_quotes(self) -> None:
        """Add the distance of each quote wanted on the venue's book of this instant from what
        rests, in bps of its price; a missing one counts ``ABSENT_BPS``, and so much at most."""
        resting: dict[tuple[str, str], list[Decimal]] = {}
        for order in self.venue.open_orders():
            key = str(order["symbol"]), str(order["side"])
            resting.setdefault(key, []).append(Decimal(str(order["price"])))
        positions = self.kernel.view(self.now_ns).instruments
        for spot, (instrument, params) in enumerate(
            zip(self.instruments, self.params.symbols, strict=True)
        ):
            tick = Decimal(instrument.tick_units).scaleb(-instrument.tick_decimals)
            position = positions[spot].position_lots
            quotes = self._ladder.quote(instrument, params, self._top(spot), position)
            for side, levels in (("Buy", quotes.bids), ("Sell", quotes.asks)):
                prices = resting.get((instrument.symbol, side), [])
                rests = [float(price / tick) for price in prices]
                wanted = [float(level.price_ticks) for level in levels]
                self._score.wanted += len(wanted)
                self._score.error_bps += cheapest_error_bps(wanted, rests)

    def _look_at_fills(self) -> None:
        """Mark each fill to the mid a second later (the next look at the books)."""
        while self._fills and self._fills[0][0] <= self.now_ns:
            _, fill = self._fills.pop(0)
            sign = 1 if fill.side == 0 else -1
            gain_x2 = sign * (self._top(fill.instrument).mid_x2_ticks - 2 * fill.price_ticks)
            if gain_x2 < 0:
                value_e8 = self.instruments[fill.instrument].tick_lot_value_e8
                self._score.picked_off += 1
                self._score.lost_quote += -gain_x2 * fill.lots * value_e8 / (2 * E8)


def cheapest_error_bps(wanted: list[float], resting: list[float]) -> float:
    """The error of one side by the kindest pairing of wanted and resting prices."""
    seats: list[float | None] = [*resting, *[None] * len(wanted)]
    pairings = itertools.permutations(seats, len(wanted))
    return min(sum(map(_error_bps, wanted, pairing)) for pairing in pairings)


def _error_bps(wanted: float, resting: float | None) -> float:
    if resting is None:
        return ABSENT_BPS
    return min(abs(resting - wanted) / wanted * 10_000, ABSENT_BPS)


def score_of(
    way: Way,
    seeds: tuple[int, ...] = SEEDS,
    seconds: float = SECONDS,
    requote_by: RequoteBy = RequoteBy.AMEND,
) -> Score:
    """One contender over all seeds."""
    score = Score()
    for seed in seeds:
        TierRun(way, seed, score, requote_by).measure(seconds)
    return score


HEADER: Final = (
    "| way | landed/s | quotes set/s | quote error, bps | picked off | lost, quote "
    "| fills | calls | 10006 |"
)


def table(scores: dict[str, Score]) -> str:
    """The contenders side by side."""
    lines = [
        HEADER,
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {score.landed_per_s:.1f} | {score.quotes_per_s:.1f} "
        f"| {score.mean_error_bps:.2f} | {score.picked_off} | "
        f"{score.lost_quote:.2f} | {score.fills} | {score.calls} | {score.refused} |"
        for name, score in scores.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    for scenario in RequoteBy:
        print(f"\nQuotes moved by {scenario.name.lower()}:\n")
        print(table({way.name: score_of(way, requote_by=scenario) for way in WAYS}))
