"""Doubtful cases: what the venue's documents leave open, decided by named switches.

Each default is the strictest reading, or the one seen on the wire. A test of a client should
pass with every value.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class VenueSwitches(msgspec.Struct, frozen=True, kw_only=True):
    """One field per open question."""

    # Requests.
    strict_batch_of_10: bool = False
    """At most 10 orders in any batch: one page of the documents still says so, the others give
    20 to all but spot."""
    spot_cancel_all_lists: bool = True
    """A cancel-all on spot answers which orders it takes; real ones have been seen without."""

    # Order life.
    amend_down_keeps_queue: bool = True
    """Less size at the same price keeps the place in the queue. The documents say nothing."""
    post_only_cross_futures: Literal["Cancelled", "Rejected"] = "Cancelled"
    """Status of a post-only order that would take, on futures and options."""
    post_only_cross_spot: Literal["Cancelled", "Rejected"] = "Rejected"
    """The same on spot."""
    user_cancel_reason: Literal["by_seed", "EC_PerCancelRequest", "EC_NoError"] = "by_seed"
    """``rejectReason`` of an order its owner cancelled; by seed: odd seeds give the first."""
    link_id_memory: Literal["forever", "while_open"] = "forever"
    """How long a closed order's client id stays taken."""
    double_filled_ms: int = 5
    """A cancel that arrives within so many milliseconds after the full fill is acknowledged and
    answered with a second ``Filled`` message (which is the refused cancel, not a fill); later
    ones get "order not exists". 0 turns the race off."""
    processing_ms: int = 0
    """An amend or cancel that arrives within so many milliseconds after its create is refused
    with 110079 (still processing); 0: orders are ready at once."""
    closed_order_futures: Literal["110001", "specific"] = "110001"
    """Code for an amend or cancel of a closed futures order: unknown, or 110008 for a filled and
    110010 for a cancelled one."""
    closed_order_spot: Literal["specific", "170213"] = "specific"
    """The same on spot: 170139 for a filled and 170142 for a cancelled one, or unknown."""

    # Disconnect protection.
    dcp_apply_ms: int = 10_000
    """How long after it was set a new window holds."""
    dcp_counts_silence: bool = False
    """An open connection that sent no ping for the window counts as dead. Off, since clients are
    told to ping every 20 s and the venue's usual window is 10 s; it dies when it is closed."""
