"""Websockets, sans-IO: sessions and the public, private and trade desks."""
