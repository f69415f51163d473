"""Sans-IO codec of the Bybit v5 protocol: bytes to messages and messages to bytes."""
