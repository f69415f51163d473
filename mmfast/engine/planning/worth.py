"""What becomes of a message when budget is short, and what it is worth: :func:`decide`, a pure
function of integers, and the pieces that it is made of.

The model, its source and its limits stand in docs/planner.md. In short: the strategy wants a
quote at a distance from the fair price that it holds for the best one, so a quote at another
distance earns less, and one through the fair price loses. What a message is worth is what its
quote earns afterwards less what it earns now.

Worth is in quote coins a second. Distances are measured in 1/1024 of the wanted one (``_e10``),
and so are shares of a whole.
"""

from __future__ import annotations

from typing import Final

from mmfast._core.wide import mul_div
from mmfast.messages import Op

KEEP: Final = 0
"""It does not leave: what rests is better where it is, or waits for its turn."""
SEND: Final = 1
"""It leaves as it is: a place, a cancel, an amend of the size or of the price."""
REPLACE: Final = 2
"""The amend leaves as a cancel and a place."""
FIRST: Final = 1 << 61
"""Added to the worth of what reduces risk: no other worth reaches it."""

_CANCEL: Final = int(Op.CANCEL)
_AMEND: Final = int(Op.AMEND)
_KEEP: Final = KEEP
_SEND: Final = SEND
_REPLACE: Final = REPLACE
_FIRST: Final = FIRST
_ONE: Final = 1024
_SUBTICKS: Final = 256
_FARTHEST_E10: Final = 8 * _ONE
_MOST_STAKE_E8: Final = 1 << 40
_WIDEST_X256: Final = 1 << 48
_SECOND_NS: Final = 1_000_000_000


class Facts:
    """What :func:`decide` goes by. Prices are distances behind the fair price on the quote's own
    side of it, in 1/256 tick; ``now`` is where the quote rests, ``then`` where it is wanted."""

    __slots__ = (
        "age_ns",
        "ahead_then_lots",
        "edge_now_x256",
        "edge_then_x256",
        "half_x256",
        "has_room",
        "is_first",
        "life",
        "lots",
        "may_amend",
        "op",
        "others_now_lots",
        "resting_lots",
        "rests",
        "same_price",
        "stale_ns",
        "tick_lot_value_e8",
    )

    def __init__(self) -> None:
        self.op = 0
        self.is_first = False
        """It takes risk away: an urgent cancel, or a quote that can only shrink a position."""
        self.lots = 0
        """Of the message; of what rests for a cancel."""
        self.rests = False
        """There is an order that it is about."""
        self.resting_lots = 0
        self.same_price = False
        self.edge_now_x256 = 0
        self.edge_then_x256 = 0
        self.half_x256 = 0
        """The half spread of the instrument's settings, in 1/256 tick."""
        self.others_now_lots = 0
        """Of all others at the price where it rests."""
        self.ahead_then_lots = 0
        self.tick_lot_value_e8 = 0
        """One tick of one lot, in 1e-8 quote coins."""
        self.age_ns = 0
        """Of the book; at ``stale_ns`` it is called stale."""
        self.stale_ns = 1
        self.life = _ONE
        """See :func:`life_e10`."""
        self.may_amend = True
        """The budget of amends lasts to this one."""
        self.has_room = False
        """Cancels, places and the position limit bear a replacement."""


def decide(facts: Facts) -> tuple[int, int]:
    """``(way, worth)`` of one message: KEEP, SEND or REPLACE, and the order in which what leaves
    is to leave, the greatest first."""
    worth = _of_cancel(facts) if facts.op == _CANCEL else _of_quote(facts)
    if facts.is_first:
        worth += _FIRST
    if worth <= 0:
        return _KEEP, worth
    if facts.op != _AMEND or facts.may_amend:
        return _SEND, worth
    # At the same price an amend may keep the place in the queue: it waits for its own budget.
    replaces = facts.has_room and facts.rests and not facts.same_price
    return (_REPLACE if replaces else _KEEP), worth


def _of_cancel(facts: Facts) -> int:
    stake = stake_e8(facts.half_x256, facts.lots, facts.tick_lot_value_e8)
    return of_cancel(stake, _distance_now(facts, facts.half_x256))


