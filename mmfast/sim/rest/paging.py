"""Lists in pages: how many rows, from where, and the cursor to the next page.

A cursor is ``page_args=<key>&``, percent-encoded as the real venue hands it out. A client may
send it back as it came (then it is decoded once on the way in) or encode it again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Final, TypeVar
from urllib.parse import quote, unquote

from mmfast.sim.refusals import bad_parameter

T = TypeVar("T")
Params = Mapping[str, object]

_CURSOR: Final = re.compile(r"page_args=(-?\d{1,18})&?").fullmatch


def limit_of(params: Params, default: int, most: int) -> int:
    """The page size asked for, at most ``most``; 10001 unless it is a positive number."""
    found = params.get("limit")
    if found in (None, ""):
        return default
    text = str(found)
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) == 0:
        raise bad_parameter(f"params error: limit invalid {text[:32]}")
    return min(int(text), most)


def ms_of(params: Params, name: str) -> int | None:
    """A time in milliseconds, None when absent; 10001 for anything else."""
    found = params.get(name)
    if found in (None, ""):
        return None
    text = str(found)
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise bad_parameter(f"params error: {name} invalid {text[:32]}")
    return int(text)


def page(
    items: Sequence[T], key: Callable[[T], int], params: Params, default: int, most: int
) -> tuple[list[T], str]:
    """One page of ``items`` and the cursor of the next (``""`` at the end).

    ``key`` must fall strictly along ``items``: a page begins below the cursor's key, so rows that
    came or went meanwhile shift nothing.
    """
    limit = limit_of(params, default, most)
    found = params.get("cursor")
    below = _read_cursor(str(found)) if found else None
    rest = (item for item in items if below is None or key(item) < below)
    chosen = list(islice(rest, limit + 1))
    if len(chosen) <= limit:
        return chosen, ""
    chosen.pop()
    return chosen, quote(f"page_args={key(chosen[-1])}&", safe="")


def _read_cursor(text: str) -> int:
    match = _CURSOR(unquote(text))
    if match is None:
        raise bad_parameter("params error: cursor invalid")
    return int(match[1])
