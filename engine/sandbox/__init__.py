"""A person's code in a process of its own: ``run_code.run_code`` runs it, and gives a trace file and how it ended."""
