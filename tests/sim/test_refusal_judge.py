"""The judge of refusals: what was in flight as a limit fell is told apart from what was not."""

from __future__ import annotations

import pytest

from mmfast.messages import (
    NO_RATE_INFO,
    Batch,
    BatchReply,
    Category,
    Command,
    Flag,
    ItemReply,
    Op,
    Outcome,
    Side,
)
from mmfast.sim.audit.requests import Counting
from mmfast.simtest.findings import Findings
from mmfast.simtest.rate_judge import RateJudge, RateTerms
from mmfast.simtest.reading import CANCEL, CREATE, Item, OrderRequest
from mmfast.simtest.refusal_judge import IN_FLIGHT, NOT_OURS, RefusalJudge
from mmfast.units import NS_PER_MS, NS_PER_S, ClientId, Ns, Slot

PATH = "/v5/order/create-batch"
REPLY_NS = 500 * NS_PER_MS


class Scene:
    """One endpoint, of which requests leave and are counted by a venue."""

    def __init__(self) -> None:
        self.findings = Findings()
        self.judge = RefusalJudge(REPLY_NS, self.findings)

    def leaves(
        self, name: str, orders: int, known_limit: int, at_ns: int, op: str = CREATE
    ) -> None:
        self.judge.left((1, name), self.request(name, orders, op), known_limit, at_ns)

    def request(self, name: str, orders: int, op: str = CREATE) -> OrderRequest:
        items = tuple(Item(f"{name}{i}", "BTCUSDT", "Buy", None, None) for i in range(orders))
        return OrderRequest(op, PATH, 0, 5_000, items)

    def counted(self, name: str, orders: int, granted: int, limit: int, at_ns: int) -> None:
        rows = [{"orderLinkId": f"{name}{i}"} for i in range(orders)]
        self.judge.counted(Counting(PATH, {"request": rows}, at_ns, orders, granted, limit))

    def read(self, name: str) -> None:
        self.judge.over((1, name))

    @property
    def broken(self) -> int:
        return self.findings.broken["I7"]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_what_left_before_the_fall_was_known_may_be_refused(scene: Scene) -> None:
    for name in "ab":
        scene.leaves(name, 4, 10, 0)
    scene.counted("a", 4, 4, 4, 1)
    scene.counted("b", 4, 0, 4, 2)
    assert scene.broken == 0
    assert scene.findings.marks[IN_FLIGHT] == 1


def test_what_left_after_it_was_known_may_not(scene: Scene) -> None:
    scene.leaves("a", 4, 10, 0)
    scene.counted("a", 4, 4, 4, 1)
    scene.read("a")
    scene.leaves("b", 1, 4, 10)
    scene.counted("b", 1, 0, 4, 11)
    assert scene.broken == 1


def test_at_a_limit_that_never_changed_nothing_may_be_refused(scene: Scene) -> None:
    scene.leaves("a", 10, 10, 0)
    scene.counted("a", 10, 10, 10, 1)
    scene.leaves("b", 1, 10, NS_PER_S)
    scene.counted("b", 1, 0, 10, NS_PER_S)
    assert scene.broken == 1, "one nanosecond before the first ten are forgotten"


def test_cancels_that_the_engine_does_not_wait_for_any_more_are_nobodys_fault(
    scene: Scene,
) -> None:
    """A request comes so late that it was given up, and fills the second of the ones after it."""
    scene.leaves("a", 8, 10, 0, CANCEL)
    scene.counted("a", 8, 8, 10, REPLY_NS)
    scene.leaves("b", 4, 10, REPLY_NS + 1, CANCEL)
    scene.counted("b", 4, 2, 10, REPLY_NS + 2)
    assert scene.broken == 0
    assert scene.findings.marks[NOT_OURS] == 1
    scene.leaves("c", 9, 10, REPLY_NS + 3, CANCEL)
    scene.counted("c", 9, 0, 10, REPLY_NS + 3)
    assert scene.broken == 1, "with the two of b this is too much, whatever a was"


@pytest.mark.parametrize("lost", [True, False])
def test_creates_are_charged_however_late_they_are_counted(scene: Scene, lost: bool) -> None:
    """Whether the connection was lost or the engine waited no longer: it should have kept them."""
    scene.leaves("a", 8, 10, 0)
    if lost:
        scene.read("a")
    scene.counted("a", 8, 8, 10, 2 * REPLY_NS)
    scene.leaves("b", 4, 10, 2 * REPLY_NS + 1)
    scene.counted("b", 4, 2, 10, 2 * REPLY_NS + 2)
    assert scene.broken == 1


def test_of_two_changes_alike_the_later_is_counted_first(scene: Scene) -> None:
    """The first is still on its way, or lost; what was known when it left is of another time."""
    scene.leaves("a", 4, 10, 0)
    scene.judge.left((2, "again"), scene.request("a", 4), 3, 5)
    scene.counted("a", 4, 3, 3, 6)
    assert scene.broken == 1, "a limit of three was known when the second left"


def test_a_fresh_engine_is_not_charged_with_what_the_one_before_it_sent(scene: Scene) -> None:
    scene.leaves("a", 10, 10, 0)
    scene.counted("a", 10, 10, 10, 1)
    scene.judge.new_engine()
    scene.leaves("b", 1, 10, 2)
    scene.counted("b", 1, 0, 10, 3)
    assert scene.broken == 0


@pytest.mark.parametrize(("outcome", "broken"), [(Outcome.NOT_SENT, 0), (Outcome.UNKNOWN, 1)])
def test_a_cancel_that_did_not_leave_is_not_what_a_sweep_sends_later(
    outcome: Outcome, broken: int
) -> None:
    """Sweeps are not held to the planner's budget (found by 210494)."""
    findings = Findings()
    terms = RateTerms(4, 100, 0, spills=False, reply_ns=REPLY_NS)
    judge = RateJudge(terms, findings)
    commands = tuple(
        Command(Op.CANCEL, Slot(0), 0, Side.BUY, Flag.URGENT, 1, 1, ClientId(n)) for n in range(6)
    )
    batch = Batch(
        batch_id=1, tick_id=1, op=Op.CANCEL, category=Category.LINEAR, single=False,
        commands=commands,
    )  # fmt: skip
    judge.flushed([batch], 0)
    items = tuple(ItemReply(one.client_id, outcome, 0, "", "") for one in commands)
    at = Ns(1)
    judge.replied(
        BatchReply(batch=batch, items=items, rate=NO_RATE_INFO, sent_ns=at, received_ns=at)
    )
    names = tuple(Item(f"x-{one.client_id:016x}", "BTCUSDT", "Buy", None, None) for one in commands)
    judge.left((1, "a"), OrderRequest(CANCEL, "/v5/order/cancel-batch", 0, 5_000, names), 2)
    assert findings.broken["I7"] == broken
