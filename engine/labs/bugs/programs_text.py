"""The bug lab's experiment to copy: its script, with the programs that it imports written out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

from engine.labs.bugs import SublayerSizes, sublayer
from engine.labs.bugs.mistakes import MISTAKES, text_of
from engine.labs.script_text import fill_in, replace_statements

_SCRIPT = Path(__file__).with_name("script.py")
_IMPORTS = "import math\n\nimport torch\nfrom torch import Tensor, nn"
_DOCSTRING = re.compile(r'\n +""".*?"""\n', re.DOTALL)


def code(mistake: int, sizes: SublayerSizes) -> str:
    """Both programs on the weights and words of the lab; prints their largest difference, or the error.

    Args:
        mistake: an index into ``MISTAKES``.
        sizes: of the experiment.
    """
    crossed = MISTAKES[mistake].crossed
    length_k = sizes.source if crossed else sizes.length
    text = fill_in(
        _SCRIPT,
        B=sizes.batch,
        L=sizes.length,
        L_k=length_k,
        H=sizes.heads,
        d_k=sizes.d_k,
        most_padding=min(sizes.padding, length_k - 1),
        crossed=crossed,
    )
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


def _without_docstrings(definition: type | Callable[..., object]) -> str:
    """The text of a class or function, without what is written for readers of this project."""
    return _DOCSTRING.sub("\n", inspect.getsource(definition))
