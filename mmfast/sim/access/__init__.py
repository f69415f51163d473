"""A client at the door: key and signature, calls, open websockets, disconnect protection."""
