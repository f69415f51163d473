"""What leaves now, and in which requests: budgets, worth, packing, sending order."""
