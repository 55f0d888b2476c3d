"""The text that a code object was compiled from, also after its file was edited."""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from types import CodeType
from typing import Any

import psutil

# Code that was compiled from a file that nobody has touched since the process began has that file's text. Linux counts
# the time of a process from the second in which the machine was started.
_STARTED: float = psutil.Process().create_time() + 1
# Of one name; the oldest go.
_MOST_NOTED = 256
# Names that any number of code objects share.
_SHARED_NAMES = frozenset(("<string>", "<stdin>", "<unknown>"))


class Text:
    """One version of a file.

    Attributes:
        lines: its lines, each with its line break.
        edited: whether the file changed after the process began, so that not all its code need be of this version.
    """

    def __init__(self, filename: str, lines: tuple[str, ...], edited: bool) -> None:
        self.filename = filename
        self.lines = lines
        self.edited = edited

    @classmethod
    def of_string(cls, filename: str, text: str) -> Text:
        """The text of a string that somebody compiles under this name, as others may be too."""
        return cls(filename, tuple(text.splitlines(keepends=True)), edited=True)

    def holds(self, code: CodeType) -> bool:
        """Whether compiling this text gives this code."""
        return _identity(code) in self._compiled.get((code.co_qualname, code.co_firstlineno), ())

    @cached_property
    def _compiled(self) -> dict[tuple[str, int], list[Any]]:
        compiled: dict[tuple[str, int], list[Any]] = {}
        for mode in ("exec", "eval"):
            with suppress(SyntaxError, ValueError):
                for code in _all_code(compile("".join(self.lines), self.filename, mode, dont_inherit=True)):
                    compiled.setdefault((code.co_qualname, code.co_firstlineno), []).append(_identity(code))
        return compiled


# The versions of each file that were seen, the newest last.
_VERSIONS: dict[str, list[Text]] = {}


def text_of(code: CodeType) -> Text | None:
    """The text that this code was compiled from, None where it is not known.

    Code that ``exec`` or ``eval`` compiled has a text where a recording noted it, or somebody put it into ``linecache``
    under the name that it was compiled for, as IPython does with the cells of a notebook. Of a file that was edited
    after it was imported, the text is that of the version the code came from, if that was ever looked at, and None
    otherwise.
    """
    versions = _versions(code.co_filename)
    if not versions:
        return None
    if not versions[-1].edited:
        return versions[-1]
    return next((text for text in reversed(versions) if text.holds(code)), None)


def remember(filename: str, text: str) -> None:
    """Notes the text of a string that is compiled under the name of no file; many may have this name."""
    versions = _VERSIONS.setdefault(filename, [])
    noted = Text.of_string(filename, text)
    if all(version.lines != noted.lines for version in versions):
        versions.append(noted)
        del versions[:-_MOST_NOTED]


def _versions(filename: str) -> list[Text]:
    linecache.checkcache(filename)
    lines = tuple(linecache.getlines(filename))
    versions = _VERSIONS.setdefault(filename, [])
    if lines and (not versions or versions[-1].lines != lines):
        entry = linecache.cache.get(filename, ())
        changed = entry[1] if len(entry) > 1 else None
        edited = filename in _SHARED_NAMES if changed is None else changed > _STARTED
        versions.append(Text(filename, lines, edited))
    return versions


def _all_code(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _all_code(constant)


def _identity(code: CodeType) -> Any:
    """What two code objects share when they are compiled from the same text, and hardly ever otherwise."""
    constants = tuple(
        _identity(constant) if isinstance(constant, CodeType) else (type(constant), constant)
        for constant in code.co_consts
    )
    return (code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_linetable, constants)
