"""The bug lab's experiment to copy: its script, with the programs that it imports written out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

from engine.labs.bugs import SublayerSizes, other_sizes, sublayer
from engine.labs.bugs.mistakes import MISTAKES, text_of
from engine.labs.script_text import fill_in, replace_statements

_SCRIPT = Path(__file__).with_name("script.py")
_IMPORTS = "import math\n\nimport torch\nfrom torch import Tensor, nn"
_DOCSTRING = re.compile(r'\n +""".*?"""\n', re.DOTALL)


def code(mistake: int, sizes: SublayerSizes) -> str:
    """Both programs on the weights and words of the lab; prints their largest difference, or the error, and then what
    it is with other sizes.

    Args:
        mistake: an index into ``MISTAKES``.
        sizes: of the experiment.
    """
    crossed = MISTAKES[mistake].crossed
    names = ("B", "L", "L_k", "H", "d_k", "most_padding")
    others = {name: _in_order(other, crossed) for name, other in other_sizes(mistake, sizes)}
    values = dict(zip(names, _in_order(sizes, crossed), strict=True))
    text = fill_in(_SCRIPT, **values, crossed=crossed, others=others)
    programs = (
        _without_docstrings(sublayer.Sublayer),
        _without_docstrings(sublayer.inputs),
        text_of(None).replace("def attention", "def right"),
        text_of(MISTAKES[mistake]).replace("def attention", "def wrong"),
    )
    written_out = {
        **dict.fromkeys(("Sublayer", "inputs", "right", "MISTAKES", "program"), ""),
        "torch": _IMPORTS,
        "wrong": "\n\n" + "\n\n".join(programs) + "\n\n",
    }
    return re.sub("\n{4,}", "\n\n\n", replace_statements(text, written_out)).lstrip()


def _in_order(sizes: SublayerSizes, crossed: bool) -> tuple[int, ...]:
    """Batch, length, length of the keys, heads, d_k and most padding."""
    keys = sizes.source if crossed else sizes.length
    return sizes.batch, sizes.length, keys, sizes.heads, sizes.d_k, min(sizes.padding, keys - 1)


def _without_docstrings(definition: type | Callable[..., object]) -> str:
    """The text of a class or function, without what is written for readers of this project."""
    return _DOCSTRING.sub("\n", inspect.getsource(definition))
