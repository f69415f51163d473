"""The faults there are: names, parameters, bounds, and schedules of them."""
