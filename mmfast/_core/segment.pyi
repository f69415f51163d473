"""Several websocket messages of a client as one run of bytes, for one write."""

def segment(messages: list[bytes], keys: bytes) -> bytes:
    """Each message as one whole text frame, masked with its own four bytes of ``keys`` (RFC 6455,
    section 5). ValueError if there are more or fewer of them; TypeError for what is no bytes."""
