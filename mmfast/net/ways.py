"""Which way orders leave now, where both are open: trade socket or REST. Decides, does nothing.

The trade socket is preferred. REST takes over while the socket cannot carry an order, answers
nobody, or is clearly the slower one. Every departure from the socket is followed by a stay on
REST, counted from when the socket could be used again; the stay doubles with every departure
that follows the last return too soon. So however badly the two behave, orders do not flutter
between them.

| trade socket | REST | orders leave by |
|---|---|---|
| not yet logged in, for a grace | any | none, then REST |
| down, or takes no bytes | open | REST |
| refused for its rate (10403) | open | REST |
| up, but three requests in a row had no reply | open, answers | REST |
| up, but clearly slower | open | REST |
| up again | open | REST until the stay is over, unless REST fails or is clearly slower |
| up | banned (HTTP 403) | socket |
| down | banned | none |
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import Final

import msgspec

from mmfast.units import NS_PER_MS, NS_PER_S

STARTING: Final = "starting"
SOCKET_UP: Final = "the trade socket is up"
SOCKET_DOWN: Final = "the trade socket is down"
SOCKET_THROTTLED: Final = "the trade socket is over its rate"
SOCKET_SILENT: Final = "the trade socket does not answer"
SOCKET_SLOW: Final = "the trade socket is slower"
REST_BANNED: Final = "REST is banned"
REST_SILENT: Final = "REST does not answer"
REST_SLOW: Final = "REST is slower"
NO_WAY: Final = "the trade socket is down and REST is banned"


class Way(IntEnum):
    """How an order leaves."""

    SOCKET = 0
    REST = 1


class WayPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When one way is worse than the other, and how long that is remembered."""

    grace_ns: int = 3 * NS_PER_S
    """At the start the socket may take so long to log in before REST stands in for it."""
    acks: int = 15
    """Newest ack times of a way that count; their median is what the way takes."""
    enough_acks: int = 5
    probes: int = 5
    """The same of probes: heartbeats of the socket, clock readings over REST."""
    enough_probes: int = 2
    fresh_ns: int = 60 * NS_PER_S
    """Older measurements say nothing."""
    times_slower: int = 2
    slack_ns: int = 10 * NS_PER_MS
    """Clearly slower is more than so many times as long and this much. Probes ask less of the
    venue than orders do, so a smaller difference would prove nothing."""
    failures: int = 3
    """So many requests in a row without a reply are no accident."""
    dwell_ns: int = 5 * NS_PER_S
    """Between a change of the way and the next one for slowness or silence."""
    stay_ns: int = 2 * NS_PER_S
    most_stay_ns: int = 300 * NS_PER_S
    calm_ns: int = 60 * NS_PER_S
    """A departure this long after the last return is a new story: its stay is the shortest."""
    throttled_ns: int = NS_PER_S
    judge_every_ns: int = 100 * NS_PER_MS
    """Medians are looked at this often; what is plain is heeded at once."""


class _Health:
    """What is known of one way."""

    __slots__ = ("acks", "failures", "probes", "shut_ns")

    def __init__(self, policy: WayPolicy) -> None:
        self.acks: deque[tuple[int, int]] = deque(maxlen=policy.acks)
        self.probes: deque[tuple[int, int]] = deque(maxlen=policy.probes)
        self.failures = 0
        """Requests in a row without a reply."""
        self.shut_ns = 0
        """Until then the venue wants to hear nothing this way."""


