"""Checks that take minutes: ``python -m tests.long`` runs them whole, the test suite a twentieth of each or less."""
