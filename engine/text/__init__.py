"""Text as token ids: words, or characters."""
