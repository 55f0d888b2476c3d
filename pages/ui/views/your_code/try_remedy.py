"""The nearest expression that works, put in the place of the one that failed."""

from __future__ import annotations

import ast

from engine.record.failure.failure import Failure

_INSTEAD = {"view": "reshape"}


def remedied(text: str, failure: Failure) -> str | None:
    """The text with the remedy in the failing line.

    Args:
        text: the program.
        failure: what it raised.

    Returns:
        The program as it would run; None where there is no remedy, the expression stands in its line not exactly once,
        or the result is no Python.
    """
    lines = text.split("\n")
    if not failure.remedy or not failure.expression or not 1 <= failure.line <= len(lines):
        return None
    line = lines[failure.line - 1]
    better = _better(failure)
    if better is None or line.count(failure.expression) != 1:
        return None
    lines[failure.line - 1] = line.replace(failure.expression, better)
    changed = "\n".join(lines)
    return changed if _parsed(changed, "exec") is not None else None


def _better(failure: Failure) -> str | None:
    """The expression as it would work: the remedy itself, or the expression with the remedy for one of its operands."""
    expression, remedy = _parsed(failure.expression), _parsed(failure.remedy)
    if expression is None or remedy is None or "\n" in failure.expression:
        return None
    if _function(expression) and _function(remedy) in (_function(expression), _INSTEAD.get(_function(expression))):
        return failure.remedy
    names = [
        operand.name
        for operand in failure.operands
        if failure.remedy.startswith((f"{operand.receiver}.", f"{operand.receiver}["))
    ]
    parts = [node for node in ast.walk(expression) if isinstance(node, ast.expr) and ast.unparse(node) in names]
    if not parts:
        return None
    part = parts[-1]
    text = failure.expression.encode()  # ast counts bytes
    return (text[: part.col_offset] + failure.remedy.encode() + text[part.end_col_offset :]).decode()


def _parsed(text: str, mode: str = "eval") -> ast.AST | None:
    try:
        tree = ast.parse(text, mode=mode)
    except (SyntaxError, ValueError):
        return None
    return tree.body if isinstance(tree, ast.Expression) else tree


def _function(node: ast.AST) -> str:
    """The name of what an expression calls; "" where it is no call."""
    called = node.func if isinstance(node, ast.Call) else None
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
