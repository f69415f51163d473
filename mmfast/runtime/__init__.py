"""The asyncio shell: performs the work that the pure parts return."""
