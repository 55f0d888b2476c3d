"""Today's Transformers, a file each, and what they share."""
