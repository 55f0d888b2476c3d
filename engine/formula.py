"""How numbers, elements and sums are written: in a formula, in its arithmetic, and in a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from engine.trace import Leaf, Step, Trace

_LETTERS = "jikln"


def number(value: float | complex, digits: int = 4) -> str:
    """A number to so many significant digits: −0.3101, 2e−05, −∞, NaN, 1 − 2i; booleans and whole numbers as such."""
    if isinstance(value, complex):
        return f"{joined(number(part, digits) for part in (value.real, value.imag))}i"
    if isinstance(value, bool | int):
        return str(value).replace("-", "−")
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.{digits}g}".replace("-", "−")


def rounded(value: float, digits: int) -> float:
    """The number that ``number`` writes with so many digits."""
    return value if isinstance(value, bool | int) else float(f"{value:.{digits}g}")


def given(value: float) -> str:
    """A number that somebody wrote in a call, as exactly as they wrote it."""
    finite = isinstance(value, float) and math.isfinite(value) and not value.is_integer()
    return repr(value).replace("-", "−") if finite else number(value)


def operand(value: float, digits: int = 4) -> str:
    """A number inside a formula, where a sign needs brackets."""
    text = number(value, digits)
    return f"({text})" if text.startswith("−") else text


def name(parent: Step | Leaf) -> str:
    """What a formula calls a tensor: a step by its name, a parameter by the last part of its path."""
    return parent.name if isinstance(parent, Step) else parent.name.rpartition(".")[2]


def called(parent: Step | Leaf) -> str:
    """What a sentence calls a tensor: a step by its name, a parameter by its module and its own name."""
    return parent.name if isinstance(parent, Step) else ".".join(parent.name.split(".")[-2:])


def element(parent: Step | Leaf, index: Sequence[int | str]) -> str:
    """An element by its index, ``scores[0,1,2,3]``; a letter stands for an axis that is summed over."""
    if isinstance(parent, Leaf) and parent.kind == "argument":
        return operand(parent.value)
    return f"{name(parent)}[{','.join(map(str, index))}]" if index else name(parent)


def pointed(trace: Trace, parent: Step | Leaf, index: Sequence[int | None]) -> str:
    """An element by the names of its axes, ``scores[B=0, H=1, S=2 “go”, S=3 “home”]``; None stands for all of one."""
    if isinstance(parent, Leaf) and parent.kind == "argument":
        return number(parent.value)
    axes = parent.axes if isinstance(parent, Step) else (None,) * len(index)
    places = []
    for symbol, place in zip(axes, index, strict=True):
        if place is None:
            places.append(f"every {symbol}" if symbol else "every")
            continue
        word = token(trace, axes, index, symbol, place)
        # An axis "1" has a single entry, and nothing to be named.
        named = f"{symbol}={place}" if symbol and symbol != "1" else str(place)
        places.append(f"{named} “{word}”" if word else named)
    return f"{called(parent)}[{', '.join(places)}]" if places else called(parent)


def token(
    trace: Trace, axes: Sequence[str | None], index: Sequence[int | None], symbol: str | None, place: int
) -> str | None:
    """The token at a place along an axis of tokens, None where there is none to name."""
    words: Sequence[str | tuple[str, ...]] = trace.labels.get(symbol, ()) if symbol else ()
    if words and isinstance(words[0], tuple):  # one list of tokens for each sentence
        row = index[axes.index("B")] if "B" in axes else 0 if len(words) == 1 else None
        words = words[row] if row is not None and row < len(words) else ()
    word = words[place] if place < len(words) else None
    return word if isinstance(word, str) else None


def letters(symbols: Sequence[str | None]) -> tuple[str, ...]:
    """The letters that run over the axes of a sum: d over features, j over anything else."""
    if len(symbols) == 1:
        symbol = symbols[0]
        return ("d" if symbol is None or "d_" in symbol else "j",)
    return tuple(_LETTERS[place % len(_LETTERS)] for place in range(len(symbols)))


def sigma(running: Sequence[str]) -> str:
    """Σ over these letters: Σ_d, Σ_{j,i}."""
    return f"Σ_{running[0]}" if len(running) == 1 else f"Σ_{{{','.join(running)}}}" if running else "Σ"


def joined(terms: Iterable[str]) -> str:
    """Terms with a sign between them: 0.5 − 0.25 + 1."""
    return "".join(
        term if place == 0 else f" − {term[1:]}" if term.startswith("−") else f" + {term}"
        for place, term in enumerate(terms)
    )
