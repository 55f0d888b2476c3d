"""Numbers brought to a common scale, and how large they are together."""
