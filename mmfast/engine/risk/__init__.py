"""What may be: limits, stops, breakers, and whether an instrument may be quoted at all."""
