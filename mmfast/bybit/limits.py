"""The venue's own account of our rate budget, from the reply headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mmfast.messages import RateInfo
from mmfast.units import Ms

_NAMES: Final = ("x-bapi-limit", "x-bapi-limit-status", "x-bapi-limit-reset-timestamp")
_MAX_DIGITS: Final = 18


def rate_info(headers: Mapping[str, str]) -> RateInfo:
    """RateInfo from reply headers (or a trade-socket ``header`` object).

    The venue varies the case of the names; what is missing or not a plain number becomes -1.
    """
    found = {name.lower(): text for name, text in headers.items()}
    limit, remaining, reset_ms = (_number(found.get(name, "")) for name in _NAMES)
    return RateInfo(limit, remaining, Ms(reset_ms))


def _number(text: str) -> int:
    if len(text) > _MAX_DIGITS or not (text.isascii() and text.isdigit()):
        return -1
    return int(text)
