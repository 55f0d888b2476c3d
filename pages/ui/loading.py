"""Loads torch with Python's cycle collector out of the way. Imported before everything that needs torch.

Loading makes some 200,000 objects that stay for good. The collector would go over them again and again while they are
made, and at every full collection from then on.
"""

from __future__ import annotations

import gc

gc.disable()
try:
    import torch  # noqa: F401
finally:
    gc.enable()
gc.freeze()
