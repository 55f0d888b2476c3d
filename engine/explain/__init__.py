"""One element of a trace, and the terms that made it; what must hold of a step."""
