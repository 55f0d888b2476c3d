"""How every test here runs."""

import os

from hypothesis import settings

# Several tests run at once: threads of their own would have them wait for each other. Read when torch is loaded, here
# and in what tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says more about what else the machine does than about what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
