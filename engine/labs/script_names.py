"""Which names each statement of a program reads, and which are others after it: what a cell of a script hangs on."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_SCOPES = ast.FunctionDef | ast.Lambda
_BLOCKS = ("body", "orelse", "finalbody")  # of compound statements
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True)
class Names:
    """The names of the top level that a statement has to do with.

    Attributes:
        read: those whose value it takes.
        changed: those that it sets, and those whose value it changes in place.
        replaced: those that it sets in any case, so that it makes no difference what they were before.
    """

    read: frozenset[str]
    changed: frozenset[str]
    replaced: frozenset[str] = frozenset()


def names_of(program: Sequence[ast.stmt]) -> Iterator[Names]:
    """The names of each statement of a program, in its order.

    In place change: an assignment to an element or attribute; a method that is called as a statement; the arguments
    of a function whose name ends with ``_``, as of ``nn.init.normal_``; and the generator that numbers are drawn from,
    also where a function of the program draws. A loop that changes its variable changes what it runs over.

    Args:
        program: the statements of the top level.
    """
    modules: set[str] = set()
    drawn: dict[str, frozenset[str]] = {}  # for each function, the generators that it draws from
    for node in program:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported = {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            modules |= imported
            yield Names(frozenset(), frozenset(imported))
            continue
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            drawn[node.name] = frozenset(_generators(node, drawn))
            yield Names(frozenset(_free(node)), frozenset({node.name}), frozenset({node.name}))
            continue
        changed = _set(node) | _in_place(node) | _generators(node, drawn)
        torch = {"torch"} if _calls_torch(node) else set()
        yield Names(frozenset(_free(node)), frozenset(changed - modules | torch), frozenset(_replaced(node)))


def _free(node: ast.AST) -> set[str]:
    """The names that are read, but for those of functions and loops within."""
    own: set[str] = set()
    if isinstance(node, _SCOPES):
        arguments = node.args
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
        own |= {argument.arg for argument in every if argument}
        own |= set() if isinstance(node, ast.Lambda) else _set(node)
    elif isinstance(node, ast.For):
        own |= _stored(node.target)
    elif isinstance(node, _COMPREHENSIONS):
        own |= {name for generator in node.generators for name in _stored(generator.target)}
    read = {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) else set()
    if isinstance(node, ast.AugAssign):
        read |= _stored(node.target)
    for field, child in ast.iter_fields(node):
        if field in _BLOCKS and isinstance(child, list):
            read |= _free_in(child)
        else:
            parts = child if isinstance(child, list) else [child]
            read = read.union(*(_free(part) for part in parts if isinstance(part, ast.AST)))
    return read - own


def _free_in(block: list[ast.stmt]) -> set[str]:
    """The names that a block reads before it sets them."""
    read: set[str] = set()
    own: set[str] = set()
    for node in block:
        read |= _free(node) - own
        own |= _replaced(node)
    return read


def _replaced(node: ast.stmt) -> set[str]:
    """The names that a statement sets in any case."""
    if isinstance(node, ast.Assign):
        return {name for target in node.targets for name in _stored(target)}
    if isinstance(node, ast.With):
        return {name for inner in node.body for name in _replaced(inner)}
    return {node.name} if isinstance(node, ast.FunctionDef | ast.ClassDef) else set()


def _set(node: ast.AST) -> set[str]:
    """The names that a statement sets, without those of functions and comprehensions within."""
    names: set[str] = set()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            names.add(child.name)
        elif not isinstance(child, (*_COMPREHENSIONS.__args__, ast.Lambda)):
            names |= _stored(child) if isinstance(child, ast.Name) else _set(child)
    return names


def _stored(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def _in_place(node: ast.stmt) -> set[str]:
    changed: set[str] = set()
    loops: list[tuple[set[str], list[ast.expr]]] = []  # names that stand for others, and what they stand for
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store):
            changed |= _roots([part])
        elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
            changed |= _changed_by(part.value)
        elif isinstance(part, ast.For):
            loops.append((_stored(part.target), _elements(part.iter)))
        elif isinstance(part, ast.Assign):
            loops.append(({name for target in part.targets for name in _stored(target)}, [part.value]))
    before = -1
    while before != len(changed):
        before = len(changed)
        for names, values in loops:
            if names & changed:
                changed |= _roots(values)
    return changed


def _changed_by(call: ast.Call) -> set[str]:
    function = call.func
    changed = _roots([function]) if isinstance(function, ast.Attribute) else set()
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return changed | _roots(call.args) if name.endswith("_") else changed


def _elements(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Tuple | ast.List):
        return [element.value if isinstance(element, ast.Starred) else element for element in node.elts]
    return [node]


def _roots(nodes: Iterable[ast.expr]) -> set[str]:
    """The names at the left end of attributes, elements and calls."""
    names: set[str] = set()
    for node in nodes:
        while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
            node = node.func if isinstance(node, ast.Call) else node.value
        names |= {node.id} if isinstance(node, ast.Name) else set()
    return names


def _generators(node: ast.AST, drawn: Mapping[str, frozenset[str]]) -> set[str]:
    """The generators that are drawn from, here or in a function that is called here."""
    names: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            names |= {
                word.value.id for word in part.keywords if word.arg == "generator" and isinstance(word.value, ast.Name)
            }
            names |= drawn.get(getattr(part.func, "id", ""), frozenset())
    return names


def _calls_torch(node: ast.stmt) -> bool:
    """Whether a statement is a call of torch for its effect."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _roots([node.value.func]) == {"torch"}
