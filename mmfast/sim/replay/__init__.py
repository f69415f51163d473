"""Another day's market from a recording: its format, and how it drives the books."""
