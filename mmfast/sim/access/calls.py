"""What the rooms behind the REST router share: a call, its answer, a route."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from mmfast.sim.accounts.accounts import Account
from mmfast.sim.refusals import Refusal


class Answer(NamedTuple):
    """What a reply is made of: ``result``, ``retExtInfo``, ``retCode``, ``retMsg``.

    The code is 0 but for the refusals that carry a result; all others are raised. ``omits``
    names the parts of the envelope that the real venue leaves out of this reply.
    """

    result: Mapping[str, object] = {}
    ext: Mapping[str, object] = {}
    code: int = 0
    text: str = "OK"
    omits: tuple[str, ...] = ()


class Call(NamedTuple):
    """One request that was let in.

    ``params`` is the query of a GET and the body of a POST. ``granted`` is how many of a batch's
    items the budget lets pass; the rest must be answered with 10006.
    """

    account: Account
    params: Mapping[str, object]
    now_ns: int
    venue_ms: int
    granted: int
    failing: Mapping[int, Refusal] = {}
    """Items of a batch that a fault keeps from being applied, and what they are answered."""


Handler = Callable[[Call], Answer]


class Route(NamedTuple):
    """Where a request goes. A public route needs no signature and has no budget."""

    handler: Handler
    is_public: bool = False
    is_batch: bool = False


Routes = dict[tuple[str, str], Route]
