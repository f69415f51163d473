"""Dirty marks: which instruments need a decision, first come, first served."""

from __future__ import annotations


class Rotation:
    """Marked instruments in the order of their marks; marking twice counts once.

    Taking from the front and marking at the back is the fair rotation: when more are dirty
    than one flush may visit, none waits longer than the others' turns.
    """

    __slots__ = ("_marked", "_queue")

    def __init__(self, instruments: int) -> None:
        self._marked = bytearray(instruments)
        self._queue: list[int] = []

    def any_marked(self) -> bool:
        """Some instrument needs a decision."""
        return len(self._queue) > 0

    def is_marked(self, instrument: int) -> bool:
        """This one does."""
        return self._marked[instrument] != 0

    def marked(self) -> list[int]:
        """All that do, and go on to."""
        return self._queue[:]

    def mark(self, instrument: int) -> None:
        """This instrument needs a decision."""
        if not self._marked[instrument]:
            self._marked[instrument] = 1
            self._queue.append(instrument)

    def mark_all(self) -> None:
        """Every instrument needs a decision."""
        for instrument in range(len(self._marked)):
            self.mark(instrument)

    def take_first(self) -> int:
        """The instrument that was marked first, no longer marked; IndexError if none is."""
        instrument = self._queue[0]
        del self._queue[0]
        self._marked[instrument] = 0
        return instrument

    def take(self, limit: int) -> list[int]:
        """The next ``limit`` instruments, no longer marked."""
        taken = self._queue[:limit]
        self._queue = self._queue[limit:]
        for instrument in taken:
            self._marked[instrument] = 0
        return taken
