"""REST: the door, the routes, and one module for each group of calls."""
