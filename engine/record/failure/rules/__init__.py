"""Why a call fails: a rule for each kind of operation, and changes that make it work."""
