"""Somebody's program as one frozen value: its text, what is called, with which inputs, at which sizes."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Mapping
from dataclasses import dataclass

FLOATS = ("float32", "float64", "float16", "bfloat16", "complex64")
DTYPES = (*FLOATS, "int64", "int32", "bool")
VALUE = "value"  # in the place of a dtype: the input is no tensor but what its text says
RANDOM, ARANGE, ONES = FILLS = ("random", "arange", "ones")
MOST_ELEMENTS = 50_000_000
_MOST_AXES = 8
_HIGH = 10  # random whole numbers stay below it, as in the process that runs the program

_NO_SHAPE = "{name}: the shape {text} cannot be read: {part} is neither a number nor a size such as B. Try 2, 6, 32."
_NO_SIZE = "{name}: {part} comes to {size}, and a length is 0 or more. Try 1."
_TOO_LARGE = "{name}: {count:,} numbers, and at most {most:,} can be made here. Try a smaller shape."
_TOO_DEEP = "{name}: {count} axes, and at most {most} can be shown. Try fewer."
_NO_VALUE = "{name}: {text} is not a Python expression: {reason}. Try None or 4."
_NO_NAME = "{name} is not a name that Python knows a tensor by. Try mask."
_TWICE = "{name}: another input has this name. Try {name}_2."
_NEEDED = "{name}: {owner} needs a value for it. Try 4."


class InputError(ValueError):
    """An input that cannot be made: the rule, the value given, and one that works."""


@dataclass(frozen=True)
class Input:
    """One argument.

    Attributes:
        name: the parameter's name.
        text: the shape, ``B, L, D`` or ``2, 6, 32``; of a plain value the Python expression.
        dtype: the tensor's, or ``VALUE``.
        fill: how the tensor is filled.
        seed: of a random tensor.
        is_built_with: whether it goes into the constructor of a module, and not into its call.
        is_positional: whether it cannot be given by name.
        is_added: whether a person added it: no parameter, but a tensor that the text finds by its name.
    """

    name: str
    text: str
    dtype: str = VALUE
    fill: str = RANDOM
    seed: int = 0
    is_built_with: bool = False
    is_positional: bool = False
    is_added: bool = False


@dataclass(frozen=True)
class UserProgram:
    """A program, ready to be run.

    Attributes:
        text: the code.
        target: the name of the function or of the class of a module that is called; "" where there is none.
        is_class: whether it is a class, which is constructed first.
        inputs: its arguments, in order.
        sizes: how long each symbol in them is.
    """

    text: str
    target: str = ""
    is_class: bool = False
    inputs: tuple[Input, ...] = ()
    sizes: tuple[tuple[str, int], ...] = ()

    @property
    def used_sizes(self) -> dict[str, int]:
        """The sizes that the inputs use, in the order in which they first do."""
        known = dict(self.sizes)
        names = dict.fromkeys(name for code_input in self.inputs for name in names_in(code_input.text))
        return {name: known[name] for name in names if name in known}


def names_in(text: str) -> tuple[str, ...]:
    """The names that an expression or a shape uses, in their order."""
    try:
        tree = ast.parse(_as_tuple(text), mode="eval")
    except SyntaxError:
        return ()
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return tuple(dict.fromkeys(node.id for node in sorted(names, key=lambda node: (node.lineno, node.col_offset))))


def target_call(program: UserProgram) -> str:
    """What is called, as a Python expression: ``attend``, or ``Attention(d_model=32, heads=4)``.

    Raises:
        InputError: a value cannot be used.
    """
    if not program.is_class:
        return program.target
    return f"{program.target}({', '.join(_arguments(program, True))})"


def arguments(program: UserProgram) -> tuple[str, ...]:
    """What it is called with, each as Python: ``x=torch.randn(2, 6, 32, …)``.

    Raises:
        InputError: a shape or a value cannot be used.
    """
    return _arguments(program, False)


def added_lines(program: UserProgram) -> tuple[str, ...]:
    """The tensors that the text finds by their names, each as a line of Python.

    Raises:
        InputError: a name or a shape cannot be used.
    """
    added = [given for given in program.inputs if given.is_added]
    for given in added:
        check_name(given, program)
    return tuple(f"{given.name} = {tensor_text(given, dict(program.sizes))}" for given in added)


def check_name(given: Input, program: UserProgram) -> None:
    """Looks at the name that a person gave an input.

    Raises:
        InputError: it cannot be used.
    """
    if not given.name.isidentifier() or keyword.iskeyword(given.name):
        raise InputError(_NO_NAME.format(name=given.name or "An empty name"))
    if sum(other.name == given.name for other in program.inputs) > 1 or given.name in dict(program.sizes):
        raise InputError(_TWICE.format(name=given.name))


def tensor_text(given: Input, sizes: Mapping[str, int]) -> str:
    """A tensor as the Python expression that makes it.

    Args:
        given: the input.
        sizes: how long each symbol is.

    Raises:
        InputError: its shape cannot be used.
    """
    shape = shape_of(given, sizes)
    numbers = ", ".join(map(str, shape))
    dtype = "" if given.dtype == "float32" else f", dtype=torch.{given.dtype}"
    if given.fill == ONES:
        return f"torch.ones({_tuple_text(shape)}{dtype})"
    if given.fill == ARANGE:
        count = 1
        for size in shape:
            count *= size
        cast = "" if given.dtype == "int64" else f".to(torch.{given.dtype})"
        return f"torch.arange({count}).reshape({_tuple_text(shape)}){cast}"
    generator = f"generator=torch.Generator().manual_seed({given.seed})"
    if given.dtype in FLOATS:
        return f"torch.randn({_tuple_text(shape)}, {generator}{dtype})"
    cast = "" if given.dtype == "int64" else f".to(torch.{given.dtype})"
    high = 2 if given.dtype == "bool" else _HIGH
    comma = "," if len(shape) == 1 else ""
    return f"torch.randint({high}, ({numbers}{comma}), {generator}){cast}"


def shape_of(given: Input, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape that a text such as ``B, L, 3 * D`` comes to.

    Raises:
        InputError: it cannot be read, or is too large.
    """
    text = given.text.strip().strip("()[]").strip().rstrip(",")
    parts = [part.strip() for part in text.split(",")] if text else []
    if len(parts) > _MOST_AXES:
        raise InputError(_TOO_DEEP.format(name=given.name, count=len(parts), most=_MOST_AXES))
    shape = []
    for part in parts:
        try:
            size = _size(ast.parse(part, mode="eval").body, sizes)
        except (SyntaxError, ValueError, ZeroDivisionError) as error:
            raise InputError(_NO_SHAPE.format(name=given.name, text=text, part=part or "an empty part")) from error
        if size < 0:
            raise InputError(_NO_SIZE.format(name=given.name, part=part, size=size))
        shape.append(size)
    count = 1
    for size in shape:
        count *= size
    if count > MOST_ELEMENTS:
        raise InputError(_TOO_LARGE.format(name=given.name, count=count, most=MOST_ELEMENTS))
    return tuple(shape)


