"""The venue's own account of our rate budget, from the reply headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mmfast.messages import RateInfo
from mmfast.units import Ms

_NAMES: Final = ("X-Bapi-Limit", "X-Bapi-Limit-Status", "X-Bapi-Limit-Reset-Timestamp")
_LOWER_NAMES: Final = tuple(name.lower() for name in _NAMES)
_MAX_DIGITS: Final = 18


def rate_info(headers: Mapping[str, object]) -> RateInfo:
    """RateInfo from reply headers, or from the ``header`` object of the trade socket.

    The venue varies the case of the names; what is missing or not a plain number becomes -1.
    """
    found = [headers.get(name) for name in _NAMES]
    if None in found:
        lowered = {name.lower(): value for name, value in headers.items()}
        found = [lowered.get(name) for name in _LOWER_NAMES]
    limit, remaining, reset_ms = map(_number, found)
    return RateInfo(limit, remaining, Ms(reset_ms))


def _number(text: object) -> int:
    if not isinstance(text, str) or len(text) > _MAX_DIGITS:
        return -1
    return int(text) if text.isascii() and text.isdigit() else -1
