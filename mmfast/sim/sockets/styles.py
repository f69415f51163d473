"""How each public path words its answers, and how much it lets one client ask for."""

from __future__ import annotations

from typing import Final, Protocol

import orjson

from mmfast.sim.sockets.dialects import stream_reply

MAX_ARGS_CHARS: Final = 21_000
"""Characters of all topics one public connection may be subscribed to."""
MAX_SPOT_ARGS: Final = 10
"""Topics in one request on spot."""
MAX_OPTION_ARGS: Final = 2000
"""Topics of one connection on options."""


class PublicStyle(Protocol):
    """One dialect. ``req_id`` is None when the client sent none."""

    @property
    def is_partial(self) -> bool:
        """True when the good topics of a request begin although others are refused."""
        ...

    def pong(self, conn: str, req_id: str | None, venue_ms: int) -> bytes:
        """Answer to a ping."""
        ...

    def accepted(
        self, op: str, conn: str, req_id: str | None, topics: list[str], failed: list[str]
    ) -> bytes:
        """Answer to a subscribe or unsubscribe that did something."""
        ...

    def refused(
        self, op: str, conn: str, req_id: str | None, topics: list[str], error: str
    ) -> bytes:
        """Answer to a request of which nothing was done."""
        ...

    def excess(self, topics: list[str], held: int, held_chars: int) -> str:
        """Why the topics are too many beside those already held; empty when they are not."""
        ...


def _too_long(topics: list[str], held_chars: int) -> str:
    if held_chars + sum(map(len, topics)) > MAX_ARGS_CHARS:
        return f"error:args of one connection exceed {MAX_ARGS_CHARS} characters"
    return ""


class FuturesStyle:
    """Linear, inverse and the status path."""

    is_partial: Final = False

    def pong(self, conn: str, req_id: str | None, venue_ms: int) -> bytes:  # noqa: ARG002
        """``op`` stays "ping", and ``req_id`` is there even when none was sent."""
        return stream_reply("ping", conn, req_id or "", text="pong")

    def accepted(
        self,
        op: str,
        conn: str,
        req_id: str | None,
        topics: list[str],  # noqa: ARG002
        failed: list[str],  # noqa: ARG002
    ) -> bytes:
        """An empty ``ret_msg``; the topics are not named."""
        return stream_reply(op, conn, req_id or "")

    def refused(
        self,
        op: str,
        conn: str,
        req_id: str | None,
        topics: list[str],  # noqa: ARG002
        error: str,
    ) -> bytes:
        """The reason is in ``ret_msg``."""
        return stream_reply(op, conn, req_id or "", error)

    def excess(self, topics: list[str], held: int, held_chars: int) -> str:  # noqa: ARG002
        """Only the characters are limited."""
        return _too_long(topics, held_chars)


class SpotStyle(FuturesStyle):
    """Spot: the operation's name as ``ret_msg``, and ten topics in a request at most."""

    def pong(self, conn: str, req_id: str | None, venue_ms: int) -> bytes:  # noqa: ARG002
        """``op`` stays "ping"; ``req_id`` only when one was sent."""
        return stream_reply("ping", conn, req_id, text="pong")

    def accepted(
        self,
        op: str,
        conn: str,
        req_id: str | None,
        topics: list[str],  # noqa: ARG002
        failed: list[str],  # noqa: ARG002
    ) -> bytes:
        """The topics are not named."""
        return stream_reply(op, conn, req_id or "", text=op)

    def refused(
        self, op: str, conn: str, req_id: str | None, topics: list[str], error: str
    ) -> bytes:
        """The reason is in ``ret_msg``, written as the venue's own encoder writes ``>``."""
        return super().refused(op, conn, req_id, topics, error).replace(b">", b"\\u003e")

    def excess(self, topics: list[str], held: int, held_chars: int) -> str:
        """Topics per request, and characters."""
        if len(topics) > MAX_SPOT_ARGS:
            return f"args size >{MAX_SPOT_ARGS}"
        return super().excess(topics, held, held_chars)


class OptionStyle:
    """Options: one kind of answer for all, which names the topics and nothing else."""

    is_partial: Final = True

    def pong(self, conn: str, req_id: str | None, venue_ms: int) -> bytes:  # noqa: ARG002
        """Only the venue's time."""
        return orjson.dumps({"args": [str(venue_ms)], "op": "pong"})

    def accepted(
        self,
        op: str,  # noqa: ARG002
        conn: str,
        req_id: str | None,  # noqa: ARG002
        topics: list[str],
        failed: list[str],
    ) -> bytes:
        """Successful when no topic failed."""
        return _command_reply(conn, topics, failed, "")

    def refused(
        self,
        op: str,  # noqa: ARG002
        conn: str,
        req_id: str | None,  # noqa: ARG002
        topics: list[str],
        error: str,
    ) -> bytes:
        """Everything failed; the reason is our own addition, the venue gives none."""
        return _command_reply(conn, [], topics, error)

    def excess(self, topics: list[str], held: int, held_chars: int) -> str:
        """Topics per connection, and characters."""
        if held + len(topics) > MAX_OPTION_ARGS:
            return f"error:args of one connection exceed {MAX_OPTION_ARGS}"
        return _too_long(topics, held_chars)


def _command_reply(conn: str, topics: list[str], failed: list[str], error: str) -> bytes:
    reply: dict[str, object] = {"success": not (failed or error), "conn_id": conn}
    if error:
        reply["ret_msg"] = error
    reply["data"] = {"failTopics": failed, "successTopics": topics}
    return orjson.dumps(reply | {"type": "COMMAND_RESP"})
