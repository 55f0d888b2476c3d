"""What is known of the names of one step's axes beside the names: where they are from, and what speaks against them."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from engine.axes import symbol_for

_TWO = "Axis {axis} is called {first} ({first_source}) and {second} ({second_source})."
_RANK = "The comment ({comment}) names {named} axes, but this tensor of shape ({shape}) has {rank}."
_NUMBER = "The comment ({comment}) can't be true of shape ({shape}): it says {word} where there are {size}."
_TWICE = "The comment ({comment}) can't be true of shape ({shape}): {word} would be both {first} and {second}."
_SETTING = "The comment ({comment}) can't be true of shape ({shape}): {word} is {value} in this module, not {size}."
_ELSEWHERE = (
    "The comment ({comment}) can't be true of shape ({shape}): {word} is the axis of {value} here ({origin}), "
    "not that of {size}."
)
_HINT = "The comment ({comment}) gives {word} {size} entries, a comment before it in the same function {first}."
_HINT_PATTERN = re.compile(re.sub(r"\\\{\w+\\\}", ".*", re.escape(_HINT)))
_OPERATORS: Mapping[type, Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.floordiv,
    ast.FloorDiv: operator.floordiv,
}


@dataclass(frozen=True)
class AxisDisagreement:
    """Two names that the program gives to one axis.

    Attributes:
        axis: which axis, from 0.
        names: the name that is shown, and the other.
        sources: where each is from.
    """

    axis: int
    names: tuple[str, str]
    sources: tuple[str, str]

    @property
    def sentence(self) -> str:
        """Both names with their sources, in words for people."""
        return _TWO.format(
            axis=self.axis, first=self.names[0], first_source=self.sources[0], second=self.names[1],
            second_source=self.sources[1],
        )  # fmt: skip


@dataclass(frozen=True)
class AxisNotes:
    """Where the names of a step's axes are from.

    Attributes:
        origins: by axis, in words for people; None for an axis without a name.
        disagreements: the axes to which the program gives two names.
        contradiction: what in the step's shape comment can't be true, or may not be, as a sentence; None for nothing.
    """

    origins: tuple[str | None, ...] = ()
    disagreements: tuple[AxisDisagreement, ...] = ()
    contradiction: str | None = None


def contradiction(words: Sequence[str], shape: Sequence[int], module: nn.Module | None) -> str | None:
    """The sentence that says which part of a comment can't be true, None where all of it may be.

    Args:
        words: the axes that the comment names.
        shape: the sizes of the tensor's axes.
        module: the module that was running; its own ``num_heads`` is what ``num_heads`` means in a comment there.
    """
    shown = {"comment": ", ".join(words), "shape": ", ".join(map(str, shape))}
    if len(words) != len(shape):
        return _RANK.format(**shown, named=len(words), rank=len(shape))
    sizes: dict[str, int] = {}
    for word, size in zip(words, shape, strict=True):
        if word.isdigit() and int(word) != size:
            return _NUMBER.format(**shown, word=word, size=size)
        if word.isidentifier() and sizes.setdefault(word, size) != size:
            return _TWICE.format(**shown, word=word, first=sizes[word], second=size)
    for word, size in zip(words, shape, strict=True):
        value = _setting(module, word)
        if value is not None and value != size:
            return _SETTING.format(**shown, word=word, value=value, size=size)
        computed = None if word.isidentifier() or word.isdigit() else _computed(word, sizes, module)
        if computed is not None and computed != size:
            return _NUMBER.format(**shown, word=f"{word} = {computed}", size=size)
    return None


def elsewhere(words: Sequence[str], shape: Sequence[int], axis: int, value: int, origin: str) -> str:
    """The sentence for a name that belongs to another axis of the tensor.

    Args:
        words: the axes that the comment names.
        shape: the sizes of the tensor's axes.
        axis: the one that has the name in the comment.
        value: the size of the axis that the name belongs to.
        origin: where that is known from.
    """
    return _ELSEWHERE.format(
        comment=", ".join(words), shape=", ".join(map(str, shape)), word=words[axis], value=value, origin=origin,
        size=shape[axis],
    )  # fmt: skip


def hint(words: Sequence[str], word: str, size: int, first: int) -> str:
    """The sentence for a symbol that has two sizes in one function.

    Args:
        words: the names that the function gives its axes.
        word: the symbol.
        size: the size that it has here.
        first: the size that it had before.

    Returns:
        The sentence.
    """
    return _HINT.format(comment=", ".join(words), word=word, size=size, first=first)


def is_hint(sentence: str) -> bool:
    """Whether a sentence about a comment is that of ``hint``: both sizes may be right."""
    return _HINT_PATTERN.fullmatch(sentence) is not None


def _setting(module: nn.Module | None, word: str) -> int | None:
    """The size that a word of the field has as a setting of the module or of its config."""
    if module is None or len(word) == 1 or not word.isidentifier() or symbol_for(word) is None:
        return None
    for holder in (module, getattr(module, "config", None)):
        value = getattr(holder, word, None)
        if type(value) is int:
            return value
    return None


def _computed(text: str, sizes: Mapping[str, int], module: nn.Module | None) -> int | None:
    """The value of ``3*D`` or ``L+1``, None where something in it is not known."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        return None

    def value(node: ast.expr) -> int | None:
        match node:
            case ast.Constant(value=int(number)):
                return number
            case ast.Name(id=name):
                return sizes.get(name, _setting(module, name))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                first, second = value(left), value(right)
                if first is None or second is None or (isinstance(op, ast.Div | ast.FloorDiv) and second == 0):
                    return None
                return int(_OPERATORS[type(op)](first, second))
        return None

    return value(tree)
