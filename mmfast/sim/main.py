"""Run the embedded venue until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mmfast.sim.params import VenueParams
from mmfast.sim.server import VenueServer


async def serve(
    params: VenueParams,
    host: str,
    port: int,
    announce: Callable[[dict[str, str]], None],
    stop: asyncio.Event,
) -> None:
    """Serve on ``host:port`` (0: any free port) until ``stop`` is set.

    ``announce`` is called once, when clients can connect, with ``rest_url``, ``ws_url`` (the
    paths ``/v5/public/linear``, ``/v5/private`` and ``/v5/trade`` follow it), ``api_key`` and
    ``api_secret``. Raises ``OSError`` when the port cannot be had.
    """
    server = VenueServer(params, host, port)
    bound = await server.start()
    try:
        where = f"[{host}]:{bound}" if ":" in host else f"{host}:{bound}"
        announce(
            {
                "rest_url": f"http://{where}",
                "ws_url": f"ws://{where}",
                "api_key": params.api_key,
                "api_secret": params.api_secret,
            }
        )
        await stop.wait()
    finally:
        await server.stop()
