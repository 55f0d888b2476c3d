"""Where a trace comes from, and the cache that keeps it."""
