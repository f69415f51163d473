"""What an account owns and is shown: coins, positions, margin, and the private events of a step."""
