"""The axes in the patterns of einops: ``rearrange(x, "b l (h d) -> b h l d", h=4)``."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from engine.axes import symbol_for
from engine.record.axis_names.labels import ONE, Label

_CALLS = frozenset(("rearrange", "reduce", "repeat"))
_GROUP = re.compile(r"\(([^()]*)\)|(\S+)")


def einops_pattern(node: ast.AST) -> tuple[str, str] | None:
    """The two sides of the pattern of an einops call, None for another call."""
    if not isinstance(node, ast.Call):
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    given = next((item.value for item in node.keywords if item.arg == "pattern"), None)
    pattern = given if given is not None else node.args[1] if len(node.args) > 1 else None
    if name not in _CALLS or not isinstance(pattern, ast.Constant) or not isinstance(pattern.value, str):
        return None
    left, arrow, right = pattern.value.partition("->")
    return (left, right) if arrow else None


def pattern_labels(side: str, shape: Sequence[int], known: Mapping[str, int]) -> Iterator[tuple[Label, bool] | None]:
    """By axis the label that one side of a pattern gives it and whether it is vague; none where they don't fit.

    Args:
        side: one side, ``b l (h d)``.
        shape: the sizes of the tensor's axes.
        known: the sizes of letters, as far as they are known from elsewhere.
    """
    groups = _groups(side)
    if "..." in side or len(groups) != len(shape):
        return
    for names, size in zip(groups, shape, strict=True):
        sizes = [1 if name == "1" else known.get(name) for name in names]
        if sizes.count(None) == 1:
            rest = math.prod(item for item in sizes if item is not None)
            sizes = [size // rest if item is None and rest else item for item in sizes]
        if not names:
            yield ONE, False
        elif None in sizes or math.prod(item or 1 for item in sizes) != size:
            yield None
        else:
            factors = tuple((_symbol(name), item or 1) for name, item in zip(names, sizes, strict=True))
            yield Label(factors), any(len(name) == 1 and symbol_for(name) is None for name in names)


def letter_sizes(side: str, shape: Sequence[int]) -> dict[str, int]:
    """The sizes of the letters that stand alone on one side of a pattern."""
    groups = _groups(side)
    if "..." in side or len(groups) != len(shape):
        return {}
    return {names[0]: size for names, size in zip(groups, shape, strict=True) if len(names) == 1}


def _groups(side: str) -> list[list[str]]:
    return [(group if group is not None and not single else single).split() for group, single in _GROUP.findall(side)]


def _symbol(name: str) -> str:
    return symbol_for(name) or name
