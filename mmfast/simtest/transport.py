"""The engine's end of a simulated connection, as asyncio wants it."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from mmfast.simtest.loop import FakeSocket


class Outgoing(Protocol):
    """The connection behind a transport."""

    port: int

    def write(self, data: bytes) -> None:
        """The engine writes."""
        ...

    def abandon(self) -> None:
        """The engine closes."""
        ...


class ClientTransport(asyncio.Transport):
    """The engine's end as asyncio wants it."""

    def __init__(
        self, link: Outgoing, protocol: asyncio.BaseProtocol, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__({"socket": FakeSocket(), "peername": ("127.0.0.1", link.port)})
        self._link = link
        self._protocol = protocol
        self._loop = loop
        self._closing = False
        self._lost = False
        self._paused = False
        self._held: list[bytes] = []

    # What the engine calls.

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Whoever hears what comes."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let another one hear it."""
        self._protocol = protocol

    def is_closing(self) -> bool:
        """Closed, or about to be."""
        return self._closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send; on a connection that is gone, nothing happens, as in a real one."""
        if self._closing or not data:
            return
        self._link.write(bytes(data))

    def writelines(self, list_of_data: Any) -> None:  # noqa: ANN401
        """Send several pieces as one."""
        self.write(b"".join(list_of_data))

    def get_write_buffer_size(self) -> int:
        """Nothing waits here: the network takes all at once."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There is no buffer to limit."""

    def can_write_eof(self) -> bool:
        """Half-closing is not needed."""
        return False

    def is_reading(self) -> bool:
        """Bytes are handed over as they come."""
        return not self._paused and not self._closing

    def pause_reading(self) -> None:
        """Hold what comes."""
        self._paused = True

    def resume_reading(self) -> None:
        """Hand over what was held."""
        self._paused = False
        held, self._held = self._held, []
        for data in held:
            self._loop.call_soon(self._hand_over, data)

    def close(self) -> None:
        """End it."""
        if not self._closing:
            self._closing = True
            self._link.abandon()
            self._loop.call_soon(self._gone, None)

    def abort(self) -> None:
        """The same: nothing is ever left to be written."""
        self.close()

    # What the network does.

    def deliver(self, data: bytes) -> None:
        """Bytes have come."""
        if self._closing:
            return
        if self._paused:
            self._held.append(data)
        else:
            self._hand_over(data)

    def end_of_stream(self) -> None:
        """The venue will say no more."""
        if self._closing:
            return
        protocol = self._protocol
        assert isinstance(protocol, asyncio.Protocol | asyncio.BufferedProtocol)  # noqa: S101
        if not protocol.eof_received():
            self.close()

    def lose(self, error: OSError) -> None:
        """The connection has broken."""
        if not self._closing:
            self._closing = True
            self._gone(error)

    def _hand_over(self, data: bytes) -> None:
        if self._closing:
            return
        protocol = self._protocol
        try:
            if isinstance(protocol, asyncio.BufferedProtocol):
                _fill(protocol, data)
            else:
                assert isinstance(protocol, asyncio.Protocol)  # noqa: S101
                protocol.data_received(data)
        except Exception as error:  # noqa: BLE001 - a real transport does just this
            self._loop.call_exception_handler(
                {"message": "a protocol failed", "exception": error, "transport": self}
            )
            self.close()

    def _gone(self, error: OSError | None) -> None:
        if not self._lost:
            self._lost = True
            self._protocol.connection_lost(error)


def _fill(protocol: asyncio.BufferedProtocol, data: bytes) -> None:
    view = memoryview(data)
    while view:
        buffer = memoryview(protocol.get_buffer(-1)).cast("B")
        size = min(len(buffer), len(view))
        buffer[:size] = view[:size]
        protocol.buffer_updated(size)
        view = view[size:]
