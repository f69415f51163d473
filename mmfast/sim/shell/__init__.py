"""What touches the world besides the server: timer, raw sockets, recorder, control endpoint."""
