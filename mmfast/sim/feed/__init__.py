"""Public market data: topics, their messages, and when each is due."""
