"""How numbers, elements and sums are written: in a formula, in its arithmetic, and in a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from engine.ops.call import Operand

_LETTERS = "jikln"


def number(value: float | complex, digits: int = 4) -> str:
    """A number to so many significant digits: −0.3101, 2e−05, −∞, NaN, 1 − 2i; booleans and whole numbers as such."""
    if isinstance(value, complex):
        return f"{joined_terms(number(part, digits) for part in (value.real, value.imag))}i"
    if isinstance(value, bool | int):
        return str(value).replace("-", "−")
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.{digits}g}".replace("-", "−")


def rounded(value: float | complex, digits: int) -> float | complex:
    """The number that ``number`` writes with so many digits."""
    if isinstance(value, complex):
        return complex(float(f"{value.real:.{digits}g}"), float(f"{value.imag:.{digits}g}"))
    return value if isinstance(value, bool | int) else float(f"{value:.{digits}g}")


def given(value: float) -> str:
    """A number that somebody wrote in a call, as exactly as they wrote it."""
    finite = isinstance(value, float) and math.isfinite(value) and not value.is_integer()
    return repr(value).replace("-", "−") if finite else number(value)


def format_operand(value: float, digits: int = 4) -> str:
    """A number inside a formula, where a sign needs brackets."""
    text = number(value, digits)
    return f"({text})" if text.startswith("−") or isinstance(value, complex) else text


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
    return tuple(_LETTERS[axis % len(_LETTERS)] for axis in range(len(symbols)))


def joined_terms(terms: Iterable[str]) -> str:
    """Terms with a sign between them: 0.5 − 0.25 + 1."""
    return "".join(
        term if position == 0 else f" − {term[1:]}" if term.startswith("−") else f" + {term}"
        for position, term in enumerate(terms)
    )
