"""The text of a lab's script, with the sizes of the page in the place of the file's own.

A lab's script is a Python file beside it that runs alone. Its sizes stand on top, each in a statement ``NAME = value``.
"""

from __future__ import annotations

import ast
import io
import math
import tokenize
from collections.abc import Mapping
from pathlib import Path


class Expression(str):
    """Python that goes into a script as it is written; any other value goes in as its literal."""


def fill_in(script: Path, **constants: object) -> str:
    """The text of a script in which these constants have other values.

    Args:
        script: the file.
        constants: the new value of each constant, by its name.

    Raises:
        ValueError: the script sets no constant of this name at its top level, or sets it more than once.
    """
    statements = {name: f"{name} = {_literal(value)}" for name, value in constants.items()}
    return replace_statements(script.read_text(encoding="utf-8"), statements)


def replace_statements(text: str, statements: Mapping[str, str]) -> str:
    """The text of a program in which other statements bind these names.

    Args:
        text: the program.
        statements: the new text by the name it binds, "" to leave the statement out. The texts of the names of one
            import are put one after the other.

    Raises:
        ValueError: no statement, or more than one, binds a name at the top level of the program.
    """
    nodes = [(node, names) for node in ast.parse(text).body if (names := _bound(node)) & statements.keys()]
    for name in statements:
        count = sum(name in names for _, names in nodes)
        if count != 1:
            raise ValueError(f"a name must be bound once at the top level: {name} is bound {count} times")
    lines = text.splitlines(keepends=True)
    for node, names in reversed(nodes):
        last = node.end_lineno or node.lineno
        # The parser counts columns in bytes.
        after = lines[last - 1].encode()[node.end_col_offset or 0 :].decode()
        lines[node.lineno - 1 : last] = ["".join(statements[name] for name in statements if name in names) + after]
    return "".join(lines)


def without_comments(text: str) -> str:
    """The text of a program without its comments; lines that were nothing else are left out."""
    lines: list[str | None] = list(text.splitlines())
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = token.line[:column].rstrip() or None
    return "\n".join(line for line in lines if line is not None) + "\n"


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement binds, where it is an import, a plain assignment or a definition."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {node.name} if isinstance(node, ast.FunctionDef | ast.ClassDef) else set()


def _literal(value: object) -> str:
    if isinstance(value, Expression):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    text = repr(value)
    # In double quotes, as the files have them.
    return f'"{text[1:-1]}"' if isinstance(value, str) and text[0] == "'" and '"' not in text else text
