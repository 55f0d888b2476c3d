"""Watches a running program from outside and keeps the calls that pass by."""
