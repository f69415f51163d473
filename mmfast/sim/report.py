"""The audit's report: everything a venue knows of how it was used, as JSON-ready values."""

from __future__ import annotations

from mmfast.sim.audit import truth
from mmfast.sim.params import VenueParams
from mmfast.sim.rooms import UID, Rooms


def report_of(rooms: Rooms, params: VenueParams, venue_ms: int) -> dict[str, object]:
    """Counters, violations, budgets, faults, exposure, fills with mark-outs, and what is open."""
    return {
        "venue_ms": venue_ms,
        "seed": params.seed,
        "tier": params.tier,
        **rooms.audit.report(),
        "budgets": rooms.limits.report(UID),
        "address_limit": {
            "least_left": rooms.addresses.least_left(),
            "bans": rooms.addresses.bans,
        },
        "faults": rooms.faults.report(params.start_wall_ms),
        **rooms.ledger.report(),
        "positions": truth.positions(rooms.exchange, UID),
        "digest": truth.state_digest(rooms.exchange, UID),
    }
