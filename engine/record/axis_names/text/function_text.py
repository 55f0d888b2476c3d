"""The text of one function: where its expressions stand, and what it says of the shapes of its variables."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

from engine.axes import is_length, symbol_for
from engine.record.axis_names.input_names import Symbols, annotation_axes, documented_shapes
from engine.record.axis_names.shape_words import unpacked_symbol
from engine.record.axis_names.text.program_text import Function, dotted, function_of, own_nodes, parameters

Position = tuple[int, int]
Span = tuple[int, int, int, int]
# A variable of a function between two assignments to it.
Variable = tuple[str, int]


@dataclass(frozen=True)
class WrittenShape:
    """What a function's text says of the axes of one of its variables.

    Attributes:
        symbols: by axis the symbol and whether it is vague.
        source: in what way it is said.
        block: the branches and loops that it stands in; it holds inside them only.
    """

    symbols: Symbols
    source: str
    block: tuple[int, ...]


class FunctionText:
    """The text of one function: where its calls stand, and what it says of the shapes of its variables."""

    def __init__(self, function: Function) -> None:
        self.nodes: dict[Span, ast.expr] = {}
        self.blocks: dict[ast.AST, tuple[int, ...]] = {}
        self.values: dict[str, list[ast.expr]] = {}
        self.unpacked: dict[str, tuple[str, bool]] = {}
        self.assigned: dict[str, list[Position]] = {}
        self.first_parameter = next(iter(parameters(function)), "")
        self._read_blocks(function.body, ())
        shapes = []
        for node in own_nodes(function):
            if isinstance(node, ast.expr) and node.end_lineno is not None and node.end_col_offset is not None:
                self.nodes.setdefault((node.lineno, node.col_offset, node.end_lineno, node.end_col_offset), node)
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For | ast.NamedExpr):
                shapes += list(self._assignment(node))
        self.written_shapes: dict[Variable, list[WrittenShape]] = {}
        for name, position, shape in shapes:
            self.written_shapes.setdefault(self.variable(name, position), []).append(shape)
        for name, shape in _of_parameters(function):
            self.written_shapes.setdefault((name, 0), []).append(shape)

    def variable(self, name: str, position: Position) -> Variable:
        """The variable that a name means at a place of the text."""
        return name, sum(assigned <= position for assigned in self.assigned.get(name, ()))

    def _read_blocks(self, body: Sequence[ast.stmt], block: tuple[int, ...]) -> None:
        for statement in body:
            self.blocks[statement] = block
            for child in ast.iter_child_nodes(statement):
                if not isinstance(child, ast.stmt | ast.ExceptHandler):
                    for node in ast.walk(child):
                        self.blocks[node] = block
            for name, inner in ast.iter_fields(statement):
                if name in ("body", "orelse", "finalbody") and isinstance(inner, list):
                    within = block if isinstance(statement, ast.With) else (*block, id(inner))
                    self._read_blocks(inner, within)

    def _assignment(self, node: Any) -> Iterator[tuple[str, Position, WrittenShape]]:
        end = (node.end_lineno, node.end_col_offset)
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        value = getattr(node, "value", None)
        for target in targets:
            for name in (inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name)):
                self.assigned.setdefault(name, []).append(end)
            if isinstance(target, ast.Name) and value is not None and not isinstance(node, ast.AugAssign):
                self.values.setdefault(target.id, []).append(value)
        if value is None or len(targets) != 1:
            return
        shaped = _shape_of(value)
        if shaped is not None and isinstance(targets[0], ast.Tuple | ast.List):
            words = [dotted(element) or "_" for element in targets[0].elts]
            if any(isinstance(element, ast.Starred) for element in targets[0].elts):
                return
            symbols = tuple(unpacked_symbol(words, axis) for axis in range(len(words)))
            self.unpacked.update({word: s for word, s in zip(words, symbols, strict=True) if s is not None})
            yield shaped, (node.lineno, node.col_offset), WrittenShape(symbols, "unpacked shape", self.blocks[node])
        size = _size_of(value)
        if size is not None and isinstance(targets[0], ast.Name):
            name, axis = size
            symbol = symbol_for(targets[0].id)
            shape = (symbol, is_length(symbol)) if symbol else (targets[0].id, True)
            self.unpacked[targets[0].id] = shape
            symbols = (shape,) if axis < 0 else (*([None] * axis), shape)
            kind = "size from the end" if axis < 0 else "size"
            where = tuple([None] * (-axis - 1)) if axis < 0 else ()
            yield (
                name,
                (node.lineno, node.col_offset),
                WrittenShape((*symbols, *where), f"unpacked shape:{kind}", self.blocks[node]),
            )


@lru_cache(maxsize=1024)
def function_text(code: CodeType, filename: str) -> FunctionText | None:
    """The text of the function of a code object; code objects of different files can be equal."""
    function = function_of(code)
    return None if function is None else FunctionText(function)


def _shape_of(node: ast.expr) -> str | None:
    """The variable whose whole shape this is."""
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr="shape"):
            return name
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="size"), args=[]):
            return name
    return None


def _size_of(node: ast.expr) -> tuple[str, int] | None:
    """The variable and the axis whose size this is."""
    match node:
        case ast.Subscript(value=ast.expr() as whole, slice=index) if (name := _shape_of(whole)) is not None:
            pass
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="size"), args=[index]):
            pass
        case _:
            return None
    try:
        axis = ast.literal_eval(index)
    except ValueError:
        return None
    return (name, axis) if isinstance(axis, int) else None


def _of_parameters(function: Function) -> Iterator[tuple[str, WrittenShape]]:
    """What annotations and the docstring say of a function's parameters."""
    arguments = function.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        if argument.annotation is not None:
            text = (
                argument.annotation.value
                if isinstance(argument.annotation, ast.Constant)
                else ast.unparse(argument.annotation)
            )
            symbols = annotation_axes(text)
            if symbols is not None:
                yield argument.arg, WrittenShape(symbols, "annotation", ())
    for name, symbols in documented_shapes(ast.get_docstring(function) or ""):
        yield name, WrittenShape(symbols, "docstring", ())
