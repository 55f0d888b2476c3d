"""The texts to begin with: a working attention, the exercise, and three that fail in the classic ways.

They are shown and run as texts, in the process of people's own code, and imported by nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Name in the list → the sentence on it.
EXAMPLES: Mapping[str, str] = {
    "attention": "A working attention",
    "exercise": "The exercise: write multi-head attention",
    "keys_not_transposed": "Fails: scores of queries and keys",
    "view_after_transpose": "Fails: heads put back together",
    "mask_without_heads": "Fails: a padding mask",
}
FIRST = "attention"
# Name of an example that is the working attention but for one expression → that expression, and what stands for it.
_MISTAKES: Mapping[str, tuple[str, str]] = {
    "keys_not_transposed": ("q @ k.transpose(-2, -1)", "q @ k"),
    "view_after_transpose": ("mixed.transpose(1, 2).reshape(B, L, D)", "mixed.transpose(1, 2).view(B, L, D)"),
}


def example_text(name: str) -> str:
    """The text of an example, which runs alone as a script.

    Args:
        name: one of ``EXAMPLES``.
    """
    if name in _MISTAKES:
        right, wrong = _MISTAKES[name]
        return example_text(FIRST).replace(right, wrong)
    return (Path(__file__).parent / f"{name}.py").read_text("utf-8")
