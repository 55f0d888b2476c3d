"""The failure of a recorded program: the call that raised, its operands, the reason and what would work."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

_CALL_FAILED = "{expression}   {file}:{line} raised {error}"
_ONLY_RAISED = "{file}:{line} raised {error}"
_OPERATION_FAILED = "{op} raised {error}"
_OPERAND = "  {name} is {shape} {dtype}{device}{origin}"
_NUMBERED_AXIS = "{size} on axis {axis}"
# What needs no brackets before a dot.
_FOLLOWED = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)
_REMEDY = "Nearest that works: {remedy}"


@dataclass(frozen=True, eq=False)
class FailedOperand:
    """A tensor that the failing call was given.

    Attributes:
        name: how the program writes it, or the path of the parameter that it is.
        value: the tensor, as it was when the call raised.
        axes: its symbols, None where unknown.
        origin: the step that made it or the leaf that it is; None for a tensor that nothing recorded made.
        origin_text: where it came from, in words that follow on its shape.
    """

    name: str
    value: Tensor = field(repr=False)
    axes: tuple[str | None, ...]
    # A Step or a Leaf; a trace knows its failure, so that this module cannot know traces.
    origin: Any = field(repr=False)
    origin_text: str = field(default="", repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes, outermost first."""
        return tuple(self.value.shape)

    @property
    def dtype(self) -> torch.dtype:
        """Of its numbers."""
        return self.value.dtype

    @property
    def shape_text(self) -> str:
        """The shape with the symbols that are known: ``(B 2, L 6, H 4, d_k 8)``."""
        return f"({', '.join(self.axis_text(axis) for axis in range(len(self.shape)))})"

    def axis_text(self, axis: int) -> str:
        """One axis, its symbol and its size: ``d_k 8``; ``8`` where the symbol is unknown."""
        symbol = self.axes[axis] if self.axes else None
        # An axis of 1 that was put there to broadcast has its size for a symbol.
        return f"{self.shape[axis]}" if symbol in (None, "1") else f"{symbol} {self.shape[axis]}"

    def edge_text(self, axis: int) -> str:
        """One axis, found by its symbol or by its number: ``d_k 8``, ``8 on axis 3``."""
        text = self.axis_text(axis)
        return _NUMBERED_AXIS.format(size=text, axis=axis) if text.isdigit() else text

    @property
    def receiver(self) -> str:
        """Its name as something that a method or an index can follow."""
        try:
            node = ast.parse(self.name, mode="eval").body
        except SyntaxError:
            return self.name
        return self.name if isinstance(node, _FOLLOWED) else f"({self.name})"

    def method(self, call: str) -> str:
        """A method called on it, as a program would write that: ``key.transpose(-2, -1)``."""
        return f"{self.receiver}.{call}"

    @property
    def described(self) -> str:
        """One line: name, shape, dtype, device where it is not the CPU, and where it came from."""
        device = "" if self.value.device.type == "cpu" else f" on {self.value.device}"
        return _OPERAND.format(
            name=self.name,
            shape=self.shape_text,
            dtype=str(self.dtype).removeprefix("torch."),
            device=device,
            origin=self.origin_text,
        )


@dataclass(frozen=True)
class OperandAxis:
    """One axis of one operand of the failing call, for example an edge that must be as long as another.

    Attributes:
        operand: its number among the operands.
        axis: its number among the axes.
    """

    operand: int
    axis: int


@dataclass(frozen=True)
class Diagnosis:
    """Why a call failed.

    Attributes:
        reason: the rule and what broke it, in one or two sentences.
        remedy: the nearest expression that works; "" where none is known.
        edges: the axes that do not agree.
    """

    reason: str
    remedy: str = ""
    edges: tuple[OperandAxis, ...] = ()


@dataclass(frozen=True, eq=False)
class Failure:
    """What a recorded program raised, and what can be said of it.

    Attributes:
        op: the call that raised, by the name steps have; "" where no call of torch raised.
        expression: the program's own text of the call.
        file: where that stands, as people read it.
        line: its line, from 1.
        operands: the tensors that the call was given, in order.
        reason: the rule and what broke it; the error's own message where no rule is known.
        remedy: the nearest expression that works; "" where none is known.
        edges: the axes of the operands that do not agree.
        error: the type of the exception.
        message: the exception's own text.
    """

    op: str
    expression: str
    file: str
    line: int
    operands: tuple[FailedOperand, ...]
    reason: str
    remedy: str
    edges: tuple[OperandAxis, ...]
    error: str
    message: str

    @property
    def note(self) -> str:
        """The failure in plain words, a line for the call, one for each operand, the reason and the remedy."""
        template = _CALL_FAILED if self.expression else _ONLY_RAISED if self.file else _OPERATION_FAILED
        where = {"expression": self.expression, "file": self.file, "line": self.line}
        lines = [template.format(**where, op=self.op, error=self.error)]
        lines += [operand.described for operand in self.operands]
        if self.reason != self.message:
            lines.append(self.reason)
        if self.remedy:
            lines.append(_REMEDY.format(remedy=self.remedy))
        return "\n".join(lines)
