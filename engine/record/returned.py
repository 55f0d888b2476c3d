"""Which expressions of a function make what it returns."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

from engine.record.comment_owners import Node

WHOLE = -1  # all that a function returns, where it returns no tuple
Assigned = Callable[[ast.stmt], Iterable[tuple[Node, tuple[str, ...]]]]


def returned_by(function: ast.FunctionDef | ast.AsyncFunctionDef, assigned: Assigned) -> dict[Node, int]:
    """The expressions whose value the function returns, each with its position in the returned tuple, or ``WHOLE``.

    Args:
        function: its syntax tree.
        assigned: gives the expressions of a statement that are assigned, with the names they go to.
    """
    returned: dict[Node, int] = {}
    names: dict[str, int] = {}
    statements = list(_own_statements(function))
    for statement in statements:
        if isinstance(statement, ast.Return) and statement.value is not None:
            for result, position in _results(statement.value):
                if isinstance(result, ast.Name):
                    names[result.id] = position
                else:
                    returned[result] = position
    for statement in statements:
        for target, targets in assigned(statement):
            if len(targets) == 1 and targets[0] in names:
                returned[target] = names[targets[0]]
    return returned


def _results(value: ast.expr) -> Iterator[tuple[ast.expr, int]]:
    if isinstance(value, ast.Tuple):
        for position, element in enumerate(value.elts):
            yield element, position
    elif isinstance(value, ast.IfExp):
        yield from _results(value.body)
        yield from _results(value.orelse)
    else:
        yield value, WHOLE


def _own_statements(function: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a function, without those of the functions and classes inside it."""
    for node in ast.iter_child_nodes(function):
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            yield from _own_statements(node)
