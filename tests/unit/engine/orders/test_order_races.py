"""Every race between us and the venue that its documents name, at every interleaving.

The story of a race says what we sent, and all that can be told about it. Whatever the order of
the news, and however often each comes, the order ends the same, and the position with it.
"""

from __future__ import annotations

import random
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from order_story import Act, Answer, News, Story, Teller, Told, Trade

from mmfast.engine.orders.order_states import State
from mmfast.messages import Op, OrderStatus, Outcome

NEW, PART = OrderStatus.WORKING, OrderStatus.PARTIALLY_FILLED
FILLED, CANCELLED = OrderStatus.FILLED, OrderStatus.CANCELLED
REJECTED = OrderStatus.REJECTED
ACK, GONE, LOST = Outcome.ACK, Outcome.GONE, Outcome.UNKNOWN

PLACED = (Act(Op.PLACE),)
RESTING = (Act(Op.PLACE), Answer(1, ACK), Told(NEW, 1))
CANCELLED_BY_US = (*RESTING, Act(Op.CANCEL))
AMENDED_UP = (*RESTING, Act(Op.AMEND, lots=14, price_ticks=99_950))
TWO_FILLS = (Trade("a", 4), Told(PART, 2, 4), Trade("b", 6), Told(FILLED, 3, 10))
REFUSED_CANCEL = Told(
    FILLED, 4, 10, cancel_type="CancelByUser", reject_reason="EC_OrigClOrdIDDoesNotExist"
)
NEW_TERMS = Told(NEW, 2, lots=14, price_ticks=99_950)
TAKER = Told(CANCELLED, 1, reject_reason="EC_PostOnlyWillTakeLiquidity")


def placed(outcome: Outcome, *news: News, end: State, bought: int, truth: Told) -> Story:
    return Story(PLACED, (Answer(1, outcome), *news), truth, end, bought)


