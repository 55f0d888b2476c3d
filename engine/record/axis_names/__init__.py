"""Names the axes of a recording's tensors from what the program says, and carries the names along the data."""
