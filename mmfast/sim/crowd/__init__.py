"""Who else trades: seeded participants round a price nobody sees."""
