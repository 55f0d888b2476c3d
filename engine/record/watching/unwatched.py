"""What of a recorded program could not be watched, or has no text to name it by: a sentence for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from sys import _getframe
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import nn

from engine.record.recording import Call
from engine.record.source_text import text_of
from engine.record.watching.executed_text import look_for_text

_COMPILED = "{name} is compiled by TorchScript, and its inside can't be watched: record the original instead"
_COMPILED_PART = (
    "{name} is compiled by TorchScript: what it computed can't be watched, and nothing is known of where its results "
    "are from; record with the original in its place"
)
_NO_TEXT = (
    "The text of {name} is not known, so nothing is named after it: exec and eval keep none; call them inside the "
    "recording, or write it into a file"
)
_FROM_LISTS = (
    "tolist took numbers out of tensors, and tensors were made of Python's own numbers afterwards: which of them came "
    "from which can't be seen, so those tensors have no parents; without tolist they would have"
)
_IN_A_THREAD = (
    "The program started a thread while it was recorded. What another thread computes is not watched: a tensor that "
    "comes from one has no parents"
)
_IN_THREADS = (
    "The program started {count} threads while it was recorded. What other threads compute is not watched: a tensor "
    "that comes from one has no parents"
)
# Calls that make a tensor of whatever they are given first.
_MAKING_TENSORS = frozenset((torch.tensor, torch.as_tensor, torch.asarray))
_SCRIPTS = (torch.jit.ScriptModule, torch.jit.ScriptFunction)


def unwatched(target: Any, modules: Iterable[nn.Module]) -> tuple[str, ...]:
    """What stayed unseen in a recording.

    Args:
        target: what was recorded.
        modules: the modules that it is made of, or that it called.
    """
    while isinstance(target, partial):
        target = target.func
    if isinstance(target, _SCRIPTS):
        return (_COMPILED.format(name=_name(target)),)
    types = dict.fromkeys(map(type, modules))
    if isinstance(target, nn.Module) and all(map(_is_in_a_file, types)):
        return ()
    compiled = []
    if any(issubclass(kind, torch.jit.ScriptModule) for kind in types):
        compiled = [_name(module) for module in modules if isinstance(module, torch.jit.ScriptModule)]
    function = getattr(target, "__func__", target)
    functions = [function] if isinstance(function, FunctionType) else []
    compiled += [name for each in functions for name in _compiled_names(each)]
    notes = [_COMPILED_PART.format(name=name) for name in dict.fromkeys(compiled)]
    codes = [each.__code__ for each in functions]
    forwards = (getattr(kind, "forward", None) for kind in types)
    codes += [forward.__code__ for forward in forwards if isinstance(forward, FunctionType)]
    # A file has its name; what exec compiled is called <string>, or otherwise between such marks.
    unknown = [code for code in codes if code.co_filename[:1] == "<" and text_of(code) is None]
    if unknown:
        look_for_text(unknown, _getframe(1))
    names = dict.fromkeys(code.co_qualname for code in unknown if text_of(code) is None)
    return (*notes, *(_NO_TEXT.format(name=name) for name in names))


def made_of_lists(calls: Sequence[Call], first_list: int | None) -> tuple[str, ...]:
    """A sentence where tensors were made of Python's own numbers after some had been taken out of tensors.

    Args:
        calls: those of the recording.
        first_list: the number of the call after the first ``tolist``, None without one.
    """
    later = () if first_list is None else calls[first_list:]
    is_made = any(call[0] in _MAKING_TENSORS and call[1] and isinstance(call[1][0], list | float) for call in later)
    return (_FROM_LISTS,) if is_made else ()


def in_threads(count: int) -> tuple[str, ...]:
    """A sentence where the recorded program started threads of its own."""
    return () if not count else (_IN_A_THREAD,) if count == 1 else (_IN_THREADS.format(count=count),)


def _is_in_a_file(kind: type[nn.Module]) -> bool:
    """Whether a class of modules can be watched and has its text in a file, as nearly all have."""
    if issubclass(kind, torch.jit.ScriptModule):
        return False
    forward = kind.forward
    return type(forward) is FunctionType and forward.__code__.co_filename[:1] != "<"


def _compiled_names(function: FunctionType) -> Iterator[str]:
    """The compiled modules and functions that the code of a function speaks of."""
    closure = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    enclosed: dict[str, Any] = {}
    for name, cell in closure:
        try:
            enclosed[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for name in _names_in(function.__code__):
        value = enclosed.get(name, function.__globals__.get(name))
        if isinstance(value, _SCRIPTS):
            yield name


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    yield from code.co_freevars
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _name(compiled: Any) -> str:
    return str(getattr(compiled, "original_name", None) or getattr(compiled, "name", "it"))
