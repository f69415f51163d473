"""Attributes replaced for a while: how the simulation, and the bugs planted in it, get in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:  # noqa: ANN401
    """``owner.name`` is ``value`` while this is open, and as before after it."""
    had = name in vars(owner)
    before = getattr(owner, name)
    raw = vars(owner)[name] if had else before
    setattr(owner, name, value)
    try:
        yield
    finally:
        if had:
            setattr(owner, name, raw)
        else:
            delattr(owner, name)
