"""Loads torch, and the engine with it. Imported before everything that needs torch.

Loading makes some 200,000 objects that stay for good. Python's cycle collector would go over them again and again while
they are made, and at every full collection from then on.
"""

from __future__ import annotations

import gc
import sys

_INTERVAL = sys.getswitchinterval()

gc.disable()
sys.setswitchinterval(_INTERVAL / 10)  # the server sends its first visitor dozens of files meanwhile
try:
    import torch  # noqa: F401

    import engine  # noqa: F401
finally:
    sys.setswitchinterval(_INTERVAL)
    gc.enable()
gc.freeze()
