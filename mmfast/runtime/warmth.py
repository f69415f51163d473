"""Connections that are there when they are needed: the first cancel that has to leave by REST
must not pay for a TLS handshake."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final, Protocol

from mmfast.errors import MmfastError

KEPT: Final = 2
EVERY_S: Final = 10.0
"""Well within the time after which an idle connection is closed by either side."""


class Warmable(Protocol):
    """Who has connections."""

    async def warm(self, connections: int) -> None:
        """Use so many at once."""
        ...


async def keep_warm(rest: Warmable, every_s: float = EVERY_S) -> None:
    """Use :data:`KEPT` connections again and again, for ever. Each use also measures the venue's
    clock, and how fast REST answers. A failure is somebody else's to mind."""
    while True:
        await asyncio.sleep(every_s)
        with contextlib.suppress(MmfastError):
            await rest.warm(KEPT)
