"""What a call comes to, so that a module and its twin can be compared."""

from __future__ import annotations

from collections.abc import Callable

try:
    from mmfast._core import _probe
except ImportError:
    # A release ships no probe; then there is no sanitizer either.
    _probe = None


def answer(call: Callable[..., object], *arguments: object) -> object:
    """The result, or the name of the exception: module and twin have classes of their own."""
    try:
        return call(*arguments)
    except (ValueError, OverflowError, TypeError) as error:
        return type(error).__name__


def fenced(call: Callable[..., object], data: bytes, *arguments: object) -> object:
    """The answer to a call that reads ``data``. Under the sanitizers, reading beyond its end is
    an error, even of the one byte that Python keeps there."""
    if _probe is None or len(data) < 2:
        # The shortest bytes objects are shared by everybody.
        return answer(call, data, *arguments)
    data = bytes(bytearray(data))
    _probe.fence(data)
    try:
        return answer(call, data, *arguments)
    finally:
        _probe.unfence(data)
