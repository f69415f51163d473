"""What the client had been told when it made a request: what it could not know is no breach.

A fault changes a rule at an instant: a limit, the clock, a tick size. The client hears of it by
the first whole answer that shows it, and is judged from then on by the new rule. When a request
was made is told by its own timestamp: a request made before that answer left could only go by the
old rule, whenever it arrived, and so could one made while the answer was being read. What the old
rule forbids as well, and every request made later, is the client's own doing.

Times are venue wall milliseconds, free of the skew that a fault gives to the gateway's clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from typing import Final, NamedTuple

OVER_LIMIT: Final = "over_limit"
BAD_TIMESTAMP: Final = "bad_timestamp"
BAD_PARAMETER: Final = "bad_parameter"
REFUSED_LOGIN: Final = "refused_login"

CLOCK: Final = "clock"
READ_MS: Final = 50
"""So long after it left an answer has been read by a client that does its work."""
_KEPT: Final = 16
"""Tellings kept of one rule: more than a client can still be going by."""


class News(NamedTuple):
    """A rule, and what it is by an answer."""

    rule: Hashable
    value: int


class _Telling(NamedTuple):
    """From ``at_ms`` on the client could know this value."""

    at_ms: int
    value: int


class Known:
    """One venue's client. :meth:`begin` opens each signed request; the rooms it passes say what
    they excuse and show, and the audit asks :meth:`forgives`."""

    __slots__ = ("_excuses", "_made_ms", "_shown", "_tellings", "leaves_ms", "skew_ms")

    def __init__(self) -> None:
        self.skew_ms = 0
        """How far the gateway's clock is ahead just now."""
        self.leaves_ms = 0
        """When what is being let go leaves: later than it was due where the venue itself was kept
        from its turn, which is no time that the client had for reading."""
        self._tellings: dict[Hashable, deque[_Telling]] = {}
        self._made_ms = 0
        self._excuses: list[str] = []
        self._shown: list[News] = []

    def begin(self, stamp_ms: int) -> None:
        """A request with this timestamp is looked at from now."""
        self._excuses.clear()
        self._shown.clear()
        self._made_ms = stamp_ms - self._latest(CLOCK, 0)

    def value(self, rule: Hashable, ordinary: int) -> int:
        """What the client had been told of a rule when it made this request; ``ordinary`` where
        nothing was."""
        known = ordinary
        for telling in self._tellings.get(rule, ()):
            if telling.at_ms <= self._made_ms:
                known = telling.value
        return known

    def show(self, rule: Hashable, value: int, ordinary: int) -> None:
        """The answer being made shows this value, if it leaves whole."""
        if self._latest(rule, ordinary) != value:
            self._shown.append(News(rule, value))

    def shown(self) -> tuple[News, ...]:
        """What the answer just made shows."""
        news = tuple(self._shown)
        self._shown.clear()
        return news

    def tell(self, news: tuple[News, ...]) -> None:
        """An answer with these news leaves now, whole."""
        for rule, value in news:
            known = self._tellings.setdefault(rule, deque(maxlen=_KEPT))
            known.append(_Telling(self.leaves_ms + READ_MS, value))

    def check_clock(self, stamp_ms: int, window_ms: int, ahead_ms: int, true_ms: int) -> None:
        """A timestamp was refused: excuse it if it was right by a clock the client still had to
        believe, and show the clock as it is."""
        for value, until_ms in self._clocks(true_ms):
            made_ms = stamp_ms - value
            if made_ms < until_ms and true_ms - window_ms <= made_ms < true_ms + ahead_ms:
                self.excuse(BAD_TIMESTAMP)
        self.show(CLOCK, self.skew_ms, 0)

    def check_login(self, expires_ms: int, opened_ms: int, true_ms: int) -> None:
        """A login had expired: excuse it if it had not by a clock the client still had to believe
        when its connection was opened. It carries no time of its own, and is what a connection
        begins with; its refusal says nothing of a clock, so it shows none."""
        self._excuses.clear()
        clocks = self._clocks(true_ms)
        if any(opened_ms < until and true_ms < expires_ms - value for value, until in clocks):
            self.excuse(REFUSED_LOGIN)

    def _clocks(self, true_ms: int) -> Iterator[tuple[int, int]]:
        """Every clock the client has been told, and when it could know better."""
        value = 0
        for telling in self._tellings.get(CLOCK, ()):
            yield value, telling.at_ms
            value = telling.value
        if value != self.skew_ms:
            yield value, true_ms + 1

    def excuse(self, kind: str) -> None:
        """One breach of this kind in the request at hand is the fault's doing."""
        self._excuses.append(kind)

    def forgives(self, kind: str) -> bool:
        """True if a breach of this kind was excused; each excuse serves once."""
        if kind not in self._excuses:
            return False
        self._excuses.remove(kind)
        return True

    def _latest(self, rule: Hashable, ordinary: int) -> int:
        known = self._tellings.get(rule)
        return known[-1].value if known else ordinary
