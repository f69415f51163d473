"""The venue's own public streams, written down: a listener inside, subscribed as a client is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from mmfast.messages import Category
from mmfast.sim.replay.recording import line_of, topics_of
from mmfast.sim.venue import Venue
from mmfast.sim.wire import Due, WsClose, WsReset, WsSend
from mmfast.units import NS_PER_MS

_TOPIC: Final = b'{"topic":'
#: The strictest category takes so many topics in one request.
_TOPICS_PER_REQUEST: Final = 10


class Recorder:
    """Records books, trades and tickers of every instrument but options, from now on.

    Its connections have negative ids. A fault that ends public streams ends the recording too:
    what a client could not have heard is not in it.
    """

    def __init__(self, venue: Venue, write: Callable[[bytes], object], now_ns: int) -> None:
        """``write`` takes one line at a time, its newline included."""
        self._write = write
        self._start_ns = venue.venue_ms(0) * NS_PER_MS
        self._paths: dict[int, str] = {}
        for category in Category:
            topics = [
                topic
                for one in venue.instruments
                if one.category is category is not Category.OPTION
                for topic in topics_of(category, one.symbol)
            ]
            if topics:
                self._listen(venue, category, topics, now_ns)

    def _listen(self, venue: Venue, category: Category, topics: list[str], now_ns: int) -> None:
        conn_id, path = -1 - len(self._paths), f"/v5/public/{category.text}"
        if not venue.ws_open(conn_id, path, now_ns):
            return
        self._paths[conn_id] = path
        for first in range(0, len(topics), _TOPICS_PER_REQUEST):
            request = {"op": "subscribe", "args": topics[first : first + _TOPICS_PER_REQUEST]}
            venue.ws_message(conn_id, json.dumps(request).encode(), now_ns)

    def take(self, due: Due) -> bool:
        """Write down what is for the recorder; False when it is for somebody else."""
        output = due.output
        if not isinstance(output, WsSend | WsClose | WsReset):
            return False
        path = self._paths.get(output.conn_id)
        if path is None:
            return False
        if isinstance(output, WsSend) and output.data.startswith(_TOPIC):
            self._write(line_of(self._start_ns + due.at_ns, path, output.data))
        return True
