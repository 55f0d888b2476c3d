"""How numbers, elements and sums are written: in a formula, in its arithmetic, and in a sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from torch import Tensor

from engine.ops.call import Operand

_SHOWN = 3  # terms of a long sum that are written out
_LETTERS = "jikln"


def number(value: float, digits: int = 4) -> str:
    """A number to so many significant digits: −0.3101, 2e−05, −∞, NaN; booleans and whole numbers as such."""
    if isinstance(value, bool | int):
        return str(value).replace("-", "−")
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.{digits}g}".replace("-", "−")


def format_operand(value: float, digits: int = 4) -> str:
    """A number inside a formula, where a sign needs brackets."""
    text = number(value, digits)
    return f"({text})" if text.startswith("−") else text


def formula_name(operand: Operand) -> str:
    """What a formula calls a tensor: a step by its name, a parameter by the last part of its path."""
    return operand.name if operand.kind == "step" else operand.name.rpartition(".")[2]


def sentence_name(operand: Operand) -> str:
    """What a sentence calls a tensor: a step by its name, a parameter by its module and its own name."""
    return operand.name if operand.kind == "step" else ".".join(operand.name.split(".")[-2:])


def format_element(operand: Operand, index: Sequence[int | str]) -> str:
    """An element by its index, ``scores[0,1,2,3]``; a letter stands for an axis that is summed over."""
    if operand.kind == "argument":
        return format_operand(operand.value)
    return f"{formula_name(operand)}[{','.join(map(str, index))}]" if index else formula_name(operand)


def index_letters(symbols: Sequence[str | None]) -> tuple[str, ...]:
    """The letters that run over the axes of a sum: d over features, j over anything else."""
    if len(symbols) == 1:
        symbol = symbols[0]
        return ("d" if symbol is None or "d_" in symbol else "j",)
    return tuple(_LETTERS[place % len(_LETTERS)] for place in range(len(symbols)))


def joined_terms(terms: Iterable[str]) -> str:
    """Terms with a sign between them: 0.5 − 0.25 + 1."""
    return "".join(
        term if place == 0 else f" − {term[1:]}" if term.startswith("−") else f" + {term}"
        for place, term in enumerate(terms)
    )


def format_sum(amounts: Tensor, write: Callable[[int], str]) -> str:
    """A sum of these amounts, each written by its position; nothing at all adds up to 0.

    Up to four come in their own order. Of more, only the three largest by magnitude, NaN and infinities before all,
    then how many others there are and what those come to.
    """
    count = amounts.numel()
    if count <= _SHOWN + 1:
        return joined_terms(map(write, range(count))) or "0"
    sizes = amounts.double().abs().nan_to_num(nan=math.inf, posinf=math.inf)
    top, places = sizes.topk(_SHOWN + 1)
    others = amounts.clone()
    others[places[:_SHOWN]] = 0
    # Where the next one is as large, calling it smaller would be wrong.
    kind = "smaller" if top[_SHOWN] < top[_SHOWN - 1] else "other"
    rest = f"{count - _SHOWN} {kind} terms ({number(others.sum().item())})"
    return joined_terms([*map(write, places[:_SHOWN].tolist()), rest])
