"""How far an answer is from what it should be."""
