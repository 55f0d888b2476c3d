"""Watches a program run and keeps what passed by: program in, trace out."""
