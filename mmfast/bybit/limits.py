"""The venue's own account of our rate budget, from the reply headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mmfast.messages import RateInfo
from mmfast.units import Ms

_LIMIT: Final = "X-Bapi-Limit"
_STATUS: Final = "X-Bapi-Limit-Status"
_RESET: Final = "X-Bapi-Limit-Reset-Timestamp"
_LOWER_NAMES: Final = (_LIMIT.lower(), _STATUS.lower(), _RESET.lower())
_MAX_DIGITS: Final = 18


def rate_info(headers: Mapping[str, object]) -> RateInfo:
    """RateInfo from reply headers, or from the ``header`` object of the trade socket.

    The venue varies the case of the names; what is missing or not a plain number becomes -1.
    """
    limit, remaining, reset_ms = headers.get(_LIMIT), headers.get(_STATUS), headers.get(_RESET)
    if limit is None or remaining is None or reset_ms is None:
        lowered = {name.lower(): value for name, value in headers.items()}
        limit, remaining, reset_ms = (lowered.get(name) for name in _LOWER_NAMES)
    return RateInfo(_number(limit), _number(remaining), Ms(_number(reset_ms)))


def _number(text: object) -> int:
    if not isinstance(text, str) or len(text) > _MAX_DIGITS:
        return -1
    return int(text) if text.isascii() and text.isdigit() else -1
