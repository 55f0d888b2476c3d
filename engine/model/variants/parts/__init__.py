"""What several of the variants are made of."""