RACES: dict[str, Story] = {
    "ack after stream, stream before ack": placed(
        ACK, Told(NEW, 1), *TWO_FILLS, end=State.FILLED, bought=10, truth=TWO_FILLS[-1]
    ),
    "the reply is lost and the order lives": placed(
        LOST,
        Told(NEW, 1),
        Trade("a", 4),
        Told(PART, 2, 4),
        end=State.LIVE,
        bought=4,
        truth=Told(PART, 2, 4),
    ),
    "accepted, then refused by the matching engine": placed(
        ACK, TAKER, end=State.CANCELLED, bought=0, truth=TAKER
    ),
    "accepted, then rejected (spot)": placed(
        ACK,
        TAKER._replace(status=REJECTED),
        end=State.REJECTED,
        bought=0,
        truth=TAKER._replace(status=REJECTED),
    ),
    "the reply is lost and the order is filled": placed(
        LOST,
        Told(NEW, 1),
        Trade("a", 10),
        Told(FILLED, 2, 10),
        end=State.FILLED,
        bought=10,
        truth=Told(FILLED, 2, 10),
    ),
    "a status that nobody knows": placed(
        ACK,
        Told(NEW, 1),
        Told(OrderStatus.UNKNOWN_STATUS, 2, 4),
        Trade("a", 4),
        Told(PART, 3, 4),
        end=State.LIVE,
        bought=4,
        truth=Told(PART, 3, 4),
    ),
    "cancel against fill, the fill wins": Story(
        CANCELLED_BY_US, (*TWO_FILLS, Answer(2, GONE)), TWO_FILLS[-1], State.FILLED, 10
    ),
    "cancel acknowledged, the fill wins": Story(
        CANCELLED_BY_US, (*TWO_FILLS, Answer(2, ACK)), TWO_FILLS[-1], State.FILLED, 10
    ),
    "two Filled messages, the second is the refused cancel": Story(
        CANCELLED_BY_US,
        (Trade("a", 10), Told(FILLED, 3, 10), REFUSED_CANCEL, Answer(2, ACK)),
        REFUSED_CANCEL,
        State.FILLED,
        10,
    ),
    "cancel against fill, the cancel wins after a part": Story(
        CANCELLED_BY_US,
        (Trade("a", 4), Told(PART, 2, 4), Told(CANCELLED, 3, 4), Answer(2, ACK)),
        Told(CANCELLED, 3, 4),
        State.CANCELLED,
        4,
    ),
    "the reply to a cancel is lost, the cancel was done": Story(
        CANCELLED_BY_US,
        (Trade("a", 4), Told(PART, 2, 4), Told(CANCELLED, 3, 4), Answer(2, LOST)),
        Told(CANCELLED, 3, 4),
        State.CANCELLED,
        4,
    ),
    "the reply to a cancel is lost, the cancel too": Story(
        CANCELLED_BY_US,
        (Trade("a", 4), Told(PART, 2, 4), Answer(2, LOST)),
        Told(PART, 2, 4),
        State.LIVE,
        4,
    ),
    "cancel overtakes its own create": Story(
        (Act(Op.PLACE), Answer(1, ACK), Act(Op.CANCEL)),
        (Answer(2, GONE), Told(NEW, 1), Trade("a", 4), Told(PART, 2, 4)),
        Told(PART, 2, 4),
        State.LIVE,
        4,
    ),
    "cancel before anything was seen, and done": Story(
        (Act(Op.PLACE), Answer(1, ACK), Act(Op.CANCEL)),
        (Answer(2, ACK), Told(NEW, 1), Told(CANCELLED, 2)),
        Told(CANCELLED, 2),
        State.CANCELLED,
        0,
    ),
    "amend against fill, the fill wins": Story(
        AMENDED_UP, (*TWO_FILLS, Answer(2, GONE)), TWO_FILLS[-1], State.FILLED, 10
    ),
    "amend acknowledged, the fill wins": Story(
        AMENDED_UP, (*TWO_FILLS, Answer(2, ACK)), TWO_FILLS[-1], State.FILLED, 10
    ),
    "amend against fill, the amend wins": Story(
        AMENDED_UP,
        (
            NEW_TERMS,
            Trade("a", 4),
            NEW_TERMS._replace(status=PART, ms=3, cum=4),
            Trade("b", 10),
            NEW_TERMS._replace(status=FILLED, ms=4, cum=14),
            Answer(2, ACK),
        ),
        NEW_TERMS._replace(status=FILLED, ms=4, cum=14),
        State.FILLED,
        14,
    ),
    "amend between two fills": Story(
        AMENDED_UP,
        (
            Trade("a", 3),
            Told(PART, 2, 3),
            NEW_TERMS._replace(status=PART, ms=3, cum=3),
            Trade("b", 5),
            NEW_TERMS._replace(status=PART, ms=4, cum=8),
            Answer(2, LOST),
        ),
        NEW_TERMS._replace(status=PART, ms=4, cum=8),
        State.LIVE,
        8,
    ),
    "a fill and an amend in the same millisecond": Story(
        AMENDED_UP,
        (
            Trade("a", 3),
            Told(PART, 2, 3),
            NEW_TERMS._replace(status=PART, cum=3),
            Answer(2, ACK),
        ),
        NEW_TERMS._replace(status=PART, cum=3),
        State.LIVE,
        3,
    ),
    "an amend that crosses ends the order": Story(
        AMENDED_UP,
        (TAKER._replace(ms=2, lots=14, price_ticks=99_950), Answer(2, ACK)),
        TAKER._replace(ms=2, lots=14, price_ticks=99_950),
        State.CANCELLED,
        0,
    ),
    "the reply to an amend is lost, the amend too": Story(
        AMENDED_UP,
        (Trade("a", 4), Told(PART, 2, 4), Answer(2, LOST)),
        Told(PART, 2, 4),
        State.LIVE,
        4,
    ),
}


@pytest.mark.parametrize("name", RACES)
def test_a_race_ends_alike_at_every_interleaving(name: str) -> None:
    story = RACES[name]
    teller = Teller()
    for news in permutations(story.news):
        assert teller.tell(story, news) == (story.end, story.bought), news


@pytest.mark.parametrize("name", RACES)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_a_race_ends_alike_however_often_its_news_are_told(name: str, seed: int) -> None:
    rng = random.Random(seed)
    story = RACES[name]
    news = [*story.news, *rng.choices(story.news, k=rng.randint(1, 8))]
    rng.shuffle(news)
    assert Teller().tell(story, news) == (story.end, story.bought), news
