"""Somebody's own code: the text, its inputs, what it is called with, and what its run showed."""
