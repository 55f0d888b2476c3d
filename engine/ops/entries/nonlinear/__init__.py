"""Activation functions, and dropout."""
