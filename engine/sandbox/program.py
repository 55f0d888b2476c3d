"""What of a person's text is called: the last function, module class or module that the inputs fill by name."""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from engine.sandbox.code_request import TEXT_FILE, CodeRequest

_NOTHING = "There is nothing to call: define a function or a module class whose parameters are named as the inputs are."
_NO_TARGET = "There is no {name} to call; the text defines {known}."
_NOT_A_TARGET = "{name} is {kind}, which cannot be called with the inputs; choose a function or a module class."
_MISSING = "{name} needs {missing}, and no input is called so. Add it to the inputs, or give the parameter a default."
_MISSING_SEVERAL = (
    "{name} needs {missing}, and no inputs are called so. Add them to the inputs, or give the parameters defaults."
)
_NOT_BUILT = "{name} is constructed from {missing}, and no size is called so. Add it, or give it a default."
_ONLY_POSITION = "{name} takes {missing} by position alone, which an input cannot fill by its name."


class NotFittingError(ValueError):
    """Nothing of the text can be called with the inputs; one sentence says why."""


@dataclass(frozen=True)
class Program:
    """Something to record.

    Attributes:
        name: as the text calls it.
        function: gives what is called; constructs a class.
        arguments: by parameter.
        takes_all: whether every input is among them.
    """

    name: str
    function: Callable[[], Callable[..., Any]]
    arguments: Mapping[str, Any]
    takes_all: bool


def loaded_text(text: str) -> CodeType:
    """The text compiled, and kept where those look who show the line of a call.

    Raises:
        SyntaxError: it is not Python.
        ValueError: it has null characters.
    """
    linecache.cache[TEXT_FILE] = (len(text), None, text.splitlines(keepends=True), TEXT_FILE)
    return compile(text, TEXT_FILE, "exec", dont_inherit=True)


def chosen_program(request: CodeRequest, names: Mapping[str, Any], inputs: Mapping[str, Tensor]) -> Program:
    """What is called.

    Args:
        request: the text, the symbols and perhaps the name of what to call.
        names: what the text has defined.
        inputs: the tensors, by name.

    Raises:
        NotFittingError: there is nothing, or nothing that the inputs fill.
    """
    known = [name for name in _defined(request.text) if _is_target(names.get(name))]
    if request.target:
        if request.target not in names or request.target in inputs or request.target in request.symbols:
            raise NotFittingError(
                _NO_TARGET.format(name=request.target, known=", ".join(known) or "nothing that can be called")
            )
        value = names[request.target]
        if not _is_target(value):
            raise NotFittingError(_NOT_A_TARGET.format(name=request.target, kind=f"a {type(value).__name__}"))
        return _program(request.target, value, inputs, request.symbols)
    fitting, refused = [], []
    for name in reversed(known):
        try:
            fitting.append(_program(name, names[name], inputs, request.symbols))
        except NotFittingError as error:
            refused.append(error)
    if fitting:
        return next((program for program in fitting if program.takes_all), fitting[0])
    raise refused[0] if refused else NotFittingError(_NOTHING)


def _defined(text: str) -> list[str]:
    """The names that the text itself binds at its outermost level, in the order in which each is bound last."""
    bound: dict[str, None] = {}
    for node in ast.parse(text).body:
        names = [node.name] if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else []
        if isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        for name in names:
            bound.pop(name, None)
            bound[name] = None
    return list(bound)


def _is_target(value: object) -> bool:
    is_module_class = isinstance(value, type) and issubclass(value, nn.Module)
    return is_module_class or isinstance(value, (nn.Module, FunctionType, torch.jit.ScriptFunction))


def _program(name: str, value: Any, inputs: Mapping[str, Tensor], symbols: Mapping[str, int]) -> Program:
    build: Callable[[], Callable[..., Any]] = partial(_itself, value)
    signature = inspect.signature(value.forward if isinstance(value, nn.Module) else value)
    if isinstance(value, type):
        sizes, missing = _filled(signature, symbols)
        if missing:
            raise NotFittingError(_NOT_BUILT.format(name=name, missing=", ".join(missing)))
        build = partial(value, **sizes)
        forward: Any = value.forward  # type: ignore[attr-defined]
        signature = inspect.signature(partial(forward, None))
    positional = [p.name for p in signature.parameters.values() if p.kind is p.POSITIONAL_ONLY and p.default is p.empty]
    if positional:
        raise NotFittingError(_ONLY_POSITION.format(name=name, missing=", ".join(positional)))
    arguments, missing = _filled(signature, {**symbols, **inputs})
    if missing:
        template = _MISSING if len(missing) == 1 else _MISSING_SEVERAL
        raise NotFittingError(template.format(name=name, missing=", ".join(missing)))
    return Program(name, build, arguments, inputs.keys() <= arguments.keys())


def _filled(signature: inspect.Signature, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The arguments for the parameters of these names, and the parameters that need one and have none."""
    filled: dict[str, Any] = {}
    missing = []
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.name in given:
            filled[parameter.name] = given[parameter.name]
        elif parameter.default is parameter.empty:
            missing.append(parameter.name)
    return filled, missing


def _itself(value: Callable[..., Any]) -> Callable[..., Any]:
    return value
