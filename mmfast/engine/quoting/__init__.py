"""What is wanted: quotes round a fair price, and the commands that would make them so."""
