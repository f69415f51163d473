"""The control endpoint: what tests and operators on this machine may ask of a running venue.

Sans-IO: the shell hands over method, path, query and body, and writes what comes back as JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from mmfast.errors import ConfigError
from mmfast.sim.fault_terms.kinds import KINDS
from mmfast.sim.fault_terms.schedule import read_schedule
from mmfast.sim.venue import Venue
from mmfast.units import NS_PER_S

PREFIX: Final = "/control/"
MAX_SECONDS: Final = 3600.0


class ControlReply(NamedTuple):
    """HTTP status and a JSON-ready body."""

    status: int
    body: object


class Control:
    """The calls on one venue. ``cut_off`` begins an outage that lasts until an instant."""

    __slots__ = ("_calls", "_cut_off", "_venue")

    def __init__(self, venue: Venue, cut_off: Callable[[int], None]) -> None:
        self._venue = venue
        self._cut_off = cut_off
        self._calls: dict[tuple[str, str], Callable[[str, bytes, int], ControlReply]] = {
            ("GET", "/control/state"): self._state,
            ("GET", "/control/report"): self._report,
            ("GET", "/control/faults"): self._faults,
            ("POST", "/control/faults"): self._arm,
            ("DELETE", "/control/faults"): self._clear,
            ("POST", "/control/outage"): self._outage,
            ("POST", "/control/freeze_feed"): self._freeze,
        }

    def answer(self, method: str, path: str, query: str, body: bytes, now_ns: int) -> ControlReply:
        """Answer one call; the venue must have been advanced to ``now_ns``."""
        call = self._calls.get((method, path))
        if call is None:
            known = ", ".join(f"{verb} {where}" for verb, where in self._calls)
            return _refusal(404, f"expected one of {known}, found {method} {path}")
        return call(query, body, now_ns)

    def _state(self, _query: str, _body: bytes, now_ns: int) -> ControlReply:
        venue = self._venue
        state = {
            "venue_ms": venue.venue_ms(now_ns),
            "open_orders": venue.open_orders(),
            "positions": venue.positions(),
            "digest": venue.state_digest(),
            "websockets": len(venue.sockets),
            **venue.audit.counters(),
        }
        return ControlReply(200, state)

    def _report(self, _query: str, _body: bytes, now_ns: int) -> ControlReply:
        return ControlReply(200, self._venue.report(now_ns))

    def _faults(self, _query: str, _body: bytes, _now_ns: int) -> ControlReply:
        return ControlReply(200, {"faults": self._venue.fault_report(), "kinds": list(KINDS)})

    def _arm(self, _query: str, body: bytes, now_ns: int) -> ControlReply:
        """Load a schedule (YAML or JSON); its times count from now."""
        try:
            ids = self._venue.arm(read_schedule(body), now_ns)
        except ConfigError as error:
            mistakes = [{"path": path, "error": text} for path, text in error.faults]
            return ControlReply(400, {"error": "nothing was loaded", "mistakes": mistakes})
        return ControlReply(200, {"ids": ids})

    def _clear(self, _query: str, _body: bytes, now_ns: int) -> ControlReply:
        self._venue.clear_faults(now_ns)
        return ControlReply(200, {"faults": self._venue.fault_report()})

    def _outage(self, query: str, _body: bytes, now_ns: int) -> ControlReply:
        return self._for_a_while(query, now_ns, self._cut_off)

    def _freeze(self, query: str, _body: bytes, now_ns: int) -> ControlReply:
        return self._for_a_while(query, now_ns, self._venue.freeze_feed)

    def _for_a_while(self, query: str, now_ns: int, act: Callable[[int], None]) -> ControlReply:
        seconds = _seconds(query)
        if seconds is None:
            return _refusal(400, f"expected ?seconds=N, 0 to {MAX_SECONDS:.0f}")
        until_ns = now_ns + int(seconds * NS_PER_S)
        act(until_ns)
        return ControlReply(200, {"until_venue_ms": self._venue.venue_ms(until_ns)})


def _refusal(status: int, text: str) -> ControlReply:
    return ControlReply(status, {"error": text})


def _seconds(query: str) -> float | None:
    """``seconds`` of a control call; None unless it is a plain number in range."""
    try:
        seconds = float(parse_qs(query)["seconds"][0])
    except (KeyError, ValueError):
        return None
    return seconds if 0 <= seconds <= MAX_SECONDS else None
