"""What a program defines that can be called, and the inputs that it most likely takes, read from its text alone."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count

from engine.axes import symbol_for
from engine.record.axis_names.comments import shape_comment
from pages.ui.views.your_code.program import RANDOM, VALUE, Input, UserProgram, names_in

_LENGTHS = {"B": 2, "N": 2, "L": 6, "T": 6, "S": 5, "L_k": 5, "H": 4, "d_k": 8, "d_v": 8, "V": 50, "d_ff": 64}
_WIDTHS = frozenset({"D", "d_model", "C", "E", "dim", "embed_dim", "hidden_size"})
_WIDTH, _OTHER_LENGTH = 32, 4
_OF_TOKENS = ("ids", "tokens", "indices", "positions")
_OF_MASKS = ("mask", "is_", "padding", "causal")
# What people call the sizes that a constructor takes, besides what the glossary of axes knows.
_SCALARS = {"d_model": "D", "dim": "D", "embed_dim": "D", "hidden_size": "D", "n_embd": "D", "hidden_dim": "D"}
_SCALARS |= {"embed_size": "D", "emb_dim": "D", "d_embed": "D", "model_dim": "D", "channels": "D", "dim_model": "D"}
_NAMED_LENGTHS = {"block_size": "64", "max_len": "64", "context_length": "64", "max_seq_len": "64", "dropout": "0.0"}
_USUAL_SHAPE = ("B", "L", "D")
_ADDED_NAMES = ("x", "y", "z", *(f"x_{number}" for number in range(2, 1000)))


@dataclass(frozen=True)
class CallTarget:
    """A function or a class of modules at the top of a program.

    Attributes:
        name: its name.
        is_class: whether it is a class.
        inputs: its likely inputs.
        sizes: how long each symbol in them is.
    """

    name: str
    is_class: bool
    inputs: tuple[Input, ...]
    sizes: tuple[tuple[str, int], ...]


def callables_of(text: str) -> tuple[CallTarget, ...]:
    """The functions and classes of modules at the top of a program, in its order.

    Args:
        text: the program.

    Raises:
        SyntaxError: it is not Python.
    """
    try:
        tree = ast.parse(text)
    except ValueError as error:  # a null character
        raise SyntaxError(str(error)) from error
    comments = _comments(text)
    return tuple(filter(None, (_callable_of(node, comments) for node in tree.body)))


def with_text(program: UserProgram, text: str) -> UserProgram:
    """The program with another text. What a person set for an input stays where the input is still there.

    Raises:
        SyntaxError: the text is not Python.
    """
    options = callables_of(text)
    chosen = next((code_input for code_input in options if code_input.name == program.target), None) or _likely(options)
    added = tuple(code_input for code_input in program.inputs if code_input.is_added)
    if chosen is None:
        sizes = {**_lengths(added), **dict(program.sizes)}
        return UserProgram(text, inputs=added, sizes=tuple(sizes.items()))
    before = _called(program.text, program.target)
    usual = (
        {}
        if before is None
        else {(code_input.name, code_input.is_built_with): code_input for code_input in before.inputs}
    )
    present = {(code_input.name, code_input.is_built_with): code_input for code_input in program.inputs}
    inputs = (*(_kept(code_input, present, usual) for code_input in chosen.inputs), *added)
    sizes = {**dict(chosen.sizes), **_lengths(inputs), **dict(program.sizes)}
    return UserProgram(text, chosen.name, chosen.is_class, inputs, tuple(sizes.items()))


def with_target(program: UserProgram, name: str) -> UserProgram:
    """The program with another of its functions or classes called."""
    chosen = _called(program.text, name)
    if chosen is None:
        return program
    sizes = {**dict(chosen.sizes), **dict(program.sizes)}
    inputs = (*chosen.inputs, *(code_input for code_input in program.inputs if code_input.is_added))
    return UserProgram(program.text, chosen.name, chosen.is_class, inputs, tuple(sizes.items()))


def with_input(program: UserProgram, number: int, changed: Input) -> UserProgram:
    """The program with another input in one place; symbols that it names first get a usual length.

    Args:
        program: the program.
        number: which of its inputs, from 0.
        changed: what stands there instead.

    Returns:
        The changed program.
    """
    inputs = tuple(changed if position == number else code_input for position, code_input in enumerate(program.inputs))
    sizes = {**_lengths(inputs), **dict(program.sizes)}
    return replace(program, inputs=inputs, sizes=tuple(sizes.items()))


def with_added_input(program: UserProgram) -> UserProgram:
    """The program with one more tensor, which its text finds by a name that nothing else has yet."""
    taken = {code_input.name for code_input in program.inputs} | set(dict(program.sizes)) | _names(program.text)
    name = next(name for name in _ADDED_NAMES if name not in taken)
    added = Input(name, ", ".join(_USUAL_SHAPE), "float32", RANDOM, len(program.inputs), is_added=True)
    sizes = {**_lengths((*program.inputs, added)), **dict(program.sizes)}
    return replace(program, inputs=(*program.inputs, added), sizes=tuple(sizes.items()))


def without_input(program: UserProgram, number: int) -> UserProgram:
    """The program without an input that a person added."""
    kept = (given for position, given in enumerate(program.inputs) if position != number or not given.is_added)
    return replace(program, inputs=tuple(kept))


def _names(text: str) -> set[str]:
    """The names that a text binds; of one that is no Python none."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return set()
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return bound | {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def with_size(program: UserProgram, symbol: str, size: int) -> UserProgram:
    """The program at another length of a symbol.

    Args:
        program: the program.
        symbol: as the shapes of its inputs name it.
        size: how long it is to be.

    Returns:
        The changed program.
    """
    return replace(program, sizes=tuple((name, size if name == symbol else old) for name, old in program.sizes))


def _called(text: str, name: str) -> CallTarget | None:
    try:
        return next((code_input for code_input in callables_of(text) if code_input.name == name), None)
    except SyntaxError:
        return None


def _likely(options: tuple[CallTarget, ...]) -> CallTarget | None:
    """What is most likely meant: the last class of modules, which holds those before it; else the last function."""
    public = [code_input for code_input in options if not code_input.name.startswith("_")] or list(options)
    classes = [code_input for code_input in public if code_input.is_class]
    return next(reversed(classes or public), None)


def _kept(likely: Input, present: Mapping[tuple[str, bool], Input], usual: Mapping[tuple[str, bool], Input]) -> Input:
    key = (likely.name, likely.is_built_with)
    held = present.get(key)
    return likely if held is None or held == usual.get(key) else held


def _callable_of(node: ast.stmt, comments: Mapping[int, str]) -> CallTarget | None:
    if isinstance(node, ast.FunctionDef):
        inputs = _seeded(_inputs(node, comments, is_method=False, is_built_with=False))
        return CallTarget(node.name, False, inputs, tuple(_lengths(inputs).items()))
    if not isinstance(node, ast.ClassDef):
        return None
    methods = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
    call = methods.get("forward") or methods.get("__call__")
    if call is None:
        return None
    built = methods.get("__init__")
    first = [] if built is None else list(_inputs(built, comments, is_method=True, is_built_with=True))
    inputs = _seeded((*first, *_inputs(call, comments, is_method=True, is_built_with=False)))
    return CallTarget(node.name, True, inputs, tuple(_lengths(inputs).items()))


def _seeded(inputs: Iterable[Input]) -> tuple[Input, ...]:
    """The inputs, each with a seed of its own: of the same numbers in queries and keys nothing could be told."""
    seeds = count()
    return tuple(
        code_input if code_input.dtype == VALUE else replace(code_input, seed=next(seeds)) for code_input in inputs
    )


def _inputs(
    function: ast.FunctionDef, comments: Mapping[int, str], *, is_method: bool, is_built_with: bool
) -> Iterator[Input]:
    args = function.args
    positional = [*args.posonlyargs, *args.args]
    unset: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
    by_place = [*zip(positional, [*unset, *args.defaults], strict=True)][is_method:]
    pairs = [*by_place, *zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    for arg, default in pairs:
        if default is not None:
            given = Input(arg.arg, ast.unparse(default))
        elif is_built_with or _is_scalar(arg):
            given = Input(arg.arg, _scalar(arg.arg))
        else:
            given = _tensor(arg, function, comments)
        yield replace(given, is_built_with=is_built_with, is_positional=arg in args.posonlyargs)


def _is_scalar(arg: ast.arg) -> bool:
    written = ast.unparse(arg.annotation) if arg.annotation else ""
    return written in ("int", "float", "bool", "str") or arg.arg in _SCALARS or symbol_for(arg.arg) in ("H", "d_k")


def _scalar(name: str) -> str:
    return _SCALARS.get(name) or _NAMED_LENGTHS.get(name) or symbol_for(name) or "4"


def _tensor(arg: ast.arg, function: ast.FunctionDef, comments: Mapping[int, str]) -> Input:
    name = arg.arg
    written = _written_shape(arg, function, comments)
    if any(part in name for part in _OF_MASKS):
        return Input(name, ", ".join(written or ("L", "L")), "bool")
    if name in ("idx", "ids") or any(name.endswith(part) for part in _OF_TOKENS):
        return Input(name, ", ".join(written or ("B", "L")), "int64")
    return Input(name, ", ".join(written or _USUAL_SHAPE), "float32", RANDOM)


def _written_shape(arg: ast.arg, function: ast.FunctionDef, comments: Mapping[int, str]) -> tuple[str, ...] | None:
    """The shape that the program's own text says: an annotation, a comment, the docstring, ``B, L, D = x.shape``."""
    for text in (*_annotated(arg), *_commented(arg, function, comments), *_documented(arg, function)):
        shape = shape_comment(text)
        if shape is not None and all(names_in(part) or part.isdigit() for part in shape):
            return shape
    return _unpacked(arg.arg, function)


def _annotated(arg: ast.arg) -> Iterator[str]:
    """The axes in ``Float[Tensor, "B L D"]``, as a shape comment."""
    if arg.annotation is None:
        return
    for node in ast.walk(arg.annotation):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield f"({', '.join(node.value.split())})"


def _commented(arg: ast.arg, function: ast.FunctionDef, comments: Mapping[int, str]) -> Iterator[str]:
    if arg.lineno in comments and sum(other.lineno == arg.lineno for other in function.args.args) <= 2:
        yield comments[arg.lineno]


def _documented(arg: ast.arg, function: ast.FunctionDef) -> Iterator[str]:
    for line in (ast.get_docstring(function) or "").splitlines():
        before, _, after = line.strip().partition(":")
        if before.split("(")[0].strip() == arg.arg:
            yield after.strip().partition(")")[0] + ")"


def _unpacked(name: str, function: ast.FunctionDef) -> tuple[str, ...] | None:
    """The names in ``B, L, D = x.shape`` or ``= x.size()``."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and ast.unparse(node.value) in (f"{name}.shape", f"{name}.size()"):
            names = node.targets[0].elts if isinstance(node.targets[0], ast.Tuple) else []
            if names and all(isinstance(code_input, ast.Name) for code_input in names):
                shape = [code_input.id for code_input in names if isinstance(code_input, ast.Name)]
                return tuple(part if part != "_" else str(_OTHER_LENGTH) for part in shape)
    return None


def _lengths(inputs: tuple[Input, ...]) -> dict[str, int]:
    """A usual length of every symbol in the inputs."""
    lengths: dict[str, int] = {}
    for given in inputs:
        for name in names_in(given.text):
            if given.dtype != VALUE or _is_symbol(name):
                lengths.setdefault(name, _length(name))
    return lengths


def _is_symbol(name: str) -> bool:
    return name in _LENGTHS or name in _WIDTHS or (len(name) == 1 and name.isupper())


def _length(name: str) -> int:
    symbol = symbol_for(name) or name
    if name in _WIDTHS or symbol in _WIDTHS:
        return _WIDTH
    return _LENGTHS.get(name) or _LENGTHS.get(symbol) or _OTHER_LENGTH


def _comments(text: str) -> dict[int, str]:
    """Line → the comment on it."""
    comments: dict[int, str] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                comments[token.start[0]] = token.string
    except (tokenize.TokenError, SyntaxError):
        pass  # the comments before it count
    return comments
