"""Private topics: which exist, in which forms, and what ``execution.fast`` leaves out."""

from __future__ import annotations

from functools import cache
from typing import Final

from mmfast.sim.access.dcp import PRODUCT_OF_TOPIC

_CATEGORIES: Final[dict[str, tuple[str, ...]]] = {
    "order": ("linear", "inverse", "spot", "option"),
    "execution": ("linear", "inverse", "spot", "option"),
    "execution.fast": ("linear", "inverse", "spot", "option"),
    "position": ("linear", "inverse", "option"),
}

ALL_IN_ONE: Final[frozenset[str]] = frozenset(_CATEGORIES)
"""Topics that deliver every category."""

CATEGORISED: Final[frozenset[str]] = frozenset(
    f"{root}.{category}" for root, categories in _CATEGORIES.items() for category in categories
)
"""Topics of one category; never in one request with :data:`ALL_IN_ONE`."""

PRIVATE_TOPICS: Final[frozenset[str]] = (
    ALL_IN_ONE | CATEGORISED | {"wallet"} | PRODUCT_OF_TOPIC.keys()
)
"""All of them; the ``dcp`` topics carry no messages."""

_FAST_FIELDS: Final[tuple[str, ...]] = (
    "category",
    "symbol",
    "orderId",
    "orderLinkId",
    "execId",
    "execPrice",
    "execQty",
    "side",
    "execTime",
    "isMaker",
    "seq",
)


def mixes_forms(topics: list[str]) -> bool:
    """True when one request asks for both forms."""
    return any(topic in ALL_IN_ONE for topic in topics) and any(
        topic in CATEGORISED for topic in topics
    )


@cache
def forms(root: str, category: str) -> tuple[str, ...]:
    """The topics a message of ``root`` and ``category`` goes out under."""
    return (root,) if root == "wallet" else (root, f"{root}.{category}")


def fast_rows(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """``execution`` rows as ``execution.fast`` tells them: trades only, no fee, no leaves, and
    no ``orderLinkId`` on a maker fill."""
    fast = [
        {name: row[name] for name in _FAST_FIELDS if name in row}
        for row in rows
        if row.get("execType") == "Trade"
    ]
    for row in fast:
        if row.get("isMaker"):
            row["orderLinkId"] = ""
    return fast
