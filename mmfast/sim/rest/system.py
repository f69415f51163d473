"""The venue's own state over REST: maintenance and incidents."""

from __future__ import annotations

from collections.abc import Callable

from mmfast.sim.access.calls import Answer, Call, Route, Routes
from mmfast.sim.accounts.rows import Row
from mmfast.sim.exchange.tickets import text_of

Notices = Callable[[], list[Row]]


class SystemCalls:
    """Queries about notices; ``notices`` gives their rows, newest first."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices

    def routes(self) -> Routes:
        """Method and path of each call."""
        return {("GET", "/v5/system/status"): Route(self._status, is_public=True)}

    def _status(self, call: Call) -> Answer:
        """All notices, or those with an id or in a state."""
        notice_id, state = text_of(call.params, "id"), text_of(call.params, "state")
        rows = [
            row
            for row in self._notices()
            if notice_id in ("", row["id"]) and state in ("", row["state"])
        ]
        return Answer({"list": rows}, text="")
