"""The bug lab's experiment as a script: the right program, the wrong one, and how far they are apart."""

from __future__ import annotations

import inspect
import re

from engine.labs.bugs import Sizes
from engine.labs.bugs.mistakes import MISTAKES, text_of
from engine.labs.word_order import sublayer

_DOCSTRING = re.compile(r'\n +""".*?"""\n', re.DOTALL)


def code(mistake: int, sizes: Sizes) -> str:
    """Both programs on the very weights and words of the lab; prints their largest difference, or the error."""
    made = MISTAKES[mistake]
    keys = sizes.source if made.crossed else sizes.length
    x = "memory" if made.crossed else "x"
    future = "None" if made.crossed else "torch.ones(L, L, dtype=torch.bool).triu(diagonal=1)"
    right = text_of(None).replace("def attention", "def right")
    wrong = text_of(made).replace("def attention", "def wrong")
    return f"""\
import math
import torch
from torch import Tensor, nn


{_bare(sublayer.Sublayer)}

{_bare(sublayer.inputs)}

{right}

{wrong}

B, L, L_k, H, d_k = {sizes.batch}, {sizes.length}, {keys}, {sizes.heads}, {sizes.d_k}
layer = Sublayer(H, d_k, seed=0)
x, memory, padding = inputs(B, L, L_k, H * d_k, most_padding={min(sizes.padding, keys - 1)}, seed=0)
future = {future}

with torch.no_grad():
    good = right(layer, x, {x}, padding, future)
    try:
        bad = wrong(layer, x, {x}, padding, future)
        print(f"largest difference {{(good - bad).abs().max().item():.4g}}")
    except RuntimeError as error:
        print(error)
"""


def _bare(thing: object) -> str:
    """The text of a class or function, without what explains it to those who read this house."""
    return _DOCSTRING.sub("\n", inspect.getsource(thing)).rstrip() + "\n"  # type: ignore[arg-type]
