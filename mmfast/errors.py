"""The exception tree. Whose fault it is stands in the type.

An order reject is a normal event (:class:`mmfast.messages.Outcome`), never an exception.
"""

from __future__ import annotations


class MmfastError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigError(MmfastError):
    """The configuration is not usable; raised at start and on reload only.

    ``faults`` holds one ``(path, text)`` pair per fault; the text says what was expected and
    what was found.
    """

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{path}: {text}" for path, text in faults))


class InvariantError(MmfastError):
    """Our own bug: a state that must not exist. The shell cancels everything and halts."""


class StateError(MmfastError):
    """Durable state on disk cannot be used (damaged, locked, or not writable)."""


class OperatorNeeded(MmfastError):
    """The run ended for a reason that no start can mend: somebody has to look first."""


class LocalProtocolError(MmfastError):
    """We tried to send something the venue's protocol does not allow."""


class RemoteProtocolError(MmfastError):
    """The venue sent something its protocol does not allow."""


class NotListed(RemoteProtocolError):
    """The venue answered in full, and what was asked for is not in its answer."""


class VenueError(MmfastError):
    """The venue answered a request with a non-zero return code.

    Used for queries and account calls; the outcome of an order command is an event instead.
    """

    def __init__(self, ret_code: int, ret_msg: str, request_id: str = "") -> None:
        self.ret_code = ret_code
        self.ret_msg = ret_msg
        self.request_id = request_id
        where = f" ({request_id})" if request_id else ""
        super().__init__(f"venue refused with {ret_code}: {ret_msg}{where}")


class AuthError(VenueError):
    """Key, signature, permission or address refused."""


class RateLimitError(VenueError):
    """A rate limit was exceeded; nothing more may be sent before ``retry_at_ns`` (monotonic)."""

    def __init__(self, ret_code: int, ret_msg: str, retry_at_ns: int, request_id: str = "") -> None:
        super().__init__(ret_code, ret_msg, request_id)
        self.retry_at_ns = retry_at_ns


class ClockSkewError(VenueError):
    """Our timestamp was outside the venue's window."""


class UnknownRetCode(VenueError):
    """A return code that the table does not list."""


class TransportError(MmfastError):
    """The bytes did not make the round trip."""


class NotSent(TransportError):
    """No byte reached a connected socket: the venue cannot have acted."""


class OutcomeUnknown(TransportError):
    """The request may or may not have been applied; only the venue can tell."""
