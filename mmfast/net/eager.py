"""Requests whose bytes leave in the very turn of the loop in which they are sent.

The library gives the body of a request, and with it the head, to a task. Before Python 3.12 a
task begins in the next turn of the loop, and between the two the world may change: a last look
taken before would be a look at the past. Here the writing begins at once.
"""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from typing import Any

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection


class EagerRequest(aiohttp.ClientRequest):
    """As the library's; whatever fits into the socket is written before ``send`` returns."""

    def write_bytes(
        self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
    ) -> Coroutine[Any, Any, None]:
        """What is left to be done of the writing."""
        return begun(super().write_bytes(writer, conn, content_length))


def begun(work: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
    """Runs a coroutine up to where it first waits, now; what is returned does the rest."""
    try:
        awaited = work.send(None)
    except StopIteration:
        return _nothing()
    return _rest(work, awaited)


async def _nothing() -> None:
    """All is done."""


async def _rest(work: Coroutine[Any, Any, None], awaited: object) -> None:
    await _carry_on(work, awaited)


@types.coroutine
def _carry_on(work: Coroutine[Any, Any, None], awaited: object) -> Generator[Any, Any, None]:
    """Hand what the work waits for to whoever runs us, and what comes of it to the work."""
    try:
        while True:
            try:
                result = yield awaited
            except BaseException as error:  # noqa: BLE001 - it is the work's to handle
                awaited = work.throw(error)
            else:
                awaited = work.send(result)
    except StopIteration:
        return
