"""The judge of refusals: what was in flight as a limit fell is told apart from what was not."""

from __future__ import annotations

import pytest

from mmfast.sim.audit.requests import Counting
from mmfast.simtest.findings import Findings
from mmfast.simtest.reading import CREATE, Item, OrderRequest
from mmfast.simtest.refusal_judge import IN_FLIGHT, NOT_OURS, RefusalJudge
from mmfast.units import NS_PER_MS, NS_PER_S

PATH = "/v5/order/create-batch"
REPLY_NS = 500 * NS_PER_MS


class Scene:
    """One endpoint, of which requests leave and are counted by a venue."""

    def __init__(self) -> None:
        self.findings = Findings()
        self.judge = RefusalJudge(REPLY_NS, self.findings)

    def leaves(self, name: str, orders: int, known_limit: int, at_ns: int) -> None:
        items = tuple(Item(f"{name}{i}", "BTCUSDT", "Buy", None, None) for i in range(orders))
        request = OrderRequest(CREATE, PATH, 0, 5_000, items)
        self.judge.left((1, name), request, known_limit, at_ns)

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


def test_what_the_engine_does_not_wait_for_any_more_is_nobodys_fault(scene: Scene) -> None:
    """A request comes so late that it was given up, and fills the second of the ones after it."""
    scene.leaves("a", 8, 10, 0)
    scene.counted("a", 8, 8, 10, REPLY_NS)
    scene.leaves("b", 4, 10, REPLY_NS + 1)
    scene.counted("b", 4, 2, 10, REPLY_NS + 2)
    assert scene.broken == 0
    assert scene.findings.marks[NOT_OURS] == 1
    scene.leaves("c", 9, 10, REPLY_NS + 3)
    scene.counted("c", 9, 0, 10, REPLY_NS + 3)
    assert scene.broken == 1, "with the two of b this is too much, whatever a was"


def test_a_fresh_engine_is_not_charged_with_what_the_one_before_it_sent(scene: Scene) -> None:
    scene.leaves("a", 10, 10, 0)
    scene.counted("a", 10, 10, 10, 1)
    scene.judge.new_engine()
    scene.leaves("b", 1, 10, 2)
    scene.counted("b", 1, 0, 10, 3)
    assert scene.broken == 0
