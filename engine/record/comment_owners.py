"""Which expression of a statement a comment on one of its lines belongs to.

A comment says something of what its line ends with: of several calls on one line of the outermost, of a chain over
several lines of the call that its line ends. On a line that ends with no expression, such as one with a closing
bracket or the one that a long call begins on, it says something of what the whole statement computes. So does a comment
on the line above that is a shape and nothing else, where the statement has no other.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from engine.record.axis_names.comments import is_shape_alone

Node = ast.expr | ast.stmt  # nearly every call is an expression; ``x += y`` is a statement that calls
# Attributes that are tensors made of another one.
_TENSOR_ATTRIBUTES = frozenset(("T", "mT", "H", "mH", "data", "real", "imag"))
# Between an expression and the end of its line: closing brackets, a comma, an operator, but nothing that computes.
_NOTHING_MORE = re.compile(r"[^\w\"'(\[{]*")


class Comment(NamedTuple):
    """A comment, and the code in front of it on its line."""

    text: str
    code: bytes


def owners(statement: ast.stmt, expressions: Sequence[Node], comments: Mapping[int, Comment]) -> dict[Node, str]:
    """The comment of every expression of the statement that has one of its own.

    Args:
        statement: an assignment, a return, or whatever else holds the expressions.
        expressions: those of the statement itself, not of the statements in its body.
        comments: line number, from 1 → the comment on that line.
    """
    own: dict[Node, str] = {}
    for line in {node.end_lineno or 0 for node in expressions} & comments.keys():
        for node in _ending(expressions, line, comments[line].code):
            for result in _results(node):
                # Of a tuple over several lines only the last element ends on its last line.
                if result.end_lineno == line or not isinstance(node, ast.Tuple | ast.List):
                    own[result] = comments[line].text
    taken = {node.end_lineno for node in own}
    for line in (statement.end_lineno or 0, statement.lineno):
        if line in comments and (line != statement.end_lineno or _is_last(statement, comments[line].code)):
            results = () if line in taken else _computed_by(statement)
            for result in (*results, *_written_to(statement)):
                own.setdefault(result, comments[line].text)
    above = comments.get(statement.lineno - 1)
    if not own and above is not None and not above.code.strip() and is_shape_alone(above.text):
        own.update(dict.fromkeys((*_computed_by(statement), *_written_to(statement)), above.text))
    return own


def _ending(expressions: Sequence[Node], line: int, code: bytes) -> list[Node]:
    """The expressions that a line ends with, without those that are only part of another of them."""
    ending = [node for node in expressions if node.end_lineno == line and _is_last(node, code)]
    parts = {part for node in ending for part in ast.walk(node) if part is not node}
    return [node for node in ending if node not in parts]


def _is_last(node: Node, code: bytes) -> bool:
    # Columns of the syntax tree are counted in bytes.
    return _NOTHING_MORE.fullmatch(code[node.end_col_offset or 0 :].decode(errors="ignore")) is not None


def _results(node: ast.AST) -> Iterator[Node]:
    """What computes the value of an expression: of a choice both sides, of a tuple every element."""
    match node:
        case ast.IfExp():
            yield from _results(node.body)
            yield from _results(node.orelse)
        case ast.Tuple() | ast.List():
            for element in node.elts:
                yield from _results(element)
        case ast.NamedExpr() | ast.Starred() | ast.Await():
            yield from _results(node.value)
        case ast.Attribute() if node.attr in _TENSOR_ATTRIBUTES:
            yield node
        case ast.Call() | ast.BinOp() | ast.UnaryOp() | ast.Compare() | ast.Subscript() | ast.AugAssign():
            yield node


def _computed_by(statement: ast.stmt) -> Iterator[Node]:
    """What computes the value of a whole statement."""
    match statement:
        case ast.AugAssign():
            yield statement
        case ast.Assign() | ast.AnnAssign() | ast.Expr() | ast.Return() if statement.value is not None:
            yield from _results(statement.value)


def _written_to(statement: ast.stmt) -> Iterator[Node]:
    """``x[i] = y`` computes as well: it writes into x."""
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript):
        yield statement.targets[0]
