"""Order requests as JSON bytes, written from per-instrument templates and integers."""

from collections.abc import Sequence
from typing import Final, Self, final

MAX_BATCH: Final[int]

class EncodeError(ValueError):
    """A command that must not be written: unknown instrument, size or price not positive,
    number out of range, or a wrong operation in the batch."""

@final
class OrderEncoder:
    """Writes bodies of the order endpoints for one category.

    Commands are ``mmfast.messages.Command`` tuples, read by position. Client ids are written as
    ``head`` plus 16 hex digits. All output is ASCII without spaces, static keys first, and equal
    input gives equal bytes. Trailing zeros of prices are kept as the tick size writes them.
    """

    def __new__(cls, category: str, head: str) -> Self: ...
    def add_instrument(
        self,
        index: int,
        symbol: str,
        tick_decimals: int,
        tick_units: int,
        step_decimals: int,
        step_units: int,
        smp_type: str = "",
    ) -> None:
        """Register (or replace) the templates of one instrument."""
    def batch(self, op: int, commands: Sequence[tuple[int, ...]]) -> bytes:
        """``{"category":..,"request":[..]}`` with 1 to MAX_BATCH commands, all of ``op``.

        PLACE items: symbol, side, orderType Limit, qty, price, timeInForce (PostOnly, IOC or GTC
        by flags), positionIdx 0, orderLinkId, reduceOnly only when set, smpType only when given.
        AMEND items: symbol, orderLinkId, price and/or qty by the AMEND_* flags (at least one).
        CANCEL items: symbol, orderLinkId.
        """
    def single(self, op: int, command: tuple[int, ...]) -> bytes:
        """The same item as a single-order body, with ``category`` inside."""
    def batch_frame(
        self,
        op: int,
        commands: Sequence[tuple[int, ...]],
        req_id: str,
        timestamp_ms: int,
        recv_window_ms: int,
    ) -> bytes:
        """The body of :meth:`batch` inside a request of the trade socket, which carries no
        signature: ``{"reqId":..,"header":{..},"op":"order.create-batch","args":[body]}``.

        EncodeError unless ``req_id`` has 1 to 36 letters, digits, '_' or '-', the time is not
        negative and the window positive."""
    def single_frame(
        self,
        op: int,
        command: tuple[int, ...],
        req_id: str,
        timestamp_ms: int,
        recv_window_ms: int,
    ) -> bytes:
        """The body of :meth:`single` inside a request of the trade socket."""
