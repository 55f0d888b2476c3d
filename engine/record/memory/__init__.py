"""What a tensor is after its memory was written to under another name."""
