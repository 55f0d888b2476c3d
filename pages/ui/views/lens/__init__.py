"""What the page says of a step beside its tensors: the lab about it, and what failed."""