def _arguments(program: UserProgram, is_built_with: bool) -> tuple[str, ...]:
    sizes = dict(program.sizes)
    texts = []
    for given in program.inputs:
        if given.is_built_with is is_built_with and not given.is_added:
            text = _value_text(program, given, sizes) if given.dtype == VALUE else tensor_text(given, sizes)
            texts.append(text if given.is_positional else f"{given.name}={text}")
    return tuple(texts)


def _value_text(program: UserProgram, given: Input, sizes: Mapping[str, int]) -> str:
    """A plain value as Python, its sizes as numbers."""
    text = given.text.strip()
    if not text:
        raise InputError(_NEEDED.format(name=given.name, owner=program.target))
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise InputError(_NO_VALUE.format(name=given.name, text=text, reason=reason)) from error
    return ast.unparse(_Numbers(sizes).visit(tree))


class _Numbers(ast.NodeTransformer):
    """Puts numbers in the places of sizes."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self._sizes[node.id]) if node.id in self._sizes else node


def _size(node: ast.expr, sizes: Mapping[str, int]) -> int:
    """A size of numbers, symbols and + - * //; a ValueError for anything else."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.Name) and node.id in sizes:
        return sizes[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_size(node.operand, sizes)
    if isinstance(node, ast.BinOp):
        left, right = _size(node.left, sizes), _size(node.right, sizes)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.FloorDiv):
            return left // right
    raise ValueError


def _tuple_text(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape)) if shape else "()"


def _as_tuple(text: str) -> str:
    return f"({text}\n,)" if text.strip() else "()"
