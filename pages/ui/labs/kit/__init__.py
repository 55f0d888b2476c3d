"""What all labs are made of."""
