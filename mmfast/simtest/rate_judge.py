"""I7, by the order: rolling windows never above the limit known when a request left.

The judge counts what leaves the engine's host and reads the limits from the replies that reach it,
with a memory of its own. Of an endpoint that no reply has named a limit for, the least of those
named for its kind of calls is known. Whether the venue may refuse what it refuses for its rate is
judged by :mod:`mmfast.simtest.refusal_judge`. Sweeps of leftovers are not held to it: they have no
planner, cancel all they find at once, and wait when the venue tells them to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mmfast.ids import HEX_DIGITS
from mmfast.messages import Batch, BatchReply, Command, Flag, Op, Outcome
from mmfast.simtest.findings import Findings
from mmfast.simtest.loop import START_NS
from mmfast.simtest.reading import OrderRequest
from mmfast.simtest.refusal_judge import RefusalJudge
from mmfast.simtest.rolling import RollingSecond
from mmfast.units import NS_PER_S

_CANCEL: Final = "/v5/order/cancel"
_BATCH: Final = "-batch"
_UNSENT: Final = (Outcome.NOT_SENT, Outcome.LOCAL_REJECT)


class RateTerms(NamedTuple):
    """What one seed's configuration says of budgets."""

    assumed: int
    """Limit of each endpoint before any reply."""
    use_percent: int
    reserve_percent: int
    spills: bool
    """Ordinary cancels may go on in single calls."""
    reply_ns: int
    """So long the engine waits for a reply."""


