"""Topic names, and the frames that subscribe to them.

The public and the private stream speak the same dialect here. Acknowledgements do not name
their topics, so each request carries a ``req_id`` of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import orjson

from mmfast.messages import Category

MAX_ARGS: Final = 10
"""Topics in one request: the limit of spot, kept everywhere so that one refused topic does not
take hundreds down with it."""

_DCP_TOPICS: Final = {
    Category.LINEAR: "dcp.future",
    Category.INVERSE: "dcp.future",
    Category.SPOT: "dcp.spot",
    Category.OPTION: "dcp.option",
}
_PRIVATE_ROOTS: Final = ("order", "execution", "position")


def orderbook(depth: int, symbol: str) -> str:
    """Topic of one order book, for example ``orderbook.50.BTCUSDT``."""
    return f"orderbook.{depth}.{symbol}"


def ticker(symbol: str) -> str:
    """Topic of one ticker, for example ``tickers.BTCUSDT``."""
    return f"tickers.{symbol}"


def private_topics(category: Category, *, dcp: bool = False) -> tuple[str, ...]:
    """What the engine listens to on the private stream: categorised forms only, because the
    venue refuses a request that mixes them with the all-in-one forms. Spot has no positions.

    ``dcp`` adds the topic that arms the disconnect protection; it carries no data."""
    roots = [root for root in _PRIVATE_ROOTS if category != Category.SPOT or root != "position"]
    armed = (_DCP_TOPICS[category],) if dcp else ()
    return (*(f"{root}.{category.text}" for root in roots), "wallet", *armed)


def subscribe_frame(topics: Sequence[str], req_id: str) -> bytes:
    """Request to start these topics."""
    return orjson.dumps({"op": "subscribe", "args": list(topics), "req_id": req_id})


def unsubscribe_frame(topics: Sequence[str], req_id: str) -> bytes:
    """Request to stop these topics."""
    return orjson.dumps({"op": "unsubscribe", "args": list(topics), "req_id": req_id})


def ping_frame(req_id: str) -> bytes:
    """The heartbeat; the venue wants JSON, not a protocol-level ping."""
    return orjson.dumps({"op": "ping", "req_id": req_id})


def in_chunks(topics: Sequence[str]) -> Iterator[Sequence[str]]:
    """The topics in groups small enough for one request, in their order."""
    for start in range(0, len(topics), MAX_ARGS):
        yield topics[start : start + MAX_ARGS]
