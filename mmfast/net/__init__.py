"""The only sockets of the trading side: pooled REST, websocket streams, and the order gateway."""
