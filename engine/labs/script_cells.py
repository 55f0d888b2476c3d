"""The cells of a lab's script, each with the lines above it that it needs, so that it runs alone.

A line ``# %% NAME`` begins a cell, as in VS Code, Spyder and Jupytext. What stands above the first belongs to none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_MARKER = re.compile(r"# %% (.+)")


@dataclass(frozen=True)
class _Statement:
    """A statement at the top level of a script.

    Attributes:
        node: its syntax.
        text: its lines, with the comments right above it.
        blank: how many blank lines stand above it.
        cell: the name of its cell, "" above the first one.
    """

    node: ast.stmt
    text: str
    blank: int
    cell: str


@lru_cache(maxsize=64)
def cells(script: str) -> dict[str, str]:
    """The cells of a script by their names, each a program of its own.

    Names are followed as they are bound at the top level: a cell gets every earlier statement that binds a name it
    uses, or that calls torch for its effect, as ``torch.manual_seed``. A draw of random numbers that a cell does
    not use is left out, so a script that draws in two cells sets its seed in both.

    Args:
        script: the text of the script.
    """
    statements = list(_statements(script))
    names = dict.fromkeys(statement.cell for statement in statements if statement.cell)
    return {name: _program(statements, name) for name in names}


def _statements(script: str) -> Iterator[_Statement]:
    lines = script.splitlines()
    cell, above = "", 0
    for node in ast.parse(script).body:
        first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))]) - 1
        for line in lines[above:first]:
            if marker := _MARKER.fullmatch(line):
                cell = marker[1]
        start = first
        while start > above and lines[start - 1].startswith("#") and not _MARKER.fullmatch(lines[start - 1]):
            start -= 1
        blank = start
        while blank > above and not lines[blank - 1]:
            blank -= 1
        last = node.end_lineno or node.lineno
        yield _Statement(node, "\n".join(lines[start:last]), start - blank, cell)
        above = last


def _program(statements: list[_Statement], cell: str) -> str:
    needed: set[str] = set()
    chosen: list[_Statement] = []
    for statement in reversed(statements):
        bound = _bound(statement.node)
        if statement.cell == cell or bound & needed or ("torch" in needed and _acts(statement.node)):
            needed |= _used(statement.node)
            chosen.append(statement)
    chosen.reverse()
    text, before = "", None
    for statement in chosen:
        if before:
            text += "\n" * (statement.blank if statement.cell == before.cell else _between(before))
        text += _only(statement, needed) + "\n"
        before = statement
    return text


def _between(last: _Statement) -> int:
    """How many blank lines stand between the last statement of a cell and the next cell."""
    return 2 if isinstance(last.node, ast.FunctionDef | ast.ClassDef) else 1


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement binds or changes."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    names: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in part.names}
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        elif isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store):
            names |= _root(part)
        elif (
            isinstance(part, ast.Expr)
            and isinstance(part.value, ast.Call)
            and isinstance(part.value.func, ast.Attribute)
        ):
            names |= _root(part.value.func)
    return names - {"torch"} if not isinstance(node, ast.Import | ast.ImportFrom) else names


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _used(node: ast.stmt) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _acts(node: ast.stmt) -> bool:
    """Whether a statement is a call of torch for its effect."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _root(node.value.func) == {"torch"}


def _only(statement: _Statement, needed: set[str]) -> str:
    """The text of a statement; of an import, what is needed."""
    node = statement.node
    if not isinstance(node, ast.ImportFrom):
        return statement.text
    names = [alias for alias in node.names if (alias.asname or alias.name) in needed]
    if len(names) == len(node.names):
        return statement.text
    return ast.unparse(ast.ImportFrom(node.module, names, node.level))
