"""Which text of a program made a call: file, line, exact expression, assigned name and shape comment.

A recorded call knows its code object and the offset of the instruction. Python keeps the exact span of source text of
every instruction (PEP 657), the syntax tree says what that span is, and the trailing comment says the axes.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import CodeType

from engine.record.axis_names.comments import shape_comment
from engine.record.comment_owners import Comment, Node, owners
from engine.record.returned import returned_by
from engine.record.source_text import Text, text_of

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Source:
    """Where a step stands in the program.

    ``targets`` are the names its result is assigned to, empty where it is only part of a larger expression.
    ``comment_axes`` are the symbols of its own shape comment, None where there is none. ``span`` is (first
    line, first column, last line, last column) of the expression: lines from 1, columns from 0 in characters.
    ``function_line`` is where the function begins, ``code`` are the lines of the function from its ``def``.
    ``returned`` is the position of its result in the tuple that the function returns, or ``WHOLE`` where it is all that
    the function returns; None for a result that is not returned.

    ``file`` is its whole path.
    """

    file: str
    line: int
    expression: str
    function: str
    function_line: int
    span: tuple[int, int, int, int] | None = None
    targets: tuple[str, ...] = ()
    comment_axes: tuple[str, ...] | None = field(default=None)
    returned: int | None = None
    code: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @property
    def shown_file(self) -> str:
        """The file as people read it: relative to the folder that holds ``engine``, where it lies inside it."""
        path = Path(self.file)
        return path.relative_to(PROJECT).as_posix() if path.is_relative_to(PROJECT) else self.file


@dataclass(frozen=True)
class _File:
    """The syntax tree of one file, indexed by where expressions end."""

    ending: dict[tuple[int, int], tuple[Node, ...]]
    targets: dict[Node, tuple[str, ...]]
    comments: dict[Node, str]
    returned: dict[Node, int]
    functions: dict[int, tuple[str, ...]]
    lines: tuple[str, ...]


def locate(code: CodeType, lasti: int) -> Source:
    """The source of the instruction at byte offset ``lasti`` of ``code``; as much of it as is known."""
    # Code objects of different files can be equal.
    return _locate(text_of(code), code, code.co_filename, lasti)


@lru_cache(maxsize=4096)
def _locate(text: Text | None, code: CodeType, filename: str, lasti: int) -> Source:
    first, last, start, end = _positions(code)[lasti // 2]
    line = first or code.co_firstlineno
    nothing = Source(filename, line, "", code.co_name, code.co_firstlineno)
    file = None if text is None else _read(text)
    if file is None or last is None or start is None or end is None:
        return nothing
    node = _node(file, line, start, last, end)
    if node is None or node.end_lineno is None or node.end_col_offset is None:
        return nothing
    lines = file.lines[node.lineno - 1 : node.end_lineno]
    begin, finish = _column(lines[0], node.col_offset), _column(lines[-1], node.end_col_offset)
    return Source(
        file=filename,
        line=node.lineno,
        expression="".join((*lines[:-1], lines[-1][:finish]))[begin:],
        function=code.co_name,
        function_line=code.co_firstlineno,
        span=(node.lineno, begin, node.end_lineno, finish),
        targets=file.targets.get(node, ()),
        comment_axes=shape_comment(file.comments.get(node, "")),
        returned=file.returned.get(node),
        code=file.functions.get(code.co_firstlineno) or _line(file, code.co_firstlineno),
    )


@lru_cache(maxsize=4096)
def _positions(code: CodeType) -> tuple[tuple[int | None, int | None, int | None, int | None], ...]:
    return tuple(code.co_positions())


@lru_cache(maxsize=256)
def _read(text: Text) -> _File | None:
    lines = text.lines
    whole = "".join(lines)
    try:
        tree = ast.parse(whole)
        tokens = list(tokenize.generate_tokens(io.StringIO(whole).readline))
    except (SyntaxError, tokenize.TokenError, ValueError):
        return None
    ending: dict[tuple[int, int], list[Node]] = {}
    targets: dict[Node, tuple[str, ...]] = {}
    functions: dict[int, tuple[str, ...]] = {}
    returned: dict[Node, int] = {}
    on_line = {
        token.start[0]: Comment(token.string, lines[token.start[0] - 1][: token.start[1]].encode())
        for token in tokens
        if token.type == tokenize.COMMENT
    }
    comments: dict[Node, str] = {}
    for owner in ast.walk(tree):
        if not isinstance(owner, ast.stmt):
            continue
        if isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef):
            begin = min([owner.lineno, *(decorator.lineno for decorator in owner.decorator_list)])
            functions[begin] = tuple(line.rstrip("\n") for line in lines[begin - 1 : owner.end_lineno or begin])
            returned.update(returned_by(owner, assigned))
        expressions = list(_own_expressions(owner))
        for node in expressions:
            if node.end_lineno is not None and node.end_col_offset is not None:
                ending.setdefault((node.end_lineno, node.end_col_offset), []).append(node)
        targets.update(assigned(owner))
        comments.update(owners(owner, expressions, on_line))
    return _File({k: tuple(v) for k, v in ending.items()}, targets, comments, returned, functions, lines)


def _own_expressions(statement: ast.stmt) -> Iterator[Node]:
    """The expressions of a statement, not those of the statements inside it."""
    if isinstance(statement, ast.AugAssign):
        yield statement
    queue: list[ast.AST] = list(ast.iter_child_nodes(statement))
    while queue:
        node = queue.pop(0)
        if isinstance(node, ast.stmt):
            continue
        if isinstance(node, ast.expr):
            yield node
        queue.extend(ast.iter_child_nodes(node))


def assigned(statement: ast.stmt) -> Iterator[tuple[Node, tuple[str, ...]]]:
    """What a statement gives names to: each expression, and the names of its results."""
    if isinstance(statement, ast.Assign):
        yield from _paired(statement.targets[0], statement.value)
        # x[i] = y calls __setitem__, whose span is the target alone.
        yield statement.targets[0], _names(statement.targets[0])
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        yield statement.value, _names(statement.target)
    elif isinstance(statement, ast.AugAssign):
        yield statement, _names(statement.target)
    for node in _own_expressions(statement):
        if isinstance(node, ast.NamedExpr):
            yield node.value, _names(node.target)


def _paired(target: ast.expr, value: ast.expr) -> Iterator[tuple[Node, tuple[str, ...]]]:
    """The expressions whose result is assigned, each with the names it goes to."""
    match target, value:
        case _, ast.IfExp():
            yield from _paired(target, value.body)
            yield from _paired(target, value.orelse)
        case ast.Tuple() | ast.List(), ast.Tuple() | ast.List() if len(target.elts) == len(value.elts):
            for element, its in zip(target.elts, value.elts, strict=True):
                yield from _paired(element, its)
        case _, ast.ListComp() | ast.SetComp() | ast.DictComp():
            # What is called with a comprehension's span is the taking apart of what it goes through.
            pass
        case _:
            yield value, _names(target)


def _names(target: ast.expr) -> tuple[str, ...]:
    match target:
        case ast.Name():
            return (target.id,)
        case ast.Attribute():
            return (target.attr,)
        case ast.Subscript() | ast.Starred():
            return _names(target.value)
        case ast.Tuple() | ast.List():
            return tuple(name for element in target.elts for name in _names(element)[:1])
        case _:
            return ()


def _node(file: _File, line: int, start: int, last: int, end: int) -> Node | None:
    candidates = file.ending.get((last, end), ())
    for node in candidates:
        if (node.lineno, node.col_offset) == (line, start):
            return node
    # A method call on a continuation line is reported from its dot on; the expression it ends is the whole chain.
    enclosing = [node for node in candidates if (node.lineno, node.col_offset) <= (line, start)]
    calls = [node for node in enclosing if isinstance(node, ast.Call)]
    return min(calls or enclosing, key=lambda node: (-node.lineno, -node.col_offset), default=None)


def _column(line: str, offset: int) -> int:
    """A column of the syntax tree, counted in UTF-8 bytes, in characters."""
    return len(line.encode()[:offset].decode(errors="ignore"))


def _line(file: _File, number: int) -> tuple[str, ...]:
    """The line of a lambda, or of a program outside functions."""
    return tuple(line.rstrip("\n") for line in file.lines[number - 1 : number])
