"""A trace as a graph, and the parts and stages of a model."""
