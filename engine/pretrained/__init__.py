"""The trained weights, what they were trained on, and how well they answer."""
