"""The text of code that the recorded program itself compiles, by ``exec``, ``eval`` or ``compile``.

Python keeps no text of such code. While a recording runs in any thread, these three functions are ones that note the
text on the way, in the threads that record; what they run and return is the same. Afterwards they are Python's own.
"""

# No __future__ import: what is compiled here takes over the flags of the program, and none of this file.
import __future__

import ast
import builtins
import functools
import inspect
import operator
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from torch.overrides import _get_current_function_mode_stack

from engine.record.source_text import Text, remember, text_of
from engine.record.watching.shared_change import SharedChange

_EXEC, _EVAL, _COMPILE = builtins.exec, builtins.eval, builtins.compile
_STRING = "<string>"
# The flags that code hands on to what it compiles: those of its __future__ imports.
_INHERITED = functools.reduce(
    operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
)
_LONGEST = 1_000_000  # characters of a string that is looked at


def look_for_text(codes: list[CodeType], frame: FrameType | None) -> None:
    """Looks for the text of code that was compiled before the recording, among the strings of its callers.

    Args:
        codes: the code without a text.
        frame: where the recording was asked for.
    """
    while frame is not None and codes:
        # Not among its variables: Python would keep a copy of them all for as long as the frame runs.
        strings = (*frame.f_code.co_consts, *frame.f_globals.values())
        for string in strings:
            if type(string) is not str or len(string) > _LONGEST:
                continue
            for code in codes:
                if code.co_name.strip("<>") in string and Text.of_string(code.co_filename, string).holds(code):
                    remember(code.co_filename, string)
        codes = [code for code in codes if text_of(code) is None]
        frame = frame.f_back


def _noting(run: Callable[..., Any], mode: str) -> Callable[..., Any]:
    def run_noted(source: Any, /, globals: Any = None, locals: Any = None, **closure: Any) -> Any:
        caller = sys._getframe(1)
        if globals is None:
            globals = caller.f_globals
            locals = _locals_of(caller) if locals is None else locals
        if type(source) is str:
            # eval passes over what stands in front.
            source = source.lstrip(" \t") if mode == "eval" else source
            text, flags = source, caller.f_code.co_flags & _INHERITED
            source = _COMPILE(text, _STRING, mode, flags, dont_inherit=True)
            _note(_STRING, text)
        return run(source, globals, globals if locals is None else locals, **closure)

    return run_noted


def _compile_noted(
    source: Any, filename: Any, mode: str, flags: int = 0, dont_inherit: bool = False, *args: Any, **others: Any
) -> Any:
    if not dont_inherit:
        flags |= sys._getframe(1).f_code.co_flags & _INHERITED
    compiled = _COMPILE(source, filename, mode, flags, True, *args, **others)
    # A file has its text on the disk.
    if type(source) is str and type(filename) is str and filename[:1] == "<" and not flags & ast.PyCF_ONLY_AST:
        _note(filename, source.lstrip(" \t") if mode == "eval" else source)
    return compiled


def _note(filename: str, text: str) -> None:
    if any(hasattr(mode, "keeps_fast_path") for mode in _get_current_function_mode_stack()):
        remember(filename, text)


def _locals_of(frame: FrameType) -> Any:
    """The variables that exec and eval see: since Python 3.13 a copy of a function's."""
    is_copied = sys.version_info >= (3, 13) and frame.f_code.co_flags & inspect.CO_OPTIMIZED
    return dict(frame.f_locals) if is_copied else frame.f_locals


_NOTING: dict[str, Callable[..., Any]] = {
    "exec": _noting(_EXEC, "exec"),
    "eval": _noting(_EVAL, "eval"),
    "compile": _compile_noted,
}


def _put_in() -> None:
    vars(builtins).update(_NOTING)


def _give_back() -> None:
    for name, own in (("exec", _EXEC), ("eval", _EVAL), ("compile", _COMPILE)):
        if getattr(builtins, name) is _NOTING[name]:
            setattr(builtins, name, own)


NOTED = SharedChange(_put_in, _give_back)
"""While it stands the text of what the program executes is noted."""
