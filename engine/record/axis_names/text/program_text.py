"""The syntax trees of the functions that a program is made of."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

from engine.record.source_text import text_of

Function = ast.FunctionDef | ast.AsyncFunctionDef


def function_of(code: CodeType) -> Function | None:
    """The syntax tree of the function that a code object belongs to, None where its text is not to be had."""
    text = text_of(code)
    return None if text is None else _functions(text.lines).get(code.co_firstlineno)


def method_of(kind: type, name: str) -> tuple[type, Function] | None:
    """A class's own method or the one that it inherits, with the class that has it."""
    for owner in kind.__mro__:
        method = owner.__dict__.get(name)
        if method is not None:
            code = getattr(_unwrapped(method), "__code__", None)
            node = function_of(code) if code is not None else None
            return None if node is None else (owner, node)
    return None


def parameters(function: Function) -> tuple[str, ...]:
    """The names that a function's positional arguments go to, and then those given by name only."""
    arguments = function.args
    return tuple(argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))


def bound_arguments(call: ast.Call, names: tuple[str, ...]) -> Mapping[str, ast.expr]:
    """The expressions of a call by the parameters that take them."""
    bound: dict[str, ast.expr] = {}
    for name, value in zip(names, call.args, strict=False):
        if isinstance(value, ast.Starred):
            break
        bound[name] = value
    bound.update({keyword.arg: keyword.value for keyword in call.keywords if keyword.arg})
    return bound


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """Everything in a function's body, in the order of the text, without the functions and classes inside it."""
    queue: list[ast.AST] = list(reversed(function.body))
    while queue:
        node = queue.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            queue.extend(reversed(list(ast.iter_child_nodes(node))))


def dotted(node: ast.AST) -> str:
    """``self.config.n_head`` as it is written, "" for an expression of another kind."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _unwrapped(function: Any) -> Any:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


@lru_cache(maxsize=256)
def _functions(lines: tuple[str, ...]) -> Mapping[int, Function]:
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError):
        return {}
    functions: dict[int, Function] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            begin = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            functions[begin] = node
    return functions
