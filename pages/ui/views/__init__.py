"""One file a screen, with its cards."""
