"""How much a client may send and open: budgets per endpoint, tiers, connections."""
