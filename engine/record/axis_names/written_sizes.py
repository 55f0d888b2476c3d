"""What a function's text says of sizes: ``B, L, D = x.shape``, ``x.view(B, L, self.n_head, -1)``, annotations."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.axes import is_length, symbol_for
from engine.record.axis_names.input_names import fitting_labels
from engine.record.axis_names.labels import ONE, Label
from engine.record.axis_names.module_sizes import ConstructedModule
from engine.record.axis_names.naming import Anchor
from engine.record.axis_names.nodes import key_of, shape_of
from engine.record.axis_names.text.function_text import FunctionText, Span, Variable, WrittenShape, function_text
from engine.record.axis_names.text.patterns import einops_pattern, letter_sizes, pattern_labels
from engine.record.axis_names.text.program_text import dotted
from engine.record.recording import Execution

# Calls that are given the sizes of what they return, and where among their arguments these begin.
_AS_METHODS = frozenset(("view", "reshape", "expand", "new_zeros", "new_ones", "new_empty", "new_full"))
_AS_FUNCTIONS = {"reshape": 1, "zeros": 0, "ones": 0, "empty": 0, "full": 0, "rand": 0, "randn": 0, "broadcast_to": 1}
_LISTED = frozenset(("new_full", "full"))
_DEEPEST = 6


def written_anchors(
    steps: Sequence[Any], executions: Sequence[Execution], modules: Mapping[int, ConstructedModule]
) -> Iterator[tuple[Any, int, Anchor]]:
    """What the functions that ran say of the axes of steps and of what these read.

    Args:
        steps: every step, in order.
        executions: the run of a function that each was made in.
        modules: the modules by id, for the names of their sizes.
    """
    seen: set[tuple[int, Any]] = set()
    for number, (step, execution) in enumerate(zip(steps, executions, strict=True)):
        text = function_text(execution.code, execution.code.co_filename) if execution.code is not None else None
        node = None if text is None or step.source is None else _node_of(text, step)
        if text is None or node is None:
            continue
        before = number > 0 and executions[number - 1] is execution and _same_node(steps[number - 1], step)
        after = number + 1 < len(steps) and executions[number + 1] is execution and _same_node(steps[number + 1], step)
        for tensor, variable, at in _variables(text, step, node, alone=not before, last=not after):
            key = (key_of(tensor), variable)
            if key in seen:
                continue
            for shape in text.written_shapes.get(variable, ()):
                if text.blocks.get(at, ())[: len(shape.block)] == shape.block:
                    seen.add(key)
                    yield from _of_tensor(tensor, shape)
        if not after:
            yield from _of_pattern(step, node, inputs_of_line(steps, executions, number))
            module = modules.get(id(execution.module)) if text.first_parameter == "self" else None
            for axis, anchor in _of_arguments(text, step, node, module):
                yield step, axis, anchor


def inputs_of_line(steps: Sequence[Any], executions: Sequence[Execution], position: int) -> Any:
    """The first tensor that went into the expression whose last step this is.

    Args:
        steps: those of the trace.
        executions: where each was called.
        position: of the last step.

    Returns:
        A step or a leaf; None where the expression read none.
    """
    first = position
    while first > 0 and executions[first - 1] is executions[position] and _same_node(steps[first - 1], steps[position]):
        first -= 1
    return next(iter(steps[first].inputs), None)


def _of_pattern(step: Any, node: ast.expr, given: Any) -> Iterator[tuple[Any, int, Anchor]]:
    """What the pattern of an einops call says of the tensor that it was given and of the one that it made."""
    sides = einops_pattern(node)
    if sides is None or given is None:
        return
    written = {keyword.arg: keyword.value for keyword in getattr(node, "keywords", ())}
    known = {
        name: value.value
        for name, value in written.items()
        if name and isinstance(value, ast.Constant) and isinstance(value.value, int)
    }
    for side, tensor in zip(sides, (given, step), strict=True):
        known = {**letter_sizes(side, shape_of(tensor)), **known}
    for side, tensor in zip(sides, (given, step), strict=True):
        for axis, label in enumerate(pattern_labels(side, shape_of(tensor), known)):
            if label is not None:
                yield tensor, axis, Anchor(label[0], "einops pattern", vague=label[1])


def _of_tensor(tensor: Any, shape: WrittenShape) -> Iterator[tuple[Any, int, Anchor]]:
    source, _, kind = shape.source.partition(":")
    symbols, rank = shape.symbols, tensor.value.dim()
    if kind and len(symbols) <= rank:
        # One size alone, x.size(1) or x.shape[-1]: nothing is said of the other axes.
        fill = (None,) * (rank - len(symbols))
        symbols = (*symbols, *fill) if kind == "size" else (*fill, *symbols)
    for axis, known in enumerate(fitting_labels(symbols, shape_of(tensor))):
        if known is not None:
            yield tensor, axis, Anchor(known[0], source, vague=known[1])


def _node_of(text: FunctionText, step: Any) -> ast.expr | None:
    span = step.source.span
    if span is None:
        return None
    node = text.nodes.get(span)
    if node is None:
        # Columns of the syntax tree are counted in bytes.
        return next(
            (candidate for node_span, candidate in text.nodes.items() if _is_at(node_span, span, step.source)), None
        )
    return node


def _is_at(node_span: Span, span: Span, source: Any) -> bool:
    return (
        node_span[0] == span[0]
        and node_span[2] == span[2]
        and node_span[0] == node_span[2]
        and node_span[3] - node_span[1] == len(source.expression.encode())
        and node_span[1] >= span[1]
        and not source.expression.isascii()
    )


def _same_node(step: Any, other: Any) -> bool:
    return step.source is other.source or (
        (step.source is not None and other.source is not None and step.source.span == other.source.span)
        and step.call != other.call
    )


def _variables(
    text: FunctionText, step: Any, node: ast.expr, *, alone: bool, last: bool
) -> Iterator[tuple[Any, Variable, ast.AST]]:
    """The tensors of a step that the text has a variable for: what it read, and what it is assigned to."""
    inputs = step.inputs
    if alone and inputs:
        for operand, tensor in zip(_operands(node), inputs, strict=False):
            if isinstance(operand, ast.Name):
                yield tensor, text.variable(operand.id, (operand.lineno, operand.col_offset)), operand
    if last and step.name in step.source.targets and "[" not in step.name:
        end = (node.end_lineno or 0, node.end_col_offset or 0)
        name, version = text.variable(step.name, end)
        # The assignment ends with the expression or, in brackets, a little after it.
        yield step, (name, version if end in text.assigned.get(name, ()) else version + 1), node


def _operands(node: ast.expr) -> list[ast.expr]:
    """The expressions of what a call reads, as far as their order is that of the tensors recorded."""
    match node:
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.Compare(left=left, comparators=[right]):
            return [left, right]
        case ast.UnaryOp(operand=operand):
            return [operand]
        case ast.Subscript(value=value):
            return [value]
        case ast.Attribute(value=value):
            return [value]
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner)), args=args) if owner in ("torch", "F", "einops"):
            return args[:1]
        case ast.Call(func=ast.Attribute(value=ast.Name() as owner)) if owner.id != "self":
            return [owner]
        case ast.Call(args=[first, *_]):
            return [first]
    return []


def _of_arguments(
    text: FunctionText, step: Any, node: ast.expr, module: ConstructedModule | None
) -> Iterator[tuple[int, Anchor]]:
    """What the sizes that a call was given are called: those of ``x.view(B, L, self.n_head, -1)``."""
    classes = _given_classes(node)
    sizes = _given_sizes(node) if classes is None else [ast.Starred(node), classes]
    if sizes is None:
        return
    if len(sizes) == 1:
        sizes = _listed(text, sizes[0])
    stars = [number for number, size in enumerate(sizes) if isinstance(size, ast.Starred)]
    rank = step.value.dim()
    if len(stars) > 1 or (not stars and len(sizes) != rank) or len(sizes) - len(stars) > rank:
        return
    for number, size in enumerate(sizes):
        if stars and number == stars[0]:
            continue
        axis = number if not stars or number < stars[0] else rank - len(sizes) + number
        known = size_label(text, size, shape_of(step)[axis], module)
        if known is not None:
            yield axis, Anchor(known[0], "arguments", vague=known[1], origin=f"{step.op}'s arguments")


def _given_classes(node: ast.expr) -> ast.expr | None:
    """How long ``one_hot`` makes the axis that it adds."""
    if not isinstance(node, ast.Call) or dotted(node.func).rpartition(".")[2] != "one_hot":
        return None
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    return named.get("num_classes", node.args[1] if len(node.args) > 1 else None)


def _given_sizes(node: ast.expr) -> list[ast.expr] | None:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    name = node.func.attr
    if dotted(node.func.value) == "torch":
        if name not in _AS_FUNCTIONS:
            return None
        sizes = node.args[_AS_FUNCTIONS[name] :]
    elif name in _AS_METHODS:
        sizes = list(node.args)
    else:
        return None
    return sizes[:1] if name in _LISTED else sizes


def _listed(text: FunctionText, node: ast.expr) -> list[ast.expr]:
    """The sizes in ``(B, L)``, also where a variable holds them; what is not known of them is a starred one."""
    match node:
        case ast.Tuple() | ast.List():
            return list(node.elts)
        case ast.Name(id=name) if len(text.values.get(name, ())) == 1:
            (value,) = text.values[name]
            return _listed(text, value) if isinstance(value, ast.Tuple | ast.List | ast.BinOp) else [node]
        case ast.BinOp(op=ast.Add(), left=left, right=ast.Tuple(elts=last)):
            first = list(left.elts) if isinstance(left, ast.Tuple) else [ast.Starred(left)]
            return [*first, *last]
    return [node]


def size_label(
    text: FunctionText, node: ast.expr, size: int, module: ConstructedModule | None, depth: int = 0
) -> tuple[Label, bool] | None:
    """The label of an expression that gives an axis its size, and whether it is vague.

    Args:
        text: the function that it stands in.
        node: the expression.
        size: the size.
        module: the module whose method it is, None for a function.
        depth: through how many variables it was come to: one may be set to something made of itself.
    """
    if depth > _DEEPEST:
        return None
    match node:
        case ast.Constant(value=1) if size == 1:
            return ONE, False
        case ast.Name(id=name):
            known = text.unpacked.get(name)
            symbol = symbol_for(name)
            if symbol is not None and (known is None or known[1]):
                known = symbol, is_length(symbol)
            if known is not None:
                return Label.of(known[0], size), known[1]
            values = text.values.get(name, ())
            return size_label(text, values[0], size, module, depth + 1) if len(values) == 1 else None
        case ast.Attribute(attr=attribute):
            if dotted(node.value) == "self" and module is not None:
                label = module.label(node, size)
                if label is not None:
                    return label, False
            symbol = symbol_for(attribute)
            return None if symbol is None else (Label.of(symbol, size), is_length(symbol))
        case ast.BinOp(op=ast.Add(), left=left, right=ast.Constant(value=int(more))):
            whole = size_label(text, left, size - more, module, depth + 1)
            return None if whole is None else (whole[0].plus(more), whole[1])
        case ast.BinOp(op=ast.FloorDiv(), right=right):
            if module is not None and (label := module.label(node, size)) is not None:
                return label, False
            count = size_label(text, right, size, module, depth + 1)
            whole = size_label(text, node.left, size, module, depth + 1)
            if count is not None and whole is not None and (count[0].text, whole[0].text) == ("H", "d_model"):
                return Label.of("d_k", size), False
    return None
