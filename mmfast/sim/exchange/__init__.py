"""The trading floor, and how a request becomes an order on it: read, check, enter."""
