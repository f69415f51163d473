"""What faults do: to replies, to order books as told, to the condition of the venue."""
