"""Seeded simulation: the whole engine on virtual time against the venue, with faults and checks."""
