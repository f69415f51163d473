"""I11: an engine that can know of a second writer sends nothing more, and ends for an operator.

The judge reads what reaches the engine's host, frame by frame, and what leaves it. What proves a
second writer is stated here anew: an order with our prefix that no earlier run can have left, an
end or a price of an order of ours that no command of ours asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from mmfast.messages import Batch, Op
from mmfast.runtime.quote_loop import AsyncQuoteLoop
from mmfast.simtest.findings import Findings
from mmfast.simtest.loop import START_NS
from mmfast.simtest.reading import CANCEL, CANCEL_ALL, OrderRequest
from mmfast.simtest.writer_draws import CANCELS, CREATES
from mmfast.units import NEVER_NS, NS_PER_MS, NS_PER_S

T_DET_NS: Final = 50 * NS_PER_MS
"""From when the news was read until nothing but cancels leaves. Frames of the stream are judged as
they are read, and what was decided before is looked at once more before it leaves: it is no time
but for turns of the loop, and the bound is that of a stop (I10)."""
READING_NS: Final = 5 * NS_PER_S
"""The same from when a reading of the open orders showed it: the account is believed when all its
parts have been read, of which each may take a timeout of two seconds and be asked for again."""
END_NS: Final = 60 * NS_PER_S
"""Until the engine has ended: 15 s it tries to prove that nothing rests, and a stall of the host
that falls into them stands still."""
EXIT_REASON: Final = "acts on orders with this prefix"
_OPEN: Final = ("New", "PartiallyFilled")


class Deed(NamedTuple):
    """Something the second writer has done to one order. ``price`` is what an amend has named."""

    kind: str
    link_id: str
    price: str


class WriterJudge:
    """Of one seed, over all its engines."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._deeds: list[Deed] = []
        self._cancelled: dict[int, None] = {}
        """Orders that the engine has cancelled itself: their ends prove nothing."""
        self._acted = False
        self._by_ns = NEVER_NS
        """From then on nothing but cancels may leave."""
        self._what = ""

    def new_engine(self) -> None:
        """The next one finds what is there, and takes it for leftovers."""
        self._deeds.clear()
        self._cancelled.clear()
        self._acted = False
        self._by_ns = NEVER_NS

    # What happens.

    def acted(self, deed: Deed, *, proves: bool) -> None:
        """The second writer acts; ``proves``: whoever reads of it has to know."""
        self._acted = True
        if proves:
            self._deeds.append(deed)

    def flushed(self, batches: Sequence[Batch]) -> None:
        """What the engine has decided."""
        for batch in batches:
            if batch.op is Op.CANCEL:
                self._cancelled.update(dict.fromkeys(int(c.client_id) for c in batch.commands))

    def read(self, frame: bytes, now_ns: int) -> None:
        """A frame of the private stream, or the body of a reply, has reached the engine."""
        for deed in self._deeds:
            if deed.link_id.encode() not in frame:
                continue
            within_ns = self._proves(deed, frame)
            if within_ns and now_ns + within_ns < self._by_ns:
                if self._by_ns == NEVER_NS:
                    self._findings.marks["second writer: can be known"] += 1
                self._by_ns = now_ns + within_ns
                self._what = f"{deed.kind} {deed.link_id}"

    def left(self, request: OrderRequest, now_ns: int) -> None:
        """An order request has left the engine's host."""
        if self._by_ns == NEVER_NS:
            return
        self._findings.checked["I11"] += 1
        late_ns = now_ns - self._by_ns
        if request.op not in (CANCEL, CANCEL_ALL) and late_ns > 0:
            text = f"a {request.op} left {late_ns / NS_PER_MS:.0f} ms after it had to be noticed"
            self._broke(now_ns, f"{text} that another writer {self._what}")

    def ended(self, loop: AsyncQuoteLoop | None, now_ns: int, *, killed: bool, asked: bool) -> bool:
        """One engine is over, ``asked`` by somebody else to stop; True when it asks for an
        operator (exit code 4)."""
        self._findings.checked["I11"] += 1
        fault = loop.fault if loop is not None else ""
        needs_operator = loop is not None and loop.needs_operator
        if needs_operator:
            self._findings.marks["second writer: noticed"] += 1
            if not self._acted:
                self._broke(now_ns, f"ended though nobody else had acted: {fault}")
            if EXIT_REASON not in fault:
                self._broke(now_ns, f"ended without saying that another writer acts: {fault}")
        elif EXIT_REASON in fault:
            self._broke(now_ns, f"ended, but its exit code asks for no operator: {fault}")
        elif now_ns > self._by_ns and not (killed or asked or fault):
            self._broke(now_ns, f"did not end though another writer {self._what}")
        if now_ns - self._by_ns > END_NS:
            late_s = (now_ns - self._by_ns) / NS_PER_S
            self._broke(now_ns, f"lived {late_s:.0f} s on though another writer {self._what}")
        return needs_operator

    def _proves(self, deed: Deed, frame: bytes) -> int:
        """How long after it the engine may still quote; 0: it proves nothing."""
        try:
            message = orjson.loads(frame)
        except orjson.JSONDecodeError:
            return 0
        if str(message.get("topic", "")).startswith("order"):
            rows = message["data"]
            return T_DET_NS if any(self._row_proves(deed, row) for row in rows) else 0
        result = message.get("result")
        rows = result.get("list", ()) if isinstance(result, dict) else ()
        # A reading shows what rests; that of one order of ours has other evidence beside it.
        stranger = deed.kind == CREATES and any(self._row_proves(deed, row) for row in rows)
        return READING_NS if stranger else 0

    def _row_proves(self, deed: Deed, row: dict[str, Any]) -> bool:
        if row.get("orderLinkId") != deed.link_id:
            return False
        status = row.get("orderStatus")
        if deed.kind == CANCELS:
            return status == "Cancelled" and id_of(deed.link_id) not in self._cancelled
        is_other = deed.kind == CREATES or row.get("price") == deed.price
        return status in _OPEN and is_other

    def _broke(self, now_ns: int, text: str) -> None:
        self._findings.broke("I11", (now_ns - START_NS) / NS_PER_S, text)


def id_of(link_id: str) -> int:
    """The number in an order id of ours."""
    return int(link_id.rpartition("-")[2], 16)
