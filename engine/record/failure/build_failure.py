"""Builds the failure of a recording from the exception, while its traceback still holds the frames."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from engine.record.failure.failing_call import FailingCall, RaisedAt, written_keywords
from engine.record.failure.failure import Diagnosis, FailedOperand, Failure
from engine.record.failure.rules import patterns, recurrence
from engine.record.failure.rules.diagnosis import diagnose
from engine.record.source import Source, locate
from engine.record.trace import Leaf, Step

_UNNAMED = "operand {number}"
_FROM_STEP = ", from step {index}: {expression}   {file}:{line}"
_FROM_UNSEEN_LINE = ", from step {index}: {op}"
_FROM_NOWHERE = ", made by nothing that was recorded"
_FROM_LEAF = {
    "parameter": ", a parameter",
    "buffer": ", a buffer",
    "input": ", an input",
    "constant": ", made outside the recording",
}


def build_failure(
    error: BaseException, raised: RaisedAt, steps: Sequence[Step], leaves: Sequence[Leaf], op: str
) -> Failure:
    """The failure of a recorded program.

    Args:
        error: what it raised.
        raised: where.
        steps: what ran before.
        leaves: the inputs, parameters and buffers that can be told apart by their tensors.
        op: the name of the call that raised, as steps are named; "" where no call of torch raised.
    """
    source = None if raised.code is None else locate(raised.code, raised.lasti)
    message = str(error)
    origins: dict[int, Step | Leaf] = {id(leaf.value): leaf for leaf in leaves}
    origins |= {id(step.value): step for step in steps if step.memory != "same"}
    expression = "" if source is None else source.expression
    operands: tuple[FailedOperand, ...] = ()
    diagnosis: Diagnosis | None = None
    if raised.func is not None:
        operands = _operands(raised, source, origins)
        call = FailingCall(op, raised.func, raised.args, raised.kwargs, operands, expression, message)
        diagnosis = diagnose(call)
    elif isinstance(layer := raised.module, nn.RNNBase) and raised.variables:
        operands, diagnosis = _recurrent(layer, raised, source, origins)
    elif isinstance(tensor := raised.variables.get("tensor"), Tensor):
        operand = _operand(tensor, 0, _texts(source, None, 1)[0], origins)
        operands = (operand,)
        einops_diagnosis = patterns.einops(raised.variables, {id(tensor): operand})
        diagnosis = None if einops_diagnosis is None else einops_diagnosis[0]
    return Failure(
        op=op,
        expression=" ".join(expression.split()),
        file="" if source is None else source.shown_file,
        line=0 if source is None else source.line,
        operands=operands,
        reason=message if diagnosis is None else diagnosis.reason,
        remedy="" if diagnosis is None else diagnosis.remedy,
        edges=() if diagnosis is None else diagnosis.edges,
        error=type(error).__name__,
        message=message,
    )


def _operands(raised: RaisedAt, source: Source | None, origins: Mapping[int, Step | Leaf]) -> tuple[FailedOperand, ...]:
    texts = _texts(source, raised.func, len(raised.args))
    tensors: list[tuple[Tensor, str]] = []

    def collect(value: Any, text: str) -> None:
        if isinstance(value, Tensor):
            tensors.append((value, text))
        elif isinstance(value, (tuple, list)):
            for item, its_text in zip(value, _items(text, len(value)), strict=True):
                collect(item, its_text)

    for value, text in zip(raised.args, texts, strict=True):
        collect(value, text)
    named_texts = written_keywords("" if source is None else source.expression)
    for name, value in raised.kwargs.items():
        collect(value, named_texts.get(name, ""))
    return tuple(_operand(tensor, number, text, origins) for number, (tensor, text) in enumerate(tensors))


def _operand(tensor: Tensor, number: int, text: str, origins: Mapping[int, Step | Leaf]) -> FailedOperand:
    origin = origins.get(id(tensor))
    name = text or _origin_name(origin) or _UNNAMED.format(number=number)
    axes = () if origin is None else origin.axes
    return FailedOperand(name, tensor, axes or (None,) * tensor.dim(), origin, _origin_text(origin))


def _origin_name(origin: Step | Leaf | None) -> str:
    if origin is None:
        return ""
    # A step that was not assigned to a name is called by its operation, which is no name of a tensor.
    return origin.name if isinstance(origin, Leaf) or origin.name != origin.op else ""


def _texts(source: Source | None, func: Any, count: int) -> tuple[str, ...]:
    """The program's own text of each positional argument, "" where the call is not written out in the program.

    Args:
        source: the expression.
        func: what was called; None for a function that is no call of torch.
        count: how many positional arguments it got.
    """
    unknown = ("",) * count
    if source is None or not source.expression:
        return unknown
    try:
        node = ast.parse(source.expression.strip(), mode="eval").body
    except SyntaxError:
        return _augmented(source.expression, count) or unknown
    nodes: list[ast.expr] = []
    if isinstance(node, ast.BinOp):
        nodes = [node.left, node.right]
    elif isinstance(node, ast.Compare) and len(node.comparators) == 1:
        nodes = [node.left, node.comparators[0]]
    elif isinstance(node, ast.Subscript):
        nodes = [node.value, node.slice]
    elif isinstance(node, ast.UnaryOp):
        nodes = [node.operand]
    elif isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        # What a module calls begins with what the module was given, and goes on with its weights.
        nodes = list(node.args) if func is None or called == func.__name__ else node.args[:1]
        if isinstance(node.func, ast.Attribute) and func is not None and func is getattr(Tensor, called, None):
            nodes = [node.func.value, *nodes]
    if len(nodes) > count or any(isinstance(each, ast.Starred) for each in nodes):
        return unknown
    written = tuple(ast.unparse(each) for each in nodes)
    return (*written, *unknown[len(written) :])


def _recurrent(
    layer: nn.RNNBase, raised: RaisedAt, source: Source | None, origins: Mapping[int, Step | Leaf]
) -> tuple[tuple[FailedOperand, ...], Diagnosis | None]:
    """The tensor that a recurrent layer refused before any call of torch, and why."""
    texts = _texts(source, None, 2)
    state, needed = raised.variables.get("hx"), raised.variables.get("expected_hidden_size")
    if isinstance(state, Tensor) and isinstance(needed, tuple):
        x = _operand(state, 0, texts[1] if texts[1][:1] not in ("(", "[") else "", origins)
        return (x,), recurrence.state_size(layer, x, needed)
    given = raised.variables.get("input")
    if not isinstance(given, Tensor):
        return (), None
    origin = origins.get(id(given))
    if isinstance(origin, Step) and origin.op == "unsqueeze":  # a batch of one, which the layer itself made
        given = origin.inputs[0].value
    x = _operand(given, 0, texts[0], origins)
    return (x,), recurrence.input_size(layer, x)


def _augmented(expression: str, count: int) -> tuple[str, ...]:
    """The two sides of ``x += y``."""
    try:
        (statement,) = ast.parse(expression.strip()).body
    except (SyntaxError, ValueError):
        return ()
    if not isinstance(statement, ast.AugAssign) or count != 2:
        return ()
    return ast.unparse(statement.target), ast.unparse(statement.value)


def _items(text: str, count: int) -> tuple[str, ...]:
    """The texts of the items of a list or tuple that is written out."""
    try:
        node = ast.parse(text, mode="eval").body if text else None
    except SyntaxError:
        node = None
    if isinstance(node, (ast.Tuple, ast.List)) and len(node.elts) == count:
        return tuple(ast.unparse(item) for item in node.elts)
    return tuple(f"{text}[{number}]" if text else "" for number in range(count))


def _origin_text(origin: Step | Leaf | None) -> str:
    if origin is None:
        return _FROM_NOWHERE
    if isinstance(origin, Leaf):
        return _FROM_LEAF.get(origin.kind, "")
    source = origin.source
    if source is None or not source.expression:
        return _FROM_UNSEEN_LINE.format(index=origin.index, op=origin.op)
    expression = " ".join(source.expression.split())
    return _FROM_STEP.format(index=origin.index, expression=expression, file=source.shown_file, line=source.line)
