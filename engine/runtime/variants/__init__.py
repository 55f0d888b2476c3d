"""Runs of today's Transformers, and what they cost at their real sizes."""
