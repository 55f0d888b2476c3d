"""Activation functions, limits, and dropout."""
