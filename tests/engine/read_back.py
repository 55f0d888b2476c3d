"""Printed arithmetic read as a person reads it: the digits on the screen, and nothing else."""

from __future__ import annotations

import math
import re
import statistics
import warnings

import numpy as np

_NUMBER = r"(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|inf|nan)"
_FRACTION = r"\d+(?:\.\d+(?:e[+-]?\d+)?|e[+-]?\d+)"
_ATOM = rf"(?:\([^()]*\)|{_NUMBER})"
_FUNCTIONS = {
    "sqrt": np.sqrt,
    "exp": np.exp,
    "ln": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "abs": abs,
    "floor": lambda x: np.floor(x) if math.isfinite(x) else np.float64("nan"),  # torch's own rule
    "trunc": np.trunc,
    "Phi": lambda x: statistics.NormalDist().cdf(float(x)) if math.isfinite(x) else float(x > 0),
    "max": lambda *row: max(row, key=lambda x: math.inf if math.isnan(x) else x),
    "min": lambda *row: min(row, key=lambda x: -math.inf if math.isnan(x) else x),
    "N": np.float64,
    "inf": np.float64("inf"),
    "nan": np.float64("nan"),
    "pi": math.pi,
}
# ((−1.3)), / (1), max((−2), 3) and |(−2)|
_NEEDLESS = re.compile(r"\(\([^()]*\)\)|[/·] \([\d.]+\)|[(,] ?\(−[^()]*\)[,)]|\|\(")
_REWRITTEN = (
    (r"−", "-"),
    (r"∞", "inf"),
    (r"NaN", "nan"),
    (r"\d+ (?:smaller|other) terms (\(.*?\))", r"\1"),
    (r"½", "0.5"),
    (r"2/π", "0.63661977236758134"),
    (r", …", ""),
    (rf"e\^(-?{_ATOM})", r"exp(\1)"),
    (r"√(?=\()", "sqrt"),
    (rf"√({_NUMBER})", r"sqrt(\1)"),
    (rf"\b(ln|sin|cos|tanh) ({_NUMBER})", r"\1(\2)"),
    (r"\b(ln|sin|cos|tanh) (?=\()", r"\1"),
    (r"Φ", "Phi"),
    (r"\|(.*)\|", r"abs(\1)"),
    (r"⌊(.*)⌋", r"floor(\1)"),
    (r"\[(.*)\]", r"trunc(\1)"),
    (r"²", "**2"),
    (r"³", "**3"),
    (r"\^", "**"),
    (r"·", "*"),
    (r" mod ", " % "),
    (r"≠", "!="),
    (r" (?:or else|xor) ", " @ "),  # not yet ^, which is a power here
    (r" and ", " & "),
    (r" or ", " | "),
    (r" @ ", " ^ "),
)


def sides(arithmetic: str) -> tuple[str, str, str]:
    """Left side, sign and right side of ``= 1.5 · 2 = 3``; the left side is empty where only a number stands."""
    alone = re.fullmatch(r"= (\S+)", arithmetic)
    return ("", "", alone[1]) if alone else re.fullmatch(r"= (.+) (=|≈|≠) (\S+)", arithmetic).groups()


def come_to(left: str) -> float:
    """What the digits on the left side come to, in float64."""
    for pattern, replacement in _REWRITTEN:
        left = re.sub(pattern, replacement, left)
    # Whole numbers stay exact, unless something may be divided by 0.
    wanted = _NUMBER if "/" in left or "**" in left else _FRACTION
    left = re.sub(rf"(?<![\w.]){wanted}(?![\w.])", lambda numeral: f"N({numeral[0]})", left)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return eval(left, {"__builtins__": {}}, _FUNCTIONS)


def shows(result: str, value: float, digits: int = 6) -> bool:
    """Whether a number, rounded to the digits that are shown of the result, is the result."""
    result = result.replace("−", "-").replace("∞", "inf")
    if result in ("True", "False"):
        return str(bool(value)) == result
    if math.isnan(float(result)) or math.isnan(value):
        return math.isnan(float(result)) and math.isnan(value)
    if isinstance(value, int | np.bool_):
        return int(result) == value if re.fullmatch(r"-?\d+", result) else math.isclose(float(result), value)
    return float(f"{value:.{digits}g}") == float(result)


def misprint(arithmetic: str) -> str:
    """What is wrong with printed arithmetic; nothing where it adds up by eye or says ≈."""
    if _NEEDLESS.search(re.sub(r"terms \(.*?\)", "", arithmetic)):
        return f"brackets for nothing: {arithmetic}"
    if re.search(r"\di(?!\w)", arithmetic):
        return ""  # this reads back real numbers only
    left, sign, result = sides(arithmetic)
    if not left or sign == "≈":
        return ""
    value = come_to(left)
    return "" if shows(result, value) else f"{arithmetic}, but the digits shown come to {value!r}"
