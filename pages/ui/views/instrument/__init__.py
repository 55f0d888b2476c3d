"""The front page, the instrument: the strip of a block, and the chosen step opened below it."""