def _of_quote(facts: Facts) -> int:
    wanted_x256 = max(facts.edge_then_x256, facts.half_x256 // 4)
    stake = stake_e8(wanted_x256, facts.lots, facts.tick_lot_value_e8)
    queue_then = queue_e10(facts.lots, facts.ahead_then_lots, wanted_x256)
    if facts.op != _AMEND or not facts.rests:
        return of_place(stake, queue_then, facts.life)
    distance = _distance_now(facts, wanted_x256)
    if facts.same_price:
        return of_resize(stake, distance, facts.resting_lots, facts.lots, facts.life)
    # How many of the others at its price came first nobody tells: half of them.
    queue_now = queue_e10(facts.resting_lots, facts.others_now_lots // 2, wanted_x256)
    return of_move(stake, distance, queue_now, queue_then, facts.life)


def _distance_now(facts: Facts, wanted_x256: int) -> int:
    distance = distance_e10(facts.edge_now_x256, wanted_x256)
    return aged_e10(distance, facts.age_ns, facts.stale_ns)


def distance_e10(edge_x256: int, wanted_x256: int) -> int:
    """How far a quote lies behind the fair price, in parts of the wanted distance: 1024 where it
    is wanted, 0 at the fair price, negative through it; within eight wanted distances.

    Both arguments are in 1/256 tick; a wanted distance below one such part counts as one.
    """
    whole = min(max(wanted_x256, 1), _WIDEST_X256)
    if edge_x256 >= 8 * whole:
        return _FARTHEST_E10
    if edge_x256 <= -8 * whole:
        return -_FARTHEST_E10
    return edge_x256 * _ONE // whole


def aged_e10(distance: int, age_ns: int, stale_ns: int) -> int:
    """A distance on a book of this age: the fair price may have come nearer unseen. A book about
    to be called stale may have moved by the whole wanted distance."""
    return distance - _ONE * min(age_ns, stale_ns) // max(stale_ns, 1)


def points(distance: int) -> int:
    """What a quote at a distance earns, in 1/1024 of what it earns where it is wanted.

    ``x (2 - x)``: greatest where wanted, 0 at the fair price, ever more of a loss through it, and
    nothing from twice the wanted distance on. It is the parabola that has its top and its zero
    in common with ``x exp(1 - x)``, the profit rate of a quote whose fills become rarer
    exponentially with its distance (Avellaneda and Stoikov 2008).
    """
    return distance * (2 * _ONE - distance) // _ONE if distance < 2 * _ONE else 0


def queue_e10(own_lots: int, ahead_lots: int, wanted_x256: int) -> int:
    """Share of its fills that a quote gets behind so much of others' at its price: the whole at
    the front, and as much less behind a queue without end as one tick further out costs; half of
    it at the least."""
    if ahead_lots <= 0 or own_lots <= 0:
        return _ONE
    tick_e10 = min(_SUBTICKS * _ONE // max(wanted_x256, 1), _ONE // 2)
    return _ONE - mul_div(tick_e10, ahead_lots, own_lots + ahead_lots)


def life_e10(moves_e10: int) -> int:
    """Share of the next second for which a move stays right, where the quote wanted so many
    (in 1/1024) moves in the last one."""
    return _ONE * _ONE // max(moves_e10, _ONE)


def stake_e8(wanted_x256: int, lots: int, tick_lot_value_e8: int) -> int:
    """What a quote earns by one fill at the wanted distance, in 1e-8 quote coins; bounded, so
    that sums stay in 64 bits."""
    return min(max(wanted_x256, 1) * lots * tick_lot_value_e8 // _SUBTICKS, _MOST_STAKE_E8)


def of_place(stake: int, queue: int, life: int) -> int:
    """A new quote: the edge it may earn as long as it stays right."""
    return stake * queue // _ONE * life // _ONE


def of_move(stake: int, distance: int, queue_now: int, queue_then: int, life: int) -> int:
    """A quote moved from a distance to where it is wanted.

    What it loses through the fair price ends at once and counts whole. What it gains is had
    only while it stays right. Not positive: keep it, its place in the queue is worth more.
    """
    now = points(distance)
    if now < 0:
        return stake * (queue_then * life // _ONE - now) // _ONE
    return stake * (queue_then - now * queue_now // _ONE) // _ONE * life // _ONE


def of_cancel(stake: int, distance: int) -> int:
    """A quote that is not wanted at all: the nearer to the fair price or further through it, the
    sooner it is picked off. Never nothing: it must go."""
    return stake * (_FARTHEST_E10 + _ONE - distance) // _ONE + 1


def of_resize(stake: int, distance: int, resting_lots: int, lots: int, life: int) -> int:
    """Less at the same price keeps the place in the queue and takes risk away: as a cancel of
    the difference. More of it is a new quote of the difference."""
    if lots < resting_lots:
        return of_cancel(stake, distance) * (resting_lots - lots) // resting_lots
    return of_place(stake, _ONE, life) * (lots - resting_lots) // lots


def decayed_e10(moves_e10: int, past_ns: int) -> int:
    """A count of moves after so much time: forgotten evenly over a second."""
    return moves_e10 - moves_e10 * min(past_ns, _SECOND_NS) // _SECOND_NS
