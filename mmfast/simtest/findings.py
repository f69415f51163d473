"""What a seed found: violations of invariants, and how often each fault really fired."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

MAX_FINDINGS: Final = 20
"""Kept one by one; a broken engine breaks the same promise a thousand times."""


class Violation(NamedTuple):
    """One broken promise. ``at_s`` counts seconds from the start of the seed."""

    invariant: str
    at_s: float
    text: str

    def __str__(self) -> str:
        return f"{self.invariant} at {self.at_s:.3f} s: {self.text}"


class Findings:
    """Of one seed."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.broken: Counter[str] = Counter()
        self.marks: Counter[str] = Counter()
        """Faults that fired, and rare situations that were met, by name."""
        self.checked: Counter[str] = Counter()
        """How often each invariant was looked at: one never looked at was not tested."""

    def broke(self, invariant: str, at_s: float, text: str) -> None:
        """A promise was broken."""
        self.broken[invariant] += 1
        if len(self.violations) < MAX_FINDINGS:
            self.violations.append(Violation(invariant, at_s, text))
