"""The life of one of our orders, as one table.

A state says two things at once: what the venue has proved about the order, and whether one of
our requests about it is still unanswered. Every event the venue or the network can cause is
listed for every state, because nothing they do may break us; the acts of our own that must not
happen (a second mutation in flight, say) are not listed, and raise.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from mmfast.errors import InvariantError


class State(IntEnum):
    """Where an order stands. Finals are >= FILLED."""

    PLACING = 0
    """The create is in flight and nothing else is known."""
    PLACING_SEEN = 1
    """The create is in flight, but the stream has already shown the order."""
    PLACED = 2
    """The create was accepted; accepted is not resting, so the stream must still show it."""
    LIVE = 3
    """Shown open by the venue, nothing in flight: the only state that is amended."""
    AMENDING = 4
    """An amend is in flight."""
    AMENDING_SEEN = 5
    """An amend is in flight, but the stream has already shown its values."""
    AMENDED = 6
    """The amend was accepted, its values are not shown yet: either size may rest."""
    CANCELLING = 7
    """A cancel of a LIVE order is in flight."""
    CANCELLING_BLIND = 8
    """A cancel is in flight for an order that was not proved (PLACED or AMENDED)."""
    CANCEL_ACKED = 9
    """The cancel was accepted; a fill may still have been faster."""
    UNKNOWN = 10
    """Only the venue can tell; it counts at full size until it does."""
    FILLED = 11
    CANCELLED = 12
    REJECTED = 13
    EXPIRED_UNSENT = 14


class Event(IntEnum):
    """What can happen to an order."""

    SEND_AMEND = 0
    SEND_CANCEL = 1
    ACK = 2
    REFUSED = 3
    """The reply is a proven refusal."""
    UNSENT = 4
    """The request never reached the venue."""
    GONE = 5
    """The venue knows no such open order."""
    LOST = 6
    """No answer that proves anything."""
    SEEN = 7
    """Shown open, in a way that says nothing about the change in progress."""
    PROVEN = 8
    """Shown open, and whatever change was in progress is decided by it."""
    TRADED = 9
    """An execution: it did reach the book."""
    MISSING = 10
    """Not among the open orders of an account snapshot."""
    FILLED = 11
    CANCELLED = 12
    REJECTED = 13
    ABSENT = 14
    """Proof that an order never seen did not reach the book."""
    VANISHED = 15
    """The venue no longer knows an order that it once showed."""


_S, _E = State, Event
FIRST_FINAL: Final = State.FILLED

#: Rows of the requests in flight: how their replies and the stream end them.
_FLIGHTS: Final[dict[State, dict[Event, State]]] = {
    _S.PLACING: {
        _E.ACK: _S.PLACED,
        _E.REFUSED: _S.REJECTED,
        _E.UNSENT: _S.EXPIRED_UNSENT,
        _E.GONE: _S.UNKNOWN,  # nonsense for a create: ask
        _E.LOST: _S.UNKNOWN,
        _E.SEEN: _S.PLACING_SEEN,  # the stream was faster than the reply
        _E.PROVEN: _S.PLACING_SEEN,
        _E.TRADED: _S.PLACING_SEEN,
    },
    _S.PLACING_SEEN: {
        _E.ACK: _S.LIVE,
        _E.REFUSED: _S.UNKNOWN,  # the stream says open, the reply says refused: ask
        _E.UNSENT: _S.UNKNOWN,
        _E.GONE: _S.LIVE,
        _E.LOST: _S.LIVE,  # the reply is lost, but the stream has proved the order
    },
    _S.AMENDING: {
        _E.ACK: _S.AMENDED,
        _E.REFUSED: _S.UNKNOWN,  # a refused amend may mean that we believe wrong values: read
        _E.UNSENT: _S.LIVE,
        _E.GONE: _S.UNKNOWN,  # filled or cancelled? "gone" does not say
        _E.LOST: _S.UNKNOWN,
        _E.PROVEN: _S.AMENDING_SEEN,
    },
    _S.AMENDING_SEEN: {
        _E.ACK: _S.LIVE,
        _E.REFUSED: _S.UNKNOWN,
        _E.UNSENT: _S.UNKNOWN,
        _E.GONE: _S.UNKNOWN,
        _E.LOST: _S.LIVE,
    },
    _S.CANCELLING: {
        _E.ACK: _S.CANCEL_ACKED,
        _E.REFUSED: _S.UNKNOWN,
        _E.UNSENT: _S.LIVE,
        _E.GONE: _S.UNKNOWN,
        _E.LOST: _S.UNKNOWN,
    },
    _S.CANCELLING_BLIND: {
        _E.ACK: _S.CANCEL_ACKED,
        _E.REFUSED: _S.UNKNOWN,
        _E.UNSENT: _S.UNKNOWN,  # it was not proved before, and still is not
        _E.GONE: _S.UNKNOWN,  # the cancel may have overtaken its own create
        _E.LOST: _S.UNKNOWN,
    },
}

#: Rows of the orders that wait for nobody's reply.
_RESTING: Final[dict[State, dict[Event, State]]] = {
    _S.PLACED: {
        _E.SEND_CANCEL: _S.CANCELLING_BLIND,
        _E.PROVEN: _S.LIVE,
        _E.TRADED: _S.LIVE,
        _E.MISSING: _S.UNKNOWN,
        _E.ABSENT: _S.EXPIRED_UNSENT,
        _E.VANISHED: _S.CANCELLED,
    },
    _S.LIVE: {
        _E.SEND_AMEND: _S.AMENDING,
        _E.SEND_CANCEL: _S.CANCELLING,
        _E.MISSING: _S.UNKNOWN,
        _E.ABSENT: _S.CANCELLED,
        _E.VANISHED: _S.CANCELLED,
    },
    _S.AMENDED: {
        _E.SEND_CANCEL: _S.CANCELLING_BLIND,
        _E.PROVEN: _S.LIVE,
        _E.MISSING: _S.UNKNOWN,
        _E.ABSENT: _S.CANCELLED,
        _E.VANISHED: _S.CANCELLED,
    },
    _S.CANCEL_ACKED: {
        _E.PROVEN: _S.LIVE,  # long after the ack it is still open: the cancel did not happen
        _E.MISSING: _S.UNKNOWN,
        _E.ABSENT: _S.CANCELLED,
        _E.VANISHED: _S.CANCELLED,
    },
    _S.UNKNOWN: {
        _E.ACK: _S.UNKNOWN,  # a late reply to the create: accepted, but how does it stand?
        _E.REFUSED: _S.REJECTED,  # a late reply to the create, which proves its end
        _E.PROVEN: _S.LIVE,
        _E.MISSING: _S.UNKNOWN,
        _E.ABSENT: _S.EXPIRED_UNSENT,
        _E.VANISHED: _S.CANCELLED,
    },
}

#: The stream's finals end any order, whatever is in flight; late replies then find a tombstone.
_FINALS: Final[dict[Event, State]] = {
    _E.FILLED: _S.FILLED,
    _E.CANCELLED: _S.CANCELLED,
    _E.REJECTED: _S.REJECTED,
}

#: Evidence that changes nothing unless a row above says so. While a request is in flight a
#: search that finds nothing proves nothing: the request may land after it.
_NEUTRAL: Final = (_E.SEEN, _E.PROVEN, _E.TRADED, _E.MISSING, _E.ABSENT, _E.VANISHED)

TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (state, event): after
    for state, row in {**_FLIGHTS, **_RESTING}.items()
    for event, after in {**dict.fromkeys(_NEUTRAL, state), **_FINALS, **row}.items()
}

_NOT_LISTED: Final = 255
_NEXT: Final = bytes(
    TRANSITIONS.get((state, event), _NOT_LISTED) for state in State for event in Event
)  # the same table by position: an enum's hash is too slow for the hot path
_EVENTS: Final = len(Event)
_FIRST_FINAL: Final = int(FIRST_FINAL)

IN_FLIGHT: Final = tuple(state in _FLIGHTS for state in State)
"""By state: a request of ours about the order is unanswered."""
CANCELLABLE: Final = tuple((state, Event.SEND_CANCEL) in TRANSITIONS for state in State)
"""By state: a cancel may be sent."""
_IN_FLIGHT: Final = bytes(IN_FLIGHT)
_CANCELLABLE: Final = bytes(CANCELLABLE)


def following(state: int, event: int) -> int:
    """The state that follows; raises :class:`InvariantError` for a pair that must not happen."""
    after = _NEXT[state * _EVENTS + event]
    if after == _NOT_LISTED:
        raise InvariantError(
            f"an order in state {State(state).name} must not meet {Event(event).name}"
        )
    return after


def is_final(state: int) -> bool:
    """It can trade no more."""
    return state >= _FIRST_FINAL


def is_in_flight(state: int) -> bool:
    """A request of ours about the order is unanswered."""
    return _IN_FLIGHT[state] != 0


def is_cancellable(state: int) -> bool:
    """A cancel may be sent."""
    return _CANCELLABLE[state] != 0