class _Endpoint:
    """One budget as the engine's host knows it."""

    __slots__ = ("answered", "batched", "limit", "lowered_ns", "sent", "told")

    def __init__(self, limit: int, *, batched: bool) -> None:
        self.limit = limit
        self.batched = batched
        self.told = False
        self.lowered_ns = 0
        self.sent = RollingSecond()
        self.answered = RollingSecond()

    def usable(self, percent: int) -> int:
        """What may be used of it; one at least, or nothing would move."""
        return max(self.limit * percent // 100, 1)


class RateJudge:
    """Of one seed, over all its engines."""

    def __init__(self, terms: RateTerms, findings: Findings) -> None:
        self._terms = terms
        self._findings = findings
        self._endpoints: dict[str, _Endpoint] = {}
        self._flying: dict[tuple[int, str], int] = {}
        self._planned: dict[str, None] = {}
        """Digits of the ids whose cancel the engine has decided, until it leaves."""
        self.cancelled_past: dict[str, None] = {}
        """Orders that this engine's host has cancelled without a decision of the engine."""
        self.refusals = RefusalJudge(terms.reply_ns, findings)
        """Told by the venue what each request was counted for."""

    def new_engine(self) -> None:
        """A fresh process knows nothing of what the one before it sent, or was told."""
        self._endpoints.clear()
        self._flying.clear()
        self._planned.clear()
        self.cancelled_past.clear()
        self.refusals.new_engine()

    def left(self, key: tuple[int, str], request: OrderRequest, now_ns: int) -> None:
        """An order request left."""
        self._findings.checked["I7"] += 1
        self._flying[key] = now_ns
        endpoint = self._endpoint(request.path)
        self.refusals.left(key, request, endpoint.limit, now_ns)
        if self._sweeps(request):
            self.cancelled_past.update((item.link_id, None) for item in request.items)
            return
        endpoint.sent.add(len(request.items), now_ns)
        used, most = endpoint.sent.total(now_ns), endpoint.usable(self._terms.use_percent)
        if used > most:
            text = (
                f"{request.path}: {used} orders in a second, expected at most {most} of the "
                f"{endpoint.limit} that the last reply allowed"
            )
            self._broke(now_ns, text)

    def answered(
        self, key: tuple[int, str], request: OrderRequest, limit: int, now_ns: int
    ) -> None:
        """Its reply was read, or (``limit`` -1) nothing of it that names a limit. A reply to what
        left before a lower limit was known may be older than that, and raises it no more; one that
        comes when its request was given up is nobody's."""
        sent_ns = self._flying.pop(key, now_ns)
        self._endpoint(request.path).answered.add(len(request.items), now_ns)
        self.refusals.over(key)
        if limit <= 0 or now_ns - sent_ns >= self._terms.reply_ns:
            return
        endpoint = self._endpoint(request.path)
        if limit < endpoint.limit:
            endpoint.lowered_ns = now_ns
        if limit < endpoint.limit or sent_ns >= endpoint.lowered_ns:
            endpoint.limit = limit
        endpoint.told = True
        self._guess(endpoint.batched)

    def flushed(self, batches: Sequence[Batch], now_ns: int) -> None:
        """What the engine decided to send. Ordinary cancels leave the reserve alone: where a
        flush has nothing else, both budgets together keep it."""
        cancels = [one for batch in batches if batch.op is Op.CANCEL for one in batch.commands]
        self._planned.update((_digits(one), None) for one in cancels)
        if not cancels or any(one.flags & Flag.URGENT for one in cancels):
            return
        self._findings.checked["I7"] += 1
        together, single = self._endpoint(_CANCEL + _BATCH), self._endpoint(_CANCEL)
        percent, share = self._terms.use_percent, self._terms.reserve_percent
        budgets = (together, single) if self._terms.spills else (together,)
        if any(batch.single for batch in batches if batch.op is Op.CANCEL) and not (
            self._terms.spills
        ):
            budgets = (single,)
        kept = sum(one.usable(percent) * share // 100 for one in budgets)
        most = sum(one.usable(percent) for one in budgets) - kept
        # Where a limit fell below what was used of it, the rest was spent before that.
        spent = [min(one.sent.total(now_ns), one.usable(percent)) for one in budgets]
        used = sum(spent) + len(cancels)
        if used > most:
            text = f"{used} ordinary cancels in a second use the reserve, expected at most {most}"
            self._broke(now_ns, text)

    def replied(self, reply: BatchReply) -> None:
        """Cancels that were decided and have not left: whoever cancels those orders later, it is
        not that decision."""
        if reply.batch.op is Op.CANCEL:
            for command, item in zip(reply.batch.commands, reply.items, strict=False):
                if item.outcome in _UNSENT:
                    self._planned.pop(_digits(command), None)

    def cancels_spent(self, now_ns: int) -> bool:
        """The budget of a kind of cancels was used up within the last second; the engine counts
        until a second after the reply, for the venue has counted at some instant before that."""
        percent = self._terms.use_percent
        return any(
            max(one.sent.total(now_ns), one.answered.total(now_ns)) >= one.usable(percent)
            for path, one in self._endpoints.items()
            if path.startswith(_CANCEL)
        )

    def _sweeps(self, request: OrderRequest) -> bool:
        """Cancels that the engine has not decided."""
        if not request.path.startswith(_CANCEL):
            return False
        planned = [item.link_id[-HEX_DIGITS:] for item in request.items]
        planned = [digits for digits in planned if digits in self._planned]
        for digits in planned:
            del self._planned[digits]
        return not planned

    def _endpoint(self, path: str) -> _Endpoint:
        endpoint = self._endpoints.get(path)
        if endpoint is None:
            batched = path.endswith(_BATCH)
            endpoint = self._endpoints[path] = _Endpoint(self._terms.assumed, batched=batched)
            self._guess(batched)
        return endpoint

    def _guess(self, batched: bool) -> None:
        """What was named for one operation is known of those that nothing was named for."""
        alike = [one for one in self._endpoints.values() if one.batched is batched]
        named = [one.limit for one in alike if one.told]
        for one in alike:
            if named and not one.told:
                one.limit = min(named)

    def _broke(self, now_ns: int, text: str) -> None:
        self._findings.broke("I7", (now_ns - START_NS) / NS_PER_S, text)


def _digits(command: Command) -> str:
    """The end of the order id that a command names, as it is written."""
    return f"{command.client_id:0{HEX_DIGITS}x}"
