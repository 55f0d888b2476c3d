"""The operations that are known, one entry each, in the module of its kind."""
