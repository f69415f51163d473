"""Bugs of the planner, planted on purpose: each has to be found by the judge of the rates (I7)."""

from __future__ import annotations

from bugs import bug

from mmfast.engine.planning.bucket import Bucket
from mmfast.engine.planning.planner import Planner
from mmfast.simtest.patches import replaced
from mmfast.units import NS_PER_S


@bug("limit_lowered")
def a_lower_limit_is_not_learned():
    plain = Bucket.learn

    def learn(self, rate, sent_ns, now_ns):
        limit = self.limit
        found = plain(self, rate, sent_ns, now_ns)
        self.limit = max(limit, self.limit)
        return found

    with replaced(Bucket, "learn", learn):
        yield


@bug()
def ordinary_cancels_use_the_reserve():
    with replaced(Planner, "_reserve", lambda self, bucket: 0):
        yield


@bug()
def single_calls_are_not_counted():
    def single(self, op):
        known = self._buckets[2 * op + 1]
        return Bucket(known.limit, known.percent)

    with replaced(Planner, "_single", single):
        yield


@bug()
def what_was_sent_counts_for_half_a_second():
    plain = Bucket._cool

    def cool(self, orders, now_ns):
        plain(self, orders, now_ns - 500_000_000)

    with replaced(Bucket, "_cool", cool):
        yield


@bug("limit_lowered", "latency_uniform", "latency_spikes")
def an_order_counts_from_when_it_left():
    """And no longer than a second: what was long on its way is forgotten before the venue has
    forgotten it. Nobody who watches what leaves can see it."""
    plain = Planner.on_reply

    def on_reply(self, reply, now_ns, *, connected=False):
        key = 2 * reply.batch.op + reply.batch.single
        bucket = self._buckets[key]
        plain(self, reply, now_ns, connected=connected)
        if bucket._cooling and bucket._cooling[-1][0] == now_ns + NS_PER_S:
            orders = bucket._cooling.pop()[1]
            bucket._cooling.append((max(reply.sent_ns + NS_PER_S, now_ns), orders))

    with replaced(Planner, "on_reply", on_reply):
        yield
