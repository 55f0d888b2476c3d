"""What a step's numbers can be, known from its operation alone: whether any of them could be below 0."""

from __future__ import annotations

from torch import Tensor

from engine.ops import movement
from engine.record.trace import Leaf, Step

# Operations whose result is never below 0, whatever they read.
_NEVER_BELOW = frozenset(
    ("softmax", "sigmoid", "relu", "exp", "var", "std", "abs", "norm", "square", "sqrt", "rsqrt", "ones", "zeros")
)
# Operations whose result is not below 0 where nothing that they read is.
_KEEP = frozenset(
    (
        "add",
        "mul",
        "div",
        "matmul",
        "bmm",
        "sum",
        "mean",
        "cumsum",
        "contiguous",
        "to",
        "clone",
        "dropout",
        "stack",
        "cat",
    )
)
_DEEPEST = 12  # steps that are followed back


def is_never_negative(step: Step) -> bool:
    """Whether no number of a step could be below 0, by what the operation is and not by the numbers of this run.

    Args:
        step: any step. NaN does not count as below 0.
    """
    return _never_negative(step, _DEEPEST)


def _never_negative(parent: Step | Leaf, left: int) -> bool:
    if isinstance(parent, Leaf):
        # Parameters and inputs may be anything; what was made of numbers in the call is what it is.
        return parent.kind == "argument" and _is_number(parent.value) and parent.value >= 0
    if parent.op in _NEVER_BELOW:
        return True
    if parent.op == "pow":
        exponent = parent.arguments[0].value if parent.arguments else None
        return isinstance(exponent, (int, float)) and exponent % 2 == 0
    if not left:
        return False
    if parent.op in ("add", "mul", "div"):
        return all(_never_negative(read, left - 1) for read in parent.parents)
    if parent.op in _KEEP or (movement(parent.op) is not None and parent.op != "setitem"):
        return bool(parent.inputs) and all(
            _never_negative(read, left - 1) for read in parent.inputs if not _is_bool(read.value)
        )
    return False


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_bool(value: Tensor) -> bool:
    return not value.is_floating_point()
