"""What has happened: replies, streams and readings, told to orders and positions."""
