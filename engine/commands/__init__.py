"""Commands of the command line beside ``run``: each reads its words, and returns the exit status."""
