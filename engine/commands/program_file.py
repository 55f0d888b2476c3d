"""Somebody's own program for ``python -m engine record``: a file, something callable in it, and its arguments.

Callable and arguments are Python expressions that may use every name of the file and ``torch``. They are run like the
file itself: they are the words of the person at the keyboard.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

_FORM = "what to record is given as FILE.py:CALLABLE, such as model.py:Attention: got {given}"
_NO_FILE = "there is no file {file}"
_RAISED = "{file} raised {error} when it was read: {message}{line}"
_NO_VALUE = "{words} cannot be evaluated in {file}: {error}: {message}"
_NOT_CALLABLE = "{words} in {file} is {kind}, which cannot be called"
_LINE = " (line {number})"


class ProgramError(ValueError):
    """A program or an argument that cannot be had; one line says why."""


def program(words: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    """What ``FILE.py:CALLABLE`` stands for, and the names that arguments may use.

    A class of modules is constructed: ``model.py:Attention(32, heads=4)``, or without arguments where none are given.

    Args:
        words: as the person wrote them.

    Raises:
        ProgramError: there is no such file or callable, or the file raised something.
    """
    name, colon, requested = words.partition(".py:")
    if not colon or not requested.strip():
        raise ProgramError(_FORM.format(given=words))
    file = Path(f"{name}.py")
    if not file.is_file():
        raise ProgramError(_NO_FILE.format(file=file))
    names = vars(_loaded(file)) | {"torch": torch}
    target = _evaluated(requested, names, file.name)
    if isinstance(target, type) and issubclass(target, torch.nn.Module):
        target = _evaluated(f"{requested}()", names, file.name)
    if not callable(target):
        raise ProgramError(_NOT_CALLABLE.format(words=requested, file=file.name, kind=f"a {type(target).__name__}"))
    return target, names


def arguments(words: Sequence[str], names: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments that words such as ``torch.randn(2, 5, 32)``, ``4`` and ``causal=True`` stand for.

    Args:
        words: each one or more arguments, as they stand between the brackets of a call.
        names: what they may use.

    Raises:
        ProgramError: one of them cannot be evaluated.
    """
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    file = Path(str(names.get("__file__", ""))).name
    for word in words:
        more, named = _evaluated(word, names, file, "(lambda *args, **kwargs: (args, kwargs))({})")
        args += more
        kwargs |= named
    return args, kwargs


def _loaded(file: Path) -> ModuleType:
    """The module of a file, which finds its neighbours as it would when it is run."""
    spec = importlib.util.spec_from_file_location(file.stem, file.resolve())
    if spec is None or spec.loader is None:
        raise ProgramError(_NO_FILE.format(file=file))
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.resolve().parent))
    sys.modules.setdefault(file.stem, module)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        number = error.lineno if isinstance(error, SyntaxError) else _line_in(file, error)
        line = "" if number is None else _LINE.format(number=number)
        message = error.msg if isinstance(error, SyntaxError) else _one_line(error)
        raise ProgramError(
            _RAISED.format(file=file.name, error=type(error).__name__, message=message, line=line)
        ) from error
    return module


def _line_in(file: Path, error: Exception) -> int | None:
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file.resolve())
    ]
    return lines[-1] if lines else None


def _evaluated(words: str, names: dict[str, Any], file: str, form: str = "{}") -> Any:
    try:
        return eval(form.format(words.strip()), names)
    except Exception as error:
        message = error.msg if isinstance(error, SyntaxError) else _one_line(error)
        raise ProgramError(
            _NO_VALUE.format(words=words, file=file, error=type(error).__name__, message=message)
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
