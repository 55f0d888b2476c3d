"""What the text of a module's constructor says of how its parts were made."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from engine.record.axis_names.text.program_text import dotted, own_nodes

_FILLED = frozenset(("empty", "zeros", "ones", "randn", "rand", "full"))
# A value that a module does not tell any more.
MISSING = object()


def whole_number(op: ast.operator, left: Any, right: Any) -> Any:
    """The result of arithmetic with sizes, ``MISSING`` where one of them is, or where it is no size.

    Args:
        op: the operator, as Python's grammar has it.
        left, right: its operands.

    Returns:
        A whole number.
    """
    if not isinstance(left, int) or not isinstance(right, int):
        return MISSING
    match op:
        case ast.Mult():
            return left * right
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.FloorDiv() | ast.Div() if right and left % right == 0:
            return left // right
    return MISSING


def assignments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, ast.expr]]:
    """What a constructor sets, and what it appends to a list of modules, by name."""
    for node in own_nodes(function):
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                yield from ((dotted(target), value) for target, value in zip(targets, values, strict=False))
            case ast.Assign(targets=targets, value=value):
                yield from ((dotted(target), value) for target in targets if dotted(target))
            case ast.AnnAssign(target=target, value=ast.expr() as value) if dotted(target):
                yield dotted(target), value
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="append") as method, args=[value])):
                if dotted(method):
                    yield dotted(method), value


def calls_in(expression: ast.expr) -> list[ast.Call]:
    """The calls in an expression that may make a module, outermost first."""
    return [node for node in ast.walk(expression) if isinstance(node, ast.Call)]


def container_entry(whole: Mapping[str, ast.expr], name: str) -> ast.expr | None:
    """The expression that made one entry of a container, where its text lists them or makes all alike."""
    for expression in whole.values():
        container = expression
        # ModuleList([...]), ModuleDict({...}), ModuleDict(dict(...)), Sequential(a, b)
        while isinstance(container, ast.Call):
            keywords = {keyword.arg: keyword.value for keyword in container.keywords}
            if name in keywords:
                return keywords[name]
            kind = dotted(container.func).rpartition(".")[2]
            if kind == "Sequential" and name.isdigit() and int(name) < len(container.args):
                return container.args[int(name)]
            if not container.args:
                break
            if kind not in ("ModuleList", "ModuleDict", "dict", "OrderedDict"):
                break
            container = container.args[0]
        match container:
            case ast.ListComp() | ast.GeneratorExp():
                return container.elt
            case ast.List() | ast.Tuple() if name.isdigit() and int(name) < len(container.elts):
                return container.elts[int(name)]
            case ast.Dict():
                for key, value in zip(container.keys, container.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == name:
                        return value
    return None


def filled_sizes(node: ast.expr) -> list[ast.expr] | None:
    """The sizes of a tensor that a constructor makes: those of ``nn.Parameter(torch.empty(a, b))``."""
    for call in calls_in(node):
        if dotted(call.func).rpartition(".")[2] in _FILLED:
            sizes = list(call.args)
            if len(sizes) == 1 and isinstance(sizes[0], ast.Tuple | ast.List):
                sizes = list(sizes[0].elts)
            if sizes and not any(isinstance(size, ast.Starred) for size in sizes):
                return sizes
    return None
