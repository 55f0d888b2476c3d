"""The cells of a lab's script, each with the lines above it that it needs, so that it runs alone.

A line ``# %% NAME`` begins a cell, as in VS Code, Spyder and Jupytext. What stands above the first belongs to none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from engine.labs.script_names import Names, names_of

_MARKER = re.compile(r"# %% (.+)")


@dataclass(frozen=True)
class _Statement:
    """A statement at the top level of a script.

    Attributes:
        node: its syntax.
        names: those that it reads, and those that are others after it.
        text: its lines, with the comments right above it.
        blank: how many blank lines stand above it.
        cell: the name of its cell, "" above the first one.
    """

    node: ast.stmt
    names: Names
    text: str
    blank: int
    cell: str


@lru_cache(maxsize=64)
def cells(script: str) -> dict[str, str]:
    """The cells of a script by their names, each a program of its own.

    A cell gets every earlier statement that sets or changes a name it reads, or that calls torch for its effect, as
    ``torch.manual_seed`` does. Who draws from a generator changes it, so a cell draws what it draws in the whole.

    Args:
        script: the text of the script.
    """
    statements = list(_statements(script))
    names = dict.fromkeys(statement.cell for statement in statements if statement.cell)
    return {name: _program(statements, name) for name in names}


def _statements(script: str) -> Iterator[_Statement]:
    lines = script.splitlines()
    body = ast.parse(script).body
    cell, above = "", 0
    for node, names in zip(body, names_of(body), strict=True):
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
        # With a comment that stands behind the statement.
        yield _Statement(node, names, "\n".join(lines[start:last]), start - blank, cell)
        above = last


def _program(statements: list[_Statement], cell: str) -> str:
    needed: set[str] = set()
    chosen: list[_Statement] = []
    for statement in reversed(statements):
        if statement.cell == cell or statement.names.changed & needed:
            needed = needed - statement.names.replaced | statement.names.read
            chosen.append(statement)
    chosen.reverse()
    used = needed.union(*(statement.names.read for statement in chosen))
    text, before = "", None
    for statement in chosen:
        if before:
            text += "\n" * max(statement.blank if statement.cell == before.cell else 1, _blank(before, statement))
        text += _only(statement, used) + "\n"
        before = statement
    return text


def _blank(before: _Statement, after: _Statement) -> int:
    """How many blank lines there must be between two statements."""
    if any(isinstance(statement.node, ast.FunctionDef | ast.ClassDef) for statement in (before, after)):
        return 2
    first, second = (isinstance(statement.node, ast.Import | ast.ImportFrom) for statement in (before, after))
    return int(first != second)


def _only(statement: _Statement, used: set[str]) -> str:
    """The text of a statement; of an import, the names that are used."""
    node = statement.node
    if not isinstance(node, ast.ImportFrom):
        return statement.text
    names = [alias for alias in node.names if (alias.asname or alias.name) in used]
    if len(names) == len(node.names):
        return statement.text
    return ast.unparse(ast.ImportFrom(node.module, names, node.level))
