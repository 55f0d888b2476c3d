"""The instrument: the sizes, and the strip of shapes that follows them."""
