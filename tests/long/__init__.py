"""Checks that take minutes: ``python -m tests.long`` runs them whole, the test suite runs a twentieth of each."""
