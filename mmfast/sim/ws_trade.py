"""The trade socket: ``/v5/trade``."""

from __future__ import annotations

from typing import Final

from mmfast.sim import ws_dialects as say
from mmfast.sim.ws_desks import Instant, Request, Session, Verify, read_auth


class TradeDesk:
    """``/v5/trade``: authentication and heartbeat. Order operations join here; until then
    every one of them is answered as an operation the venue does not know."""

    id_field: Final = "reqId"

    def __init__(self, verify: Verify) -> None:
        self._verify = verify

    def answer(self, session: Session, request: Request, when: Instant) -> list[bytes]:
        """Ping, auth, and refusals for all else."""
        req_id = request.req_id
        if request.op == "ping":
            return [say.trade_pong(session.name, req_id, when.venue_ms)]
        if request.op == "auth":
            code = self._auth(session, request, when.venue_ms)
            return [say.trade_reply("auth", session.name, code, req_id)]
        code = 10404 if session.authed else 10004
        header = {"Traceid": f"{session.conn_id:032x}", "Timenow": str(when.venue_ms)}
        return [say.trade_refusal(request.op, session.name, code, req_id, header)]

    def malformed(self, session: Session) -> bytes:
        """A parameter error that names no operation."""
        return say.trade_reply("", session.name, 10001)

    def drop(self, session: Session, topic: str) -> None:
        """This socket has no subscriptions."""

    def _auth(self, session: Session, request: Request, venue_ms: int) -> int:
        if session.authed:
            return 20001
        auth = read_auth(request)
        code = 10001 if auth is None else self._verify(*auth, venue_ms)
        session.authed = code == 0
        return code
