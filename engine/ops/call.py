"""One call of an operation: what it was given, by the names of its parameters, and what it returned.

A recorded call has what it was given in the order in which it was given. Here that is bound to the operation's
signature, so that ``x.mean(-1, True)``, ``torch.mean(x, dim=-1, keepdim=True)`` and ``x.mean(axis=-1, keepdims=True)``
are one thing to everything that asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

_OTHER_PARAMETERS: Mapping[str, str] = {
    "axis": "dim",
    "keepdims": "keepdim",
    "axis0": "dim0",
    "axis1": "dim1",
    "exponent": "other",
    "fill_value": "value",
    "split_size_or_sections": "split_size",
    "indices": "index",
    "weights": "weight",
}
# Of tensors alone: movedim's source is a number.
_OTHER_TENSORS: Mapping[str, str] = {
    "src": "value",
    "source": "value",
    "offs": "index",
    "tensor2": "other",
    "batch1": "mat1",
    "batch2": "mat2",
}
_TENSORS = frozenset(
    (
        *("input", "other", "weight", "bias", "mask", "condition", "value", "tensors", "index", "query", "key"),
        *("attn_mask", "running_mean", "running_var", "target", "mat1", "mat2", "scales", "per_sample_weights"),
        *("min", "max"),
    )
)
# Parameters that take sizes, each of which may be the number of a tensor without axes.
_SIZES = frozenset(("sizes", "rest"))


class Operand(Protocol):
    """Something that a call was given: a tensor, or, where ``kind`` is "argument", anything else, such as ``dim=-1``.

    ``axes`` are the symbols of a tensor's axes, None where unknown, and () where nothing is known at all.
    """

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> Any: ...
    @property
    def axes(self) -> tuple[str | None, ...]: ...


class RecordedCall(Protocol):
    """One tensor that a call returned, with what the call was given, in order.

    ``output`` counts the tensors that the call returned; ``memory`` is "new", "view", "same" or "overwritten".
    """

    @property
    def op(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def parents(self) -> Sequence[Any]: ...
    @property
    def value(self) -> Tensor: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> torch.dtype: ...
    @property
    def memory(self) -> str: ...
    @property
    def output(self) -> int: ...
    @property
    def axes(self) -> tuple[str | None, ...]: ...


@dataclass(frozen=True)
class Call:
    """A recorded call under its operation's usual name, and what it was given by parameter.

    A parameter that takes any number of operands is numbered: ``tensors0``, ``tensors1``. ``tensors`` are the
    parameters that hold tensors, in the order in which they were given.

    Attributes:
        step: the call as it was recorded.
        op: the usual name of its operation.
        args: what was given, by parameter.
        tensors: the parameters that hold tensors.
    """

    step: RecordedCall
    op: str
    args: Mapping[str, Any]
    tensors: tuple[str, ...]

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of the tensor given as this parameter."""
        return tuple(self.args[name].value.shape)

    def value(self, name: str, default: Any = None) -> Any:
        """What was given as this parameter, ``default`` where nothing was."""
        return self.args[name].value if name in self.args else default

    def values(self, name: str) -> tuple[Any, ...]:
        """Everything given to a parameter that takes any number: ``permute(0, 2, 1)`` and ``permute((0, 2, 1))``."""
        values = tuple(operand.value for key, operand in self.args.items() if key.rstrip("0123456789") == name)
        if len(values) == 1 and isinstance(values[0], (tuple, list)):
            return tuple(values[0])
        return values

    def axes(self, name: str) -> tuple[str | None, ...]:
        """The symbols of the axes of the tensor given as this parameter, None where unknown."""
        return self.args[name].axes or (None,) * len(self.shape(name))


def bind(step: RecordedCall, op: str, signature: str, *, swapped: bool) -> Call | None:
    """The call by its operation's parameters, None where it was called in a way that is not known.

    Args:
        step: what was recorded.
        op: the operation's usual name.
        signature: its parameters in order. A name that ends in ? may be left out; one that begins with * takes all
            that is left.
        swapped: reads the first two operands the other way round, as in ``torch.rsub(x, 2)``.
    """
    parameters = signature.split()
    required = {name for name in parameters if name[0] != "*" and name[-1] != "?"}
    if swapped:
        parameters[:2] = parameters[1::-1]
    args: dict[str, Any] = {}
    tensors = []
    # A tensor's own name is no parameter's, so those of tensors given by keyword stand beside the operands.
    keywords = getattr(step, "keywords", ())
    for position, operand in enumerate(step.parents):
        is_tensor = operand.kind != "argument"
        keyword = keywords[position] if position < len(keywords) else "" if is_tensor else operand.name
        if keyword and not (is_tensor and f"*{keyword}" in parameters):
            name = _OTHER_PARAMETERS.get(keyword, keyword)
            if is_tensor:
                name = _OTHER_TENSORS.get(keyword, name)
                if name not in _TENSORS or name not in {parameter.strip("?") for parameter in parameters}:
                    return None
                tensors.append(name)
            args[name] = operand
            parameters = [parameter for parameter in parameters if parameter.strip("?") != name]
            continue
        if parameters and parameters[0] == "*tensors" and not is_tensor:
            parameters.pop(0)
        if not parameters:
            return None
        parameter = parameters[0].strip("*?")
        # A tensor where none belongs is an out= or memory written under another name: not the call it looks like.
        if is_tensor and parameter not in _TENSORS and not (parameter in _SIZES and operand.value.dim() == 0):
            return None
        name = parameter
        if parameters[0][0] == "*":
            name = f"{parameter}{sum(key.startswith(parameter) for key in args)}"
        else:
            parameters.pop(0)
        args[name] = operand
        if is_tensor:
            tensors.append(name)
    if not required <= args.keys():
        return None
    return Call(step, op, args, tuple(tensors))
