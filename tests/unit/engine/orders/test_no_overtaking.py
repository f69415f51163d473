"""Why several connections, or two ways, may carry the commands of one order: the next one leaves
only when the one ahead of it was answered, was seen to have worked, or is asked about."""

from __future__ import annotations

import pytest

from mmfast.engine.orders.order_states import TRANSITIONS, Event, State, is_in_flight


@pytest.mark.parametrize("sends", [Event.SEND_AMEND, Event.SEND_CANCEL])
def test_no_command_can_follow_one_that_waits_for_its_reply(sends: Event) -> None:
    senders = [state for state in State if (state, sends) in TRANSITIONS]
    assert senders, "the table was read"
    assert not [state for state in senders if is_in_flight(state)]
    assert State.UNKNOWN not in senders, "what is in doubt is asked about first"


def test_whatever_was_sent_waits_for_its_reply() -> None:
    after = {TRANSITIONS[state, sends] for state, sends in TRANSITIONS
             if sends in (Event.SEND_AMEND, Event.SEND_CANCEL)}  # fmt: skip
    assert after == {State.AMENDING, State.CANCELLING, State.CANCELLING_BLIND}
    assert all(is_in_flight(state) for state in (State.PLACING, *after))
