"""Plain integers the hot path bumps; the shell copies them when it is scraped."""

from __future__ import annotations

from typing import Final

#: Distinct venue words one dictionary may learn; more of them are counted under ``other``, so
#: that a venue (or an attacker) inventing words cannot grow our memory.
MAX_WORDS: Final = 64
OTHER: Final = "other"


class Counters:
    """Everything the engine counts. Values only grow.

    Lists are indexed by :class:`mmfast.messages.Op`; ``calls`` by ``op * 2 + single``. Every
    command ever put on a bus is in the end sent, coalesced, refused or obsolete:
    ``sum(wanted) == sum(sent) + sum(coalesced) + sum(refused.values()) + obsolete + held``.
    """

    __slots__ = (
        "book_disputes",
        "book_errors",
        "book_gaps",
        "book_lags",
        "calls",
        "coalesced",
        "deadline_returned",
        "fills",
        "foreign_events",
        "gone",
        "mode_changes",
        "not_sent",
        "obsolete",
        "orders_amended",
        "orders_cancelled",
        "orders_expired",
        "orders_filled",
        "orders_placed",
        "orders_rejected",
        "refused",
        "reject_codes",
        "reject_reasons",
        "sent",
        "throttled",
        "ticks",
        "unknown",
        "wanted",
        "zombies",
    )

    def __init__(self) -> None:
        self.ticks = 0
        self.wanted = [0, 0, 0]
        self.coalesced = [0, 0, 0]
        self.sent = [0, 0, 0]
        self.calls = [0, 0, 0, 0, 0, 0]
        self.reject_codes: dict[int, int] = {}
        self.reject_reasons: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self.obsolete = 0
        self.throttled = 0
        self.unknown = 0
        self.not_sent = 0
        self.deadline_returned = 0
        self.gone = 0
        self.orders_placed = 0
        self.orders_amended = 0
        self.orders_cancelled = 0
        self.orders_filled = 0
        self.orders_rejected = 0
        self.orders_expired = 0
        self.zombies = 0
        self.fills = 0
        self.foreign_events = 0
        self.book_gaps = 0
        self.book_errors = 0
        self.book_lags = 0
        self.book_disputes = 0
        self.mode_changes = 0

    def count_reason(self, reason: str) -> None:
        """One more asynchronous refusal with the venue's word for it."""
        words = self.reject_reasons
        if reason not in words and len(words) >= MAX_WORDS:
            reason = OTHER
        words[reason] = words.get(reason, 0) + 1

    def count_code(self, code: int) -> None:
        """One more refused command with the venue's return code."""
        codes = self.reject_codes
        if code not in codes and len(codes) >= MAX_WORDS:
            code = -1
        codes[code] = codes.get(code, 0) + 1

    def count_refused(self, control: str) -> None:
        """One more command refused by a risk control of ours."""
        self.refused[control] = self.refused.get(control, 0) + 1