class WayChoice:
    """Chooses the way; told what happens, asked at any time. Times are monotonic ns.

    ``way`` is the choice in force, None for no way at all; ``why`` says in words how it came
    about, and ``switches`` counts the changes by where they led.
    """

    def __init__(self, now_ns: int, policy: WayPolicy | None = None) -> None:
        self.way: Way | None = None
        self.why = STARTING
        self.switches: dict[Way | None, int] = {Way.SOCKET: 0, Way.REST: 0, None: 0}
        self._policy = policy or WayPolicy()
        self._health = (_Health(self._policy), _Health(self._policy))
        self._started_ns = now_ns
        self._was_up = False
        self._socket_open = False
        self._usable_ns = now_ns
        """Since when the socket could be used, if it can."""
        self._changed_ns = now_ns
        self._judge_ns = now_ns
        self._stay_ns = 0
        self._returned_ns = now_ns

    # What happens.

    def socket(self, takes: bool, now_ns: int) -> None:
        """Whether a trade socket would take an order now."""
        if takes and not self._socket_open:
            self._was_up = True
            self._usable_ns = now_ns
            self._health[Way.SOCKET].failures = 0
        self._socket_open = takes

    def shut(self, way: Way, until_ns: int) -> None:
        """The venue refuses everything that comes this way, until then."""
        health = self._health[way]
        health.shut_ns = max(health.shut_ns, until_ns)

    def throttled(self, now_ns: int) -> None:
        """The trade socket was refused for the rate of this address."""
        self.shut(Way.SOCKET, now_ns + self._policy.throttled_ns)
        self._usable_ns = max(self._usable_ns, now_ns + self._policy.throttled_ns)

    def acked(self, way: Way, elapsed_ns: int, now_ns: int) -> None:
        """An order request was answered, whatever was answered."""
        health = self._health[way]
        health.failures = 0
        health.acks.append((now_ns, elapsed_ns))

    def failed(self, way: Way, elapsed_ns: int, now_ns: int) -> None:
        """An order request got no answer in this time."""
        health = self._health[way]
        health.failures += 1
        health.acks.append((now_ns, elapsed_ns))

    def probed(self, way: Way, elapsed_ns: int, now_ns: int) -> None:
        """A request that orders nothing was answered."""
        self._health[way].probes.append((now_ns, elapsed_ns))

    # What follows.

    def decide(self, now_ns: int) -> Way | None:
        """The way to take now."""
        way, why = self._target(now_ns)
        if way is not self.way:
            self._change(way, now_ns)
            self.why = why
        return way

    def takes_ns(self, way: Way, now_ns: int) -> int:
        """What an order takes this way, by the newest measurements; -1 where too few are fresh.

        The longer of what orders and what probes took: a way that is not in use is known by
        its probes, and is not forgiven what its orders took a moment ago.
        """
        health, policy = self._health[way], self._policy
        oldest_ns = now_ns - policy.fresh_ns
        return max(
            _median(health.acks, oldest_ns, policy.enough_acks),
            _median(health.probes, oldest_ns, policy.enough_probes),
        )

    def _target(self, now_ns: int) -> tuple[Way | None, str]:
        banned = now_ns < self._health[Way.REST].shut_ns
        if not self._socket_open:
            if not self._was_up and now_ns < self._started_ns + self._policy.grace_ns:
                return None, STARTING
            return (None, NO_WAY) if banned else (Way.REST, SOCKET_DOWN)
        if banned:
            return Way.SOCKET, REST_BANNED
        if now_ns < self._health[Way.SOCKET].shut_ns:
            return Way.REST, SOCKET_THROTTLED
        if self.way is None:
            return Way.SOCKET, SOCKET_UP
        if now_ns < self._judge_ns:
            return self.way, self.why
        self._judge_ns = now_ns + self._policy.judge_every_ns
        return self._on_rest(now_ns) if self.way is Way.REST else self._on_socket(now_ns)

    def _on_socket(self, now_ns: int) -> tuple[Way, str]:
        """Stay on the socket?"""
        if now_ns >= self._changed_ns + self._policy.dwell_ns:
            if self._silent(Way.SOCKET) and not self._silent(Way.REST):
                return Way.REST, SOCKET_SILENT
            if self._slower(Way.SOCKET, Way.REST, now_ns):
                return Way.REST, SOCKET_SLOW
        return Way.SOCKET, self.why

    def _on_rest(self, now_ns: int) -> tuple[Way, str]:
        """Return to the socket?"""
        if now_ns >= self._changed_ns + self._policy.dwell_ns:
            if self._silent(Way.REST):
                return Way.SOCKET, REST_SILENT
            if self._slower(Way.REST, Way.SOCKET, now_ns):
                return Way.SOCKET, REST_SLOW
        is_over = now_ns >= max(self._usable_ns, self._changed_ns) + self._stay_ns
        if is_over and not self._slower(Way.SOCKET, Way.REST, now_ns):
            return Way.SOCKET, SOCKET_UP
        return Way.REST, self.why

    def _silent(self, way: Way) -> bool:
        return self._health[way].failures >= self._policy.failures

    def _slower(self, way: Way, other: Way, now_ns: int) -> bool:
        """Both were measured, and ``way`` takes clearly longer."""
        policy = self._policy
        ours_ns, others_ns = self.takes_ns(way, now_ns), self.takes_ns(other, now_ns)
        if ours_ns < 0 or others_ns < 0:
            return False
        return ours_ns > others_ns * policy.times_slower + policy.slack_ns

    def _change(self, way: Way | None, now_ns: int) -> None:
        policy = self._policy
        if way is Way.SOCKET:
            self._returned_ns = now_ns
        elif self.way is Way.SOCKET:
            is_new_story = now_ns >= self._returned_ns + max(policy.calm_ns, self._stay_ns)
            stay_ns = policy.stay_ns if is_new_story else self._stay_ns * 2
            self._stay_ns = min(max(stay_ns, policy.stay_ns), policy.most_stay_ns)
        if way is not None:
            # What went wrong on an earlier visit is no evidence about this one.
            self._health[way].failures = 0
        self.way = way
        self.switches[way] += 1
        self._changed_ns = now_ns


def _median(samples: deque[tuple[int, int]], oldest_ns: int, enough: int) -> int:
    values = sorted([elapsed_ns for at_ns, elapsed_ns in samples if at_ns >= oldest_ns])
    return values[len(values) // 2] if len(values) >= enough else -1
