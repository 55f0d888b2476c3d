"""What an operation was given, by the names of its parameters.

A step keeps its parents in the order of the call. Here the call is bound to the operation's signature, so that
``x.mean(-1, True)``, ``torch.mean(x, dim=-1, keepdim=True)`` and ``x.mean(axis=-1, keepdims=True)`` are one thing to
everything that asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.trace import Leaf, Step

UNARY = frozenset(
    [
        "sqrt",
        "rsqrt",
        "exp",
        "log",
        "sin",
        "cos",
        "tanh",
        "sigmoid",
        "relu",
        "gelu",
        "silu",
        "neg",
        "abs",
        "square",
        "reciprocal",
        "bitwise_not",
        "logical_not",
        "clamp",
    ]
)
ARITHMETIC = frozenset(["add", "sub", "mul", "div", "pow", "floordiv", "mod", "maximum", "minimum"])
COMPARISON = frozenset(["eq", "ne", "lt", "le", "gt", "ge"])
LOGIC = frozenset(["bitwise_and", "bitwise_or", "bitwise_xor", "logical_and", "logical_or", "logical_xor"])
BINARY = ARITHMETIC | COMPARISON | LOGIC
REDUCTION = frozenset(["sum", "mean", "var", "std", "amax", "amin"])
# The same cells in the same order, whatever the shape.
RESHAPING = frozenset(["view", "reshape", "flatten", "unflatten", "ravel", "view_as", "reshape_as"])
# The same cell at the same index; the dtype or the memory may be another.
COPYING = frozenset(["contiguous", "clone", "to", "detach", "data", "dropout"])
CONSTRUCTOR = frozenset(["arange", "ones", "zeros", "full", "ones_like", "zeros_like", "full_like"])

# A name that ends in ? may be left out; one that begins with * takes all that is left.
_SIGNATURES: Mapping[str, str] = {
    **dict.fromkeys(UNARY, "input"),
    **dict.fromkeys(BINARY, "input other"),
    **dict.fromkeys(RESHAPING, "input *rest"),
    **dict.fromkeys(COPYING, "input *rest"),
    **dict.fromkeys(CONSTRUCTOR, "*rest"),
    **dict.fromkeys(REDUCTION, "input dim? keepdim? *rest"),
    **dict.fromkeys(("var", "std"), "input dim? unbiased? keepdim?"),
    **dict.fromkeys(("ones_like", "zeros_like", "full_like"), "input value?"),
    **dict.fromkeys(("view_as", "reshape_as", "to"), "input other? *rest"),
    **dict.fromkeys(("triu", "tril"), "input diagonal?"),
    **dict.fromkeys(("softmax", "log_softmax"), "input dim? *rest"),
    **dict.fromkeys(("stack", "cat"), "*tensors dim?"),
    **dict.fromkeys(("T", "mT", "t"), "input"),
    "clamp": "input min? max?",
    "dropout": "input p? training? inplace?",
    "linear": "input weight bias?",
    "matmul": "input other",
    "embedding": "input weight *rest",
    "index_select": "input dim other",
    "getitem": "input other",
    "masked_fill": "input mask value",
    "where": "condition input other",
    "permute": "input *dims",
    "transpose": "input dim0 dim1",
    "unsqueeze": "input dim",
    "squeeze": "input *dims",
    "expand": "input *rest",
    "expand_as": "input other",
    "select": "input dim index",
    "narrow": "input dim start length",
    "unbind": "input dim?",
    "split": "input split_size dim?",
    "chunk": "input chunks dim?",
}
_OTHER_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("mm", "bmm", "mv", "dot"), "matmul"),
    **dict.fromkeys(("swapaxes", "swapdims"), "transpose"),
    **dict.fromkeys(("concat", "concatenate"), "cat"),
    **dict.fromkeys(
        ["float", "double", "half", "bfloat16", "int", "long", "short", "bool", "type", "type_as", "cpu", "cuda"], "to"
    ),
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
    "floor_divide": "floordiv",
    "remainder": "mod",
    "negative": "neg",
    "absolute": "abs",
    "clip": "clamp",
    # These take their operands the other way round.
    "rsub": "sub",
    "rdiv": "div",
    "rtruediv": "div",
    "rpow": "pow",
}
_TURNED = frozenset(("rsub", "rdiv", "rtruediv", "rpow"))
_OTHER_PARAMETERS: Mapping[str, str] = {
    "axis": "dim",
    "keepdims": "keepdim",
    "axis0": "dim0",
    "axis1": "dim1",
    "exponent": "other",
    "fill_value": "value",
    "split_size_or_sections": "split_size",
}
_TENSORS = frozenset(("input", "other", "weight", "bias", "mask", "condition", "value", "tensors"))


@dataclass(frozen=True)
class Call:
    """One step's operation under its usual name, and its parents by parameter.

    A parameter that takes any number of parents is numbered: ``tensors0``, ``tensors1``. ``tensors`` are the
    parameters that hold tensors, in the order of ``step.inputs``.
    """

    step: Step
    op: str
    given: Mapping[str, Step | Leaf]
    tensors: tuple[str, ...]

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of the tensor given as this parameter."""
        return tuple(self.given[name].value.shape)

    def value(self, name: str, default: Any = None) -> Any:
        """What was given as this parameter, ``default`` where nothing was."""
        return self.given[name].value if name in self.given else default

    def values(self, name: str) -> tuple[Any, ...]:
        """Everything given to a parameter that takes any number: ``permute(0, 2, 1)`` and ``permute((0, 2, 1))``."""
        given = tuple(parent.value for key, parent in self.given.items() if key.rstrip("0123456789") == name)
        if len(given) == 1 and isinstance(given[0], (tuple, list)):
            return tuple(given[0])
        return given


def usual_name(op: str) -> str | None:
    """The name an operation is known by here, None for an unknown one. ``add_`` and ``add`` are the same sum."""
    for name in (op, op.removesuffix("_")):
        name = _OTHER_NAMES.get(name, name)
        if name in _SIGNATURES:
            return name
    return None


def bind(step: Step, *, turned: bool = False) -> Call | None:
    """The step's call, None where the operation is unknown or was called in a way that is.

    ``turned`` reads the first two operands the other way round, as in ``2 - x``.
    """
    op = usual_name(step.op)
    if op is None:
        return None
    waiting = _SIGNATURES[op].split()
    required = {name for name in waiting if name[0] != "*" and name[-1] != "?"}
    if turned is not (step.op in _TURNED):
        waiting[:2] = waiting[1::-1]
    given: dict[str, Step | Leaf] = {}
    tensors = []
    for parent in step.parents:
        is_tensor = parent.kind != "argument"
        name = "" if is_tensor or isinstance(parent, Step) else parent.name
        if name:
            given[_OTHER_PARAMETERS.get(name, name)] = parent
            continue
        if waiting and waiting[0] == "*tensors" and not is_tensor:
            waiting.pop(0)
        if not waiting:
            return None
        parameter = waiting[0].strip("*?")
        # A tensor where none belongs is an out= or memory written under another name: not the call it looks like.
        if is_tensor and parameter not in _TENSORS:
            return None
        name = parameter
        if waiting[0][0] == "*":
            name = f"{parameter}{sum(key.startswith(parameter) for key in given)}"
        else:
            waiting.pop(0)
        given[name] = parent
        if is_tensor:
            tensors.append(name)
    if not required <= given.keys():
        return None
    return Call(step, op, given, tuple(tensors))
