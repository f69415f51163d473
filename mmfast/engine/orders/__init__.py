"""What is ours: orders and all they may still become, positions, and what of it is in doubt."""
